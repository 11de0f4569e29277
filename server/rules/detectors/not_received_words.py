"""This file recognises, in what customers write, that something which should have arrived has not.

Phrases, not single words, and only of goods: `I have not received my refund` is another matter. Of one clause the first
thing that is named counts. English, German, French, Spanish, Portuguese, Italian and Dutch; in other languages nothing
is recognised, and the contact still counts for repeated_contact.
"""

import re

_LONGEST = 4_000
"""What comes later in a text is not looked at."""
_CLAUSE = re.compile(r"[.!?;:,\n\r]+|\b(?:but|and|however|although|aber|und|mais|pero|mas|maar|ma)\b", re.IGNORECASE)

_NOT = r"\b(?:not|never|haven'?t|hasn'?t|hadn'?t|didn'?t|wasn'?t|isn'?t|don'?t|yet to)\b"
_WELL = r"(?! (?:\w+ )?(?:with|as|in good|in one piece|on time|intact|complete|correctly|in the))"
"""After `did not arrive`: it did, and something was wrong with it."""
_PATTERNS = (
    # English
    rf"{_NOT}(?: \w+){{0,2}} receiv(?:e|ed|ing)\b",
    rf"{_NOT}(?: \w+){{0,2}} (?:get|got|gotten|have|seen?)(?= (?:it|them|my|our|the|any|anything)\b|\s*$)",
    rf"{_NOT}(?: \w+){{0,2}} (?:arrived?|come|came|delivered|here|(?:show|shown|showed|turn|turned) up)\b{_WELL}",
    r"\bnothing (?:has )?(?:\w+ )?(?:arrived|came|come|been delivered|showed up|here)\b",
    r"\breceived nothing\b",
    r"\bwhere(?:'s| is| are) (?:my|the|our) (?:\w+ )?(?:order|orders|package|packages|parcel|parcels|delivery|shipment"
    r"|items?|stuff|things)\b(?! (?:number|confirmation))",
    r"\b(?:missing|lost|stolen) (?:package|parcel|order|delivery|shipment)\b",
    r"\b(?:package|parcel|order|delivery|shipment) (?:is |was |has been |has gone )?(?:missing|lost|stolen|nowhere)\b",
    # German
    r"\b(?:nicht|nie|noch nichts?|nichts|kein\w*)(?: \w+){0,3} (?:erhalten|bekommen|angekommen|zugestellt|eingetroffen"
    r"|geliefert|gekommen|da)\b(?! (?:wie|mit))",
    r"\bwo (?:ist|bleibt|sind|bleiben) (?:denn )?(?:mein|meine|das|die|unser|unsere) (?:\w+ )?(?:paket|pakete|sendung"
    r"|bestellung|lieferung|ware)\b",
    # French
    r"\b(?:pas|jamais|rien)(?: encore| toujours)?(?: été)? (?:reçue?s?|recue?s?|arrivée?s?|livrée?s?)\b",
    r"\boù (?:est|sont|se trouve) (?:donc )?(?:mon|ma|notre|mes) (?:colis|commandes?|livraison|paquet)\b",
    # Spanish
    r"\b(?:no|nunca|todavía no|aún no)(?: \w+){0,2} (?:recibid[oa]s?|recibo|recibí|recibimos|llegad[oa]s?|llegó|llega"
    r"|entregaron|entregad[oa]s?)\b",
    r"\bd[oó]nde est[aá]n? (?:mi|mis|nuestro) (?:pedidos?|paquetes?|env[ií]o)\b",
    # Portuguese
    r"\b(?:não|nao|nunca|ainda não)(?: \w+){0,2} (?:recebi|recebemos|recebid[oa]s?|recebido|chegou|chegaram|entregues?"
    r"|entregaram)\b",
    r"\b(?:onde|cad[eê])(?: est[aá])? (?:o |a )?(?:meu|minha|nosso) (?:pedido|pacote|encomenda|compra|produto)\b",
    # Italian
    r"\b(?:non|mai)(?: \w+){0,3} (?:ricevut[oaie]|arrivat[oaie]|consegnat[oaie])\b",
    r"\bdov['e]?\s?[eè] (?:il mio|la mia) (?:pacco|ordine|spedizione)\b",
    # Dutch
    r"\b(?:niet|nooit|nog niets?|niets|geen)(?: \w+){0,2} (?:ontvangen|aangekomen|gekregen|bezorgd|geleverd|binnen)\b",
    r"\bwaar (?:is|blijft|blijven) (?:mijn|onze) (?:pakket|pakje|bestelling|zending)\b",
)
_ANY = re.compile("|".join(_PATTERNS), re.IGNORECASE)
_OTHER = (
    r"(?:order|shipping|delivery|tracking|booking) (?:confirmation|number|e-?mail|date|details|update|information|link)"
    r"|refunds?|invoices?|receipts?|repl(?:y|ies)|respon[sc]es?|answers?|e-?mails?|confirmation|codes?|discount|vouchers?"
    r"|labels?|notifications?|(?:phone )?calls?|updates?|money|credit|information|info|help|links?|password|point"
    r"|rechnung\w*|r[uü]ckerstattung\w*|erstattung\w*|antwort\w*|geld\w*|best[aä]tigung\w*|\w+best[aä]tigung|gutschein\w*"
    r"|remboursement\w*|factures?|r[eé]ponses?|bon de r[eé]duction"
    r"|reembolsos?|facturas?|respuestas?|correo|reintegro"
    r"|faturas?|notas? fiscal|respostas?|estorno|dinheiro"
    r"|rimbors[oi]|fattur[ae]|rispost[ae]|soldi"
    r"|terugbetaling|factuur|antwoord|geld|bevestiging"
)
_GOODS = (
    r"orders?|packages?|parcels?|deliver(?:y|ies)|shipments?|items?|lamps?|goods|products?"
    r"|pakete?|p[aä]ckchen|sendung\w*|bestellung\w*|lieferung\w*|ware|artikel"
    r"|colis|commandes?|livraison|paquet|articles?|pedidos?|paquetes?|env[ií]os?|art[ií]culos?"
    r"|pacotes?|encomendas?|compras?|produtos?|pacc(?:o|hi)|ordin[ei]|spedizion[ei]|pakket\w*|pakje\w*|bestelling|zending"
)
_NAMED = re.compile(rf"\b(?:(?P<other>{_OTHER})|(?P<goods>{_GOODS}))\b", re.IGNORECASE)


def says_not_received(text: str) -> bool:
    """Whether *text* says that something has not arrived."""
    plain = text[:_LONGEST].replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return any(map(_is_said, _CLAUSE.split(plain)))


def _is_said(clause: str) -> bool:
    clause = " ".join(clause.split())
    if _ANY.search(clause) is None:
        return False
    named = _NAMED.search(clause)
    return named is None or named["goods"] is not None

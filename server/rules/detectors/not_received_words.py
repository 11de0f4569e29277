"""This file recognises, in what customers write, that something which should have arrived has not.

Phrases, not single words: `where is my invoice` is another matter. English, German, French, Spanish, Portuguese,
Italian and Dutch; in other languages nothing is recognised, and the contact still counts for repeated_contact.
"""

import re

_THINGS = r"(?:order|orders|package|packages|parcel|parcels|delivery|shipment|items?|it|anything|nothing)"
_NOT = r"\b(?:not|never|haven'?t|hasn'?t|didn'?t|wasn'?t)\b"
_PATTERNS = (
    # English
    rf"{_NOT}(?: \w+){{0,2}} (?:received?|got|gotten|get|arrived?|come|came|delivered|shown up|showed up|turned up)\b",
    r"\bnothing (?:has )?(?:arrived|came|come|been delivered)\b",
    r"\b(?:says?|marked|shows?|showing|shown)(?: \w+){{0,3}} delivered\b",
    rf"\bwhere(?:'s| is| are) (?:my|the|our) {_THINGS}\b",
    r"\b(?:missing|lost|stolen) (?:package|parcel|order|delivery|shipment)\b",
    r"\b(?:package|parcel|order|delivery|shipment) (?:is |was |has been )?(?:missing|lost|stolen|not here)\b",
    # German
    r"\b(?:nicht|nie|noch nichts?|kein\w*)(?: \w+){0,3} (?:erhalten|bekommen|angekommen|zugestellt|eingetroffen|da)\b",
    r"\bwo (?:ist|bleibt|sind) (?:mein|meine|das|die|unser|unsere) (?:paket|sendung|bestellung|lieferung|ware)\b",
    # French
    r"\b(?:pas|jamais|rien)(?: encore)? (?:reçu|recu|arrivée?|été livrée?)\b",
    r"\boù est (?:mon|ma|notre) (?:colis|commande|livraison)\b",
    # Spanish
    r"\b(?:no|nunca|todavía no|aún no)(?: \w+){0,2} (?:recibid[oa]|llegad[oa]|llegó|recibí|entregaron|entregad[oa])\b",
    r"\bd[oó]nde est[aá] (?:mi|nuestro) (?:pedido|paquete|env[ií]o)\b",
    # Portuguese
    r"\b(?:não|nao|nunca|ainda não)(?: \w+){0,2} (?:recebi|recebemos|recebid[oa]|chegou|entregue|entregaram)\b",
    r"\bonde est[aá] (?:o )?(?:meu|minha|nosso) (?:pedido|pacote|encomenda|compra)\b",
    # Italian
    r"\b(?:non|mai)(?: \w+){0,3} (?:ricevut[oa]|arrivat[oa]|consegnat[oa])\b",
    r"\bdov'è (?:il mio|la mia) (?:pacco|ordine|spedizione)\b",
    # Dutch
    r"\b(?:niet|nooit|nog niets?)(?: \w+){0,2} (?:ontvangen|aangekomen|gekregen|bezorgd|geleverd)\b",
    r"\bwaar (?:is|blijft) (?:mijn|onze) (?:pakket|pakje|bestelling|zending)\b",
)
_ANY = re.compile("|".join(_PATTERNS), re.IGNORECASE)


def says_not_received(text: str) -> bool:
    """Whether *text* says that something has not arrived."""
    return _ANY.search(text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")) is not None

"""What customers write, and whether it says that something has not arrived."""

import pytest

from server.rules.detectors.not_received_words import says_not_received

TRUE = """
I never received my order.
It says delivered but I haven't received it.
Haven\N{RIGHT SINGLE QUOTATION MARK}t received anything yet
I did not receive.
We still have not received the parcel
I haven't gotten my package
I never got it
My package has not arrived
my order hasn't arrived yet, where is it
Nothing has arrived
nothing came
I received nothing!
The tracking shows delivered, but the parcel was not delivered.
It never showed up
It isn't here
Marked as delivered but I don't have it
Where is my order?
where's my package???
WHERE ARE MY ITEMS
Where is my damn parcel
Missing package
My parcel is missing
The package was stolen
I have yet to receive my order
The invoice arrived, but the parcel has not been delivered
I have not received my order, only the invoice
My order, which I placed in May, has not arrived
Mein Paket ist nicht angekommen
Ich habe das Paket nie erhalten
Ich habe meine Bestellung noch nicht bekommen
Es wurde nichts zugestellt
Wo ist mein Paket?
Wo bleibt meine Bestellung
Die Sendung ist immer noch nicht da.
Je n'ai pas reçu mon colis
Mon colis n'est pas arrivé
Je n'ai toujours pas reçu ma commande
Je n'ai rien reçu
Où est mon colis ?
Le colis n'a pas été livré
No he recibido mi pedido
Mi paquete no ha llegado
Nunca llegó
Todavía no me ha llegado nada, no lo recibí
¿Dónde está mi pedido?
Não recebi meu pedido
O produto não chegou
Meu pacote ainda não foi entregue
Cadê meu pedido
Onde está o meu pacote?
Non ho ricevuto il mio ordine
Il pacco non è mai arrivato
Dov'è il mio pacco?
Ik heb mijn pakket niet ontvangen
Het pakje is nooit aangekomen
Waar blijft mijn bestelling?
Er is nog niets geleverd
"""

FALSE = """
Thanks, it arrived today!
I received my order, thank you
My tracking says delivered, great
Where is my invoice?
I have not received my refund
I haven't received my refund for the order
I did not receive an order confirmation
I never got a reply
I did not get a discount code
We have not received an answer to our e-mail
Where is my order confirmation?
Where is the order number?
I don't have an account
It did not come with a charger
The lamp did not arrive in one piece
It didn't arrive on time, but it is lovely
The item is not as described
I do not want to receive your newsletter e-mails
Please do not deliver on Monday
Can I change my address?
Is it possible to get a refund
Ich habe keine Rechnung erhalten
Die Rückerstattung habe ich noch nicht bekommen
Ich habe noch keine Antwort bekommen
Das Paket ist angekommen
Vielen Dank, alles da
Je n'ai pas reçu mon remboursement
Je n'ai pas reçu de réponse
J'ai bien reçu mon colis
No he recibido el reembolso
No he recibido respuesta
Recibí mi pedido, gracias
Não recebi o reembolso
Não recebi resposta
Recebi o produto, obrigado
Non ho ricevuto il rimborso
Ho ricevuto il pacco
Ik heb mijn factuur niet ontvangen
Het pakket is aangekomen
Où est ma facture ?
"""


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


@pytest.mark.parametrize("text", lines(TRUE))
def test_it_has_not_arrived(text: str) -> None:
    assert says_not_received(text)
    assert says_not_received(f"Hello there.\n\n{text.upper()}\nGreetings, Ada")


@pytest.mark.parametrize("text", lines(FALSE))
def test_it_is_about_something_else(text: str) -> None:
    assert not says_not_received(text)


@pytest.mark.parametrize("text", ["", " ", "\x00", "not " * 100_000, "where is my " * 50_000, "no a b " * 50_000, "…"])
def test_hostile_text_says_nothing_and_takes_no_time(text: str) -> None:
    assert not says_not_received(text)

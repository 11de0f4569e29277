"""The app's trigger names a ticket; what the customer wrote there reaches the order it names."""

from server.demo import zendesk_app
from server.demo.sender import Sender
from server.flows.enrich_tickets import SETTLES
from server.model import OrderKey
from server.rules.timeline import view


async def test_a_customers_ticket_reaches_its_order_by_a_number_and_a_time(server, world, new_order):
    from random import Random

    order = new_order()
    sender = Sender(server.client, "acme", Random(1))
    await server.get(f"/v1/orders/acme/{order.id}/context")
    await server.parts.gathering.close()
    await server.engine.settle()
    customer = world.zendesk.desk.user(order.customer.name, order.customer.email)
    ticket = world.zendesk.desk.open(
        subject=f"Where is order {order.name}?",
        requester=customer,
        author=customer,
        body='It says "shipped"',
        public=True,
        channel="email",
    )
    letter = zendesk_app.touched(ticket)
    assert b"shipped" not in letter.body
    await sender.send([letter])
    await server.engine.settle()
    server.clock.advance(SETTLES)
    await server.engine.settle()
    record = await server.parts.store.read(lambda tx: tx.record(OrderKey("acme", "shop", str(order.id))))
    (contact,) = view(record).contacts
    assert (contact.id, contact.text) == (str(ticket.id), 'It says "shipped"')
    assert f"Customer's ticket {ticket.id}: Where is order {order.name}?" in {e.text for e in view(record).timeline}

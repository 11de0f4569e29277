"""What Gorgias shows: rows under our secret for the named ticket alone, links that demand a sign-in, and the push."""

from datetime import timedelta

import pytest

from server.demo.fake import DOWN
from server.demo.world import INBOX_SECRET
from server.flows.links import LIFE, Links
from server.flows.show_customer import EVERY, SETTLES

ROWS = "/sidebar/gorgias/acme.inbox"


@pytest.fixture
def ask(server):
    async def ask(ticket, *, secret=INBOX_SECRET, path=ROWS):
        headers = {"X-Beforehand-Secret": secret} if secret else {}
        return await server.client.get(f"{path}?ticket={ticket}", headers=headers)

    return ask


@pytest.fixture
async def known(server, new_order):
    """An order that is stored, and the customer's ticket about it."""
    order = new_order()
    await server.get(f"/v1/orders/acme/{order.id}/context")
    await server.parts.gathering.close()
    await server.engine.settle()
    account = server.world.gorgias.account
    ticket = account.customer_writes(
        order.customer.name, order.customer.email, f"Where is {order.name}?", f"My order {order.name} is late"
    )
    return order, ticket


def number(ticket):
    return getattr(ticket, "id", ticket)


async def test_the_rows_of_the_tickets_order(ask, known):
    order, ticket = known
    found = await ask(number(ticket))
    rows = found.json()["beforehand"]
    assert found.status_code == 200
    assert rows["order"] == f"Order {order.name}"
    assert rows["total"] == "$41.50"
    assert rows["as_of"]
    assert all(isinstance(value, str) for value in rows.values())


@pytest.mark.parametrize("secret", ["", "wrong", f"{INBOX_SECRET} ", INBOX_SECRET[:-1], INBOX_SECRET.upper()])
async def test_without_the_secret_there_is_nothing(ask, known, secret):
    _, ticket = known
    refused = await ask(number(ticket), secret=secret)
    assert refused.status_code == 401
    assert "Order" not in refused.text


@pytest.mark.parametrize(
    "path", ["/sidebar/gorgias/acme.desk", "/sidebar/gorgias/other.inbox", "/sidebar/gorgias/acme"]
)
async def test_the_secret_is_good_for_its_own_connection_alone(ask, known, path):
    _, ticket = known
    assert (await ask(number(ticket), path=path)).status_code == 401


async def test_a_ticket_that_is_not_there_shows_a_sentence_and_no_order(ask, known):
    rows = (await ask(999_999)).json()["beforehand"]
    assert (rows["order"], rows["message"]) == ("", "There is no such ticket.")


@pytest.mark.parametrize("ticket", ["", "x" * 300])
async def test_nonsense_is_refused(ask, ticket):
    assert (await ask(ticket)).status_code == 400


async def test_a_link_leads_to_our_page_where_one_has_to_sign_in(server, ask, known):
    order, ticket = known
    link = (await ask(number(ticket))).json()["beforehand"]["link"]
    assert link.startswith("http://127.0.0.1:8080/app/link/")
    followed = await server.client.get(link, follow_redirects=False)
    assert followed.status_code == 303
    assert followed.headers["location"] == f"/app/acme/orders/{order.id}"
    page = await server.client.get(followed.headers["location"], follow_redirects=False)
    assert order.customer.name not in page.text
    assert page.status_code in (302, 303, 401)


async def test_links_end_and_are_good_for_nothing_else(server, clock):
    links = Links(["k" * 40])
    token = links.make("acme", "orders", "5001", clock())
    assert links.read(token, clock() + LIFE - timedelta(seconds=1)).reference == "5001"
    assert links.read(token, clock() + LIFE) is None
    assert Links(["x" * 40]).read(token, clock()) is None
    assert links.read(token[:-2] + "AA", clock()) is None
    assert links.read("é", clock()) is None
    assert server.parts.sessions.read(f"bhs_{token}", clock()) is None
    assert (await server.client.get("/app/link/nonsense")).status_code == 404


async def test_an_order_that_changes_is_shown_beside_its_customers_tickets(server, known):
    order, _ = known
    server.clock.advance(SETTLES)
    await server.engine.settle()
    customer = next(iter(data_of(server).values()))
    assert customer["beforehand"]["order"] == f"Order {order.name}"
    assert customer["beforehand"]["link"] == f"http://127.0.0.1:8080/app/acme/orders/{order.id}"


async def test_many_changes_in_a_minute_are_one_push(server, known):
    order, _ = known
    server.clock.advance(SETTLES)
    await server.engine.settle()
    before = pushes(server)
    for refunded in (100, 200, 300):
        order.intent.refunded = refunded
        order.updated_at = server.clock()
        server.clock.advance(timedelta(seconds=6))
        await server.get(f"/v1/orders/acme/{order.id}/context")
        await server.parts.gathering.close()
        await server.engine.settle()
    assert pushes(server) == before
    server.clock.advance(EVERY)
    await server.engine.settle()
    assert pushes(server) == before + 1


def pushes(server):
    return sum(call.method == "PUT" and call.path.endswith("/data") for call in server.world.gorgias.calls)


def data_of(server):
    return {
        number: found.data
        for number, found in server.world.gorgias.account.customers.items()
        if getattr(found, "data", None)
    }


async def test_an_attempt_without_the_secret_is_in_the_audit_log(server, ask):
    await ask(1, secret="wrong")
    facts = await server.parts.store.read(lambda tx: tx.audit("acme", 0, 10))
    (fact,) = [entry.fact for entry in facts if entry.fact.event == "sidebar.refused"]
    assert fact.subject == "inbox"
    assert "wrong" not in str(fact)


async def test_gorgias_in_trouble_is_said_and_what_is_known_of_a_ticket_is_shown_all_the_same(server, ask, known):
    order, ticket = known
    server.world.gorgias.standing_mishap = DOWN
    rows = (await ask(number(ticket))).json()["beforehand"]
    assert rows["order"] == ""
    assert rows["trouble"].startswith("Gorgias: ")
    server.world.gorgias.standing_mishap = None
    server.clock.advance(timedelta(minutes=5))
    assert (await ask(number(ticket))).json()["beforehand"]["order"] == f"Order {order.name}"
    server.world.gorgias.standing_mishap = DOWN
    rows = (await ask(number(ticket))).json()["beforehand"]
    assert (rows["order"], rows["trouble"]) == (f"Order {order.name}", "")


async def test_of_several_orders_none_is_chosen_and_each_is_named(server, ask, new_order):
    orders = [new_order(), new_order()]
    for order in orders:
        await server.get(f"/v1/orders/acme/{order.id}/context")
    await server.parts.gathering.close()
    await server.engine.settle()
    customer = orders[0].customer
    ticket = server.world.gorgias.account.customer_writes(customer.name, customer.email, "Hello?", "Where is it?")
    rows = (await ask(number(ticket))).json()["beforehand"]
    assert rows["order"] == ""
    assert all(f"Order {order.name}" in rows["orders"] for order in orders)
    assert "/app/link/" in rows["link"]


@pytest.mark.parametrize("reference", ["inbox/../../x", "inbox//x", "..", "inbox/."])
async def test_a_link_climbs_nowhere(clock, reference):
    links = Links(["k" * 40])
    assert links.read(links.make("acme", "tickets", reference, clock()), clock()) is None


async def test_an_orders_id_stays_one_part_of_the_path(clock):
    links = Links(["k" * 40])
    assert (
        links.read(links.make("acme", "orders", "A/1?x#y", clock()), clock()).path == "/app/acme/orders/A%2F1%3Fx%23y"
    )


async def test_a_request_shows_beside_the_customers_tickets_by_itself(server, known):
    order, _ = known
    server.clock.advance(SETTLES + EVERY)
    await server.engine.settle()
    before = pushes(server)
    amount = {"value": "5.00", "currency": "USD"}
    await server.office.ask("robin", order.id, "refund", "arrived broken", amount=amount)
    server.clock.advance(EVERY)
    await server.engine.settle()
    assert pushes(server) == before + 1
    assert "Refund $5.00: Waiting for approval" in next(iter(data_of(server).values()))["beforehand"]["requests"]


async def test_a_ticket_that_was_deleted_meanwhile_shows_nothing(server, ask, known):
    _, ticket = known
    assert (await ask(number(ticket))).json()["beforehand"]["order"]
    server.world.gorgias.account.remove(number(ticket))
    assert (await ask(number(ticket))).json()["beforehand"]["order"] == ""

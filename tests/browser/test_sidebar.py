"""What an agent sees and does, in a real browser."""

import asyncio
from datetime import timedelta

import pytest

from server.demo.fake import DOWN, Mishap
from server.demo.orders import Attempt, Person, WorldScan

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADA = Person(501, "Ada Byrne", "ada.byrne@example.com", "Portland", "OR")


async def known(stage):
    """The stalled order, stored, and a ticket about it."""
    order = stage.stalled()
    key = await stage.know(order)
    ticket = stage.ticket(f"Where is order {order.name}?", "Hello, any news of my skillet?")
    await stage.link_issues(key, ticket)
    return order, ticket


async def test_the_order_is_shown_beside_its_ticket(stage, new_page):
    order, ticket = await known(stage)
    page = await (await (await new_page()).open(ticket)).settled()
    assert await page.text("#header h2") == "Order #48219"
    assert await page.app.locator("#header h2 a").get_attribute("href") == (
        f"https://acme-outfitters.myshopify.com/admin/orders/{order.id}"
    )
    assert await page.text("#header .pills") == "Paid Fulfilled VIP"
    assert "At risk Promised for tomorrow, Tue 24 Nov" in await page.text("#promise")
    assert "this ticket" in await page.text("#troubles")
    assert "No scan for 51 h" in await page.text("#shipments")
    assert "Stripe, Visa ending 4242 Paid" in await page.text("#payments")
    assert await page.text("#sources") == (
        "Where this comes from Zendesk as of 14:05 Refresh Shopify as of 14:05 Refresh "
        "Stripe as of 14:05 Refresh Gorgias as of 14:05 Refresh UPS as of 14:05 Refresh"
    )
    assert await page.text("#progress") == "As of 14:05"
    assert page.errors == []
    await page.picture("sidebar-320")


async def test_the_token_lives_in_memory_alone(stage, new_page):
    _, ticket = await known(stage)
    page = await (await (await new_page()).open(ticket)).settled()
    frame = await page.frame()
    assert await frame.evaluate("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]
    assert await frame.evaluate("document.getElementById('session')") is None
    assert "bhs_" not in await frame.evaluate("document.documentElement.outerHTML")
    assert await page.page.context.cookies() == []


async def test_it_speaks_the_framework_s_messages_and_gets_its_height(stage, new_page):
    _, ticket = await known(stage)
    page = await (await (await new_page()).open(ticket)).settled()
    log = await page.said()
    assert log[0]["key"] == "iframe.handshake"
    assert {said["key"] for said in log if "key" in said} >= {
        *("iframe.on:app.activated", "iframe.on:ticket.updated"),
    }
    assert "get" not in {said.get("request") for said in log}  # Zendesk's hello names the ticket
    await page.grown()
    sizes = [said["params"]["resize"][0] for said in await page.said() if said.get("request") == "invoke"]
    assert len(sizes) <= 8
    assert {size["width"] for size in sizes} == {"100%"}
    await page.page.click('#widths [data-width="450"]')
    await page.grown()


async def test_a_hello_that_names_no_ticket_is_asked_for_it(stage, new_page):
    _, ticket = await known(stage)
    page = await new_page()
    await page.page.add_init_script(
        """addEventListener("message", ({ data }) => {
             if (data?.key === "zaf.app.registered") delete data.message.context.ticketId;
           })"""
    )
    await (await page.open(ticket)).settled()
    asked = next(said for said in await page.said() if "request" in said)
    assert {"request": "get", "params": ["ticket.id"]}.items() <= asked.items()
    assert await page.text("#header h2") == "Order #48219"


async def test_panels_fill_as_sources_answer(stage, new_page):
    order, ticket = await known(stage)
    order.parcels[0].scans.append(WorldScan(stage.clock(), "out_for_delivery", "Out for delivery", "Nashville", "TN"))
    shop, ups, stripe = asyncio.Event(), asyncio.Event(), asyncio.Event()
    stage.world.shopify.standing_mishap = Mishap(waits_for=shop)
    stage.world.ups.standing_mishap = Mishap(waits_for=ups)
    stage.world.stripe.standing_mishap = Mishap(waits_for=stripe)
    page = await (await new_page()).open(ticket)
    await page.app.get_by_text("Waiting for Shopify, Stripe, UPS", exact=True).wait_for()
    assert "No scan for 51 h" in await page.text("#shipments")
    assert "Stripe is being asked Shown as of 14:00" in await page.text("#sources")
    await page.picture("sidebar-waiting")
    shop.set()
    await page.app.get_by_text("Waiting for Stripe, UPS", exact=True).wait_for()
    assert "Out for delivery" in await page.text("#shipments")
    stripe.set()
    await page.app.get_by_text("Waiting for UPS", exact=True).wait_for()
    ups.set()
    await page.settled()
    assert "Out for delivery" in await page.text("#shipments")
    assert "No scan for 51 h" not in await page.text("#shipments > article > ol")
    assert page.errors == []


async def test_an_order_that_nobody_has_stored_yet_is_waited_for(stage, new_page):
    order = stage.stalled()
    ticket = stage.ticket(f"Order {order.name}")
    gate = asyncio.Event()
    stage.world.shopify.standing_mishap = Mishap(waits_for=gate)
    page = await (await new_page()).open(ticket)
    await page.app.locator("#header .placeholder").wait_for()
    gate.set()
    await page.settled()
    assert await page.text("#header h2") == "Order #48219"
    assert await page.app.locator(".placeholder").count() == 0


async def test_a_source_that_fails_says_so_and_the_rest_is_shown(stage, new_page):
    _, ticket = await known(stage)
    stage.world.ups.standing_mishap = DOWN
    page = await (await (await new_page()).open(ticket)).settled()
    assert "UPS has trouble of its own right now Shown as of 14:00" in await page.text("#sources")
    assert "Stripe as of 14:05" in await page.text("#sources")
    assert "Arrived at facility" in await page.text("#shipments")
    await page.picture("sidebar-failing")


async def test_a_declined_payment_is_in_plain_words(stage, new_page):
    order = stage.order(ADA, title="Wool blanket", price=145, promised=None)
    order.intent.attempts[:] = [
        Attempt("ch_1", order.placed_at, "do_not_honor"),
        Attempt("ch_2", order.placed_at + timedelta(minutes=6), "expired_card"),
    ]
    await stage.know(order)
    page = await (await (await new_page()).open(stage.ticket(f"Order {order.name}", person=ADA))).settled()
    said = await page.text("#payments")
    assert "Payment failed" in said
    assert "expired" in said
    await page.app.locator("#payments summary").click()
    assert await page.app.locator("#payments details dd").count() == 1
    await page.picture("sidebar-declined")


async def test_what_was_opened_stays_open_when_it_is_drawn_again(stage, new_page):
    order, ticket = await known(stage)
    page = await (await (await new_page()).open(ticket)).settled()
    summary = page.app.locator("#shipments summary")
    await summary.focus()
    await page.page.keyboard.press("Enter")
    assert await page.app.locator("#shipments details").get_attribute("open") == ""
    stage.clock.advance(timedelta(minutes=1))
    order.parcels[0].scans.append(WorldScan(stage.clock(), "in_transit", "Departed", "Memphis", "TN"))
    await page.app.locator("#refresh").evaluate("button => button.click()")
    await page.app.locator("#shipments").get_by_text("4 earlier scans").wait_for()
    assert await page.app.locator("#shipments details").get_attribute("open") == ""
    assert await summary.evaluate("found => found === document.activeElement")


async def test_a_changed_ticket_is_looked_at_again(stage, new_page):
    _, ticket = await known(stage)
    page = await (await (await new_page()).open(ticket)).settled()
    asked = len(stage.world.shopify.calls)
    stage.clock.advance(timedelta(minutes=1))
    stage.note(ticket, "Carrier asked.")
    await page.page.locator("#comments .internal").get_by_text("Carrier asked.").wait_for()
    await page.until(lambda: len(stage.world.shopify.calls) > asked)
    await page.settled()
    assert await page.text("#header h2") == "Order #48219"


async def test_a_frame_is_kept_while_its_ticket_is_away(stage, new_page):
    order, ticket = await known(stage)
    other = stage.ticket("Something else", person=ADA)
    page = await (await (await new_page()).open(ticket)).settled()
    frame = await page.frame()
    await frame.evaluate("window.mark = 1")
    await page.page.click(f'#tickets [data-id="{other.id}"]')
    await page.settled()
    assert (await page.text("#message")).startswith("No order was found for this ticket.")
    await page.page.click(f'#tickets [data-id="{ticket.id}"]')
    assert await page.text("#header h2") == f"Order {order.name}"
    assert await (await page.frame()).evaluate("window.mark") == 1


# --- finding the order ------------------------------------------------------------------------------------------------


async def test_several_orders_are_for_the_agent_to_choose(stage, new_page):
    first, second = stage.order(ADA, title="Trail mug"), stage.order(ADA, title="Canvas tote")
    await stage.know(first)
    await stage.know(second)
    ticket = stage.ticket("A question", "Hello", person=ADA)
    page = await (await (await new_page()).open(ticket, width=258)).settled()
    assert await page.text("#message") == "Several orders may be meant. Open the right one:"
    folded = page.app.locator("#others details")
    assert await folded.count() == 2
    assert "Paid Not fulfilled" in await page.text(f"#others details:has-text('{second.name}') > summary")
    assert "Found by the customer's e-mail only" in await page.text("#others details >> nth=0")
    asked = len(stage.world.shopify.calls)
    await page.picture("sidebar-several")
    assert len(stage.world.shopify.calls) == asked  # nothing is asked for before it is opened
    chosen = folded.filter(has_text=second.name)
    await chosen.locator("> summary").click()
    await chosen.get_by_text("Canvas tote").first.wait_for()
    await chosen.get_by_text("As of 14:05").first.wait_for()
    assert await chosen.locator("[data-section=header] h2").inner_text() == f"Order {second.name}"
    assert await page.app.locator("#search").is_visible()
    await page.picture("sidebar-several-open")


async def test_an_agent_can_search_with_the_keyboard(stage, new_page):
    order = stage.order(ADA)
    await stage.know(order)
    page = await (await (await new_page()).open(stage.ticket("Hello", person=VISITOR))).settled()
    assert "Search by order number" in await page.text("#message")
    await page.app.locator("#query").fill("#1")
    await page.page.keyboard.press("Enter")
    await page.app.locator("#message").get_by_text("Nothing matches.").wait_for()
    await page.app.locator("#query").fill(order.name)
    await page.page.keyboard.press("Enter")
    await page.app.locator("#candidates button").wait_for()
    await page.page.keyboard.press("Enter")
    await page.app.locator("#header h2").wait_for()
    await page.settled()
    assert await page.text("#header h2") == f"Order {order.name}"
    assert await page.app.locator("#search").is_hidden()
    await page.app.locator("#find").click()
    assert await page.app.locator("#query").evaluate("found => found === document.activeElement")


VISITOR = Person(9, "Sam", "sam@example.com", "Boston", "MA")


async def test_an_e_mail_match_is_marked_as_not_verified(stage, new_page):
    order = stage.order(ADA)
    await stage.know(order)
    page = await (await (await new_page()).open(stage.ticket("Hello", person=ADA))).settled()
    assert await page.text("#header .warning") == "Not verified: found by the customer's e-mail only."
    await page.picture("sidebar-unverified")


# --- when it cannot be shown ------------------------------------------------------------------------------------------


async def test_a_session_that_ended_shows_nothing_but_the_way_back(stage, new_page):
    _, ticket = await known(stage)
    page = await (await (await new_page()).open(ticket)).settled()
    stage.clock.advance(timedelta(minutes=31))
    await page.app.locator("#refresh").click()
    await page.app.get_by_text("Session ended. Reload the app to go on.").first.wait_for()
    assert "Eleanor" not in await page.text("body")
    assert await page.text(".section >> nth=0") == ""
    await page.picture("sidebar-ended")
    await page.app.locator("#reload").click()
    await page.app.get_by_text("Zendesk did not confirm who you are").wait_for()
    await page.page.reload()
    await page.settled()
    assert await page.text("#header h2") == "Order #48219"


async def test_a_token_that_does_not_hold_is_a_sentence(stage, new_page):
    _, ticket = await known(stage)
    stage.world.zendesk.sidebar.token = lambda user: "e30.e30.e30"
    page = await (await new_page()).open(ticket)
    stage.world.zendesk.sidebar.sidebar_url += "?workspace=acme&connection=desk"
    await page.open(ticket)
    await page.app.get_by_text("Zendesk did not confirm who you are, so nothing is shown.").wait_for()
    await page.picture("sidebar-refused")


async def test_a_server_that_is_gone_is_said(stage, new_page):
    _, ticket = await known(stage)
    page = await (await (await new_page()).open(ticket)).settled()
    await page.page.route("**/sidebar/zendesk/stream*", lambda route: route.abort())
    await page.app.locator("#refresh").click()
    await page.app.get_by_text("The connection to Beforehand broke.").first.wait_for()
    assert await page.text("#header h2") == "Order #48219"


async def test_outside_zendesk_it_says_where_it_belongs(stage, new_page):
    page = await new_page()
    token = stage.world.zendesk.sidebar.token(901)
    await page.post(f"{stage.server_url}/sidebar/zendesk", token)
    text = await page.page.locator("#message").inner_text()
    assert text == "This page works inside Zendesk: open a ticket, and its sidebar there."


async def test_a_host_that_never_answers_is_said(stage, new_page):
    page = await new_page()
    token = stage.world.zendesk.sidebar.token(901)
    await page.page.add_init_script("const real = setTimeout; window.setTimeout = (f, ms) => real(f, ms / 20)")
    await page.post(f"{stage.server_url}/sidebar/zendesk?origin={stage.desk_url}&app_guid=g", token)
    await page.page.locator("#message").get_by_text("Zendesk does not answer.").wait_for()


# --- the helpdesk around it -------------------------------------------------------------------------------------------


async def test_tickets_come_and_go_by_themselves(stage, new_page):
    _, ticket = await known(stage)
    page = await (await (await new_page()).open(ticket)).settled()
    frame = await page.frame()
    await frame.evaluate("window.mark = 1")
    later = stage.ticket("A new one", person=ADA)
    await page.page.locator(f'#tickets [data-id="{later.id}"]').wait_for()
    await page.page.fill("#text", "We are on it.")
    await page.page.click('[data-do="reply"]')
    await page.page.locator("#comments .public").get_by_text("We are on it.").wait_for()
    await page.page.click('[data-do="solve"]')
    await page.page.locator("#facts .status.solved").wait_for()
    assert await page.page.locator('[data-do="solve"]').is_hidden()
    await page.page.click('[data-do="reopen"]')
    await page.page.locator("#facts .status.open").wait_for()
    assert stage.world.zendesk.desk.tickets[ticket.id].status == "open"
    assert await frame.evaluate("window.mark") == 1
    assert page.errors == []

"""Asking, deciding and taking back, as people do it: in two browsers, twice, too late, and with other people's text."""

import asyncio
from datetime import timedelta

import pytest

from connectors.money import Money
from server.approval_model import ApprovalState, Verdict
from server.demo.fake import DOWN
from server.flows.approvals import Ask
from server.flows.execute import Executor
from server.model import Principal, Role
from tests.browser.conftest import DANA, KIM, ROBIN

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVIL = '"><img src=x onerror=__xss(1)></textarea><script>__xss(2)</script>{{7*7}}'


async def known(stage, *, price=129):
    """A stalled order, stored, and a ticket about it."""
    order = stage.order(price=price)
    stage.parcel(
        order,
        (92, "in_transit", "Origin scan", "Denver", "CO"),
        (51, "in_transit", "Arrived at facility", "Memphis", "TN"),
    )
    await stage.know(order)
    return order, stage.ticket(f"Where is order {order.name}?", "Hello, any news?")


async def requests(stage):
    return await stage.parts.approvals.list("acme", (), 50)


async def the_request(stage):
    (found,) = await requests(stage)
    return found


async def audited(stage):
    entries = await stage.parts.store.read(lambda tx: tx.audit("acme", 0, 100))
    return [entry.fact for entry in entries]


async def ask_for_a_refund(page, amount="12.00", reason="The lid came broken"):
    await page.press("Refund")
    await page.app.get_by_label("By amount").check()
    await page.fill("Amount", amount)
    await page.fill("Reason", reason)
    await page.press("Ask for approval")


async def asked(stage, new_page, *, price=129, amount="12.00"):
    """A refund that Robin has asked for, and Robin's page."""
    order, ticket = await known(stage, price=price)
    page = await (await (await new_page()).open(ticket, agent=ROBIN)).settled()
    await ask_for_a_refund(page, amount)
    await page.app.locator(".outcome").wait_for()
    await page.settled()
    return order, ticket, page


# --- asking -----------------------------------------------------------------------------------------------------------


async def test_only_what_is_legal_now_is_a_button_and_the_rest_has_a_reason(stage, new_page):
    _, ticket = await known(stage)
    page = await (await (await new_page()).open(ticket, width=258)).settled()
    buttons = page.app.locator("#actions button[data-ask]")
    assert await buttons.all_inner_texts() == ["Refund", "Ship again", "Store credit", "Other"]
    colours = await buttons.evaluate_all("all => [...new Set(all.map(one => getComputedStyle(one).backgroundColor))]")
    assert colours == ["rgb(255, 255, 255)"]  # none of them is a primary one
    await page.app.locator("#actions summary").click()
    said = await page.text("#actions details dl")
    assert "Cancel order A shipment is already on its way" in said
    assert "Release The order is not on hold" in said
    await page.picture("actions-258")


async def test_a_refund_is_asked_for_and_waits(stage, new_page):
    order, ticket = await known(stage)
    page = await (await (await new_page()).open(ticket, agent=ROBIN)).settled()
    await page.press("Refund")
    await page.app.get_by_label("By amount").check()
    assert "Up to $129.00" in await page.text("form.ask")
    assert "Nothing happens before Dana Lopez or Kim Novak agrees." in await page.text("form.ask")
    await page.picture("actions-form")
    await page.fill("Amount", "12.00")
    await page.fill("Reason", "The lid came broken")
    await page.press("Ask for approval")
    await page.app.locator(".outcome").wait_for()
    assert await page.text(".outcome") == "Refund $12.00: Waiting for approval by Dana Lopez or Kim Novak."
    await page.app.locator("#requests .open").wait_for()
    said = await page.text("#requests")
    assert "Refund $12.00 Waiting for approval Robin Diaz asked at 14:05. Expires Mon 30 Nov, 14:05" in said
    assert "The lid came broken" in said
    assert await page.app.locator("#requests button").all_inner_texts() == ["Take back"]
    assert await page.app.locator("form.ask").count() == 0
    request = await the_request(stage)
    assert request.amount == Money(1200, "USD")
    assert (request.requester.id, request.ticket.connection, request.ticket.ticket_id) == (
        "robin",
        "desk",
        str(ticket.id),
    )
    assert request.order.order_id == str(order.id)
    await page.settled()
    await page.picture("actions-asked")
    # What others asked for is taken off, and said.
    await page.press("Refund")
    await page.app.get_by_label("By amount").check()
    assert "Up to $117.00. Another $12.00 is already asked for" in await page.text("form.ask")
    assert page.errors == []


async def test_a_refund_by_item(stage, new_page):
    order, ticket = await known(stage)
    page = await (await (await new_page()).open(ticket)).settled()
    await page.press("Refund")
    await page.app.get_by_label("By item").check()
    await page.fill("Reason", "It came broken")
    await page.press("Ask for approval")
    assert await page.text('[data-error="items"]') == "Choose at least one item."
    await page.fill("Cast-iron skillet", "1")
    await page.app.get_by_label("Put the items back into stock").check()
    await page.press("Ask for approval")
    await page.app.locator(".outcome").wait_for()
    request = await the_request(stage)
    assert [(item.line, item.quantity) for item in request.items] == [(str(order.items[0].id), 1)]
    assert request.details["restock"] == "true"
    await page.app.locator("#requests").get_by_text("1 Cast-iron skillet").wait_for()


async def test_every_kind_that_is_possible_can_be_asked_for(stage, new_page):
    order = stage.order(promised=None)
    await stage.know(order)
    page = await (await (await new_page()).open(stage.ticket(f"Order {order.name}"))).settled()
    filled = {
        "Cancel order": {},
        "Change address": {
            "Street and number": "5 Main Street",
            "Town": "Nashville",
            "Postal code": "37203",
            "Country": "us",
        },
        "Hold": {},
        "Store credit": {"Amount": "5"},
        "Other": {"What should be done": "Send a handwritten card"},
    }
    for number, (button, fields) in enumerate(filled.items(), start=1):
        await page.press(button)
        for label, text in fields.items():
            await page.fill(label, text)
        await page.fill("Reason", "The customer wishes it")
        if button == "Change address":
            assert await page.field("Town").input_value() == "Nashville"
            await page.picture("actions-address")
        await page.press("Ask for approval")
        await page.app.locator(f"#requests .open >> nth={number - 1}").wait_for()
        await page.settled()
    found = {request.kind.value: request for request in await requests(stage)}
    assert set(found) == {"cancel", "address_change", "hold", "compensation", "other"}
    assert found["address_change"].details["country"] == "US"
    assert found["other"].details == {"text": "Send a handwritten card"}
    assert found["compensation"].amount == Money(500, "USD")
    assert "New address 5 Main Street, Nashville, 37203, US" in await page.text("#requests")
    assert page.errors == []


async def test_a_double_click_and_a_lost_answer_ask_once(stage, new_page):
    _, ticket = await known(stage)
    page = await (await (await new_page()).open(ticket)).settled()
    sent = []

    async def lose(route):
        sent.append(route.request.headers["idempotency-key"])
        if len(sent) == 1:
            await route.fetch()  # it arrives, and its answer is lost
            await route.abort()
        else:
            await route.continue_()

    await page.page.route("**/sidebar/zendesk/approvals", lose)
    await page.press("Refund")
    await page.app.get_by_label("By amount").check()
    await page.fill("Amount", "12")
    await page.fill("Reason", "The lid came broken")
    await page.app.locator("form.ask [type=submit]").dblclick()
    await page.app.get_by_text("Nothing is asked for twice: try again.").wait_for()
    assert await page.field("Reason").input_value() == "The lid came broken"
    await page.app.locator("form.ask [type=submit]").dblclick()
    await page.app.locator(".outcome").wait_for()
    assert len(sent) == 2
    assert len(set(sent)) == 1
    assert (await the_request(stage)).amount == Money(1200, "USD")


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("1e309", "Enter an amount such as 12.00."),
        ("-1", "Enter an amount such as 12.00."),
        ("", "Enter an amount such as 12.00."),
        ("500", "That is more than can be asked for: at most 129.00 USD."),
        ("0.001", "'0.001' has more decimals than USD has."),
    ],
)
async def test_what_is_wrong_is_said_next_to_its_field(stage, new_page, amount, said):
    _, ticket = await known(stage)
    page = await (await (await new_page()).open(ticket)).settled()
    await ask_for_a_refund(page, amount)
    await page.app.locator('[data-error="amount"]:not([hidden])').wait_for()
    assert await page.text('[data-error="amount"]') == said
    field = page.field("Amount")
    assert await field.get_attribute("aria-invalid") == "true"
    assert await field.evaluate("found => found === document.activeElement")
    described = await field.evaluate(
        "found => found.getAttribute('aria-describedby').split(' ').map(id => document.getElementById(id).textContent)"
    )
    assert said in described
    assert await page.field("Reason").input_value() == "The lid came broken"
    assert await requests(stage) == ()
    if amount == "500":
        await page.picture("actions-wrong")


async def test_a_form_is_closed_by_escape_and_the_focus_goes_back(stage, new_page):
    _, ticket = await known(stage)
    page = await (await (await new_page()).open(ticket)).settled()
    button = page.app.locator('button[data-ask="refund"]')
    await button.focus()
    await page.page.keyboard.press("Enter")
    await page.app.locator("form.ask").wait_for()
    assert await button.get_attribute("aria-expanded") == "true"
    await page.page.keyboard.press("Escape")
    assert await page.app.locator("form.ask").count() == 0
    assert await button.evaluate("found => found === document.activeElement")
    assert await button.get_attribute("aria-expanded") == "false"


async def test_what_was_typed_survives_the_order_s_news(stage, new_page):
    _, ticket = await known(stage)
    page = await (await (await new_page()).open(ticket)).settled()
    await page.press("Refund")
    await page.fill("Reason", "Half a sen")
    stage.clock.advance(timedelta(minutes=1))
    stage.note(ticket, "A note of somebody else.")
    await page.page.locator("#comments .internal").wait_for()
    await page.app.get_by_text("As of 14:06").first.wait_for()
    assert await page.field("Reason").input_value() == "Half a sen"
    assert await page.field("Reason").evaluate("found => found === document.activeElement")


async def test_a_form_that_was_overtaken_by_the_order_says_so(stage, new_page):
    order = stage.order(promised=None)
    await stage.know(order)
    page = await (await (await new_page()).open(stage.ticket(f"Order {order.name}"))).settled()
    await page.press("Cancel order")
    await page.fill("Reason", "Changed their mind")
    stage.parcel(order, (1, "in_transit", "Picked up", "Denver", "CO"))
    await page.press("Ask for approval")
    await page.app.locator(".failure:not([hidden])").wait_for()
    assert "A shipment is already on its way" in await page.text(".failure") or (
        "not possible any more" in await page.text(".failure")
    )
    assert await page.field("Reason").input_value() == "Changed their mind"
    assert await requests(stage) == ()
    assert "approval.refused" in [fact.event for fact in await audited(stage)]


async def test_a_session_that_ended_keeps_what_was_typed_on_the_screen(stage, new_page):
    _, ticket = await known(stage)
    page = await (await (await new_page()).open(ticket)).settled()
    await page.press("Refund")
    await page.fill("Reason", "A long story that nobody wants to type again")
    stage.clock.advance(timedelta(minutes=31))
    await page.press("Ask for approval")
    await page.app.locator(".failure").get_by_text("Session ended. Reload the app to go on.").wait_for()
    assert await page.field("Reason").input_value() == "A long story that nobody wants to type again"
    assert "Eleanor" not in await page.text("body")
    assert await page.app.locator(".failure button").inner_text() == "Reload"
    await page.picture("actions-session-ended")
    fact = (await audited(stage))[-1]
    assert (fact.event, fact.actor, fact.via) == ("sidebar.refused", "zendesk:901", "desk")


async def test_other_people_s_text_stays_text_in_forms_and_requests(stage, new_page):
    order = stage.order(title=EVIL)
    await stage.know(order)
    page = await new_page()
    await page.page.add_init_script("window.__xss = () => { window.__ran = true; };")
    await (await page.open(stage.ticket(f"Order {order.name}"))).settled()
    await page.press("Other")
    await page.fill("What should be done", EVIL)
    await page.fill("Reason", EVIL)
    await page.press("Ask for approval")
    await page.app.locator("#requests .open").wait_for()
    assert EVIL in await page.text("#requests .quote")
    await page.press("Refund")
    await page.app.get_by_label("By item").check()
    assert EVIL in await page.text("form.ask")
    frame = await page.frame()
    assert await frame.evaluate("window.__ran || null") is None
    assert await frame.evaluate("document.querySelectorAll('img, iframe, body script').length") == 0
    assert page.errors == []


# --- deciding ---------------------------------------------------------------------------------------------------------


async def test_another_person_approves(stage, new_page):
    _, ticket, robin = await asked(stage, new_page)
    assert "Somebody else has to decide" in await robin.text("#requests")
    assert await robin.app.locator('[data-decide="approve"]').count() == 0
    dana = await (await (await new_page()).open(ticket, agent=DANA)).settled()
    assert await dana.app.locator("#requests button").all_inner_texts() == ["Approve", "Reject"]
    await dana.picture("actions-decide")
    await dana.press("Approve", within="#requests")
    await dana.press("Approve", within="form.ask")
    assert await dana.text('[data-error="reason"]') == "Please fill this in."
    await dana.fill("Reason", "Seen the photos")
    await dana.press("Approve", within="form.ask")
    await dana.app.locator(".outcome").wait_for()
    assert await dana.text(".outcome") == "Refund $12.00: approved."
    request = await the_request(stage)
    assert request.state in (ApprovalState.APPROVED, ApprovalState.EXECUTING, ApprovalState.EXECUTED)
    assert [(said.person.id, said.verdict, said.reason) for said in request.decisions] == [
        ("dana", Verdict.APPROVE, "Seen the photos")
    ]
    await dana.app.get_by_text("Dana Lopez approved at 14:05: Seen the photos").wait_for()
    await dana.settled()
    await dana.picture("actions-approved")
    assert dana.errors == []


async def test_above_the_limit_two_people_must_agree(stage, new_page):
    _, ticket, _ = await asked(stage, new_page, amount="120.00")
    dana = await (await (await new_page()).open(ticket, agent=DANA)).settled()
    await dana.press("Approve", within="#requests")
    await dana.fill("Reason", "Fine by me")
    await dana.press("Approve", within="form.ask")
    await dana.app.get_by_text("1 of 2 have agreed.").first.wait_for()
    await dana.settled()
    assert await dana.app.locator('[data-decide="approve"]').count() == 0  # not twice by the same person
    kim = await (await (await new_page()).open(ticket, agent=KIM)).settled()
    await kim.press("Approve", within="#requests")
    await kim.fill("Reason", "Me too")
    await kim.press("Approve", within="form.ask")
    await kim.app.locator(".outcome").wait_for()
    assert {said.person.id for said in (await the_request(stage)).decisions} == {"dana", "kim"}


async def test_a_rejection_has_a_reason_that_everybody_sees(stage, new_page):
    _, ticket, robin = await asked(stage, new_page)
    dana = await (await (await new_page()).open(ticket, agent=DANA)).settled()
    await dana.press("Reject", within="#requests")
    await dana.fill("Reason", "They already got a new one")
    await dana.press("Reject", within="form.ask")
    await dana.app.locator(".outcome").wait_for()
    await robin.press("Refresh all", within="footer")
    await robin.app.get_by_text("Dana Lopez rejected at 14:05: They already got a new one").wait_for()
    assert "Rejected" in await robin.text("#requests .over")
    assert (await the_request(stage)).state is ApprovalState.REJECTED
    await robin.settled()
    await robin.picture("actions-rejected")


async def test_whoever_asked_takes_it_back(stage, new_page):
    _, _, robin = await asked(stage, new_page)
    await robin.press("Take back", within="#requests")
    await robin.fill("Reason", "Asked for the wrong one")
    await robin.press("Take back", within="form.ask")
    await robin.app.locator("#requests .over").wait_for()
    assert (await the_request(stage)).state is ApprovalState.WITHDRAWN


async def test_two_tabs_decide_at_once_and_one_of_them_is_told(stage, new_page):
    _, ticket, _ = await asked(stage, new_page)
    tabs = [await (await (await new_page()).open(ticket, agent=agent)).settled() for agent in (DANA, KIM)]
    for tab, button in zip(tabs, ("Approve", "Reject"), strict=True):
        await tab.press(button, within="#requests")
        await tab.fill("Reason", "Decided")
    await asyncio.gather(*(tab.app.locator("form.ask [type=submit]").click() for tab in tabs))
    for tab in tabs:
        await tab.app.locator(".outcome, .failure:not([hidden])").first.wait_for()
    outcomes = [await tab.app.locator(".outcome").count() for tab in tabs]
    assert sorted(outcomes) == [0, 1]
    loser = tabs[outcomes.index(0)]
    assert "It was already" in await loser.text(".failure") or "has changed" in await loser.text(".failure")
    assert await loser.field("Reason").input_value() == "Decided"
    request = await the_request(stage)
    assert len(request.decisions) == 1
    await loser.settled()
    await loser.picture("actions-too-late")


async def test_an_order_that_changed_shows_what_and_asks_again(stage, new_page):
    order, ticket, _ = await asked(stage, new_page)
    dana = await (await (await new_page()).open(ticket, agent=DANA)).settled()
    await dana.press("Approve", within="#requests")
    await dana.fill("Reason", "Seen the photos")
    order.intent.refunded += 2000
    await dana.press("Approve", within="form.ask")
    await dana.app.locator(".failure li").first.wait_for()
    assert "20.00" in await dana.text(".failure")
    assert await dana.field("Reason").input_value() == "Seen the photos"
    assert (await the_request(stage)).state is ApprovalState.PENDING
    await dana.settled()
    assert "Changed since it was asked:" in await dana.text("#requests")
    await dana.picture("actions-changed")
    await dana.press("Approve as it is now", within="form.ask")
    await dana.app.locator(".outcome").wait_for()
    assert (await the_request(stage)).state is not ApprovalState.PENDING


async def test_a_helpdesk_that_cannot_be_asked_decides_nothing(stage, new_page):
    _, ticket, _ = await asked(stage, new_page)
    dana = await (await (await new_page()).open(ticket, agent=DANA)).settled()
    await dana.press("Approve", within="#requests")
    await dana.fill("Reason", "Seen the photos")
    stage.world.zendesk.standing_mishap = DOWN
    await dana.press("Approve", within="form.ask")
    await dana.app.locator(".failure:not([hidden])").wait_for()
    assert "Nothing was decided" in await dana.text(".failure")
    assert (await the_request(stage)).state is ApprovalState.PENDING


async def test_a_request_made_elsewhere_is_seen_here(stage, new_page):
    order, ticket = await known(stage)
    page = await (await (await new_page()).open(ticket, agent=DANA)).settled()
    assert await page.app.locator("#requests li").count() == 0
    program = Principal(workspace="acme", user="ops", role=Role.AGENT, via="token")
    wanted = Ask(order=str(order.id), kind="refund", reason="By a program", amount=Money(300, "USD"))
    await stage.parts.approvals.ask(program, wanted, "key-of-the-program")
    await page.press("Refresh all", within="footer")
    await page.app.locator("#requests .open").wait_for()
    assert "ops asked at 14:05" in await page.text("#requests")


async def test_what_was_carried_out_is_shown_with_its_result(stage, new_page):
    order, ticket, _ = await asked(stage, new_page)
    dana = await (await (await new_page()).open(ticket, agent=DANA)).settled()
    await dana.press("Approve", within="#requests")
    await dana.fill("Reason", "Seen the photos")
    await dana.press("Approve", within="form.ask")
    await dana.app.locator(".outcome").wait_for()
    parts = stage.parts
    executor = Executor(parts.workspaces, parts.store, stage.clock)
    await executor.run_due()
    await asyncio.gather(*executor.under_way)
    stage.clock.advance(timedelta(minutes=1))  # answers of a moment ago are used again
    request = await the_request(stage)
    assert request.state is ApprovalState.EXECUTED, request.error
    # Nobody presses anything: the panel looks again by itself.
    await dana.app.locator("#requests .over").get_by_text(request.receipt.text).wait_for(timeout=12_000)
    assert "Refund $12.00 Done" in await dana.text("#requests")
    assert order.intent.refunded == 1200
    await dana.settled()
    assert "Refunded $12.00" in await dana.text("#payments")
    await dana.picture("actions-done")

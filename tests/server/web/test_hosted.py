"""Our own pages: the queue, what one may do there and what not, and the panel of an order."""

import asyncio
import html
import json
import re
from datetime import timedelta
from decimal import Decimal

import pytest

from connectors.money import Money
from connectors.order_actions import ActionItem, OrderActionKind
from server.approval_model import ApprovalState, Verdict
from server.demo.fake import DOWN
from server.demo.orders import Attempt, Intent, Item, Person, WorldOrder
from server.flows.approvals import Ask
from server.flows.links import LIFE, Links
from server.flows.process import process_inbox
from server.model import Principal, Role
from tests.server.web.signing import DOMAIN, NOW, colleague, form_key, site_at

QUEUE = "/app/acme/approvals"
ROBIN = Principal(workspace="acme", user="zendesk:901", role=Role.AGENT, via="desk")
ADA = Person(501, "Ada Byrne", "ada.byrne@example.com", "Portland", "OR")
HOSTILE = '"><img src=x onerror=__xss(1)></textarea><script>__xss(2)</script>{{7*7}}\u202e'


@pytest.fixture
async def site(tmp_path):
    async with site_at(tmp_path) as found:
        found.order = new_order(found)
        yield found


def new_order(site, number=48219):
    placed = NOW - timedelta(days=5)
    order = WorldOrder(
        id=5_820_000_000_000 + number,
        number=number,
        customer=ADA,
        items=(Item(number * 10, "Cast-iron skillet", f"SKU-{number}", 2, Decimal(64)),),
        placed_at=placed,
        intent=Intent(f"pi_3Demo{number}", 12_800, placed),
        promised_by=NOW + timedelta(days=1),
        updated_at=placed,
    )
    order.intent.attempts.append(Attempt(f"ch_3Demo{number}", placed))
    site.world.add(order)
    return order


async def asked(site, *, reason="The lid came broken", by=ROBIN, key="one", **what):
    what = {"kind": OrderActionKind.REFUND, "amount": Money(1200, "USD"), **what}
    return await site.parts.approvals.ask(by, Ask(order=str(site.order.id), reason=reason, **what), key)


async def now_is(site, request):
    return await site.parts.approvals.read(ROBIN, request.id)


async def signed_in(site, account="dana"):
    browser = site.browser(origin="http://127.0.0.1:8080", **{"sec-fetch-site": "same-origin"})
    assert (await browser.sign_in(account)).status_code == 303
    return browser


async def refused(site, workspace="acme"):
    """Who tried what in vain, by the audit log."""
    found = await site.parts.store.read(lambda tx: tx.audit(workspace, 0, 100))
    return [(entry.fact.actor, entry.fact.subject) for entry in found if entry.fact.event == "approval.refused"]


def said(answer):
    """What a page says, as one line."""
    text = re.sub(r"<style.*?</style>|<head.*?</head>", " ", answer.text, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


async def decide(browser, request, decision="approve", reason="Go ahead", **change):
    shown = await browser.get(f"{QUEUE}/{request.id}")
    form = {
        "form_key": form_key(shown.text),
        "version": str(request.version),
        "decision": decision,
        "reason": reason,
        **change,
    }
    return await browser.post(f"{QUEUE}/{request.id}/decision", {k: v for k, v in form.items() if v is not None})


# --- deciding ---------------------------------------------------------------------------------------------------------


async def test_dana_approves_what_robin_asked_for(site):
    request = await asked(site)
    site.clock.advance(timedelta(hours=3))
    dana = await signed_in(site)
    shown = await dana.get(QUEUE)
    assert shown.status_code == 200
    text = said(shown)
    for expected in (
        "Dana Lopez, approver",
        "Waiting for a decision",
        "Refund $12.00",
        "Waiting for approval",
        "Order #48219",
        "Waiting for 3 h",
        "Robin Diaz asked",
        "Expires Mon 30 Nov, 14:05",
        "The lid came broken",
        "Approve",
        "Reject",
    ):
        assert expected in text, expected
    assert f'href="/app/acme/orders/{site.order.id}?shop=shop"' in shown.text
    answer = await decide(dana, request)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{QUEUE}/{request.id}?did=approve")
    after = await now_is(site, request)
    assert after.state in (ApprovalState.APPROVED, ApprovalState.EXECUTING)
    (decision,) = after.decisions
    assert (decision.person.id, decision.person.via, decision.reason) == ("desk:902", "sign_in", "Go ahead")
    done = await dana.get(answer.headers["location"])
    assert "You approved this request." in said(done)
    assert "Dana Lopez approved" in said(done)
    assert f'action="{QUEUE}/{request.id}/decision"' not in done.text


async def test_an_address_alone_says_nothing_was_done(site):
    request = await asked(site)
    dana = await signed_in(site)
    for did in ("approve", "reject", "withdraw", "x"):
        assert "You " not in said(await dana.get(f"{QUEUE}/{request.id}?did={did}"))


async def test_dana_rejects(site):
    request = await asked(site)
    answer = await decide(await signed_in(site), request, "reject", "Send a new lid instead")
    assert answer.status_code == 303
    after = await now_is(site, request)
    assert (after.state, after.decisions[0].verdict) == (ApprovalState.REJECTED, Verdict.REJECT)


async def test_sam_may_not_and_is_told_why(site):
    request = await asked(site)
    sam = await signed_in(site, "sam")
    shown = await sam.get(QUEUE)
    assert "You are not among those who may decide this." in said(shown)
    assert "/decision" not in shown.text
    assert "/withdraw" not in shown.text
    answer = await decide(sam, request)
    assert answer.status_code == 403
    assert "You are not among those who may decide this." in said(answer)
    assert (await now_is(site, request)) == request
    entries = await site.parts.store.read(lambda tx: tx.audit("acme", 0, 100))
    assert (entries[-1].fact.event, entries[-1].fact.actor) == ("approval.refused", f"email:sam@{DOMAIN}")


async def test_whoever_asked_by_another_way_in_may_not_decide_and_may_take_it_back(site):
    robin = site.world.zendesk.desk.users[901]
    site.world.zendesk.desk.users[901] = type(robin)(901, robin.name, robin.email, "admin")
    request = await asked(site)
    browser = await signed_in(site, "robin")
    shown = await browser.get(QUEUE)
    assert "Somebody else has to decide what you have asked for." in said(shown)
    assert (await decide(browser, request)).status_code == 403
    form = {"form_key": form_key(shown.text), "version": str(request.version)}
    answer = await browser.post(f"{QUEUE}/{request.id}/withdraw", form)
    assert answer.status_code == 303
    assert (await now_is(site, request)).state is ApprovalState.WITHDRAWN
    assert "You took this request back." in said(await browser.get(answer.headers["location"]))


async def test_what_others_asked_for_cannot_be_taken_back(site):
    request = await asked(site)
    dana = await signed_in(site)
    form = {"form_key": form_key((await dana.get(QUEUE)).text), "version": str(request.version)}
    answer = await dana.post(f"{QUEUE}/{request.id}/withdraw", form)
    assert answer.status_code == 403
    assert (await now_is(site, request)) == request


async def test_another_version_than_the_one_that_was_seen_is_not_decided(site):
    request = await asked(site, amount=Money(12_000, "USD"))
    dana = await signed_in(site)
    shown = await dana.get(f"{QUEUE}/{request.id}")
    answer = await dana.post(
        f"{QUEUE}/{request.id}/decision",
        {"form_key": form_key(shown.text), "version": "99", "decision": "approve", "reason": "Go ahead"},
    )
    assert answer.status_code == 409
    assert "has changed since you looked at it" in said(answer)
    assert (await now_is(site, request)).decisions == ()


async def test_an_order_that_has_changed_comes_back_with_the_difference(site):
    request = await asked(site, amount=Money(12_000, "USD"))
    dana = await signed_in(site)
    shown = await dana.get(f"{QUEUE}/{request.id}")
    site.clock.advance(timedelta(minutes=2))
    site.order.intent.refunded = 11_000
    site.order.updated_at = site.clock()
    form = {"form_key": form_key(shown.text), "version": "1", "decision": "approve", "reason": "Go ahead"}
    answer = await dana.post(f"{QUEUE}/{request.id}/decision", form)
    assert answer.status_code == 409
    text = said(answer)
    assert "The order has changed since this was asked for" in text
    assert "Changed since it was asked for" in text
    after = await now_is(site, request)
    assert (after.state, after.decisions) == (ApprovalState.PENDING, ())
    assert after.differences
    for difference in after.differences:
        assert difference in text


async def test_twice_is_once(site):
    request = await asked(site)
    dana = await signed_in(site)
    key = form_key((await dana.get(QUEUE)).text)
    form = {"form_key": key, "version": str(request.version), "decision": "approve", "reason": "Go ahead"}
    answers = await asyncio.gather(*(dana.post(f"{QUEUE}/{request.id}/decision", form) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [303] + [409] * 7
    assert len((await now_is(site, request)).decisions) == 1
    again = await dana.post(f"{QUEUE}/{request.id}/decision", form)
    assert again.status_code == 409
    assert "already approved" in said(again)


async def test_a_helpdesk_that_is_silent_stops_the_decision(site):
    request = await asked(site)
    dana = await signed_in(site)
    shown = await dana.get(QUEUE)
    site.world.zendesk.standing_mishap = DOWN
    form = {"form_key": form_key(shown.text), "version": "1", "decision": "approve", "reason": "Go ahead"}
    answer = await dana.post(f"{QUEUE}/{request.id}/decision", form)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "Nothing was decided: Zendesk has to confirm who you are" in said(answer)
    assert (await now_is(site, request)) == request


async def test_whoever_was_suspended_a_moment_ago_decides_nothing(site):
    request = await asked(site)
    dana = await signed_in(site)
    shown = await dana.get(QUEUE)
    known = site.world.zendesk.desk.users[902]
    site.world.zendesk.desk.users[902] = type(known)(902, known.name, known.email, "admin", suspended=True)
    form = {"form_key": form_key(shown.text), "version": "1", "decision": "approve", "reason": "Go ahead"}
    answer = await dana.post(f"{QUEUE}/{request.id}/decision", form)
    assert answer.status_code == 403
    assert "no longer works in Zendesk" in said(answer)
    assert (await now_is(site, request)) == request


async def test_too_late_is_said(site):
    request = await asked(site)
    site.clock.advance(timedelta(days=7))
    answer = await decide(await signed_in(site), request)
    assert answer.status_code == 410
    assert "It has expired" in said(answer)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"decision": "both"}, 400),
        ({"decision": None}, 400),
        ({"decision": "approve\x00"}, 400),
        ({"version": ""}, 400),
        ({"version": "-1"}, 400),
        ({"version": "1e3"}, 400),
        ({"version": "9" * 40}, 400),
        ({"version": None}, 400),
        ({"version": "2"}, 409),
        ({"reason": ""}, 400),
        ({"reason": "  "}, 400),
        ({"reason": "x" * 5000}, 400),
    ],
)
async def test_a_form_that_makes_no_sense(site, change, status):
    request = await asked(site)
    answer = await decide(await signed_in(site), request, **change)
    assert answer.status_code == status
    assert "text/html" in answer.headers["content-type"]
    assert (await now_is(site, request)) == request
    assert await refused(site) == [("email:dana@" + DOMAIN, request.id)]


async def test_what_stands_in_the_form_beside_it_changes_nothing(site):
    request = await asked(site)
    extra = {"state": "executed", "approved_by": "kim", "role": "admin", "workspace": "other", "amount": "9999"}
    await decide(await signed_in(site), request, **extra)
    (decision,) = (await now_is(site, request)).decisions
    assert decision.person.id == "desk:902"


# --- forms of other sites, and links ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({"form_key": None}, {}),
        ({"form_key": ""}, {}),
        ({"form_key": "x" * 43}, {}),
        ({"form_key": "é"}, {}),
        ({}, {"origin": "https://evil.com"}),
        ({}, {"origin": "null"}),
        ({}, {"origin": "http://127.0.0.1:8080.evil.com"}),
        ({}, {"sec-fetch-site": "cross-site"}),
        ({}, {"sec-fetch-site": "same-site"}),
    ],
    ids=str,
)
async def test_a_form_of_another_site_decides_nothing(site, form, headers):
    request = await asked(site)
    dana = await signed_in(site)
    key = form_key((await dana.get(QUEUE)).text)
    sent = {"form_key": key, "version": "1", "decision": "approve", "reason": "Go ahead", **form}
    answer = await dana.post(
        f"{QUEUE}/{request.id}/decision", {k: v for k, v in sent.items() if v is not None}, **headers
    )
    assert answer.status_code == 403
    assert "did not come from a page of ours" in said(answer)
    assert (await now_is(site, request)) == request
    assert await refused(site) == [("email:dana@" + DOMAIN, request.id)]


async def test_the_key_of_another_session_is_of_no_use(site):
    request = await asked(site)
    dana, sam = await signed_in(site), await signed_in(site, "sam")
    key = form_key((await sam.get(QUEUE)).text)
    assert (await decide(dana, request, form_key=key)).status_code == 403
    assert (await now_is(site, request)) == request


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "multipart/form-data; boundary=x", ""])
async def test_only_a_form_is_read(site, kind):
    request = await asked(site)
    dana = await signed_in(site)
    key = form_key((await dana.get(QUEUE)).text)
    body = f"form_key={key}&version=1&decision=approve&reason=x"
    cookie = "; ".join(f"{name}={value}" for name, value in dana.cookies.items())
    answer = await site.client.post(
        f"{QUEUE}/{request.id}/decision", content=body, headers={"content-type": kind, "cookie": cookie}
    )
    assert answer.status_code == 400
    assert (await now_is(site, request)) == request


async def test_following_a_link_decides_nothing(site):
    request = await asked(site)
    dana = await signed_in(site)
    key = form_key((await dana.get(QUEUE)).text)
    query = f"?form_key={key}&version=1&decision=approve&reason=x"
    for path in (f"{QUEUE}/{request.id}/decision{query}", f"{QUEUE}/{request.id}/withdraw{query}"):
        assert (await dana.get(path)).status_code == 405
    for path in (f"{QUEUE}{query}", f"{QUEUE}/{request.id}{query}"):
        assert (await dana.get(path)).status_code == 200
    assert (await now_is(site, request)) == request


async def test_after_the_session_a_form_leads_to_signing_in(site):
    request = await asked(site)
    dana = await signed_in(site)
    key = form_key((await dana.get(QUEUE)).text)
    site.clock.advance(timedelta(minutes=31))
    form = {"form_key": key, "version": "1", "decision": "approve", "reason": "Go ahead"}
    answer = await dana.post(f"{QUEUE}/{request.id}/decision", form)
    assert answer.status_code == 401
    assert "nothing was done" in said(answer)
    assert 'href="/sign-in/acme?return_to=' in answer.text
    assert (await now_is(site, request)) == request
    assert await refused(site) == [("email:dana@" + DOMAIN, request.id)]


async def test_nobody_sees_anything_without_signing_in(site):
    request = await asked(site)
    nobody = site.browser()
    for path in (
        "/app/acme",
        QUEUE,
        f"{QUEUE}/{request.id}",
        f"{QUEUE}/nothing",
        f"/app/acme/orders/{site.order.id}",
        "/app/acme/tickets/desk/1",
        "/app/acme/tickets/nothing/1",
    ):
        answer = await nobody.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/sign-in/acme?return_to=%2Fapp%2Facme"), path
        assert answer.text == ""


# --- what is not yours ------------------------------------------------------------------------------------------------


async def test_another_workspace_s_request_and_one_that_is_not_there_are_the_same(site):
    request = await asked(site)
    browser = site.browser()
    await browser.sign_in(workspace="other")
    key = form_key((await browser.get("/app/other/approvals")).text)
    answers = []
    for number in (request.id, "0" * 16):
        form = {"form_key": key, "version": "1", "decision": "approve", "reason": "Go ahead"}
        answers.append(await browser.get(f"/app/other/approvals/{number}"))
        answers.append(await browser.post(f"/app/other/approvals/{number}/decision", form))
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert (await now_is(site, request)) == request
    assert "Refund" not in (await browser.get("/app/other/approvals")).text


@pytest.mark.parametrize("number", ["-1", "..", "%00", "a" * 3000, "é", "<script>"])
async def test_an_id_that_is_none(site, number):
    dana = await signed_in(site)
    answer = await dana.get(f"{QUEUE}/{number}")
    assert answer.status_code in (303, 404, 405)
    assert "<script" not in answer.text


# --- the queue --------------------------------------------------------------------------------------------------------


async def test_what_waits_comes_first_and_the_rest_can_be_chosen(site):
    site.name(colleague("dana", role=Role.APPROVER))
    dana = await signed_in(site)
    first, second = await asked(site, key="a", reason="One"), await asked(site, key="b", reason="Two")
    site.clock.advance(timedelta(minutes=5))
    third = await asked(site, key="c", reason="Three")
    await decide(dana, second, "reject", "No")
    await decide(dana, third, "approve", "Yes")

    async def shown(which=""):
        answer = await dana.get(QUEUE + (f"?show={which}" if which else ""))
        assert answer.status_code == 200
        return re.findall(r'id="request-(\w+)"', answer.text)

    assert await shown() == [first.id, third.id, second.id]
    assert await shown("waiting") == [first.id]
    assert await shown("approved") == [third.id]
    assert await shown("closed") == [second.id]
    assert await shown("failed") == []
    assert (await dana.get(f"{QUEUE}?show=nothing")).status_code == 400
    assert "There is none." in said(await dana.get(f"{QUEUE}?show=failed"))


async def test_items_have_their_names(site):
    line = str(site.order.items[0].id)
    await asked(site, amount=None, items=(ActionItem(line=line, quantity=1),))
    await site.parts.gathering.close()
    while await process_inbox(site.parts.workspaces, site.parts.store, site.clock):
        pass
    assert "1 Cast-iron skillet" in said(await (await signed_in(site)).get(QUEUE))


async def test_text_of_others_is_only_text(site):
    request = await asked(site, reason=HOSTILE)
    dana = await signed_in(site)
    pages = [await dana.get(QUEUE), await dana.get(f"{QUEUE}/{request.id}")]
    answer = await decide(dana, request, "reject", HOSTILE)
    pages.append(await dana.get(answer.headers["location"]))
    for page in pages:
        assert "<script" not in page.text
        assert "<img" not in page.text
        assert "&lt;img src=x onerror=__xss(1)&gt;" in page.text
        assert "{{7*7}}" in page.text
        assert "\u202e" not in page.text


# --- the panel --------------------------------------------------------------------------------------------------------


def session_in(page):
    return json.loads(re.search(r'<script type="application/json" id="session">(.*?)</script>', page.text, re.S)[1])


async def test_an_order_s_page_carries_a_token_of_its_own(site):
    dana = await signed_in(site)
    page = await dana.get(f"/app/acme/orders/{site.order.id}?shop=shop")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    carried = session_in(page)
    assert (carried["base"], carried["order"], carried["shop"]) == ("/panel", str(site.order.id), "shop")
    session = site.parts.sessions.read(carried["token"], site.clock())
    assert (session.workspace, session.connection, session.user) == ("acme", "", f"email:dana@{DOMAIN}")
    assert session.principal.via == "sign_in"
    headers = {"authorization": f"Bearer {carried['token']}"}
    found = await site.client.get("/panel/search?q=48219", headers=headers)
    assert found.status_code == 200
    assert "48219" in found.text
    assert "dana@" not in page.text
    thief = site.browser()
    thief.cookies = {"beforehand": carried["token"]}
    assert (await thief.get(QUEUE)).status_code == 303


async def test_the_token_ends_with_the_session(site):
    dana = await signed_in(site)
    site.clock.advance(timedelta(minutes=20))
    token = session_in(await dana.get("/app/acme/orders/1001"))["token"]
    assert site.parts.sessions.read(token, site.clock() + timedelta(minutes=9)) is not None
    assert site.parts.sessions.read(token, site.clock() + timedelta(minutes=10)) is None


async def test_the_token_ends_with_signing_out(site):
    dana = await signed_in(site)
    page = await dana.get("/app/acme/orders/1001")
    headers = {"authorization": f"Bearer {session_in(page)['token']}"}
    assert (await site.client.get("/panel/search?q=48219", headers=headers)).status_code == 200
    key = form_key((await dana.get(QUEUE)).text)
    assert (await dana.post("/sign-out", {"form_key": key})).status_code == 200
    for path in ("/panel/search?q=48219", "/panel/stream?order=48219"):
        assert (await site.client.get(path, headers=headers)).status_code == 401
    answer = await site.client.post("/panel/approvals", json={}, headers=headers)
    assert answer.status_code == 401


async def test_the_token_is_dead_once_its_owner_has_lost_access(site):
    dana = await signed_in(site)
    token = session_in(await dana.get("/app/acme/orders/1001"))["token"]
    headers = {"authorization": f"Bearer {token}"}
    assert (await site.client.get("/panel/search?q=48219", headers=headers)).status_code == 200
    known = site.world.zendesk.desk.users[902]
    site.world.zendesk.desk.users[902] = type(known)(902, known.name, known.email, "admin", suspended=True)
    site.clock.advance(timedelta(seconds=61))
    assert (await dana.get(QUEUE)).status_code == 403
    for path in ("/panel/search?q=48219", "/panel/stream?order=48219"):
        answer = await site.client.get(path, headers=headers)
        assert answer.status_code == 403
        assert "no longer works in Zendesk" in answer.text


async def test_an_order_is_named_as_people_name_it(site):
    dana = await signed_in(site)
    page = await dana.get("/app/acme/orders/%2348219")
    assert session_in(page)["order"] == "#48219"
    hostile = await dana.get("/app/acme/orders/%3C%2Fscript%3E%3Cscript%3Ealert(1)")
    assert "<script>alert" not in hostile.text


async def test_a_ticket_s_page_is_of_a_helpdesk_of_this_workspace(site):
    dana = await signed_in(site)
    page = await dana.get("/app/acme/tickets/desk/4711")
    carried = session_in(page)
    assert carried["ticket"] == "4711"
    session = site.parts.sessions.read(carried["token"], site.clock())
    assert (session.connection, session.principal.via) == ("desk", "sign_in")
    for path in ("/app/acme/tickets/shop/4711", "/app/acme/tickets/nothing/4711"):
        assert (await dana.get(path)).status_code == 404


# --- links ------------------------------------------------------------------------------------------------------------


async def test_a_link_leads_to_signing_in_and_then_to_its_page(site):
    links = Links(["demo-key-demo-key-demo-key-demo-key"])
    for page, reference, path in (
        ("orders", str(site.order.id), f"/app/acme/orders/{site.order.id}"),
        ("orders", "#1001", "/app/acme/orders/%231001"),
        ("tickets", "inbox/55", "/app/acme/tickets/inbox/55"),
    ):
        token = links.make("acme", page, reference, NOW)
        somebody = site.browser()
        answer = await somebody.get(f"/app/link/{token}")
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        answer = await somebody.get(path)
        address = answer.headers["location"]
        assert address.startswith("/sign-in/acme?return_to=")
        began = await somebody.get(address)
        back = await somebody.get(await somebody.at_provider(began.headers["location"], "dana"))
        assert back.headers["location"] == path
        assert (await somebody.get(path)).status_code == 200


async def test_a_link_that_is_old_or_none_of_ours_leads_nowhere(site):
    links = Links(["demo-key-demo-key-demo-key-demo-key"])
    good = links.make("acme", "orders", "1001", NOW)
    session = site.parts.hosted_sessions.open("acme", f"dana@{DOMAIN}", "Dana", NOW)
    for token in (good[:-4], "x", session, Links(["o" * 32]).make("acme", "orders", "1001", NOW)):
        answer = await site.browser().get(f"/app/link/{token}")
        assert answer.status_code == 404
        assert "text/html" in answer.headers["content-type"]
        assert "location" not in answer.headers
    site.clock.advance(LIFE)
    assert (await site.browser().get(f"/app/link/{good}")).status_code == 404

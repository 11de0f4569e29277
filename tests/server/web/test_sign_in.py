"""Signing in on our own pages: the way to the provider and back, and everything that must not get through."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from server.demo.fake import DOWN, Mishap
from server.demo.people import DOMAIN, REDIRECT
from server.errors import BadInput
from server.flows.hosted_sessions import HostedSessions
from server.flows.sessions import PREFIX
from server.flows.sign_ins import LIFE, SignIns, own_path
from server.keys import sealer
from server.model import Role
from server.rules.policy import Colleague
from server.web.sign_in_log import MOST_PER_MINUTE
from tests.server.web.signing import ISSUER, NOW, colleague, form_key, site_at

QUEUE = "/app/acme/approvals"


@pytest.fixture
async def site(tmp_path):
    async with site_at(tmp_path) as found:
        yield found


async def refused(site, browser, path, status, reason, *, calls=0):
    """The answer to a way back that must not let anybody in."""
    before = sum(call.path == "/token" for call in site.world.people.calls)
    answer = await browser.get(path)
    assert answer.status_code == status, answer.text
    assert "beforehand" not in browser.cookies
    assert sum(call.path == "/token" for call in site.world.people.calls) - before == calls
    event, said = (await site.audit())[-1]
    assert event == "sign_in.refused"
    assert re.search(reason, said), said
    assert (await browser.get(QUEUE)).status_code == 303
    return answer


# --- the way ----------------------------------------------------------------------------------------------------------


async def test_the_whole_way(site):
    browser = site.browser()
    answer = await browser.get(QUEUE)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in/acme?return_to={quote(QUEUE, safe='')}")
    address = await browser.to_provider(return_to=quote(QUEUE, safe=""))
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert address.startswith(f"{ISSUER}/authorize?")
    assert asked["redirect_uri"] == "http://127.0.0.1:8080/sign-in/acme/callback"
    assert REDIRECT.fullmatch(asked["redirect_uri"])
    assert min(len(asked["state"]), len(asked["nonce"]), len(asked["code_challenge"])) >= 43
    answer = await browser.get(await browser.at_provider(address, "dana"))
    assert (answer.status_code, answer.headers["location"]) == (303, QUEUE)
    assert list(browser.cookies) == ["beforehand"]
    shown = await browser.get(QUEUE)
    assert shown.status_code == 200
    assert "Dana Lopez, approver" in shown.text
    assert await site.audit() == [("sign_in.accepted", "desk:902")]


async def test_every_attempt_is_another(site):
    asked = [parse_qs(urlsplit(await site.browser().to_provider()).query) for _ in range(20)]
    for name in ("state", "nonce", "code_challenge"):
        assert len({found[name][0] for found in asked}) == 20


async def test_the_cookies_on_this_machine(site):
    browser = site.browser()
    began = await browser.get("/sign-in/acme")
    (cookie,) = began.headers.get_list("set-cookie")
    assert re.fullmatch(r"beforehand-sign-in=[\w-]+; HttpOnly; Max-Age=600; Path=/; SameSite=lax", cookie)
    ended = await browser.get(await browser.at_provider(began.headers["location"], "dana"))
    session, attempt = sorted(ended.headers.get_list("set-cookie"), key=len, reverse=True)
    assert re.fullmatch(r"beforehand=[\w-]+; HttpOnly; Max-Age=1800; Path=/; SameSite=lax", session)
    assert attempt.startswith(('beforehand-sign-in="";', "beforehand-sign-in=;"))
    assert "Max-Age=0" in attempt


async def test_the_cookies_over_https(tmp_path):
    async with site_at(tmp_path, public_url="https://beforehand.example.com") as site:
        answer = await site.browser().get("/sign-in/acme")
        assert re.fullmatch(
            r"__Host-beforehand-sign-in=[\w-]+; HttpOnly; Max-Age=600; Path=/; SameSite=lax; Secure",
            answer.headers["set-cookie"],
        )
        asked = parse_qs(urlsplit(answer.headers["location"]).query)
        assert asked["redirect_uri"] == ["https://beforehand.example.com/sign-in/acme/callback"]
        made = site.parts.hosted_sessions.open("acme", f"dana@{DOMAIN}", "Dana", NOW)
        browser = site.browser()
        browser.cookies = {"beforehand": made}
        assert (await browser.get(QUEUE)).status_code == 303  # a name without the prefix is not bound to the host
        browser.cookies = {"__Host-beforehand": made}
        shown = await browser.get(QUEUE)
        assert shown.status_code == 200
        assert shown.headers["strict-transport-security"]
        gone = await browser.post("/sign-out", {"form_key": form_key(shown.text)})
        assert re.search(r"__Host-beforehand=.*Max-Age=0.*Secure", gone.headers["set-cookie"])


async def test_the_way_back_is_fixed_whatever_a_request_claims(site):
    for headers in (
        {"host": "evil.com"},
        {"x-forwarded-host": "evil.com"},
        {"forwarded": "host=evil.com;proto=https"},
        {"x-forwarded-proto": "https", "x-forwarded-host": "evil.com", "x-original-url": "//evil.com"},
    ):
        answer = await site.browser().get("/sign-in/acme", **headers)
        asked = parse_qs(urlsplit(answer.headers["location"]).query)
        assert asked["redirect_uri"] == ["http://127.0.0.1:8080/sign-in/acme/callback"]
        shown = await site.browser().get(QUEUE, **headers)
        assert shown.headers["location"].startswith("/sign-in/acme?return_to=%2Fapp%2Facme")


@pytest.mark.parametrize("workspace", ["plain", "nothing", "..", "%2e%2e"])
async def test_where_nobody_can_sign_in_says_the_same(site, workspace):
    for path in (
        f"/sign-in/{workspace}",
        f"/sign-in/{workspace}/callback?code=a&state=b",
        f"/app/{workspace}/approvals",
    ):
        answer = await site.browser().get(path)
        assert answer.status_code == 404
        assert "set-cookie" not in answer.headers
    known, unknown = await site.browser().get("/sign-in/plain"), await site.browser().get("/sign-in/nothing")
    assert known.text == unknown.text


# --- the table of attacks on the way back -----------------------------------------------------------------------------


async def test_without_state_nothing_is_asked(site):
    browser = site.browser()
    path = await browser.at_provider(await browser.to_provider(), "dana")
    await refused(site, browser, re.sub(r"state=[^&]*&?", "", path), 400, "belongs to another attempt")


@pytest.mark.parametrize("state", ["", "x", "x" * 43, "é", "%00", "a" * 5000])
async def test_another_state_is_refused(site, state):
    browser = site.browser()
    path = await browser.at_provider(await browser.to_provider(), "dana")
    await refused(site, browser, re.sub(r"state=[^&]*", f"state={state}", path), 400, "belongs to another attempt")


async def test_a_state_that_stands_there_twice_is_refused(site):
    browser = site.browser()
    path = await browser.at_provider(await browser.to_provider(), "dana")
    await refused(site, browser, f"{path}&state=other", 400, "belongs to another attempt")


async def test_an_answer_is_good_once(site):
    browser = site.browser()
    address = await browser.to_provider()
    attempt = dict(browser.cookies)
    path = await browser.at_provider(address, "dana")
    assert (await browser.get(path)).status_code == 303
    thief = site.browser()
    thief.cookies = attempt
    await refused(site, thief, path, 400, "used before")


async def test_a_failed_answer_cannot_be_tried_again(site):
    browser = site.browser()
    address = await browser.to_provider()
    attempt = dict(browser.cookies)
    path = await browser.at_provider(address, "dana")
    await refused(site, browser, re.sub(r"code=[^&]*", "code=wrong", path), 403, "invalid_grant", calls=1)
    browser.cookies = attempt
    await refused(site, browser, path, 400, "used before")


async def test_an_answer_in_another_browser_is_refused(site):
    browser, other = site.browser(), site.browser()
    path = await browser.at_provider(await browser.to_provider(), "dana")
    await refused(site, other, path, 400, "this browser did not begin")
    await other.to_provider()
    await refused(site, other, path, 400, "belongs to another attempt")


async def test_an_answer_after_ten_minutes_is_refused(site):
    browser = site.browser()
    address = await browser.to_provider()
    site.clock.advance(LIFE)
    await refused(site, browser, await browser.at_provider(address, "dana"), 400, "longer than ten minutes")


async def test_an_answer_for_another_workspace_is_refused(site):
    browser = site.browser()
    path = await browser.at_provider(await browser.to_provider("acme"), "dana")
    answer = await browser.get(path.replace("/acme/", "/other/"))
    assert answer.status_code == 400
    assert await site.audit("other") == [("sign_in.refused", "the attempt was for another workspace")]
    assert "/token" not in [call.path for call in site.world.people.calls]


async def test_a_code_that_was_stolen_or_swapped_is_refused(site):
    """An attacker puts the code of their own sign-in into the answer to somebody else's."""
    attacker, victim = site.browser(), site.browser()
    theirs = parse_qs(urlsplit(await attacker.at_provider(await attacker.to_provider(), "sam")).query)["code"][0]
    path = await victim.at_provider(await victim.to_provider(), "dana")
    await refused(site, victim, re.sub(r"code=[^&]*", f"code={theirs}", path), 403, "invalid_grant", calls=1)


async def test_an_answer_of_another_provider_is_refused(site):
    browser = site.browser()
    path = await browser.at_provider(await browser.to_provider(), "dana")
    swapped = re.sub(r"iss=[^&]*", "iss=https%3A%2F%2Fevil.com", path)
    await refused(site, browser, swapped, 403, "another provider")


@pytest.mark.parametrize(
    ("account", "reason"), [("pat", "another domain"), ("lee", "has not verified"), ("nobody", "access_denied")]
)
async def test_who_is_not_let_in(site, account, reason):
    browser = site.browser()
    path = await browser.at_provider(await browser.to_provider(), account)
    calls = 0 if account == "nobody" else 1
    answer = await refused(site, browser, path, 401 if account == "nobody" else 403, reason, calls=calls)
    assert "Sign in again" in answer.text


async def test_what_the_provider_claims_is_checked(site):
    for claims in ({"nonce": "n" * 43}, {"aud": "other"}, {"iss": "https://evil.com"}, {"exp": 1}):
        site.world.people.twist.claims = claims
        browser = site.browser()
        path = await browser.at_provider(await browser.to_provider(), "dana")
        await refused(site, browser, path, 403, "token", calls=1)


async def test_a_word_of_the_provider_s_is_only_a_word(site):
    browser = site.browser()
    path = await browser.at_provider(await browser.to_provider(), "nobody")
    answer = await browser.get(re.sub(r"error=[^&]*", "error=%3Cscript%3Ealert(1)%3C%2Fscript%3E%0a" + "x" * 900, path))
    assert "<script" not in answer.text
    assert len((await site.audit())[-1][1]) < 100


async def test_somebody_who_was_suspended_in_the_helpdesk_is_not_let_in(site):
    users = site.world.zendesk.desk.users
    robin = next(user for user in users.values() if user.name == "Robin Diaz")
    site.world.zendesk.desk.users[robin.id] = type(robin)(
        robin.id, robin.name, f"robin@{DOMAIN}", robin.role, suspended=True
    )
    browser = site.browser()
    path = await browser.at_provider(await browser.to_provider(), "robin")
    answer = await refused(site, browser, path, 403, "no longer works in Zendesk", calls=1)
    assert "no longer works in Zendesk" in answer.text


@pytest.mark.parametrize("mishap", [DOWN, Mishap(status=200, body=b"<html>", content_type="text/html")])
async def test_a_provider_with_trouble_is_said(site, mishap):
    site.world.people.standing_mishap = mishap
    answer = await site.browser().get("/sign-in/acme")
    assert answer.status_code == 503
    assert "The sign-in provider" in answer.text
    assert "set-cookie" not in answer.headers or "Max-Age=0" in answer.headers["set-cookie"]
    site.world.people.standing_mishap = None
    assert (await site.browser().sign_in()).status_code == 303


async def test_a_provider_that_fails_at_the_end_is_said(site):
    browser = site.browser()
    path = await browser.at_provider(await browser.to_provider(), "dana")
    site.world.people.standing_mishap = DOWN
    answer = await browser.get(path)
    assert answer.status_code == 503
    assert "beforehand" not in browser.cookies


async def test_nobody_fills_the_audit_log_from_outside(site):
    for _ in range(MOST_PER_MINUTE + 12):
        assert (await site.browser().get("/sign-in/acme/callback?state=a&code=b")).status_code == 400
    assert len(await site.audit()) == MOST_PER_MINUTE
    site.clock.advance(timedelta(minutes=1))
    await site.browser().get("/sign-in/acme/callback?state=a&code=b")
    (last,) = await site.parts.store.read(lambda tx: tx.audit("acme", MOST_PER_MINUTE, 10))
    assert last.fact.details["not_written_before"] == "12"


# --- where it leads ---------------------------------------------------------------------------------------------------

GOOD_PATHS = [
    "/app/acme/approvals",
    "/app/acme/approvals/0123abcd?did=approve",
    "/app/acme/orders/%231001?shop=shop",
    "/app/acme/tickets/desk/4711",
]
BAD_PATHS = [
    "//evil.com",
    "/\\evil.com",
    "\\\\evil.com",
    "/app//evil.com",
    "/app/%2F%2Fevil.com",
    "/app/\\evil.com",
    "/app/%5Cevil.com",
    "/app/../sign-out",
    "/app/%2e%2e/sign-out",
    "/app/..%2fevil",
    "https://evil.com/app/",
    "javascript:alert(1)",
    "JaVaScRiPt://app/%0aalert(1)",
    "data:text/html,x",
    "app/acme",
    " /app/acme",
    "/app/acme\nSet-Cookie: a=b",
    "/app/acme%0d%0aSet-Cookie:%20a=b",
    "/app/acme\x00",
    "/app/\u202eemca",
    "/sign-out",
    "/v1/orders/acme",
    "/app/" + "a" * 500,
    "@evil.com",
    "/app/acme#x",
]


@pytest.mark.parametrize("path", GOOD_PATHS)
async def test_a_page_of_ours_is_gone_back_to(site, path):
    answer = await site.browser().sign_in(return_to=quote(path, safe=""))
    assert answer.headers["location"] == path


@pytest.mark.parametrize("path", BAD_PATHS)
async def test_nowhere_else(site, path):
    with pytest.raises(BadInput):
        own_path(path, "acme")
    answer = await site.browser().get(f"/sign-in/acme?return_to={quote(path, safe='')}")
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers


# --- the session ------------------------------------------------------------------------------------------------------


async def test_a_session_ends_with_its_time(site):
    browser = site.browser()
    await browser.sign_in()
    site.clock.advance(timedelta(minutes=29, seconds=59))
    assert (await browser.get(QUEUE)).status_code == 200
    site.clock.advance(timedelta(seconds=1))
    assert (await browser.get(QUEUE)).status_code == 303


async def test_a_session_is_of_one_workspace(site):
    browser = site.browser()
    await browser.sign_in()
    answer = await browser.get("/app/other/approvals")
    assert answer.headers["location"].startswith("/sign-in/other?")


async def test_signing_out_ends_it_also_for_a_copy_of_the_cookie(site):
    browser = site.browser()
    await browser.sign_in()
    copy = site.browser()
    copy.cookies = dict(browser.cookies)
    key = form_key((await browser.get(QUEUE)).text)
    answer = await browser.post("/sign-out", {"form_key": key}, origin="http://127.0.0.1:8080")
    assert answer.status_code == 200
    assert browser.cookies == {}
    assert (await copy.get(QUEUE)).status_code == 303


async def test_no_other_site_signs_anybody_out(site):
    browser = site.browser()
    await browser.sign_in()
    key = form_key((await browser.get(QUEUE)).text)
    for form, headers in (
        ({}, {}),
        ({"form_key": "x"}, {}),
        ({"form_key": key}, {"origin": "https://evil.com"}),
        ({"form_key": key}, {"origin": "null"}),
        ({"form_key": key}, {"sec-fetch-site": "cross-site"}),
    ):
        assert (await browser.post("/sign-out", form, **headers)).status_code == (403 if form else 400)
    assert (await browser.get("/sign-out")).status_code == 405
    assert (await browser.get(QUEUE)).status_code == 200


async def test_what_we_seal_for_one_purpose_is_good_for_no_other(site):
    parts, now = site.parts, site.clock()
    cookie = parts.hosted_sessions.open("acme", f"dana@{DOMAIN}", "Dana", now)
    bearer = parts.sessions.open("acme", "desk", "zendesk:901", now)
    _, attempt = parts.sign_ins.begin("acme", "", now)
    for value in (bearer, bearer.removeprefix(PREFIX), attempt):
        assert parts.hosted_sessions.read(value, now) is None
        browser = site.browser()
        browser.cookies = {"beforehand": value}
        assert (await browser.get(QUEUE)).status_code == 303
    for value in (cookie, PREFIX + cookie, attempt, PREFIX + attempt):
        assert parts.sessions.read(value, now) is None
        answer = await site.browser().get("/panel/stream?order=1", authorization=f"Bearer {value}")
        assert answer.status_code == 401
    for value in (cookie, bearer):
        browser = site.browser()
        browser.cookies = {"beforehand-sign-in": value}
        assert (await browser.get("/sign-in/acme/callback?state=a&code=b")).status_code == 400
    # Nor does a cookie open the API, nor a token of the API a page.
    assert (await site.browser().get("/v1/issues/acme", cookie=f"beforehand={cookie}")).status_code == 401
    assert (await site.browser().get(QUEUE, authorization=f"Bearer {bearer}")).status_code == 303


def test_a_cookie_that_is_none_of_ours_is_nobody_s():
    secret, now = "k" * 32, NOW
    sessions = HostedSessions([secret], timedelta(minutes=30))
    good = sessions.open("acme", "dana@acme.test", "Dana", now)
    assert sessions.read(good, now).principal.user == "email:dana@acme.test"
    assert "dana" not in good
    of_others = sealer(["o" * 32], "hosted session").encrypt(b"{}").decode()
    of_nobody = sealer([secret], "hosted session").encrypt(b"{}").decode()
    for cookie in (None, "", good[:-3], good + "x" * 3000, "é", of_others, of_nobody):
        assert sessions.read(cookie, now) is None


def test_a_state_is_compared_as_bytes():
    signing = SignIns(["k" * 32])
    _, cookie = signing.begin("acme", "", NOW)
    for state in (None, "", "é", "\ud800".encode("utf-8", "replace").decode()):
        with pytest.raises(BadInput):
            signing.take(cookie, state, "acme", NOW)


# --- what somebody may ------------------------------------------------------------------------------------------------


async def test_the_policy_says_who_it_is(site):
    site.name(colleague("dana", role=Role.APPROVER))
    browser = site.browser()
    await browser.sign_in()
    assert "Dana, approver" in (await browser.get(QUEUE)).text
    site.name(Colleague(id="dana", email=f"dana@{DOMAIN}", role=Role.AGENT))
    assert "dana, agent" in (await browser.get(QUEUE)).text


async def test_whoever_loses_access_is_out_although_the_session_lasts(site):
    users = site.world.zendesk.desk.users
    robin = type(users[901])(901, "Robin Diaz", f"robin@{DOMAIN}", "agent")
    users[901] = robin
    browser = site.browser()
    await browser.sign_in("robin")
    assert (await browser.get(QUEUE)).status_code == 200
    users[901] = type(robin)(901, "Robin Diaz", f"robin@{DOMAIN}", "agent", suspended=True)
    site.clock.advance(timedelta(seconds=61))
    answer = await browser.get(QUEUE)
    assert answer.status_code == 403
    assert "no longer works in Zendesk" in answer.text


async def test_a_domain_that_is_no_longer_allowed_is_out(site):
    browser = site.browser()
    browser.cookies = {
        "beforehand": site.parts.hosted_sessions.open("acme", "dana@former.example", "Dana", site.clock())
    }
    assert (await browser.get(QUEUE)).status_code == 303


async def test_no_page_may_be_framed_and_none_runs_a_script(site):
    browser = site.browser()
    pages = [await browser.get("/sign-in/nothing"), await browser.get("/sign-in/acme/callback")]
    await browser.sign_in()
    pages.append(await browser.get(QUEUE))
    for answer in pages:
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        assert "<script" not in answer.text

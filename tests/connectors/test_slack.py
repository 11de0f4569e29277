"""Slack, judged by Slack's own SDK: its client reads what our stand-in answers, its schema what we send."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import respx
from slack_sdk.models.blocks import Block

from connectors import registry
from connectors.connection import Connection
from connectors.contract import (
    Arrival,
    Denied,
    Editable,
    Garbled,
    Missing,
    Notifier,
    Rejected,
    Throttled,
    Unavailable,
)
from connectors.model import Link, Notice

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
API = "https://slack.com/api"
NOTICE = Notice(
    key="i1:opened:0:ab",
    to="#logistics",
    headline="Order #1001 has had no carrier scan for 48 hours",
    text="Order #1001 has had no carrier scan for 48 hours, and no previous notification has been sent.",
    details=("No scan for 48 h of working time.",),
    links=(Link("Order in the shop", "https://shop.example/orders/1?a=1&b=2"),),
)
POSTED = {"ok": True, "channel": "C0LOGIST1", "ts": "1764000000.000100", "message": {}}


@pytest.fixture
def router():
    with respx.mock(assert_all_called=False) as found:
        yield found


@pytest.fixture
async def slack(router, clock):
    made = connect(router, clock)
    yield made
    await made.close()


@pytest.fixture
def clock():
    class Clock:
        now = NOW

        def __call__(self):
            return self.now

    return Clock()


def connect(router, clock=lambda: NOW, **settings):
    connection = Connection(
        workspace="acme",
        name="chat",
        clock=clock,
        clients=lambda _: httpx.AsyncClient(transport=httpx.MockTransport(router.async_handler)),
    )
    return registry.connect("slack", {"bot_token": "xoxb-canary-token", **settings}, connection)


def answers(router, method, *bodies, **facts):
    made = [httpx.Response(200, json=body, **facts) for body in bodies]
    return router.route(url__startswith=f"{API}/{method}").mock(side_effect=made)


def sent(route, number=-1):
    return json.loads(route.calls[number].request.content)


async def test_message_is_posted_and_can_be_found_again(slack, router):
    route = answers(router, "chat.postMessage", POSTED)
    assert isinstance(slack, Notifier)
    assert isinstance(slack, Editable)
    request = slack.render_notice(NOTICE)
    assert request == slack.render_notice(NOTICE)
    assert await slack.send(request, NOTICE.key) == "C0LOGIST1|1764000000.000100"
    assert route.calls[0].request.headers["authorization"] == "Bearer xoxb-canary-token"
    body = sent(route)
    assert (body["channel"], body["metadata"]["event_payload"]) == ("#logistics", {"key": NOTICE.key})
    assert body["text"].startswith(NOTICE.headline)


def test_blocks_are_what_slack_takes(slack):
    blocks = json.loads(slack.render_notice(NOTICE))["blocks"]
    for block in Block.parse_all(blocks):
        block.validate_json()
    assert blocks[0]["text"]["text"].startswith("*Order #1001 has had no carrier scan for 48 hours*, and no")
    assert blocks[-1]["elements"][0]["text"] == "<https://shop.example/orders/1?a=1&amp;b=2|Order in the shop>"


def test_blocks_keep_to_slacks_schema(slack, specs):
    schema = json.loads((specs / "slack" / "slack_KnownBlock.schema.json").read_text())
    long = "&" * 9000
    for notice in (NOTICE, Notice(key="k", to="#a", headline=long, text=long, details=(long,) * 20)):
        for block in json.loads(slack.render_notice(notice))["blocks"]:
            check(block, schema, schema)
            for element in block.get("elements", [block.get("text")]):
                assert len(element["text"]) <= 3000
                assert element["verbatim"] is True


def check(value, schema, root):
    """As much of JSON Schema as the file uses."""
    if "$ref" in schema:
        found = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        check(value, found, root)
    elif "anyOf" in schema:
        problems = []
        for each in schema["anyOf"]:
            try:
                check(value, each, root)
                return
            except AssertionError as error:
                problems.append(error)
        raise AssertionError(problems)
    elif schema.get("type") == "object" or "properties" in schema:
        assert isinstance(value, dict)
        assert set(schema.get("required", ())) <= value.keys()
        for name, each in value.items():
            assert name in schema["properties"] or schema.get("additionalProperties", True), name
            if name in schema["properties"]:
                check(each, schema["properties"][name], root)
    elif schema.get("type") == "array":
        assert isinstance(value, list)
        for each in value:
            check(each, schema["items"], root)
    elif "const" in schema:
        assert value == schema["const"]
    elif "enum" in schema:
        assert value in schema["enum"]
    elif schema.get("type") == "string":
        assert isinstance(value, str)
    elif schema.get("type") == "boolean":
        assert isinstance(value, bool)


@pytest.mark.parametrize(
    "evil",
    ["<!channel> now", "<@U1> and @channel", "<https://evil.example|refund>", "a & b <c>", "*bold* `x`"],
)
def test_what_others_wrote_mentions_nobody_and_links_nowhere(slack, evil):
    body = json.loads(slack.render_notice(Notice(key="k", to="#a", headline=evil, text=evil, details=(evil,))))
    said = [body["text"], *(e["text"] for b in body["blocks"] for e in b.get("elements", [b.get("text")]))]
    assert not any("<" in text or ">" in text for text in said)
    assert body["mrkdwn"] is False
    assert body["unfurl_links"] is False


def test_link_that_is_none_is_left_out(slack):
    links = (Link("x", "javascript:alert(1)"), Link("a|b>", "https://ok.example/<x>|y"))
    blocks = json.loads(slack.render_notice(Notice(key="k", to="#a", headline="h", text="t", links=links)))["blocks"]
    assert blocks[-1]["elements"][0]["text"] == "<https://ok.example/%3Cx%3E%7Cy|a/b&gt;>"


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("invalid_auth", Denied, "invalid_auth"),
        ("missing_scope", Denied, "add it and install the app again (chat:write)"),
        ("channel_not_found", Missing, "it is private and the app was not invited"),
        ("not_in_channel", Rejected, "invite the app into the channel"),
        ("is_archived", Rejected, "archived"),
        ("ratelimited", Throttled, "ratelimited"),
        ("internal_error", Unavailable, "internal_error"),
        ("something_new", Rejected, "something_new"),
    ],
)
async def test_refusals_come_in_our_words(slack, router, code, kind, said):
    answers(router, "chat.postMessage", {"ok": False, "error": code, "needed": "chat:write"})
    with pytest.raises(kind, match=f".*{said[:20]}") as caught:
        await slack.send(slack.render_notice(NOTICE), NOTICE.key)
    assert said in caught.value.detail


async def test_too_many_requests_are_waited_out(slack, router):
    router.post(f"{API}/chat.postMessage").mock(return_value=httpx.Response(429, headers={"retry-after": "30"}))
    with pytest.raises(Throttled) as caught:
        await slack.send(slack.render_notice(NOTICE), NOTICE.key)
    assert caught.value.retry_after == 30


async def test_no_json_is_garbled(slack, router):
    router.post(f"{API}/chat.postMessage").mock(return_value=httpx.Response(200, text="<html>"))
    with pytest.raises(Garbled):
        await slack.send(slack.render_notice(NOTICE), NOTICE.key)


def page(*keys, cursor=""):
    messages = [
        {"ts": "1", "metadata": {"event_type": "beforehand_notice", "event_payload": {"key": key}}} for key in keys
    ]
    return {
        "ok": True,
        "messages": [{"ts": "0", "text": "hi"}, *messages],
        "response_metadata": {"next_cursor": cursor},
    }


CHANNELS = {"ok": True, "channels": [{"id": "C0LOGIST1", "name": "logistics"}], "response_metadata": {}}


@pytest.mark.parametrize(
    ("pages", "arrival"),
    [
        ([page("other", NOTICE.key)], Arrival.ARRIVED),
        ([page("other", cursor="c2"), page(NOTICE.key)], Arrival.ARRIVED),
        ([page("other")], Arrival.REPEATABLE),
        ([{"ok": False, "error": "missing_scope"}], Arrival.UNKNOWN),
        ([{"ok": False, "error": "not_in_channel"}], Arrival.UNKNOWN),
    ],
)
async def test_lost_answer_is_looked_up_in_the_channel(slack, router, clock, pages, arrival):
    answers(router, "conversations.list", CHANNELS)
    history = answers(router, "conversations.history", *pages)
    clock.now = NOW + timedelta(minutes=1)
    assert await slack.arrival(slack.render_notice(NOTICE), NOTICE.key, NOW) is arrival
    asked = history.calls[0].request.url.params
    assert (asked["channel"], asked["include_all_metadata"]) == ("C0LOGIST1", "true")
    assert float(asked["oldest"]) <= NOW.timestamp()


async def test_lost_answer_is_not_looked_up_while_it_may_be_on_its_way(slack, clock):
    clock.now = NOW + timedelta(seconds=3)
    with pytest.raises(Unavailable):
        await slack.arrival(slack.render_notice(NOTICE), NOTICE.key, NOW)


async def test_channel_that_we_cannot_see_leaves_it_unknown(slack, router, clock):
    answers(router, "conversations.list", {**CHANNELS, "channels": []})
    clock.now = NOW + timedelta(minutes=1)
    assert await slack.arrival(slack.render_notice(NOTICE), NOTICE.key, NOW) is Arrival.UNKNOWN


async def test_message_is_written_anew_where_it_stands(slack, router):
    route = answers(router, "chat.update", {"ok": True}, {"ok": False, "error": "message_not_found"})
    request = slack.render_notice(NOTICE)
    await slack.edit("C0LOGIST1|1764000000.000100", request)
    body = sent(route)
    assert (body["channel"], body["ts"]) == ("C0LOGIST1", "1764000000.000100")
    assert body["blocks"] == json.loads(request)["blocks"]
    with pytest.raises(Missing):
        await slack.edit("C0OTHERS1|1764000000.000100", request)


async def test_check_names_the_workspace_and_the_scopes_that_are_missing(slack, router):
    found = {"ok": True, "team": "Acme", "user": "beforehand"}
    router.route(url__startswith=f"{API}/auth.test").mock(
        side_effect=[
            httpx.Response(200, json=found, headers={"x-oauth-scopes": "chat:write,channels:history"}),
            httpx.Response(200, json=found, headers={"x-oauth-scopes": "channels:history"}),
        ]
    )
    assert await slack.check() == (
        "Slack workspace Acme, as beforehand; without channels:read a lost answer cannot be looked up"
    )
    with pytest.raises(Denied, match="chat:write"):
        await slack.check()


def test_addresses(slack):
    assert [slack.reaches(a) for a in ("#logistics", "C0LOGIST1", "team@example.com", "", "# a")] == [
        True,
        True,
        False,
        False,
        False,
    ]


async def test_notice_to_the_connection_itself_goes_to_its_channel(router):
    made = connect(router, channel="#ops")
    assert json.loads(made.render_notice(Notice(key="k", to="", headline="h", text="t")))["channel"] == "#ops"
    with pytest.raises(Rejected, match="no channel"):
        connect(router).render_notice(Notice(key="k", to="", headline="h", text="t"))


@pytest.mark.parametrize("settings", [{"bot_token": "abc"}, {"channel": "ops"}])
def test_bad_settings_say_what_was_expected(router, settings):
    with pytest.raises(ValueError, match=r"expected (bot_token|channel)"):
        connect(router, **settings)


async def test_base_url_is_honoured(router):
    route = router.post("http://127.0.0.1:9105/api/chat.postMessage").mock(
        return_value=httpx.Response(200, json=POSTED)
    )
    connection = Connection(
        workspace="acme",
        name="chat",
        base_url="http://127.0.0.1:9105",
        clients=lambda _: httpx.AsyncClient(transport=httpx.MockTransport(router.async_handler)),
    )
    made = registry.connect("slack", {"bot_token": "xoxb-1"}, connection)
    await made.send(made.render_notice(NOTICE), NOTICE.key)
    assert route.called
    await made.close()

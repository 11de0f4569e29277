"""Buttons in Slack: what we show keeps to Slack's schema, what comes back is judged as Slack's own SDK judges it."""

import json
from datetime import UTC, datetime
from urllib.parse import urlencode

import httpx
import pytest
import respx
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import ActionsBlock, Block, InputBlock
from slack_sdk.signature import Clock, SignatureVerifier

from connectors import registry
from connectors.connection import Connection
from connectors.contract import Envelope, Forged, Interactive, Missing, Press, Rejected, Unreadable
from connectors.model import Choice, Notice
from server.demo.slack_presses import Invalid, Presses, check_blocks, signed
from tests.connectors.test_slack import check

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
CHOICES = (Choice("approve", "Approve", "t" * 500), Choice("reject", "Reject", "u" * 500, is_dangerous=True))
NOTICE = Notice(key="k1", to="#payments", headline="To be decided", text="Sam asks for it.", choices=CHOICES)


def connect(router=None, **values):
    connection = Connection(
        workspace="acme",
        name="chat",
        clock=lambda: NOW,
        clients=lambda _: httpx.AsyncClient(transport=httpx.MockTransport(router.async_handler if router else refuse)),
    )
    return registry.connect("slack", {"bot_token": "xoxb-canary", "signing_secret": SECRET, **values}, connection)


def refuse(request):
    raise AssertionError(f"nothing may be asked here: {request.url}")


@pytest.fixture
def slack():
    return connect()


@pytest.fixture
def presses():
    return Presses(lambda: NOW)


def envelope(press, **changes):
    return Envelope({**press.headers, **changes}, press.body, NOW)


def blocks_of(slack, notice=NOTICE):
    return json.loads(slack.render_notice(notice))["blocks"]


# --- what we show -------------------------------------------------------------------------------------------------


def test_buttons_and_the_line_for_the_reason_are_what_slack_takes(slack, specs):
    schema = json.loads((specs / "slack" / "slack_KnownBlock.schema.json").read_text())
    blocks = blocks_of(slack)
    for block in blocks:
        check(block, schema, schema)
    parsed = Block.parse_all(blocks)
    for block in parsed:
        block.validate_json()
    (reason,) = [block for block in parsed if isinstance(block, InputBlock)]
    (actions,) = [block for block in parsed if isinstance(block, ActionsBlock)]
    assert [(e.text.text, e.style, e.value[0]) for e in actions.elements] == [
        ("Approve", "primary", "t"),
        ("Reject", "danger", "u"),
    ]
    assert len({e.action_id for e in actions.elements}) == 2
    assert reason.element.max_length == 1000
    assert blocks.index(reason.to_dict()) < blocks.index(actions.to_dict())
    check_blocks(blocks)


def test_ids_are_new_where_the_choices_are_and_the_same_bytes_come_twice(slack):
    other = Notice(key="k1", to="#payments", headline="h", text="t", choices=(Choice("approve", "Approve", "other"),))

    def ids(notice):
        return {block["block_id"] for block in blocks_of(slack, notice) if "block_id" in block}

    assert ids(NOTICE).isdisjoint(ids(other))
    assert slack.render_notice(NOTICE) == slack.render_notice(NOTICE)


def test_without_a_signing_secret_nothing_is_offered():
    blocks = blocks_of(connect(signing_secret=""))
    assert {block["type"] for block in blocks} == {"section"}


def test_labels_are_shortened_and_a_value_that_is_too_long_leaves_its_button_out(slack):
    choices = (Choice("approve", "A" * 200, "v"), Choice("reject", "Reject", "v" * 2001))
    (block,) = [
        b
        for b in blocks_of(slack, Notice(key="k", to="#a", headline="h", text="t", choices=choices))
        if b["type"] == "actions"
    ]
    (button,) = block["elements"]
    assert len(button["text"]["text"]) == 75


@pytest.mark.parametrize("evil", ["<!channel>", "*x* <@U1>", "&amp;"])
def test_labels_are_plain_text(slack, evil):
    choices = (Choice("approve", evil, "v"),)
    (block,) = [
        b
        for b in blocks_of(slack, Notice(key="k", to="#a", headline="h", text="t", choices=choices))
        if b["type"] == "actions"
    ]
    assert block["elements"][0]["text"] == {"type": "plain_text", "text": evil, "emoji": False}


# --- what comes back ----------------------------------------------------------------------------------------------


def test_press_is_read_with_the_reason_that_was_written(slack, presses):
    assert isinstance(slack, Interactive)
    press = presses.press(blocks_of(slack), "Reject", "U02DANA", "tr\u00f6p late & more")
    slack.verify_interaction(envelope(press))
    found = slack.read_interaction(envelope(press))
    assert (found.user, found.value, found.reason) == ("U02DANA", "u" * 500, "tr\u00f6p late & more")
    assert found.reply_to == "https://hooks.slack.com/actions/T0ACME/1/U02DANA"
    silent = slack.read_interaction(envelope(presses.press(blocks_of(slack), "Reject", "U02DANA")))
    assert (silent.reason, silent.id != found.id) == ("", True)
    assert slack.read_interaction(envelope(press)).id == found.id


class SdkClock(Clock):
    def now(self):
        return NOW.timestamp()


def is_good_by_sdk(headers, body):
    try:
        return SignatureVerifier(SECRET, SdkClock()).is_valid_request(body, headers)
    except (TypeError, ValueError):
        return False  # the SDK breaks on some of these


def is_good_by_us(slack, headers, body):
    try:
        slack.verify_interaction(Envelope(headers, body, NOW))
    except Forged:
        return False
    return True


def shifted(seconds):
    return signed(b"payload=%7B%7D", datetime.fromtimestamp(NOW.timestamp() + seconds, UTC))


GOOD = signed(b"payload=%7B%7D", NOW)
SIGNATURE = GOOD.headers["x-slack-signature"]


@pytest.mark.parametrize(
    ("press", "changes"),
    [
        (GOOD, {}),
        (shifted(-299), {}),
        (shifted(-301), {}),
        (shifted(301), {}),
        (signed(b"payload=%7B%7D", NOW, "another secret"), {}),
        (GOOD, {"x-slack-signature": ""}),
        (GOOD, {"x-slack-signature": SIGNATURE[:-1]}),
        (GOOD, {"x-slack-signature": SIGNATURE.removeprefix("v0=")}),
        (GOOD, {"x-slack-signature": SIGNATURE.replace("v0=", "v1=")}),
        (GOOD, {"x-slack-signature": f"{SIGNATURE}, {SIGNATURE}"}),
        (GOOD, {"x-slack-signature": "v0=" + "0" * 64}),
        (GOOD, {"x-slack-request-timestamp": "0"}),
        (GOOD, {"x-slack-request-timestamp": str(int(NOW.timestamp()) + 1)}),
    ],
)
def test_signature_is_judged_as_slacks_sdk_judges_it(slack, press, changes):
    headers = {**press.headers, **changes}
    assert is_good_by_us(slack, headers, press.body) == is_good_by_sdk(headers, press.body)
    assert not is_good_by_us(slack, headers, press.body + b" ")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.text(max_size=80), st.text(max_size=40))
def test_nothing_made_up_is_taken_and_nothing_breaks(body, signature, at):
    slack = connect()
    for stamp in (at, GOOD.headers["x-slack-request-timestamp"]):
        for given_signature in (signature, f"v0={signature}", SIGNATURE):
            headers = {"x-slack-signature": given_signature, "x-slack-request-timestamp": stamp}
            if (body, stamp, given_signature) != (GOOD.body, GOOD.headers["x-slack-request-timestamp"], SIGNATURE):
                assert not is_good_by_us(slack, headers, body)


@pytest.mark.parametrize(
    "changes",
    [
        {"x-slack-signature": "v0=\u00e9"},
        {"x-slack-request-timestamp": "nan"},
        {"x-slack-request-timestamp": f"{NOW.timestamp()}"},
        {"x-slack-request-timestamp": "9" * 20},
        {"x-slack-request-timestamp": f" {int(NOW.timestamp())}"},
    ],
)
def test_odd_headers_are_refused(slack, changes):
    assert not is_good_by_us(slack, {**GOOD.headers, **changes}, GOOD.body)


def test_without_a_secret_everything_is_refused():
    slack = connect(signing_secret="")
    for secret in ("", SECRET):
        press = signed(b"payload=%7B%7D", NOW, secret)
        assert not is_good_by_us(slack, press.headers, press.body)
    assert not is_good_by_us(slack, {}, b"")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload=",
        b"payload=%5B%5D",
        b"payload=%7B%22type%22%3A1%7D",
        b"payload=" + b"[" * 100_000,
        b"payload=%FF",
        b"\xff\xfe",
        b"payload=%7B%7D&payload=%7B%7D",
        b"&".join(b"a%d=1" % number for number in range(50)),
        urlencode({"payload": '{"type":"block_actions","user":null}'}).encode(),
        urlencode({"payload": '{"type":"block_actions","user":{"id":"x:U02DANA"}}'}).encode(),
        urlencode({"payload": '{"type":"block_actions","user":{"id":""}}'}).encode(),
    ],
)
def test_what_cannot_be_read_says_so(slack, body):
    with pytest.raises(Unreadable):
        slack.read_interaction(Envelope({}, body, NOW))


def payload(**facts):
    values = {"type": "block_actions", "user": {"id": "U1", "team_id": "T1"}, "team": {"id": "T1"}, **facts}
    return Envelope({}, urlencode({"payload": json.dumps(values)}).encode(), NOW)


OURS = {"action_id": "beforehand_choice_approve", "value": "v", "action_ts": "1"}


@pytest.mark.parametrize(
    "facts",
    [
        {"type": "view_submission"},
        {"type": "block_actions"},
        {"actions": [{"action_id": "somebody_elses", "value": "v"}]},
        {"actions": [{"action_id": "beforehand_choice_approve", "value": ""}]},
    ],
)
def test_what_is_no_button_of_ours_is_nothing(slack, facts):
    assert slack.read_interaction(payload(**facts)) is None


def test_guest_whom_another_workspace_vouches_for_is_refused(slack):
    assert slack.read_interaction(payload(actions=[OURS])).user == "U1"
    with pytest.raises(Forged, match="another Slack workspace"):
        slack.read_interaction(payload(actions=[OURS], user={"id": "U1", "team_id": "T2"}))
    grid = {"enterprise": {"id": "E1"}, "user": {"id": "U1", "team_id": "T2"}}
    assert slack.read_interaction(payload(actions=[OURS], **grid)).user == "U1"


# --- the answer ---------------------------------------------------------------------------------------------------

PRESS = Press(id="1", user="U1", value="v", reply_to="https://hooks.slack.com/actions/T1/2/x")


async def test_answer_is_private_escaped_and_without_our_token():
    with respx.mock() as router:
        route = router.post("https://hooks.slack.com/actions/T1/2/x").mock(return_value=httpx.Response(200, text="ok"))
        slack = connect(router)
        await slack.answer_press(PRESS, "Nothing was decided: <!channel> & more.")
        request = route.calls[0].request
        assert "authorization" not in request.headers
        assert json.loads(request.content) == {
            "response_type": "ephemeral",
            "replace_original": False,
            "text": "Nothing was decided: &lt;!channel&gt; &amp; more.",
        }
        router.post("https://hooks.slack.com/actions/T1/2/x").mock(return_value=httpx.Response(404, text="expired_url"))
        with pytest.raises(Missing):
            await slack.answer_press(PRESS, "late")
        await slack.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://evil.example/actions/1",
        "http://hooks.slack.com/actions/1",
        "https://hooks.slack.com.evil.example/a",
        "https://hooks.slack.com@evil.example/a",
        "https://hooks.slack.com:8443/a",
        "file:///etc/passwd",
    ],
)
async def test_answer_goes_nowhere_else(url):
    slack = connect()
    with pytest.raises(Rejected):
        await slack.answer_press(Press(id="1", user="U1", value="v", reply_to=url), "text")
    await slack.close()


# --- the stand-in is as strict ------------------------------------------------------------------------------------


def test_stand_in_signs_as_slack_does(presses, slack):
    press = presses.press(blocks_of(slack), "Approve", "U1", "ok")
    assert is_good_by_sdk(press.headers, press.body)


@pytest.mark.parametrize(
    "change",
    [
        lambda blocks: blocks[-1].update(elements=[]),
        lambda blocks: blocks[-1]["elements"][0].update(style="primary!"),
        lambda blocks: blocks[-1]["elements"][0].update(value="v" * 2001),
        lambda blocks: blocks[-1]["elements"][0].update(action_id=blocks[-1]["elements"][1]["action_id"]),
        lambda blocks: blocks[-1]["elements"][0]["text"].update(type="mrkdwn"),
        lambda blocks: blocks[-1]["elements"][0]["text"].update(text="x" * 76),
        lambda blocks: blocks[-1].update(block_id=blocks[-2]["block_id"]),
        lambda blocks: blocks[-2]["element"].update(max_length=3001),
        lambda blocks: blocks[-2].update(label="Reason"),
    ],
)
def test_stand_in_refuses_what_slack_refuses(slack, change):
    blocks = blocks_of(slack)
    change(blocks)
    with pytest.raises(Invalid):
        check_blocks(blocks)

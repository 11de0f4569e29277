"""Decisions in Slack, from the message to the ticket: in the simulated world, with the real server and its database."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from urllib.parse import parse_qs, urlencode

import httpx
import pytest

from connectors.money import Money
from connectors.order_actions import OrderActionKind
from server import settings as configuration
from server.app import create_app
from server.approval_model import ApprovalState, TicketPlace, Verdict
from server.demo.clock import StoppedClock
from server.demo.fake import DOWN, LOST
from server.demo.orders import Attempt, Intent, Item, Person, WorldOrder
from server.demo.slack_presses import signed
from server.demo.world import POLICY, WORKSPACE, World
from server.demo.world import configuration as world_configuration
from server.engine.embedded import Engine
from server.flows import audit
from server.flows.approvals import Ask
from server.flows.chat_choices import ChatChoices
from server.model import ActionKind, Principal, Role
from server.parts import Parts
from server.store.contract import StoreUnavailable
from server.store.sqlite import SqliteStore
from server.workspaces import connect_all

START = datetime(2026, 11, 10, 14, 0, tzinfo=UTC)
ADDRESS = f"/interactions/{WORKSPACE}.chat"
TABLES = POLICY.replace('"desk:901", "token:robin"', '"desk:901", "token:robin", "chat:U01ROBIN"')
ROBIN = Principal(workspace=WORKSPACE, user="robin", role=Role.AGENT, via="token")
DANA, KIM, STRANGER = "U02DANA", "U03KIM", "U09STRANGER"


@pytest.fixture
async def stage(tmp_path):
    """One workspace of the simulated world, and another one beside it with a Slack of its own kind."""
    clock = StoppedClock(START)
    world = World(clock)
    (tmp_path / "policy.toml").write_text(TABLES)
    document = world_configuration(
        public_url="http://127.0.0.1:8080",
        bind="127.0.0.1:8080",
        database=tmp_path / "beforehand.db",
        addresses={name: f"http://{name}.world.test" for name in world.fakes},
    )
    chat = {**document["workspace"][WORKSPACE]["connections"]["chat"], "signing_secret": "other-secret"}
    document["workspace"]["other"] = {"connections": {"chat": chat}}
    document["workspace"][WORKSPACE]["connections"]["second"] = {
        **document["workspace"][WORKSPACE]["connections"]["chat"]
    }
    settings = configuration.parse(document, tmp_path, {})
    workspaces = connect_all(settings, clock=clock, clients=world.clients)
    store = await SqliteStore.open(settings.server.database_path, clock=clock)
    engine = Engine(workspaces, store, clock)
    parts = Parts(settings=settings, store=store, workspaces=workspaces, engine=engine, clock=clock)
    transport = httpx.ASGITransport(app=create_app(parts))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        yield Stage(world=world, clock=clock, parts=parts, engine=engine, client=client, settings=settings)
    await parts.gathering.close()
    await engine.stop()
    for workspace in workspaces.values():
        await workspace.close()
    await store.close()


class Stage(SimpleNamespace):
    """An order that was paid, what people ask for, and what they press."""

    def order(self, total="120.00"):
        order_id, now = 5_820_000_048_301, self.clock()
        intent = Intent("pi_3Test48301", int(Decimal(total) * 100), now)
        intent.attempts.append(Attempt("ch_3Test48301x0", now, ""))
        item = Item(order_id * 10 + 1, "Enamel mug", "MUG-1", 1, Decimal(total))
        person = Person(601, "Nora Quinn", "nora.quinn@example.com", "Denver", "CO")
        order = WorldOrder(id=order_id, number=48301, customer=person, items=(item,), placed_at=now, intent=intent)
        self.world.add(order)
        return order

    async def ask(self, amount=1200, key="k1", **facts):
        if not self.world.shopify.orders:
            self.order()
        ask = Ask(
            order="#48301",
            kind=OrderActionKind.REFUND,
            amount=Money(amount, "USD"),
            reason="arrived <!channel> broken",
            **facts,
        )
        made = await self.parts.approvals.ask(ROBIN, ask, key)
        await self.engine.settle()
        return made

    @property
    def message(self):
        return self.world.slack.messages[-1]

    def pressed(self, label="Approve", user=DANA, reason="fair enough", **facts):
        return self.world.slack.press(self.message, label, user, reason, **facts)

    async def send(self, press, address=ADDRESS, **headers):
        answer = await self.client.post(address, content=press.body, headers={**press.headers, **headers})
        return answer.status_code

    async def press(self, label="Approve", user=DANA, reason="fair enough", **facts):
        """Press it, and what whoever pressed is told then."""
        before = len(self.told(user))
        assert await self.send(self.pressed(label, user, reason, **facts)) == 200
        return " ".join(self.told(user)[before:])

    def told(self, user=DANA):
        return self.world.slack.presses.told(user)

    async def request(self, request_id):
        return await self.parts.store.read(lambda tx: tx.approval(request_id))

    async def events(self, workspace=WORKSPACE):
        entries = await self.parts.store.read(lambda tx: tx.audit(workspace, 0, 1000))
        assert (await audit.check(self.parts.store, workspace)).is_sound
        return [(entry.fact.event, entry.fact.actor) for entry in entries]

    def buttons(self):
        return [block for block in self.message.blocks if block["type"] in ("actions", "input")]


async def test_approved_in_slack_carried_out_and_told_where_it_stands_and_in_the_ticket(stage):
    desk = stage.world.zendesk.desk
    nora = desk.user("Nora Quinn", "nora.quinn@example.com")
    ticket = desk.open(subject="Broken", requester=nora, author=nora, body="It broke.", public=True, channel="email")
    made = await stage.ask(ticket=TicketPlace(connection="desk", ticket_id=str(ticket.id)))
    assert "To be decided: Refund of $12.00 for order #48301" in stage.message.text
    assert "<!channel>" not in json.dumps(stage.message.blocks)
    assert f"http://127.0.0.1:8080/app/acme/approvals/{made.id}" in json.dumps(stage.message.blocks)
    assert [block["type"] for block in stage.buttons()] == ["input", "actions"]
    said = await stage.press()
    assert said.startswith("You approved this: Refund of $12.00 for order #48301.")
    (decision,) = (await stage.request(made.id)).decisions
    assert (decision.person.id, decision.person.via, decision.reason) == ("dana", "chat", "fair enough")
    for _ in range(5):
        await stage.engine.settle()
        stage.clock.advance(timedelta(minutes=2))
    after = await stage.request(made.id)
    assert after.state is ApprovalState.EXECUTED
    assert not stage.buttons(), "what is decided offers nothing to press"
    assert stage.message.text.startswith("Approved and done: Refund of $12.00 for order #48301")
    assert f"Approved by Dana Lopez, and done. {after.receipt.text}" in stage.message.text
    assert len(stage.world.slack.messages) == 1
    (note,) = [comment for comment in ticket.comments if not comment.public]
    for said in ("Refund of $12.00", "Robin Diaz", "arrived", "Dana Lopez", "fair enough", after.receipt.text):
        assert said in note.body
    assert ticket.status == "new"
    assert await stage.events() == [
        ("approval.requested", "robin"),
        ("approval.approved", "dana"),
        ("approval.executed", ""),
    ]


async def test_slack_is_answered_before_the_order_is_read_again(stage, monkeypatch):
    made = await stage.ask()
    press, gate, answered = stage.pressed(), asyncio.Event(), asyncio.Event()
    decide = stage.parts.approvals.decide

    async def slowly(*values):
        await gate.wait()
        return await decide(*values)

    monkeypatch.setattr(stage.parts.approvals, "decide", slowly)
    body = [{"type": "http.request", "body": press.body, "more_body": False}]

    async def receive():
        return body.pop() if body else await asyncio.Event().wait()

    async def send(message):
        if message["type"] == "http.response.body" and not message.get("more_body"):
            answered.set()

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": ADDRESS,
        "raw_path": ADDRESS.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in press.headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8080),
    }
    async with asyncio.timeout(10):
        under_way = asyncio.create_task(stage.client._transport.app(scope, receive, send))
        await answered.wait()
        assert (await stage.request(made.id)) == made
        gate.set()
        await under_way
    assert (await stage.request(made.id)).state is ApprovalState.APPROVED


async def test_rejected_in_slack(stage):
    made = await stage.ask()
    said = await stage.press("Reject", reason="out of policy")
    assert said == "You rejected this: Refund of $12.00 for order #48301."
    assert (await stage.request(made.id)).state is ApprovalState.REJECTED
    await stage.engine.settle()
    assert not stage.buttons()
    assert "Rejected by Dana Lopez: out of policy." in stage.message.text
    assert not stage.world.stripe.calls or all("refunds" not in call.path for call in stage.world.stripe.calls)


async def test_reminder_is_a_message_of_its_own_and_both_are_true_in_the_end(stage):
    made = await stage.ask()
    stage.clock.advance(timedelta(hours=4, minutes=1))
    await stage.engine.settle()
    first, second = stage.world.slack.messages
    assert second.text.startswith("Still to be decided: ")
    press = stage.world.slack.press(first, "Reject", DANA, "the first one's buttons are good still")
    assert await stage.send(press) == 200
    assert (await stage.request(made.id)).state is ApprovalState.REJECTED
    await stage.engine.settle()
    for message in (first, second):
        assert message.text.startswith("Rejected: ")
        assert {block["type"] for block in message.blocks} <= {"section", "context"}
    stage.clock.advance(timedelta(hours=9))
    await stage.engine.settle()
    assert len(stage.world.slack.messages) == 2


async def test_who_asked_may_not_approve_also_by_another_way_in(stage):
    made = await stage.ask()
    said = await stage.press(user="U01ROBIN")
    assert said == "Nothing was decided. Somebody else has to decide what you have asked for."
    assert (await stage.request(made.id)).state is ApprovalState.PENDING
    assert (await stage.events())[-1][0] == "approval.refused"


async def test_whoever_the_policy_does_not_name_decides_nothing_and_is_written_down(stage):
    made = await stage.ask()
    said = await stage.press(user=STRANGER)
    assert said.startswith("Nothing was decided. U09STRANGER of Slack is nobody whom the policy names")
    assert await stage.request(made.id) == made
    assert (await stage.events())[-1] == ("approval.refused", f"chat:{STRANGER}")


async def test_reason_is_needed(stage):
    made = await stage.ask()
    said = await stage.press(reason="")
    assert said.startswith("Nothing was decided: write a reason")
    assert await stage.request(made.id) == made
    assert (await stage.press(reason="fine by me")).startswith("You approved this")


async def test_second_press_repeat_and_replay_decide_once(stage):
    made = await stage.ask()
    press = stage.pressed()
    again = stage.pressed(reason="really")
    reject = stage.pressed("Reject", user=KIM)
    assert [await stage.send(each) for each in (press, press, press, again, reject)] == [200] * 5
    assert len((await stage.request(made.id)).decisions) == 1
    assert stage.told()[0].startswith("You approved this")
    assert stage.told()[1:] == ["You have decided this already: it counts once."]
    assert stage.told(KIM)[0].startswith("Nothing was decided. ")
    decided = [event for event in await stage.events() if event[0] in ("approval.approved", "approval.rejected")]
    assert decided == [("approval.approved", "dana")]


async def test_many_at_once_decide_once(stage):
    made = await stage.ask()
    presses = [stage.pressed(label, user) for label in ("Approve", "Reject") for user in (DANA, KIM) for _ in range(5)]
    assert set(await asyncio.gather(*map(stage.send, presses))) == {200}
    after = await stage.request(made.id)
    assert len(after.decisions) == 1
    told = stage.told() + stage.told(KIM)
    assert len(told) == len(presses)
    assert sum(text.startswith("You ") and "already" not in text for text in told) == 1


async def test_two_have_to_agree_and_the_second_gets_buttons_of_the_new_version(stage):
    stage.order("400.00")
    made = await stage.ask(amount=20_000)
    assert made.needs == 2
    old = stage.pressed(user=KIM)
    assert "Somebody else has to agree as well" in await stage.press()
    await stage.engine.settle()
    assert stage.message.text.startswith("One more has to agree: ")
    assert await stage.send(old) == 200
    assert stage.told(KIM)[0].startswith("Nothing was decided. ")
    assert (await stage.press(user=DANA)).startswith("Nothing was decided. You have agreed already")
    assert (await stage.press(user=KIM, reason="me too")).startswith("You approved this")
    assert [each.person.id for each in (await stage.request(made.id)).approvals] == ["dana", "kim"]


async def test_order_that_has_changed_sends_it_back_with_the_differences(stage):
    made = await stage.ask()
    order = next(iter(stage.world.shopify.orders.values()))
    order.cancelled_at = stage.clock() + timedelta(minutes=1)
    said = await stage.press()
    assert said.startswith("Nothing was decided. The order has changed since this was asked for.")
    assert "Cancelled: was no, is now yes." in said
    assert (await stage.request(made.id)).state is ApprovalState.PENDING
    await stage.engine.settle()
    assert stage.message.text.startswith("To be decided again: ")
    assert "Cancelled: was no, is now yes" in json.dumps(stage.message.blocks)


async def test_expired_request_says_so(stage):
    made = await stage.ask()
    stage.clock.advance(timedelta(days=8))
    press = stage.pressed()
    assert await stage.send(press) == 200
    assert "It has expired" in stage.told()[0]
    assert (await stage.request(made.id)).state is ApprovalState.EXPIRED


# --- who is not let in --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "forge",
    [
        lambda press, at: signed(press.body, at, "guess"),
        lambda press, at: replace_header(press, "x-slack-signature", "v0=" + "0" * 64),
        lambda press, at: replace_header(press, "x-slack-signature", ""),
        lambda press, at: signed(press.body, at - timedelta(seconds=301)),
        lambda press, at: signed(press.body, at + timedelta(seconds=301)),
        lambda press, at: type(press)(press.headers, press.body.replace(b"Approve", b"Approvd")),
        lambda press, at: signed(press.body, at, "other-secret"),
    ],
)
async def test_what_is_not_signed_by_our_slack_decides_nothing(stage, forge):
    made = await stage.ask()
    press = forge(stage.pressed(), stage.clock())
    assert await stage.send(press) == 401
    assert await stage.request(made.id) == made
    assert stage.told() == []
    assert (await stage.events())[-1] == ("interaction.refused", "")


def replace_header(press, name, value):
    return type(press)({**press.headers, name: value}, press.body)


def with_value(press, value, at, secret=None):
    payload = json.loads(parse_qs(press.body.decode())["payload"][0])
    payload["actions"][0]["value"] = value
    body = urlencode({"payload": json.dumps(payload)}).encode()
    return signed(body, at, secret) if secret else signed(body, at)


async def test_old_press_is_refused_when_it_is_sent_again_later(stage):
    await stage.ask()
    press = stage.pressed()
    stage.clock.advance(timedelta(minutes=6))
    assert await stage.send(press) == 401


async def test_button_of_another_workspace_connection_or_maker_is_none_of_ours(stage):
    made = await stage.ask()
    keys = stage.settings.server.secret_keys
    plain = f"{made.id}|{made.version}|approve"
    ready = stage.message.blocks[-1]["elements"][0]["value"]
    assert ChatChoices(keys, "").open(ready, WORKSPACE, "chat").verdict is Verdict.APPROVE
    # At another workspace's address, signed with that one's secret: the token is not good there.
    other = with_value(stage.pressed(), ready, stage.clock(), "other-secret")
    assert await stage.send(other, "/interactions/other.chat") == 200
    assert (await stage.events("other"))[-1] == ("approval.refused", f"chat:{DANA}")
    # At another connection of the same workspace.
    assert (
        await stage.send(with_value(stage.pressed(), ready, stage.clock()), f"/interactions/{WORKSPACE}.second") == 200
    )
    for value in (plain, ready[:-2] + "xx", "", "\u00e9", "x" * 2000, f"{ready}{ready}"):
        assert await stage.send(with_value(stage.pressed(), value, stage.clock())) == 200
    assert await stage.request(made.id) == made
    assert {text for text in stage.told() if text} == {
        "Nothing was decided: this button is not (or no longer) one of ours. Open the request from its link instead."
    }


@pytest.mark.parametrize(
    ("address", "status"),
    [("acme.desk", 404), ("acme.nothing", 404), ("nobody.chat", 404), ("acme", 404), ("acme.chat.x", 404), ("", 404)],
)
async def test_address_that_is_no_chat_is_not_there(stage, address, status):
    press = signed(b"payload=%7B%7D", stage.clock())
    assert await stage.send(press, f"/interactions/{address}") == status


async def test_get_decides_nothing(stage):
    await stage.ask()
    assert (await stage.client.get(ADDRESS)).status_code == 405


@pytest.mark.parametrize("body", [b"", b"payload=x", b"payload=%5B%5D", b"\xff", b"payload=" + b"%5B" * 50_000])
async def test_signed_nonsense_is_refused_in_words(stage, body):
    press = signed(body, stage.clock())
    answer = await stage.client.post(ADDRESS, content=press.body, headers=press.headers)
    assert (answer.status_code, answer.json()["title"]) == (400, "Bad Request")


# --- something is broken ------------------------------------------------------------------------------------------


async def test_slack_that_cannot_be_answered_changes_nothing_about_the_decision(stage):
    made = await stage.ask()
    press = stage.pressed()
    stage.world.slack.next_answers(DOWN)
    assert await stage.send(press) == 200
    assert (await stage.request(made.id)).state is not ApprovalState.PENDING


async def test_storage_that_is_not_there_says_so(stage, monkeypatch):
    made = await stage.ask()

    async def broken(*_, **__):
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(stage.parts.store, "write", broken)
        said = await stage.press()
    assert said.startswith("Nothing was decided: storage is not available")
    assert await stage.request(made.id) == made
    assert (await stage.press()).startswith("You approved this")


async def test_lost_answer_of_an_edit_leaves_one_message_that_is_true(stage):
    await stage.ask()
    await stage.press("Reject")
    stage.world.slack.next_answers(LOST)
    for _ in range(6):
        await stage.engine.settle()
        stage.clock.advance(timedelta(minutes=2))
    assert not stage.buttons()
    assert len(stage.world.slack.messages) == 1
    actions = await stage.parts.store.read(lambda tx: tx.actions_of((next(iter(tx.approvals(WORKSPACE, [], 9)))).order))
    assert {a.state.value for a in actions if a.kind is ActionKind.NOTIFY_TEAM} == {"done"}

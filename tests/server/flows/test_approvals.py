"""Asking and deciding with a real store: the order is read again, one of many is right, every attempt is kept."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from msgspec.structs import replace

from connectors.contract import Unreachable
from connectors.model import Observation, Payment, PaymentState, References
from connectors.money import Money
from connectors.order_actions import ActionReceipt, OrderActionKind
from server.approval_model import ApprovalState, Verdict
from server.errors import BadInput, BeforehandError, Conflict, Forbidden, Gone, NotFound, NotNow
from server.flows.approvals import MOST_REFUSALS, Approvals, Ask
from server.flows.directory import Directory
from server.flows.gather import Gathering
from server.flows.process import process_inbox, record_looks
from server.model import OrderKey, Principal, Role
from server.rules.approval_action import key_of
from server.rules.timeline import view
from tests.server.desk import Clock, make_workspace, order_seen
from tests.server.executing import ActingShop

POLICY = {
    "people": {
        "dana": {"role": "approver", "email": "dana@acme.test"},
        "lee": {"role": "approver"},
        "sam": {},
    },
    "approvals": {
        "refund": {"max_amount": "40.00", "second_above": "30.00", "expires_after": "2d", "remind_after": "0s"},
        "hold": {"record_only": True},
    },
}


class Shop(ActingShop):
    """Implements `OrderSource` and `ActionDesk`; knows what was paid for its orders."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock
        self.refunded = {}
        self.cancelled = set()
        self.down = None
        self.reads = 0

    async def read_order(self, order_id):
        self.reads += 1
        await asyncio.sleep(0)
        if self.down:
            raise self.down
        refunded = self.refunded.get(order_id, 0)
        paid = Payment(
            id=f"pay_{order_id}",
            processor="shop",
            state=PaymentState.PARTIALLY_REFUNDED if refunded else PaymentState.PAID,
            captured=Money(5000, "USD"),
            refunded=Money(refunded, "USD"),
        )
        cancelled = {"cancelled_at": self.clock()} if order_id in self.cancelled else {}
        seen = order_seen(order_id, at=self.clock(), kind="order.read", financial_state="paid", **cancelled)
        return Observation(
            source="shop",
            kind=seen.kind,
            identity=f"{seen.identity}/{self.reads}",
            at=self.clock(),
            about=References(shop_order=order_id, payments=(paid.id,)),
            order=seen.order,
            payments=(paid,),
        )

    async def find_orders(self, text):
        return ()


class Office:
    """Two workspaces over one store, and people with tokens."""

    def __init__(self, store):
        self.store, self.clock = store, Clock()
        self.shop, self.woken = Shop(self.clock), 0
        self.workspaces = {
            "acme": make_workspace("acme", POLICY, shop=self.shop),
            "other": make_workspace("other"),
        }
        record = partial(record_looks, store, self.clock)
        self.gathering = Gathering(self.workspaces, store, self.clock, source_seconds=1.0, record=record)
        directory = Directory(self.workspaces, self.clock)
        self.approvals = Approvals(self.workspaces, store, self.clock, self.gathering, directory, self._wake)

    async def keep(self, *observations):
        """Store what was seen of orders."""
        await record_looks(self.store, self.clock, "acme", observations)
        assert await process_inbox(self.workspaces, self.store, self.clock)

    def _wake(self):
        self.woken += 1

    @staticmethod
    def who(name, role=Role.APPROVER, workspace="acme"):
        return Principal(workspace=workspace, user=name, role=role, via="token")

    async def ask(self, cents=1200, *, who="sam", key="form number 1", order="5001", **facts):
        amount = {"amount": Money(cents, "USD")} if cents is not None else {}
        asked = Ask(**{"order": order, "kind": OrderActionKind.REFUND, "reason": "arrived broken", **amount, **facts})
        return await self.approvals.ask(self.who(who), asked, key)

    async def decide(self, request, who="dana", verdict=Verdict.APPROVE, *, role=Role.APPROVER, version=None):
        return await self.approvals.decide(
            self.who(who, role), request.id, verdict, "looks right", request.version if version is None else version
        )

    async def stored(self, request):
        return await self.store.read(lambda tx: tx.approval(request.id))

    async def log(self, workspace="acme"):
        entries = await self.store.read(lambda tx: tx.audit(workspace, 0, 1000))
        return [(entry.fact.event, entry.fact.actor, entry.fact.subject) for entry in entries]


@pytest.fixture
async def office(store):
    made = Office(store)
    yield made
    await made.gathering.close()


async def test_approved_it_is_due_at_once_and_the_engine_is_woken(office):
    request = await office.ask()
    woken = office.woken
    after = await office.decide(request)
    assert (after.state, after.due_at, after.is_record_only) == (ApprovalState.APPROVED, office.clock(), False)
    assert office.woken == woken + 1
    assert await office.stored(request) == after
    due = await office.store.read(lambda tx: tx.due_approvals(office.clock(), 10))
    assert [found.id for found in due] == [request.id]
    assert key_of(after) == key_of(request)


async def test_of_fifty_at_once_one_is_right_and_all_others_are_told(office):
    request = await office.ask()
    ways = [(who, verdict) for who in ("dana", "lee") for verdict in Verdict]
    tries = [office.decide(request, *ways[number % 4]) for number in range(50)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    right = [one for one in found if not isinstance(one, Exception)]
    assert len(right) == 1
    assert all(isinstance(one, Conflict) and one.version == 2 for one in found if isinstance(one, Exception))
    log = await office.log()
    assert sum(event in ("approval.approved", "approval.rejected") for event, _, _ in log) == 1
    assert sum(event == "approval.refused" for event, _, _ in log) == 49
    assert len((await office.stored(request)).decisions) == 1


async def test_of_all_that_may_happen_at_once_one_thing_does(office):
    """Approving, rejecting and taking back, all of the same version, at the moment of its end."""
    for number in range(12):
        request = await office.ask(100, key=f"form number {number}")
        if number % 3 == 2:
            office.clock.now = request.expires_at - timedelta(microseconds=number % 2)
        back = office.approvals.withdraw(office.who("sam"), request.id, "", 1)
        tries = [office.decide(request), office.decide(request, "lee", Verdict.REJECT), back]
        found = await asyncio.gather(*tries[number % 3 :], *tries[: number % 3], return_exceptions=True)
        done = [one for one in found if not isinstance(one, BaseException)]
        after = await office.stored(request)
        assert len(done) == (0 if after.state is ApprovalState.EXPIRED else 1)
        assert all(isinstance(one, Conflict | Gone) for one in found if isinstance(one, BaseException)), found
        turns = [event for event, _, subject in await office.log() if subject == request.id]
        assert len([turn for turn in turns if turn not in ("approval.requested", "approval.refused")]) == 1


async def test_what_the_policy_or_the_configuration_no_longer_has_can_only_be_rejected(office):
    one, two = await office.ask(100), await office.ask(100, key="form number 2")
    found = office.workspaces["acme"]
    rules = found.policy.approvals[OrderActionKind.REFUND]
    off = {**found.policy.approvals, OrderActionKind.REFUND: replace(rules, enabled=False)}
    before, found.policy = found.policy, replace(found.policy, approvals=off)
    with pytest.raises(Forbidden, match="policy does not allow"):
        await office.decide(one)
    assert (await office.decide(one, verdict=Verdict.REJECT)).state is ApprovalState.REJECTED
    found.policy, connections = before, found.connections
    found.connections = {}
    with pytest.raises(Conflict, match="is gone"):
        await office.decide(two)
    assert (await office.decide(two, verdict=Verdict.REJECT)).state is ApprovalState.REJECTED
    found.connections = connections
    assert office.shop.sent == []


async def test_two_limits_at_once_are_one_limit(office):
    """Each fits by itself; both together do not, whoever is quicker."""
    one, two = await office.ask(2500), await office.ask(2400, key="form number 2")
    found = await asyncio.gather(office.decide(one, "dana"), office.decide(two, "lee"), return_exceptions=True)
    assert sorted(type(one).__name__ for one in found) == ["ApprovalRequest", "Forbidden"]


async def test_a_second_person_is_asked_for_at_the_decision_where_the_order_got_there_meanwhile(office):
    one, two = await office.ask(2000), await office.ask(1900, key="form number 2")
    assert (one.needs, two.needs) == (1, 1)
    assert (await office.decide(one)).state is ApprovalState.APPROVED
    first = await office.decide(two)
    assert (first.state, first.needs) == (ApprovalState.PENDING, 2)
    assert (await office.decide(first, "lee")).state is ApprovalState.APPROVED


async def test_a_limit_of_a_day_counts_whatever_is_asked_for_in_between(office):
    """Nobody pushes what somebody agreed to out of sight by asking for much else."""
    found = office.workspaces["acme"].policy
    table = replace(found.approvals[OrderActionKind.REFUND], max_per_day=Decimal("30.00"))
    office.workspaces["acme"].policy = replace(found, approvals={**found.approvals, OrderActionKind.REFUND: table})
    assert (await office.decide(await office.ask(2000))).state is ApprovalState.APPROVED
    late = await office.ask(1100, order="5002", key="form number 2")

    def junk(tx):
        for number in range(2500):
            tx.put_approval(replace(late, id=f"junk{number}", kind=OrderActionKind.OTHER, ask_key="", due_at=None))

    await office.store.write(junk)
    with pytest.raises(Forbidden, match="within 24 hours"):
        await office.decide(late)
    assert (await office.decide(late, "lee")).state is ApprovalState.APPROVED


async def carried_out_while_it_is_read(office, done):
    """From the next look on: *done* is carried out once the shop has said how the order is."""
    read = office.shop.read_order

    async def slow(order_id):
        seen = await read(order_id)
        office.shop.read_order = read
        office.clock.now += timedelta(seconds=1)
        receipt = ActionReceipt(id="re_1", text="Refunded")
        ended = replace(done, state=ApprovalState.EXECUTED, receipt=receipt, closed_at=office.clock.now, due_at=None)
        await office.store.write(lambda tx: tx.put_approval(ended))
        return seen

    office.shop.read_order = slow


async def test_nothing_is_asked_or_decided_on_an_order_read_before_something_was_carried_out(office):
    """What was read has the money still, and the request that took it does not count any more."""
    first = await office.decide(await office.ask(1500))
    await carried_out_while_it_is_read(office, first)
    with pytest.raises(NotNow, match="a moment ago"):
        await office.ask(3600, key="form number 2")
    office.shop.refunded["5001"] = 1500
    second = await office.ask(1500, key="form number 3")
    other = await office.stored(first)
    await carried_out_while_it_is_read(office, replace(other, id="r9", ask_key="", decisions=()))
    with pytest.raises(NotNow, match="a moment ago"):
        await office.decide(second, "lee")
    assert (await office.stored(second)).state is ApprovalState.PENDING


async def test_asks_at_once_never_come_to_more_than_was_paid(office):
    tries = [office.ask(2000, key=f"form number {n}") for n in range(10)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(one, Exception) for one in found) == 2
    assert all(isinstance(one, BadInput | Conflict) for one in found if isinstance(one, Exception))


async def test_the_same_form_is_one_request_and_another_under_its_key_is_refused(office):
    found = await asyncio.gather(*(office.ask() for _ in range(10)))
    assert len({one.id for one in found}) == 1
    with pytest.raises(Conflict, match="Idempotency-Key"):
        await office.ask(1300)
    assert (await office.ask(100, who="lee")).id != found[0].id
    assert [event for event, _, _ in await office.log()].count("approval.requested") == 2


async def test_what_changed_is_shown_and_voids_who_had_agreed(office):
    request = await office.ask(3500)
    first = await office.decide(request)
    assert (first.state, first.needs, len(first.approvals)) == (ApprovalState.PENDING, 2, 1)
    office.shop.refunded["5001"] = 500
    office.clock.pass_(minutes=5)
    with pytest.raises(Conflict) as stale:
        await office.decide(first, "lee")
    assert stale.value.differences == ("Refunded: was nothing, is now $5.00",)
    back = await office.stored(request)
    assert (back.version, back.approvals, back.differences) == (stale.value.version, (), stale.value.differences)
    assert not office.shop.effects
    again = await office.decide(back, "lee")
    assert (again.state, len(again.approvals)) == (ApprovalState.PENDING, 1)
    assert (await office.decide(again, "dana")).state is ApprovalState.APPROVED


async def test_an_order_that_does_not_allow_it_any_more_stays_as_it_is_told_once(office):
    request = await office.ask(3900)
    office.shop.refunded["5001"] = 4500
    versions = []
    for _ in range(3):
        office.clock.pass_(minutes=5)
        with pytest.raises(Conflict, match=r"changed|Only \$5.00 is left") as stale:
            await office.decide(await office.stored(request))
        versions.append(stale.value.version)
    assert versions == [2, 2, 2]
    assert [event for event, _, _ in await office.log()].count("approval.returned") == 1


async def test_a_cancelled_order_is_not_held(office):
    request = await office.ask(None, kind=OrderActionKind.HOLD)
    office.shop.cancelled.add("5001")
    office.clock.pass_(minutes=5)
    with pytest.raises(Conflict) as stale:
        await office.decide(request)
    assert "The order is cancelled" in stale.value.differences


async def test_nothing_is_decided_on_what_could_not_be_read(office):
    request = await office.ask()
    office.shop.down = Unreachable("Shop", "connection refused")
    with pytest.raises(NotNow, match="nothing was decided"):
        await office.decide(request)
    with pytest.raises(NotNow):
        await office.decide(await office.stored(request))
    assert (await office.stored(request)).state is ApprovalState.PENDING
    assert (await office.decide(request, verdict=Verdict.REJECT)).state is ApprovalState.REJECTED


async def test_money_is_not_asked_for_on_a_guess_other_things_are(office):
    await office.keep(await office.shop.read_order("5001"))
    office.shop.down = Unreachable("Shop", "connection refused")
    with pytest.raises(NotNow, match="Nothing was asked for"):
        await office.ask()
    assert (await office.ask(None, kind=OrderActionKind.HOLD)).state is ApprovalState.PENDING


async def test_it_ends_at_one_exact_moment_and_nobody_is_asked_after_it(office):
    request = await office.ask()
    office.clock.now = request.expires_at - timedelta(microseconds=1)
    reads = office.shop.reads
    with pytest.raises(Forbidden):
        await office.decide(request, "sam", role=Role.ADMIN)
    office.clock.now = request.expires_at
    for _ in range(2):
        with pytest.raises(Gone):
            await office.decide(request)
    assert office.shop.reads == reads
    stored = await office.stored(request)
    assert (stored.state, stored.closed_at, stored.due_at) == (ApprovalState.EXPIRED, request.expires_at, None)
    with pytest.raises(Gone):
        await office.approvals.withdraw(office.who("sam"), request.id, "", 1)


async def test_whoever_may_not_decide_makes_nobody_look_anything_up(office):
    request = await office.ask()
    reads = office.shop.reads
    for who, role in (("sam", Role.ADMIN), ("stranger", Role.AGENT), ("dana", Role.AGENT)):
        with pytest.raises(Forbidden):
            await office.decide(request, who, role=role)
    assert office.shop.reads == reads
    assert (await office.stored(request)).version == 1


async def test_a_token_that_was_made_for_asking_does_not_decide_whoever_it_names(office):
    office.workspaces["acme"].policy.approvals["refund"] = type(office.workspaces["acme"].policy.approvals["refund"])(
        approvers=("dana",)
    )
    request = await office.ask()
    with pytest.raises(Forbidden, match="for asking"):
        await office.decide(request, "dana", role=Role.AGENT)
    assert await office.approvals.why_not(office.who("dana", Role.AGENT), request)
    assert await office.approvals.why_not(office.who("dana"), request) == ""
    assert (await office.decide(request, "dana")).state is ApprovalState.APPROVED


async def test_only_whoever_asked_takes_it_back(office):
    request = await office.ask()
    with pytest.raises(Forbidden):
        await office.approvals.withdraw(office.who("dana"), request.id, "", 1)
    with pytest.raises(Conflict):
        await office.approvals.withdraw(office.who("sam"), request.id, "", 7)
    after = await office.approvals.withdraw(office.who("sam"), request.id, "kept", 1)
    assert (after.state, after.version) == (ApprovalState.WITHDRAWN, 2)
    assert (await office.ask(5000, key="form number 2")).amount == Money(5000, "USD")


@pytest.mark.parametrize(
    ("facts", "objections", "said"),
    [
        ({"kind": OrderActionKind.HOLD}, {}, "policy"),
        ({"kind": OrderActionKind.OTHER}, {}, "Only a person"),
        (
            {"kind": OrderActionKind.CANCEL},
            {OrderActionKind.CANCEL: "The token may not write orders"},
            "may not write orders.",
        ),
    ],
)
async def test_what_no_system_carries_out_is_only_recorded(office, facts, objections, said):
    office.shop.objections = objections
    after = await office.decide(await office.ask(None, **facts))
    assert (after.state, after.is_record_only, after.due_at) == (ApprovalState.APPROVED, True, None)
    assert said in after.record_only_reason
    await office.keep(await office.shop.read_order("5001"))
    record = await office.store.read(lambda tx: tx.record(after.order))
    assert any("approved by dana, asked by sam" in entry.text for entry in view(record).timeline)


async def test_a_decision_needs_a_reason_and_the_version_that_was_seen(office):
    request = await office.ask()
    for reason in ("", " ", "x" * 1001):
        with pytest.raises(BadInput, match="reason"):
            await office.approvals.decide(office.who("dana"), request.id, Verdict.APPROVE, reason, 1)
    for version in (0, 2, -1):
        with pytest.raises(Conflict) as conflict:
            await office.decide(request, version=version)
        assert conflict.value.version == 1


async def test_requests_of_another_workspace_do_not_exist_and_the_attempt_is_in_its_own_log(office):
    request = await office.ask()
    eve = office.who("eve", Role.ADMIN, "other")
    with pytest.raises(NotFound) as theirs:
        await office.approvals.decide(eve, request.id, Verdict.APPROVE, "mine now", 1)
    with pytest.raises(NotFound) as nothing:
        await office.approvals.decide(eve, "0" * 16, Verdict.APPROVE, "mine now", 1)
    assert str(theirs.value) == str(nothing.value)
    with pytest.raises(NotFound):
        await office.approvals.read(eve, request.id)
    with pytest.raises(NotFound):
        await office.approvals.withdraw(eve, request.id, "", 1)
    assert [event for event, _, _ in await office.log()] == ["approval.requested"]
    assert await office.log("other") == [
        ("approval.refused", "token:eve", request.id),
        ("approval.refused", "token:eve", "0" * 16),
        ("approval.refused", "token:eve", request.id),
    ]


async def test_every_refusal_is_in_the_log_under_the_name_that_turns_have(office):
    with pytest.raises(BadInput):
        await office.ask(-1)
    with pytest.raises(NotFound):
        await office.ask(order="nowhere")
    request = await office.ask()
    with pytest.raises(Forbidden):
        await office.decide(request, "sam", role=Role.APPROVER)
    assert await office.log() == [
        ("approval.refused", "sam", "5001"),
        ("approval.refused", "sam", "nowhere"),
        ("approval.requested", "sam", request.id),
        ("approval.refused", "sam", request.id),
    ]


async def test_an_order_is_known_by_its_key_whatever_else_has_its_number(office):
    request = await office.ask()
    assert request.order == OrderKey("acme", "shop", "5001")
    await office.keep(await office.shop.read_order("5001"))
    await office.keep(order_seen("9009", name="#5001"))
    with pytest.raises(BeforehandError, match="Several orders"):
        await office.ask(key="form number 2")
    assert (await office.decide(request)).state is ApprovalState.APPROVED


async def test_nobody_fills_the_log_and_nobody_keeps_others_out_of_it(office):
    request = await office.ask()
    before = len(await office.log())
    for _ in range(MOST_REFUSALS + 30):
        with pytest.raises(Forbidden):
            await office.decide(request, "sam")
    assert len(await office.log()) == before + MOST_REFUSALS
    with pytest.raises(Forbidden):
        await office.decide(request, "eve", role=Role.AGENT)
    assert (await office.log())[-1] == ("approval.refused", "token:eve", request.id)
    office.clock.pass_(minutes=1)
    with pytest.raises(Forbidden):
        await office.decide(request, "sam")
    last = (await office.store.read(lambda tx: tx.audit("acme", 0, 1000)))[-1]
    assert last.fact.details["not_written_before"] == "30"


async def test_what_went_back_or_was_taken_back_is_told_at_once(office):
    request, woken = await office.ask(), office.woken
    office.shop.refunded["5001"] = 100
    with pytest.raises(Conflict):
        await office.decide(request)
    assert office.woken == woken + 1
    await office.approvals.withdraw(office.who("sam"), request.id, "", 2)
    assert office.woken == woken + 2

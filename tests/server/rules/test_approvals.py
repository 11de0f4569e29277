"""Approval requests, by rules alone: whatever is asked and decided in whatever sequence, the limits hold."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.model import Hold, LineItem, Order, Payment, PaymentState, Shipment, ShipmentState
from connectors.money import Money
from connectors.order_actions import ActionItem, OrderActionKind
from server.approval_model import ApprovalState, Person, Turn, Verdict
from server.errors import BadInput, BeforehandError, Conflict
from server.model import OrderKey, OrderRecord, OrderView, Role, Said, ShipmentView
from server.rules.approval_action import desks, order_action
from server.rules.approval_amounts import left_of, most
from server.rules.approval_asking import Wanted, finished, make_request
from server.rules.approval_basis import basis, differences
from server.rules.approval_clock import tick
from server.rules.approval_deciding import decided, returned, why_not, withdrawn
from server.rules.order_action_rules import KINDS, objection
from server.rules.policy_reading import parse_policy

NOW = datetime(2026, 11, 23, 19, tzinfo=UTC)
KEY = OrderKey("acme", "shop", "5001")
KIND = OrderActionKind
POLICY = parse_policy(
    {
        "people": {
            "dana": {"role": "approver", "email": "dana@acme.test"},
            "kim": {"role": "approver", "max_amount": "30.00"},
            "lee": {"role": "admin"},
            "sam": {"role": "agent"},
        },
        "approvals": {
            "refund": {
                "max_amount": "80.00",
                "second_above": "50.00",
                "max_per_order": "90.00",
                "max_per_day": "100.00",
                "expires_after": "2d",
                "remind_after": "5h",
                "rules": [{"when": "customer.vip", "max_amount": "95.00"}],
            }
        },
    },
    ZoneInfo("America/New_York"),
)
DANA = Person(id="dana", name="Dana", role=Role.APPROVER, email="dana@acme.test")
KIM = Person(id="kim", name="Kim", role=Role.APPROVER)
LEE = Person(id="lee", name="Lee", role=Role.ADMIN)
SAM = Person(id="sam", name="Sam", role=Role.AGENT)
DANA_IN_CHAT = Person(id="chat:U1", name="Dana R", role=Role.APPROVER, email="dana@acme.test")
PEOPLE = (DANA, KIM, LEE, SAM, DANA_IN_CHAT)


def usd(cents):
    return Money(cents, "USD")


def order(*, captured=10_000, refunded=0, shipments=(), items=None, **facts):
    payment = Payment(
        id="pi_1",
        processor="stripe",
        state=PaymentState.PAID,
        amount=usd(captured),
        captured=usd(captured),
        refunded=usd(refunded),
        references=("ch_1",),
    )
    line = LineItem(id="1", title="Mug", quantity=4, price=usd(2500), unfulfilled=None)
    found = {"id": "5001", "name": "#1001", "total": usd(captured), "line_items": items or (line,), **facts}
    return OrderView(
        key=KEY,
        order=Order(**found),
        payments=(payment,),
        shipments=tuple(ShipmentView(shipment=found, sources=("track",)) for found in shipments),
    )


def parcel(state, number="1Z"):
    return Shipment(carrier="ups", tracking_number=number, state=state)


def ask(view, amount=None, *, requests=(), kind=KIND.REFUND, now=NOW, number=1, who=SAM, policy=POLICY, **facts):
    wanted = Wanted(kind=kind, reason="arrived broken", amount=None if amount is None else usd(amount), **facts)
    return make_request(wanted, view, requests, policy, now, request_id=f"{number:016x}", requester=who)


# --- whatever happens -------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from(PEOPLE), st.integers(-5, 12_000)),
        st.tuples(st.just("decide"), st.sampled_from(PEOPLE), st.integers(0, 8), st.sampled_from(Verdict)),
        st.tuples(st.just("withdraw"), st.sampled_from(PEOPLE), st.integers(0, 8)),
        st.tuples(st.just("wait"), st.integers(1, 30)),
    ),
    max_size=40,
)


@given(STEPS)
def test_no_sequence_of_requests_and_decisions_passes_a_limit(steps):
    view, now, requests = order(), NOW, []
    for step in steps:
        match step:
            case ("wait", hours):
                now += timedelta(hours=hours)
                requests = [tick(request, POLICY, now)[0] for request in requests]
            case ("ask", who, cents):
                try:
                    made = ask(view, cents, requests=requests, now=now, number=len(requests), who=who)
                except BeforehandError:
                    continue
                requests.append(made)
            case ("decide", who, index, verdict):
                requests = _decide(requests, index, who, verdict, view, now)
            case ("withdraw", who, index):
                if index < len(requests) and requests[index].state is ApprovalState.PENDING:
                    request = requests[index]
                    if request.requester.is_same_as(who):
                        requests[index] = withdrawn(request, who, "", now)
        _check(requests, view)


def _decide(requests, index, who, verdict, view, now):
    if index >= len(requests) or requests[index].state is not ApprovalState.PENDING:
        return requests
    request = requests[index]
    if why_not(request, who, view, POLICY, requests, now, verdict=verdict):
        return requests
    after, _ = decided(request, who, verdict, "fine", now)
    return [*requests[:index], after, *requests[index + 1 :]]


def _check(requests, view):
    approved = [request for request in requests if request.state is ApprovalState.APPROVED]
    assert sum(request.amount.amount for request in requests if not request.is_void) <= 10_000
    assert sum(request.amount.amount for request in approved) <= 9_000
    for request in approved:
        people = [decision.person for decision in request.approvals]
        assert len(people) == (2 if request.amount.amount > 5_000 else 1) == request.needs
        assert request.amount.amount <= 8_000
        for person in people:
            assert not person.is_same_as(request.requester)
            assert person.role is not Role.AGENT
            assert person.id != "kim" or request.amount.amount <= 3_000
        assert not any(a.is_same_as(b) for i, a in enumerate(people) for b in people[:i])
    for person in ("dana", "lee"):
        moments = [d.at for r in requests for d in r.approvals if d.person.id == person]
        for moment in moments:
            day = [
                r.amount.amount
                for r in requests
                if not r.is_void
                and any(
                    d.person.id == person and timedelta() <= moment - d.at < timedelta(hours=24) for d in r.approvals
                )
            ]
            assert sum(day) <= 10_000
    left = left_of(view.payments[0], requests)
    assert left is not None
    assert left.amount >= 0


@given(st.integers(1, 10_000), st.integers(0, 10_000), st.integers(0, 10_000))
def test_what_is_left_is_never_asked_for_twice(captured, refunded, asked):
    view = order(captured=captured, refunded=min(refunded, captured))
    requests = []
    try:
        requests.append(ask(view, max(asked, 1)))
        requests.append(ask(view, requests=requests, number=2))
    except BeforehandError:
        pass
    assert sum(request.amount.amount for request in requests) <= captured - min(refunded, captured)


# --- asking -----------------------------------------------------------------------------------------------------------


def test_all_that_is_left_is_a_number_and_its_payment_is_fixed():
    request = ask(order(refunded=1_000))
    assert (request.amount, request.details) == (usd(9_000), {"payment": "pi_1"})
    assert request.expires_at == NOW + timedelta(days=2)
    assert request.due_at == NOW + timedelta(hours=5)


def test_items_come_to_their_price_but_to_no_more_than_is_left():
    items = (ActionItem("1", 2),)
    assert ask(order(), items=items).amount == usd(5_000)
    assert ask(order(refunded=8_000), items=items).amount == usd(2_000)
    with pytest.raises(BadInput, match="price of these items is not known"):
        ask(order(items=(LineItem(id="1", title="Mug", quantity=4),)), items=items)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"amount": 10_001}, "at most \\$100.00 is left"),
        ({"amount": 0}, "more than nothing"),
        ({"amount": -5}, "more than nothing"),
        ({"items": (ActionItem("2", 1),)}, "no line"),
        ({"items": (ActionItem("1", 5),)}, "1 to 4 of Mug"),
        ({"items": (ActionItem("1", 1), ActionItem("1", 1))}, "each once"),
        ({"details": {"payment": "pi_9"}}, "no such payment"),
        ({"details": {"restock": "maybe"}}, "true or false"),
        ({"details": {"approved": "true"}}, "no such detail"),
        ({"amount": 100, "kind": KIND.HOLD}, "expected none for this kind"),
        ({"kind": KIND.COMPENSATION}, "how much to credit"),
        ({"amount": 10_001, "kind": KIND.COMPENSATION}, "what the order cost"),
        ({"kind": KIND.ADDRESS_CHANGE}, "whole new address"),
    ],
)
def test_what_cannot_be_asked_for_is_said_with_its_place(facts, said):
    with pytest.raises(BadInput, match=said):
        ask(order(), **facts)


@pytest.mark.parametrize("currency", ["EUR", "JPY"])
def test_another_currency_is_refused(currency):
    wanted = Wanted(kind=KIND.REFUND, reason="arrived broken", amount=Money(100, currency))
    with pytest.raises(BadInput, match="expected USD"):
        make_request(wanted, order(), (), POLICY, NOW, request_id="1", requester=SAM)


@pytest.mark.parametrize("reason", ["", "  ", "ab", "x" * 1001])
def test_a_reason_is_needed(reason):
    with pytest.raises(BadInput, match="reason"):
        make_request(Wanted(kind=KIND.HOLD, reason=reason), order(), (), POLICY, NOW, request_id="1", requester=SAM)


def test_a_vip_has_a_higher_limit():
    request = replace(ask(order(), 9_000), needs=1)
    assert why_not(request, DANA, order(), POLICY, (), NOW) == "Up to $80.00 may be approved here."
    assert why_not(request, DANA, order(tags=("vip",)), POLICY, (), NOW) == ""


# --- what the order allows --------------------------------------------------------------------------------------------

ON_ITS_WAY, ARRIVED = (parcel(ShipmentState.IN_TRANSIT),), (parcel(ShipmentState.DELIVERED),)
HELD = {"holds": (Hold(reason="high_risk_of_fraud"),), "fulfillment_state": "on_hold"}


@pytest.mark.parametrize(
    ("facts", "allowed"),
    [
        ({}, {KIND.REFUND, KIND.CANCEL, KIND.ADDRESS_CHANGE, KIND.HOLD, KIND.COMPENSATION}),
        ({"refunded": 10_000}, {KIND.CANCEL, KIND.ADDRESS_CHANGE, KIND.HOLD, KIND.COMPENSATION}),
        ({"shipments": ON_ITS_WAY}, {KIND.REFUND, KIND.RESHIP, KIND.COMPENSATION}),
        ({"shipments": ARRIVED}, {KIND.REFUND, KIND.RESHIP, KIND.COMPENSATION}),
        ({"cancelled_at": NOW}, {KIND.REFUND, KIND.COMPENSATION}),
        (HELD, {KIND.REFUND, KIND.CANCEL, KIND.ADDRESS_CHANGE, KIND.RELEASE, KIND.FRAUD_OVERRIDE, KIND.COMPENSATION}),
        (
            {"holds": (Hold(reason="awaiting_payment"),)},
            {KIND.REFUND, KIND.CANCEL, KIND.ADDRESS_CHANGE, KIND.RELEASE, KIND.COMPENSATION},
        ),
    ],
)
def test_only_what_is_legal_now(facts, allowed):
    assert {kind for kind in KINDS if not objection(kind, order(**facts))} == allowed | {KIND.OTHER}


def test_every_objection_is_a_sentence():
    for facts in ({}, {"refunded": 10_000}, {"shipments": ARRIVED}, {"cancelled_at": NOW}, HELD):
        for kind in KINDS:
            reason = objection(kind, order(**facts))
            assert reason == "" or (reason[0].isupper() and " " in reason)


def test_the_most_that_may_be_asked_for():
    asked = (ask(order(), 3_000),)
    assert most(KIND.REFUND, order(), asked) == usd(7_000)
    assert most(KIND.COMPENSATION, order(), asked) == usd(10_000)
    assert most(KIND.REFUND, OrderView(key=KEY, order=Order(id="5001")), ()) is None


# --- what matters -----------------------------------------------------------------------------------------------------


def test_what_has_changed_is_said_and_what_does_not_matter_is_not():
    before = basis(KIND.REFUND, order(shipments=ON_ITS_WAY))
    assert differences(before, basis(KIND.REFUND, order(shipments=(parcel(ShipmentState.EXCEPTION),)))) == ()
    assert differences(before, basis(KIND.REFUND, order(shipments=ARRIVED, refunded=500))) == (
        "Refunded: was nothing, is now $5.00",
        "Delivered: was nothing, is now everything",
    )
    assert differences(basis(KIND.CANCEL, order()), basis(KIND.CANCEL, order(shipments=ON_ITS_WAY))) == (
        "Shipped: was nothing, is now everything",
    )


def test_a_change_voids_what_was_agreed_to_before():
    request = ask(order(), 6_000)
    half, turn = decided(request, DANA, Verdict.APPROVE, "fine", NOW)
    assert (turn, half.state, half.needs) == (Turn.AGREED, ApprovalState.PENDING, 2)
    back = returned(half, basis(KIND.REFUND, order(refunded=100)), ("Refunded: was nothing, is now $1.00",))
    assert (back.approvals, back.version) == ((), half.version + 1)
    again, turn = decided(back, LEE, Verdict.APPROVE, "fine", NOW)
    assert turn is Turn.AGREED
    assert again.state is ApprovalState.PENDING


# --- time -------------------------------------------------------------------------------------------------------------


@given(st.timedeltas(timedelta(), timedelta(days=5)))
def test_it_expires_exactly_then_and_never_sooner(later):
    request = ask(order(), 100)
    after, _ = tick(request, POLICY, NOW + later)
    assert (after.state is ApprovalState.EXPIRED) == (later >= timedelta(days=2))
    assert after.due_at is None or after.due_at > NOW + later
    assert tick(after, POLICY, NOW + later) == (after, None)


def test_people_are_reminded_again_and_again_but_once_for_a_long_silence():
    request, turns = ask(order(), 100), []
    while request.due_at is not None:
        moment = request.due_at
        request, turn = tick(request, POLICY, moment)
        turns.append((moment - NOW, turn))
    assert turns[:2] == [(timedelta(hours=5), Turn.REMINDED), (timedelta(hours=10), Turn.REMINDED)]
    assert turns[-1] == (timedelta(days=2), Turn.EXPIRED)
    late, turn = tick(ask(order(), 100), POLICY, NOW + timedelta(hours=23))
    assert (turn, late.due_at) == (Turn.REMINDED, NOW + timedelta(hours=28))


# --- carrying out -----------------------------------------------------------------------------------------------------


def test_what_is_carried_out_is_what_was_asked():
    request = ask(order(), 1_200, details={"restock": "true"})
    action = order_action(request, order())
    assert (action.amount, action.payment, action.payment_references) == (usd(1_200), "pi_1", ("ch_1",))
    assert (action.restock, action.notify_customer, action.order_id) == (True, False, "5001")
    assert action.key == order_action(replace(request, version=9), order()).key
    assert len(action.key) <= 64


def test_the_shop_is_asked_first_then_whoever_has_the_money():
    payment = order().payments[0]
    record = OrderRecord(key=KEY, payments={"pi_1": {"stripe": Said(payment, {}), "shop": Said(payment, {})}})
    assert desks(ask(order(), 100), record) == ("shop", "stripe")
    assert desks(ask(order(), kind=KIND.HOLD), record) == ("shop",)


def test_the_number_of_people_follows_the_policy_as_it_is_now():
    request = ask(order(), 6_000)
    lenient = parse_policy({"approvals": {"refund": {}}}, ZoneInfo("UTC"))
    assert finished(request, order(), lenient, ()).needs == 1
    with pytest.raises(Conflict, match="does not allow"):
        ask(order(), policy=parse_policy({"approvals": {"refund": {"enabled": False}}}, ZoneInfo("UTC")))
    assert Decimal("60.00") == request.amount.decimal


def test_a_token_made_for_less_decides_nothing_whoever_is_named():
    named = parse_policy(
        {"people": {"dana": {"role": "approver"}}, "approvals": {"refund": {"approvers": ["dana"]}}}, ZoneInfo("UTC")
    )
    request = ask(order(), 100, policy=named)
    weak = replace(DANA, role=Role.AGENT, via="token")
    assert why_not(request, weak, order(), named, (), NOW) == "You are not among those who may decide this."
    assert why_not(request, replace(weak, via="desk"), order(), named, (), NOW) == ""

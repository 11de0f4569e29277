"""Which trouble leads, which is silent because another says more, and what outlives an arrival or a cancellation."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.model import (
    Contact,
    Dispute,
    Hold,
    LineItem,
    Payment,
    PaymentState,
    Problem,
    Refund,
    ShipmentState,
)
from connectors.money import Money
from server.model import Kind, OrderView
from server.rules.assess import assess
from server.rules.case import examine
from server.rules.detectors import DETECTORS
from server.rules.precedence import (
    NEVER_BESIDE,
    OUTLIVE_ARRIVAL,
    OUTLIVE_THE_ORDER,
    PRECEDENCE,
    SILENCED_BY,
    worth_asking,
)
from server.rules.promise import judge, promise_of
from server.rules.watch import Watch
from tests.server.rules.any_order import any_order, any_transit

NOW = 60
UNKNOWN = "UPS does not know this number"
VALUABLE = {"total": Money(90_000, "USD")}
WAITING = (LineItem(id="l", title="Mug", quantity=2, unfulfilled=1),)


def label(build: Any, hours: float = -70, **facts: Any) -> Any:
    return build.shipment(**{"shipped_at": build.at(hours), "state": ShipmentState.LABEL_CREATED, **facts})


def address(build: Any, state: str) -> Any:
    return build.shipment(replace(build.scan(50, state), problem=Problem.ADDRESS), problem=Problem.ADDRESS)


def slow(build: Any) -> Any:
    """A parcel that only a valuable order worries about."""
    return build.shipment(build.scan(NOW - 30), number="1Z2")


Maker = Callable[[Any], OrderView]
PAIRS: dict[tuple[Kind, Kind], Maker] = {
    (Kind.TRACKING_STALLED, Kind.TRACKING_INVALID): lambda b: b.order(
        label(b, state=ShipmentState.IN_TRANSIT, tracking_problem=UNKNOWN)
    ),
    (Kind.TRACKING_STALLED, Kind.DELIVERY_ATTEMPT_FAILED): lambda b: b.order(
        b.shipment(b.scan(1), b.scan(5, "delivery_failed"), b.scan(9))
    ),
    (Kind.TRACKING_STALLED, Kind.ADDRESS_PROBLEM): lambda b: b.order(
        b.shipment(replace(b.scan(5, "delivery_failed"), problem=Problem.ADDRESS), b.scan(9))
    ),
    (Kind.RETURNED_TO_SENDER, Kind.CANCELLATION_AFTER_FULFILLMENT): lambda b: b.order(
        b.shipment(b.scan(1), b.scan(50, "returning")), cancel_requested_at=b.at(2)
    ),
    (Kind.LABEL_NOT_SCANNED, Kind.TRACKING_INVALID): lambda b: b.order(label(b, tracking_problem=UNKNOWN)),
    (Kind.LABEL_NOT_SCANNED, Kind.CANCELLATION_AFTER_FULFILLMENT): lambda b: b.order(
        label(b), cancel_requested_at=b.at(1)
    ),
    (Kind.DELIVERY_ATTEMPT_FAILED, Kind.ADDRESS_PROBLEM): lambda b: b.order(address(b, "delivery_failed")),
    (Kind.FULFILLMENT_DELAYED, Kind.CANCELLATION_AFTER_FULFILLMENT): lambda b: b.order(
        placed_at=b.at(-90), financial_state="paid", cancel_requested_at=b.at(1), fulfillment_started_at=b.at(0)
    ),
    (Kind.FULFILLMENT_DELAYED, Kind.ADDRESS_PROBLEM): lambda b: b.order(
        placed_at=b.at(-90), financial_state="paid", address_problem="No such street"
    ),
    (Kind.FULFILLMENT_ON_HOLD, Kind.ADDRESS_PROBLEM): lambda b: b.order(
        holds=(Hold(reason="incorrect_address", since=b.at(0)),)
    ),
    (Kind.MARKETPLACE_SLA_RISK, Kind.CANCELLATION_AFTER_FULFILLMENT): lambda b: b.order(
        ship_by=b.at(NOW + 1), cancel_requested_at=b.at(1), fulfillment_started_at=b.at(0)
    ),
    (Kind.HIGH_VALUE_DELAYED, Kind.ADDRESS_PROBLEM): lambda b: b.order(slow(b), address(b, "exception"), **VALUABLE),
    (Kind.HIGH_VALUE_DELAYED, Kind.CARRIER_EXCEPTION): lambda b: b.order(
        slow(b), b.shipment(b.scan(50, "exception")), **VALUABLE
    ),
    (Kind.HIGH_VALUE_DELAYED, Kind.DELIVERY_ATTEMPT_FAILED): lambda b: b.order(
        slow(b), b.shipment(b.scan(50, "delivery_failed")), **VALUABLE
    ),
    (Kind.HIGH_VALUE_DELAYED, Kind.RETURNED_TO_SENDER): lambda b: b.order(
        slow(b), b.shipment(b.scan(50, "returning")), **VALUABLE
    ),
    (Kind.HIGH_VALUE_DELAYED, Kind.FULFILLMENT_ON_HOLD): lambda b: b.order(
        slow(b), holds=(Hold(reason="other", since=b.at(0)),), line_items=WAITING, **VALUABLE
    ),
    (Kind.HIGH_VALUE_DELAYED, Kind.PARTIAL_SHIPMENT): lambda b: b.order(
        slow(b),
        b.shipment(b.scan(2), b.scan(50, "delivered"), shipped_at=b.at(0)),
        line_items=WAITING,
        financial_state="paid",
        **VALUABLE,
    ),
    (Kind.HIGH_VALUE_DELAYED, Kind.LABEL_NOT_SCANNED): lambda b: b.order(slow(b), label(b), **VALUABLE),
    (Kind.HIGH_VALUE_DELAYED, Kind.TRACKING_INVALID): lambda b: b.order(
        slow(b), label(b, 30, tracking_problem=UNKNOWN), **VALUABLE
    ),
    (Kind.HIGH_VALUE_DELAYED, Kind.TRACKING_STALLED): lambda b: b.order(slow(b), b.shipment(b.scan(5)), **VALUABLE),
}


def told(found: Any) -> set[Kind]:
    return {signal.kind for signal in found.signals}


def silent(found: Any) -> set[tuple[Kind, Kind]]:
    return {(each.kind, each.by) for each in found.silenced}


def test_every_row_has_a_case() -> None:
    assert set(PAIRS) == {(kind, by) for kind, others in SILENCED_BY.items() for by in others}


@pytest.mark.parametrize(("kind", "by"), PAIRS)
def test_the_louder_one_is_told_and_the_other_is_not(build, kind: Kind, by: Kind) -> None:
    order = PAIRS[kind, by](build)
    found = assess(order, build.at(NOW), build.policy())
    assert (kind, by) in silent(found)
    assert by in told(found)
    assert kind not in told(found)


@pytest.mark.parametrize(("kind", "by"), PAIRS)
@pytest.mark.parametrize(
    "table", [{"dry_run": True}, {"enabled": False}, {"wait": "900h"}, {"when": "order.value < 0.0"}]
)
def test_what_nobody_is_told_of_silences_nothing(build, kind: Kind, by: Kind, table: dict[str, object]) -> None:
    found = assess(PAIRS[kind, by](build), build.at(NOW), build.policy(detectors={by: table}))
    assert (kind, by) not in silent(found)
    assert kind in told(found) | {silenced for silenced, _ in silent(found)}


def test_one_that_waits_begins_to_silence_when_its_wait_is_over(build) -> None:
    policy = build.policy(detectors={"tracking_invalid": {"wait": "10h"}})
    order = build.order(label(build, 0, tracking_problem=UNKNOWN, state=ShipmentState.IN_TRANSIT))
    opens = 24 + 10
    sooner = build.policy(detectors={"tracking_invalid": {"wait": "10h"}, "tracking_stalled": {"threshold": "30h"}})
    before, after = (assess(order, build.at(h), sooner) for h in (opens - 0.01, opens))
    assert Kind.TRACKING_STALLED in told(before)
    assert before.review_at == build.at(opens)
    assert told(after) == {Kind.TRACKING_INVALID}
    assert told(assess(order, build.at(NOW), policy)) == {Kind.TRACKING_INVALID}


@pytest.mark.parametrize("state", ["exception", "delivery_failed", "returning"])
def test_what_is_wrong_with_one_parcel_does_not_hide_another(build, state: str) -> None:
    order = build.order(build.shipment(build.scan(0)), build.shipment(build.scan(5, state), number="1Z2"))
    assert Kind.TRACKING_STALLED in told(assess(order, build.at(NOW), build.policy()))


def test_a_wrong_number_hides_the_stall_of_its_own_parcel_only(build) -> None:
    unknown = label(build, state=ShipmentState.IN_TRANSIT, tracking_problem=UNKNOWN)
    other = build.shipment(build.scan(0), number="1Z2")
    found = assess(build.order(unknown, other), build.at(NOW), build.policy())
    assert told(found) >= {Kind.TRACKING_STALLED, Kind.TRACKING_INVALID}


def test_nothing_silences_itself_or_in_a_circle() -> None:
    def louder(kind: Kind, seen: tuple[Kind, ...] = ()) -> None:
        assert kind not in seen
        for by in SILENCED_BY.get(kind, ()):
            louder(by, (*seen, kind))

    for kind in SILENCED_BY:
        louder(kind)


def test_every_kind_has_its_place() -> None:
    assert sorted(PRECEDENCE) == sorted(DETECTORS)
    assert len(set(PRECEDENCE)) == len(PRECEDENCE)
    for kinds in (OUTLIVE_THE_ORDER, OUTLIVE_ARRIVAL):
        assert list(kinds) == sorted(kinds, key=PRECEDENCE.index)


ANYTHING = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ANYTHING
@given(data=st.data())
def test_silence_never_hides_everything_and_the_clearest_leads(build, data) -> None:
    order, now = data.draw(any_order(build)), build.at(data.draw(st.integers(-30, 400)))
    found = assess(order, now, build.policy(), data.draw(any_transit(build)))
    kinds = [signal.kind for signal in found.signals]
    assert kinds == sorted(kinds, key=PRECEDENCE.index)
    assert bool(kinds) or not found.silenced
    for each in found.silenced:
        assert each.kind not in kinds
        assert each.by in SILENCED_BY[each.kind]


@ANYTHING
@given(data=st.data())
def test_what_is_said_to_exclude_each_other_does(build, data) -> None:
    order, now = data.draw(any_order(build)), build.at(data.draw(st.integers(-30, 400)))
    found = {signal.kind: signal for signal in assess(order, now, build.policy()).signals}
    for kind, others in NEVER_BESIDE.items():
        for by in others & found.keys():
            both = kind in found and (not found[by].parcels or set(found[by].parcels) & set(found[kind].parcels))
            assert not both


@ANYTHING
@given(data=st.data())
def test_whom_it_is_not_worth_asking_has_nothing_to_say(build, data) -> None:
    """But for those that an end of the order or an arrival ends, asking everybody gives the same."""
    order, policy = data.draw(any_order(build)), build.policy()
    now = build.at(data.draw(st.integers(-30, 400)))
    found = assess(order, now, policy)
    case = examine(order, policy, Watch(now))
    promise = None if order.order.cancelled_at else promise_of(order, policy)
    case = replace(case, promise=promise and judge(case, promise))
    told_of = told(found) | {each.kind for each in found.silenced}
    kinds = PRECEDENCE
    if order.order.cancelled_at or order.order.financial_state in ("refunded", "voided"):
        kinds = OUTLIVE_THE_ORDER
    elif case.all_arrived:
        kinds = OUTLIVE_ARRIVAL
    assert {kind for kind in kinds if DETECTORS[kind](case) is not None} == told_of


def test_asking_is_by_what_the_order_has() -> None:
    assert Kind.TRACKING_STALLED not in worth_asking(PRECEDENCE, frozenset({"no parcels"}))
    assert Kind.TRACKING_STALLED in worth_asking(PRECEDENCE, frozenset({"parcels"}))


def everything(build: Any, *states: str, **facts: Any) -> OrderView:
    """An order with every trouble that can outlive something."""
    dispute = Dispute(id="d", state="needs_response", respond_by=build.at(500), opened_at=build.at(5))
    stuck = Refund(id="s", at=build.at(4), state="requires_action", amount=Money(100, "USD"))
    refunds = (stuck, Refund(id="r", at=build.at(6), state="failed", amount=Money(100, "USD")))
    payment = Payment(id="p", processor="stripe", state=PaymentState.PAID, dispute=dispute, refunds=refunds)
    texts = ("I never received it", "Where is my order?")
    contacts = tuple(
        Contact(id=str(n), at=build.at(50 + n), channel="email", text=text, state="open")
        for n, text in enumerate(texts)
    )
    parcels = [build.shipment(build.scan(2), build.scan(40, state), number=f"1Z{n}") for n, state in enumerate(states)]
    return build.order(*parcels, payments=(payment,), contacts=contacts, **{"promise": 30, **facts})


def test_what_outlives_a_cancellation_and_a_refund(build) -> None:
    for facts in ({"cancelled_at": build.at(1)}, {"financial_state": "refunded", "cancel_requested_at": build.at(1)}):
        order = everything(build, "in_transit", ship_by=build.at(NOW), **facts)
        assert told(assess(order, build.at(NOW), build.policy())) == set(OUTLIVE_THE_ORDER)


def test_what_outlives_an_arrival(build) -> None:
    order = everything(build, "delivered", deliver_by=build.at(NOW))
    expected = {
        Kind.PAYMENT_DISPUTED,
        Kind.REFUND_FAILED,
        Kind.DELIVERED_NOT_RECEIVED,
        Kind.REFUND_AWAITING_APPROVAL,
        Kind.REPEATED_CONTACT,
    }
    assert told(assess(order, build.at(NOW), build.policy())) == expected
    back = everything(build, "delivered", "returned")
    assert told(assess(back, build.at(NOW), build.policy())) == expected | {Kind.RETURNED_TO_SENDER}
    stopped = everything(build, "delivered", "returned", cancel_requested_at=build.at(1))
    assert told(assess(stopped, build.at(NOW), build.policy())) == expected | {Kind.CANCELLATION_AFTER_FULFILLMENT}
    assert expected | {Kind.RETURNED_TO_SENDER, Kind.CANCELLATION_AFTER_FULFILLMENT} == set(OUTLIVE_ARRIVAL)

"""Orders in any state that facts can be in, drawn at random: with every kind of trouble, at any time."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.model import (
    Contact,
    Dispute,
    FraudWarning,
    Hold,
    LineItem,
    Payment,
    PaymentAttempt,
    PaymentState,
    Place,
    Problem,
    Refund,
    RefundRequest,
    Scan,
    Shipment,
    ShipmentState,
)
from connectors.money import Money
from server.model import OrderView, ShipmentView
from server.rules.transit import UNLEARNED, Leg, Transit, Way
from server.rules.transit_clock import transit_clock
from server.rules.transit_learning import TransitLearner
from tests.server.rules.conftest import NEW_YORK

HOURS = st.integers(-30, 200)
HOME, ABROAD = Place(region="NJ", country="US"), Place(region="BC", country="CA")
_TEXTS = ("", "Where is my order?", "It never arrived", "Thanks for the lamp")
_STATES = ("label_created", "in_transit", "out_for_delivery", "available_for_pickup", "delivery_failed", "exception")
_ENDS = ("returning", "returned", "delivered", "cancelled", "unknown")


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


@st.composite
def any_order(draw: st.DrawFn, build: Any) -> OrderView:
    """Of the rarer facts each order has few: with all of them at once, all that is found is the loudest."""
    at = HOURS.map(build.at)
    rare = lambda strategy: st.none() | st.none() | st.none() | strategy  # noqa: E731
    lines = draw(maybe(st.lists(_line(), max_size=2).map(tuple)))
    return build.order(
        *draw(st.lists(any_parcel(build), max_size=2, unique_by=lambda found: found.shipment.key)),
        payments=tuple(draw(st.lists(_payment(at), max_size=2))),
        contacts=tuple(sorted(draw(st.lists(_contact(at), max_size=3)), key=lambda contact: contact.at)),
        total=draw(st.integers(0, 3).map(lambda n: Money(n * 10_000, "USD"))),
        financial_state=draw(maybe(st.sampled_from(["paid", "pending", "partially_refunded", "refunded", "voided"]))),
        fulfillment_state=draw(maybe(st.sampled_from(["unfulfilled", "partial", "on_hold", "scheduled", "fulfilled"]))),
        fulfillment_started_at=draw(rare(at)),
        line_items=lines,
        holds=draw(rare(st.lists(_hold(at), max_size=2).map(tuple))),
        refund_requests=draw(rare(st.lists(_request(at), max_size=1).map(tuple))),
        address_problem=draw(rare(st.sampled_from(["", "No such street"]))),
        marketplace=draw(rare(st.just("amazon"))),
        ship_by=draw(rare(at)),
        deliver_by=draw(rare(at)),
        promise=draw(maybe(HOURS)),
        cancelled_at=draw(rare(at)),
        cancel_requested_at=draw(rare(at)),
        closed_at=draw(rare(at)),
        placed_at=draw(st.integers(-60, 40).map(build.at)),
        origin=draw(maybe(st.just(HOME))),
        destination=draw(maybe(st.sampled_from([HOME, ABROAD]))),
        vip=draw(st.booleans()),
    )


@st.composite
def any_parcel(draw: st.DrawFn, build: Any) -> ShipmentView:
    """As `view` would make one: its state is that of its furthest scan, or what somebody says without one."""
    drawn = draw(st.lists(_scan(build), max_size=4))
    scans = sorted(drawn, key=lambda scan: (scan.at, scan.state.rank, scan.state))
    furthest = max(scans, key=lambda scan: (scan.state.rank, scan.at), default=None)
    state = furthest.state if furthest else draw(st.sampled_from([None, *map(ShipmentState, (*_STATES, *_ENDS))]))
    is_scanned = any(scan.state.rank >= 2 for scan in scans)
    found = build.shipment(
        *scans,
        number=draw(st.sampled_from(["1Z1", "1Z2", ""])),
        state=state,
        fulfillment_id="f1",
        estimate=draw(maybe(HOURS.map(build.at))),
        shipped_at=draw(maybe(HOURS.map(build.at))),
        problem=draw(maybe(st.sampled_from(Problem))),
        exception=draw(st.sampled_from(["", "Something is wrong"])),
        tracking_problem="" if is_scanned else draw(st.sampled_from([None, "", "UPS does not know this number"])),
    )
    return found if found.shipment.tracking_number else replace(found, shipment=_without_number(found.shipment))


def _without_number(shipment: Shipment) -> Shipment:
    return replace(shipment, carrier="unknown", tracking_problem=None)


@st.composite
def _scan(draw: st.DrawFn, build: Any) -> Scan:
    state = draw(st.sampled_from(_STATES) | st.sampled_from((*_STATES, *_ENDS)))
    return replace(build.scan(draw(HOURS), state), problem=draw(maybe(st.sampled_from(Problem))))


def _line() -> st.SearchStrategy[LineItem]:
    return st.builds(
        LineItem,
        id=st.sampled_from("12"),
        title=st.just("Lamp"),
        quantity=st.integers(1, 2),
        unfulfilled=maybe(st.integers(0, 2)),
        needs_shipping=maybe(st.booleans()),
    )


def _payment(at: st.SearchStrategy[datetime]) -> st.SearchStrategy[Payment]:
    refund = st.builds(
        Refund,
        id=st.sampled_from("abc"),
        at=at,
        state=st.sampled_from(["pending", "requires_action", "succeeded", "failed", "cancelled"]),
        amount=maybe(st.just(Money(10_000, "USD"))),
    )
    attempt = st.builds(PaymentAttempt, id=st.sampled_from("ab"), at=at, succeeded=st.booleans())
    dispute = st.builds(
        Dispute,
        id=st.just("d"),
        state=st.sampled_from(["needs_response", "warning_under_review", "won"]),
        respond_by=maybe(at),
        opened_at=maybe(at),
    )
    return st.builds(
        Payment,
        id=st.sampled_from(["p", "q"]),
        processor=st.just("stripe"),
        state=maybe(st.sampled_from(PaymentState)),
        created_at=maybe(at),
        attempts=st.lists(attempt, max_size=2).map(lambda tries: tuple(sorted(tries, key=lambda one: one.at))),
        dispute=maybe(dispute),
        fraud_warning=maybe(st.builds(FraudWarning, id=st.just("w"), at=at, is_actionable=st.booleans())),
        refunds=st.lists(refund, max_size=2).map(tuple),
    )


def _hold(at: st.SearchStrategy[datetime]) -> st.SearchStrategy[Hold]:
    return st.builds(Hold, reason=st.sampled_from(["other", "incorrect_address"]), since=maybe(at))


def _request(at: st.SearchStrategy[datetime]) -> st.SearchStrategy[RefundRequest]:
    return st.builds(RefundRequest, id=st.just("r"), at=at, state=st.sampled_from(["requested", "approved", "closed"]))


def _contact(at: st.SearchStrategy[datetime]) -> st.SearchStrategy[Contact]:
    return st.builds(
        Contact,
        id=st.sampled_from("xyz"),
        at=at,
        channel=st.just("email"),
        state=st.sampled_from(["", "open", "solved"]),
        text=st.sampled_from(_TEXTS),
    )


def any_transit(build: Any) -> st.SearchStrategy[Transit]:
    return st.sampled_from([UNLEARNED, learnt(build)])


@cache
def learnt(build: Any) -> Transit:
    """From some hundred parcels of the weeks before, most in time and some late."""
    learner = TransitLearner(transit_clock(NEW_YORK, "US", ""))
    legs = []
    for number in range(300):
        ready = build.at(-24 * 60 + 4 * number)
        handed_over = ready + timedelta(hours=6 + number % 40)
        takes = timedelta(hours=(40, 60, 75, 90, 130, 260)[number % 6])
        way = Way(origin="NJ", destination=("NJ", "BC")[number % 2], carrier="ups")
        promised = ready + timedelta(days=6)
        legs.append(
            Leg(
                way=way,
                ready_at=ready,
                handed_over_at=handed_over,
                delivered_at=handed_over + takes,
                promised_by=promised,
            )
        )
    learner.learn_all(legs)
    return learner.transit

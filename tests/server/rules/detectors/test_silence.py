"""Orders of every kind of money, hold, clock and contact: nothing changes by silence alone before `review_at`."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.model import (
    Contact,
    Dispute,
    FraudWarning,
    Hold,
    LineItem,
    Payment,
    PaymentAttempt,
    PaymentState,
    Refund,
    RefundRequest,
)
from connectors.money import Money
from server.model import Assessment, OrderView
from server.rules.assess import assess

HOURS = st.integers(-30, 200)
CENTS = st.integers(0, 3).map(lambda n: Money(n * 10_000, "USD"))


def told(found: Assessment) -> tuple[object, ...]:
    """What of an assessment may change only when something happens or `review_at` comes."""
    return tuple((s.kind, s.fingerprint, s.severity, s.opens_at, s.since, s.deadline, s.causes) for s in found.signals)


def order_of(build, data) -> OrderView:
    at = HOURS.map(build.at)
    maybe = lambda strategy: st.none() | strategy  # noqa: E731
    refund = st.builds(
        Refund,
        id=st.sampled_from("abc"),
        at=at,
        state=st.sampled_from(["pending", "requires_action", "succeeded", "failed", "cancelled"]),
        amount=maybe(CENTS),
    )
    dispute = st.builds(
        Dispute,
        id=st.just("d"),
        state=st.sampled_from(["needs_response", "warning_under_review", "won"]),
        respond_by=maybe(at),
        opened_at=maybe(at),
    )
    warning = st.builds(FraudWarning, id=st.just("w"), at=at, is_actionable=st.booleans())
    payment = st.builds(
        Payment,
        id=st.sampled_from(["p", "q"]),
        processor=st.just("stripe"),
        state=maybe(st.sampled_from(PaymentState)),
        created_at=maybe(at),
        attempts=maybe(at).map(lambda t: (PaymentAttempt(id="a", at=t, succeeded=True),) if t else ()),
        dispute=maybe(dispute),
        fraud_warning=maybe(warning),
        refunds=st.lists(refund, max_size=3).map(tuple),
    )
    line = st.builds(
        LineItem,
        id=st.sampled_from("12"),
        title=st.just("Lamp"),
        quantity=st.integers(1, 2),
        unfulfilled=maybe(st.integers(0, 2)),
        needs_shipping=maybe(st.booleans()),
    )
    hold = st.builds(Hold, reason=st.sampled_from(["other", "incorrect_address"]), since=maybe(at))
    request = st.builds(RefundRequest, id=st.just("r"), at=at, state=st.sampled_from(["requested", "closed"]))
    contact = st.builds(
        Contact, id=st.sampled_from("xyz"), at=at, channel=st.just("email"), state=st.sampled_from(["", "solved"])
    )
    scan = st.builds(build.scan, HOURS, st.sampled_from(["label_created", "in_transit", "delivered"]))
    parcel = st.builds(
        lambda scans, shipped: build.shipment(*sorted(scans, key=lambda s: s.at), shipped_at=shipped),
        st.lists(scan, max_size=2),
        maybe(at),
    )
    draw = data.draw
    return build.order(
        *draw(st.lists(parcel, max_size=1)),
        payments=tuple(draw(st.lists(payment, max_size=2))),
        contacts=tuple(draw(st.lists(contact, max_size=3))),
        total=draw(CENTS),
        financial_state=draw(maybe(st.sampled_from(["paid", "pending", "refunded"]))),
        fulfillment_state=draw(maybe(st.sampled_from(["unfulfilled", "partial", "on_hold", "scheduled"]))),
        line_items=tuple(draw(st.lists(line, max_size=2))),
        holds=draw(maybe(st.lists(hold, max_size=2).map(tuple))),
        refund_requests=draw(maybe(st.lists(request, max_size=1).map(tuple))),
        ship_by=draw(maybe(at)),
        deliver_by=draw(maybe(at)),
        promise=draw(maybe(HOURS)),
        cancelled_at=draw(st.none() | st.none() | at),
        closed_at=draw(st.none() | st.none() | at),
        vip=draw(st.booleans()),
    )


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nothing_changes_by_silence_alone_before_review_at(build, data) -> None:
    order, policy = order_of(build, data), build.policy(calendar={"holidays": "US"})
    now = build.at(data.draw(st.integers(-30, 300)))
    found = assess(order, now, policy)
    assert assess(order, now, policy) == found
    until = now + timedelta(days=40)
    if found.review_at is not None:
        assert found.review_at > now
        until = min(until, found.review_at)
    last = until - timedelta(microseconds=1)
    for share in (*data.draw(st.lists(st.floats(0, 1), min_size=6, max_size=6)), 1.0):
        assert told(assess(order, min(now + (last - now) * share, last), policy)) == told(found)

"""From a context to the panel that agents see."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from server.context import (
    AttemptContext,
    CandidateContext,
    ContactContext,
    Context,
    CustomerContext,
    DisputeContext,
    EstimateContext,
    FailureContext,
    IssueContext,
    ItemContext,
    NotificationContext,
    OrderContext,
    PaymentContext,
    PromiseContext,
    ScanContext,
    ShipmentContext,
    SignalContext,
    SourceContext,
    TicketContext,
    TimelineContext,
)
from server.flows import draw
from server.flows.tickets import EMAIL_ONLY, LINKED, OTHER_CUSTOMER, OURS
from server.model import Level, Severity
from sidebar.panel import (
    Candidate,
    Contacted,
    Happened,
    Header,
    Paid,
    Pill,
    Promised,
    Row,
    Scanned,
    Shipped,
    Source,
    Tone,
    Trouble,
)

NOW = datetime(2026, 11, 23, 19, 5, tzinfo=UTC)
"""Monday, 14:05 in New York."""

ORDER = OrderContext(
    id="5001",
    name="#1001",
    shop="shop",
    placed_at=NOW - timedelta(days=5),
    total="129.00",
    currency="USD",
    financial_state="paid",
    fulfillment_state="fulfilled",
    cancelled_at=None,
    cancel_requested_at=None,
    cancel_reason=None,
    tags=[],
    high_value=False,
    destination="Nashville, TN, US",
    admin_url="https://acme.myshopify.com/admin/orders/5001",
    items=[
        ItemContext(line="1", title="Skillet", sku="S", quantity=1),
        ItemContext(line="2", title="Mug", sku="M", quantity=2),
    ],
)
CUSTOMER = CustomerContext(
    name="Ada Lovelace",
    email="ada@example.com",
    phone=None,
    orders_count=23,
    total_spent="4180.50",
    currency="USD",
    vip=True,
)
PAYMENT = PaymentContext(
    id="pi_1",
    processor="stripe",
    state="paid",
    method="Visa ending 4242",
    amount="129.00",
    captured="129.00",
    refunded="0.00",
    refundable="129.00",
    currency="USD",
    failure=None,
    dispute=None,
    attempts=[],
)
SHIPMENT = ShipmentContext(
    carrier="ups",
    carrier_name="UPS",
    tracking_number="1Z999",
    tracking_url="https://www.ups.com/track?tracknum=1Z999",
    service="Ground",
    state="in_transit",
    estimated_delivery=EstimateContext(original=NOW, current=NOW + timedelta(days=2)),
    shipped_at=NOW - timedelta(days=4),
    delivered_at=None,
    last_scan_at=NOW - timedelta(hours=51),
    scans=[],
    exception=None,
    sources=["ups"],
)
ISSUE = IssueContext(
    id="i1",
    kind="tracking_stalled",
    state="open",
    severity=Severity.HIGH,
    headline="has had no carrier scan for 51 hours",
    reasons=["Last seen in Memphis"],
    since=NOW - timedelta(hours=51),
    deadline=None,
    opened_at=NOW - timedelta(hours=3),
    solved_at=None,
    order="5001",
    ticket=TicketContext(connection="desk", id="4711", url="https://desk.example/agent/tickets/4711", is_ours=True),
)


def scan(hours, text="Scanned", **facts):
    time = NOW - timedelta(hours=hours)
    return ScanContext(time=time, text=text, **{"local_time": None, "place": "", "state": "in_transit", **facts})


def source(status, error=None, hours=0, system="UPS"):
    as_of = None if hours is None else NOW - timedelta(hours=hours)
    return SourceContext(connection="ups", system=system, status=status, as_of=as_of, latency_ms=50, error=error)


def panel(*, is_live=False, ticket=("", ""), **facts):
    facts = {"workspace": "acme", "as_of": NOW, "timezone": "America/New_York", "order": ORDER, **facts}
    return draw.panel(Context(**facts), is_live=is_live, ticket=ticket)


def changed(struct, **facts):
    return msgspec.structs.replace(struct, **facts)


# --- header ----------------------------------------------------------------------------------------------------------


def test_header_says_which_order_and_how_it_stands():
    assert panel(customer=CUSTOMER, matched_by="order number in the subject").header == Header(
        name="Order #1001",
        href="https://acme.myshopify.com/admin/orders/5001",
        line="Ada Lovelace | Wed 18 Nov",
        pills=(Pill("Paid", Tone.GOOD), Pill("Fulfilled", Tone.GOOD), Pill("VIP", Tone.WARN)),
        rows=(
            Row("Total", "$129.00"),
            Row("Items", "Skillet, 2 Mug"),
            Row("Ships to", "Nashville, TN, US"),
            Row("Customer", "23 orders, $4,180.50 in all"),
        ),
        note="Found by order number in the subject",
    )


def test_header_of_an_order_of_which_little_is_known():
    bare = changed(
        ORDER,
        placed_at=None,
        total=None,
        currency=None,
        financial_state=None,
        fulfillment_state=None,
        admin_url=None,
        destination="",
        items=[],
    )
    assert panel(order=bare).header == Header(
        name="Order #1001",
        href="",
        line="",
        pills=(Pill("Unknown", Tone.PLAIN), Pill("Not fulfilled", Tone.PLAIN)),
    )


@pytest.mark.parametrize(
    ("facts", "pill"),
    [
        ({"cancelled_at": NOW, "cancel_requested_at": NOW}, Pill("Cancelled", Tone.BAD)),
        ({"cancel_requested_at": NOW}, Pill("Cancellation requested", Tone.BAD)),
    ],
)
def test_cancellation_comes_first(facts, pill):
    assert panel(order=changed(ORDER, **facts)).header.pills[0] == pill


def test_high_value_is_said_beside_the_total():
    assert panel(order=changed(ORDER, high_value=True)).header.rows[0] == Row("Total", "$129.00, high value")


@pytest.mark.parametrize("matched", [EMAIL_ONLY, f"order number in the message{OTHER_CUSTOMER}"])
def test_a_weak_match_is_marked(matched):
    assert panel(matched_by=matched).header.warnings == (f"Not verified: found by {matched}.",)


@pytest.mark.parametrize("matched", [None, OURS, LINKED])
def test_a_sure_match_needs_no_words(matched):
    header = panel(matched_by=matched).header
    assert (header.note, header.warnings) == ("", ())


def test_a_hidden_customer_is_said():
    hidden = changed(CUSTOMER, name=None, email=None, hidden=True, vip=False)
    assert panel(customer=hidden).header.warnings == ("The shop does not let Beforehand see who the customer is.",)


# --- promise, issues -------------------------------------------------------------------------------------------------


def test_promise_says_its_risk_and_why():
    promise = PromiseContext(
        promised_by=NOW + timedelta(days=1), source="the shop", risk=0.753, level=Level.AT_RISK, reasons=["Silent"]
    )
    assert panel(promise=promise).promise == Promised(
        pill=Pill("At risk", Tone.BAD),
        line="Promised for tomorrow, Tue 24 Nov",
        source="According to the shop",
        risk="Chance of missing it: 75%",
        reasons=("Silent",),
    )


@pytest.mark.parametrize(("level", "risk"), [(Level.ON_TRACK, 0.05), (Level.MISSED, 1.0)])
def test_a_settled_promise_needs_no_percentage(level, risk):
    promise = PromiseContext(promised_by=NOW, source="the shop", risk=risk, level=level, reasons=[])
    assert panel(promise=promise).promise.risk == ""


def test_open_issues_come_before_what_has_no_ticket_yet():
    signals = [
        SignalContext(
            kind=kind,
            since=NOW,
            deadline=None,
            severity=Severity.NORMAL,
            headline=f"may be late {kind}",
            reasons=[],
            evidence=[],
            opens_at=NOW + timedelta(hours=hours),
        )
        for kind, hours in (("tracking_stalled", 1), ("promise_at_risk", 2), ("payment_failed", 0))
    ]
    assert panel(issues=[ISSUE], signals=signals).troubles == (
        Trouble(
            headline="Has had no carrier scan for 51 hours",
            pill=Pill("High", Tone.BAD),
            line="Since Sat 21 Nov, 11:05",
            reasons=("Last seen in Memphis",),
            href="https://desk.example/agent/tickets/4711",
            link="Ticket 4711",
        ),
        Trouble(
            headline="May be late promise_at_risk",
            pill=Pill("Normal", Tone.WARN),
            line="A ticket opens 16:05 if it lasts",
        ),
        Trouble(headline="May be late payment_failed", pill=Pill("Normal", Tone.WARN), line="No ticket yet"),
    )


def test_solved_issues_stand_apart():
    solved = changed(ISSUE, state="solved", solved_at=NOW - timedelta(hours=1))
    found = panel(issues=[solved])
    assert found.troubles == ()
    assert found.solved == (
        Trouble(
            headline="Has had no carrier scan for 51 hours",
            pill=Pill("Solved", Tone.GOOD),
            line="Mon 23 Nov, 11:05 to Mon 23 Nov, 13:05",
            href="https://desk.example/agent/tickets/4711",
            link="Ticket 4711",
        ),
    )


# --- payments --------------------------------------------------------------------------------------------------------


def test_payment_says_what_can_be_given_back():
    assert panel(payments=[PAYMENT]).payments == (
        Paid(
            title="Stripe, Visa ending 4242",
            pill=Pill("Paid", Tone.GOOD),
            rows=(Row("Amount", "$129.00"), Row("Can be refunded", "$129.00")),
        ),
    )


def test_partial_amounts_are_told():
    part = changed(PAYMENT, state="partially_refunded", captured="100.00", refunded="40.00", refundable="60.00")
    assert panel(payments=[part]).payments[0].rows == (
        Row("Amount", "$129.00"),
        Row("Captured", "$100.00"),
        Row("Refunded", "$40.00"),
        Row("Can be refunded", "$60.00"),
    )


def test_a_declined_payment_says_why_and_lists_its_attempts():
    attempts = [
        AttemptContext(
            at=NOW - timedelta(hours=2), succeeded=False, failure_code="expired_card", failure_message="Card expired"
        ),
        AttemptContext(at=NOW - timedelta(hours=1), succeeded=False, failure_code="x", failure_message=""),
    ]
    failed = changed(
        PAYMENT,
        state="failed",
        method=None,
        captured=None,
        refunded=None,
        refundable=None,
        failure=FailureContext(code="expired_card", message="The card has expired"),
        attempts=attempts,
    )
    assert panel(payments=[failed]).payments == (
        Paid(
            title="Stripe",
            pill=Pill("Payment failed", Tone.BAD),
            rows=(Row("Amount", "$129.00"),),
            problem="The card has expired",
            attempts=(Row("Mon 23 Nov, 13:05", "Failed"), Row("Mon 23 Nov, 12:05", "Card expired")),
        ),
    )


def test_a_single_good_attempt_is_not_worth_a_list():
    once = changed(PAYMENT, attempts=[AttemptContext(at=NOW, succeeded=True, failure_code="", failure_message="")])
    assert panel(payments=[once]).payments[0].attempts == ()


def test_a_dispute_says_until_when_to_answer():
    dispute = DisputeContext(
        id="d", state="needs_response", reason="fraudulent", amount="129.00", respond_by=NOW + timedelta(days=7)
    )
    rows = panel(payments=[changed(PAYMENT, dispute=dispute)]).payments[0].rows
    assert rows[-1] == Row("Disputed", "$129.00, fraudulent, needs response; answer by Mon 30 Nov, 14:05")


# --- shipments -------------------------------------------------------------------------------------------------------


def test_silences_are_marked_where_they_are():
    scans = [
        scan(51, "Arrived", place="Memphis, TN, US", local_time="2026-11-21 10:05"),
        scan(90, "Departed"),
        scan(92, "Origin scan"),
    ]
    assert panel(shipments=[changed(SHIPMENT, scans=scans)]).shipments == (
        Shipped(
            title="UPS",
            number="1Z999",
            href="https://www.ups.com/track?tracknum=1Z999",
            pill=Pill("On its way", Tone.PLAIN),
            rows=(Row("Service", "Ground"), Row("Estimate", "Wed 25 Nov, first today")),
            scans=(
                Scanned(
                    when="Sat 21 Nov, 11:05",
                    hint="2026-11-21 10:05 local time",
                    text="Arrived",
                    place="Memphis, TN, US",
                    ago="51 h ago",
                    gap="No scan for 51 h",
                ),
                Scanned(when="Thu 19 Nov, 20:05", hint="", text="Departed", place="", gap="No scan for 39 h"),
                Scanned(when="Thu 19 Nov, 18:05", hint="", text="Origin scan", place=""),
            ),
        ),
    )


@pytest.mark.parametrize("state", ["delivered", "returned", "cancelled"])
def test_a_parcel_at_its_end_is_not_silent(state):
    found = panel(shipments=[changed(SHIPMENT, state=state, scans=[scan(200)])]).shipments[0]
    assert found.scans[0].gap == ""


def test_a_parcel_without_scans_says_when_it_was_shipped():
    fresh = changed(SHIPMENT, service=None, estimated_delivery=EstimateContext(original=None, current=None))
    assert panel(shipments=[fresh]).shipments[0].rows == (Row("Shipped", "Thu 19 Nov, 14:05"),)


def test_a_delivered_parcel_says_when_and_not_what_was_estimated():
    there = changed(SHIPMENT, state="delivered", service=None, delivered_at=NOW, scans=[scan(0)])
    assert panel(shipments=[there]).shipments[0].rows == (Row("Delivered", "Mon 23 Nov, 14:05"),)


# --- the rest --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "is_live", "drawn"),
    [
        (source("ok"), True, Source(name="UPS", tone=Tone.GOOD, text="as of 14:05")),
        (
            source("stale", hours=3),
            True,
            Source(name="UPS", tone=Tone.PLAIN, text="is being asked", detail="Shown as of 11:05"),
        ),
        (source("stale", hours=3), False, Source(name="UPS", tone=Tone.PLAIN, text="stored, as of 11:05")),
        (source("stale", hours=None), False, Source(name="UPS", tone=Tone.PLAIN, text="not asked yet")),
        (
            source("timeout", "UPS did not answer in time", 51),
            False,
            Source(name="UPS", tone=Tone.BAD, text="did not answer in time", detail="Shown as of Sat 21 Nov, 11:05"),
        ),
        (
            source("error", "The connection to UPS broke", None),
            False,
            Source(name="UPS", tone=Tone.BAD, text="The connection to UPS broke", detail="Nothing known from it yet"),
        ),
        (
            source("not_configured", "Nobody is connected who could be asked about DHL", None, "DHL"),
            False,
            Source(name="DHL", tone=Tone.PLAIN, text="Nobody is connected who could be asked about DHL"),
        ),
    ],
)
def test_sources_say_how_fresh_they_are(found, is_live, drawn):
    assert panel(sources=[found], is_live=is_live).sources == (drawn,)


def test_only_a_live_panel_waits_for_anybody():
    sources = [source("stale", system="UPS"), source("ok", system="Shopify")]
    assert panel(sources=sources, is_live=True).waiting_for == ("UPS",)
    assert panel(sources=sources).waiting_for == ()


def test_contacts_notifications_and_history():
    contact = ContactContext(id="9", at=NOW - timedelta(hours=2), channel="email", subject="", state="open", url=None)
    found = panel(
        contacts=[contact],
        notifications=[NotificationContext(at=NOW, channel="email", text="Your parcel is late")],
        timeline=[
            TimelineContext(at=NOW, source="shop", kind="order.paid", text="Paid"),
            TimelineContext(at=NOW, source="shop", kind="order.read", text=""),
        ],
    )
    assert found.contacts == (Contacted(subject="Ticket 9", line="open, 2 h ago"),)
    assert found.notifications == (Happened(when="Mon 23 Nov, 14:05", text="email: Your parcel is late"),)
    assert found.history == (Happened(when="Mon 23 Nov, 14:05", text="Paid"),)


def test_earlier_contact_is_what_came_before_this_ticket():
    contacts = [
        ContactContext(
            id=number, at=NOW - timedelta(hours=hours), channel=desk, subject=f"{desk} {number}", state="open", url=None
        )
        for desk, number, hours in (("desk", "7", 30), ("desk", "8", 20), ("other", "8", 10))
    ]
    found = panel(contacts=contacts, ticket=("desk", "8")).contacts
    assert found == (
        Contacted(subject="other 8", line="open, 10 h ago"),
        Contacted(subject="desk 7", line="open, 30 h ago"),
    )


def test_no_order_is_said_with_a_way_out():
    found = panel(order=None)
    assert (found.header, found.message, found.candidates) == (None, draw.NOTHING, ())


def test_several_orders_are_for_the_agent_to_choose():
    candidate = CandidateContext(
        order_id="5001",
        shop="shop",
        name="#1001",
        placed_at=NOW,
        customer="Ada",
        total="$129.00",
        match="the customer's e-mail only",
    )
    found = panel(order=None, candidates=[candidate])
    assert found.message == draw.SEVERAL
    assert found.candidates == (
        Candidate(
            reference="5001",
            shop="shop",
            title="Order #1001",
            line="Ada · today · $129.00",
            match="the customer's e-mail only",
        ),
    )

"""From a context to the panel that agents see."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from server.context import (
    CandidateContext,
    ContactContext,
    NotificationContext,
    PromiseContext,
    SignalContext,
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
    Pill,
    Promised,
    Row,
    Source,
    Tone,
    Trouble,
)
from tests.server.flows.drawing import CUSTOMER, ISSUE, NOW, ORDER, SHIPMENT, changed, panel, source

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


def test_a_promise_that_was_kept_is_called_so():
    promise = PromiseContext(promised_by=NOW, source="the shop", risk=0.0, level=Level.ON_TRACK, reasons=[])
    there = changed(SHIPMENT, state="delivered")
    assert panel(promise=promise, shipments=[there]).promise.pill == Pill("Kept", Tone.GOOD)
    assert panel(promise=promise, shipments=[there, SHIPMENT]).promise.pill == Pill("On track", Tone.GOOD)
    assert panel(promise=promise).promise.pill == Pill("On track", Tone.GOOD)


def test_an_issue_of_this_very_ticket_needs_no_link():
    trouble = panel(issues=[ISSUE], ticket=("desk", "4711")).troubles[0]
    assert (trouble.link, trouble.href) == ("this ticket", "")


def test_a_first_order_is_one_order():
    first = changed(CUSTOMER, orders_count=1, total_spent="0.00")
    assert panel(customer=first).header.rows[-1] == Row("Customer", "1 order")


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


# --- the rest --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "is_live", "drawn"),
    [
        (source("ok"), True, Source(name="UPS", key="ups", tone=Tone.GOOD, text="as of 14:05")),
        (
            source("stale", hours=3),
            True,
            Source(name="UPS", key="ups", tone=Tone.PLAIN, text="is being asked", detail="Shown as of 11:05"),
        ),
        (source("stale", hours=3), False, Source(name="UPS", key="ups", tone=Tone.PLAIN, text="stored, as of 11:05")),
        (source("stale", hours=None), False, Source(name="UPS", key="ups", tone=Tone.PLAIN, text="not asked yet")),
        (
            source("timeout", "UPS did not answer in time", 51),
            False,
            Source(
                name="UPS",
                key="ups",
                tone=Tone.BAD,
                text="did not answer in time",
                detail="Shown as of Sat 21 Nov, 11:05",
            ),
        ),
        (
            source("error", "The connection to UPS broke", None),
            False,
            Source(
                name="UPS",
                key="ups",
                tone=Tone.BAD,
                text="The connection to UPS broke",
                detail="Nothing known from it yet",
            ),
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


def test_the_customer_was_told_only_what_arrived():
    told = NotificationContext(at=NOW, channel="email", text="Late")
    others = [
        replace(told, state="waiting"),
        replace(told, state="uncertain", reason="nobody can tell"),
        replace(told, state="held_back", reason="an agent answered"),
        replace(told, audience="team", to="#logistics"),
    ]
    assert [line.text for line in panel(notifications=[told, *others]).notifications] == [
        "email: Late",
        "Waits to be sent. email: Late",
        "May not have arrived. email: Late",
        "Not sent: an agent answered. email: Late",
    ]


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

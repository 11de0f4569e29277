"""What agents see of requests, depending on who looks."""

from datetime import timedelta

import pytest

from server.context import ApprovalContext, DecisionContext, PersonContext, RequestedItemContext
from server.flows.deciders import Deciders
from server.flows.draw_approvals import Viewer
from sidebar.asking import Told
from sidebar.tones import Tone
from tests.server.flows.drawing import NOW, changed, panel

ROBIN, DANA = PersonContext(id="robin", name="Robin Diaz"), PersonContext(id="dana", name="Dana Lopez")
REQUEST = ApprovalContext(
    id="r1",
    kind="refund",
    state="pending",
    version=3,
    order="acme/shop/5001",
    order_name="#1001",
    amount="12.00",
    currency="USD",
    items=[],
    reason="The lid came broken",
    details={},
    requester=ROBIN,
    created_at=NOW - timedelta(minutes=2),
    expires_at=NOW + timedelta(days=7),
    needs=1,
    decisions=[],
    differences=[],
    record_only=False,
    record_only_reason="",
    result="",
    error="",
    closed_at=None,
)
MAY = Viewer(why_not={("r1", 3): ""}, deciders=Deciders({"refund": {"dana": "Dana Lopez"}}))


def drawn(viewer=MAY, **facts):
    (found,) = panel(approvals=[changed(REQUEST, **facts)], viewer=viewer).requests
    return found


def test_a_request_says_what_who_why_and_for_whom_it_waits():
    found = drawn()
    assert found.title == "Refund $12.00"
    assert (found.pill.text, found.pill.tone) == ("Waiting for approval", Tone.WARN)
    assert found.asked == "Robin Diaz asked at 14:03. Expires Mon 30 Nov, 14:05"
    assert found.reason == "The lid came broken"
    assert found.line == "Waiting for approval by Dana Lopez."
    assert (found.is_open, found.may_decide, found.may_withdraw) == (True, True, False)


def test_whoever_may_not_decide_sees_why():
    found = drawn(Viewer(why_not={("r1", 3): "Your limit is $10.00."}))
    assert (found.may_decide, found.why_not) == (False, "Your limit is $10.00.")


def test_what_is_not_known_yet_offers_nothing():
    assert not drawn(Viewer()).may_decide
    # What was found out about an older version does not count for this one.
    assert not drawn(Viewer(why_not={("r1", 2): ""})).may_decide


def test_whoever_asked_may_take_it_back_while_it_waits():
    own = Viewer(own=frozenset({"r1"}), why_not={("r1", 3): "You asked for it."})
    assert drawn(own).may_withdraw
    assert not drawn(own, state="executed").may_withdraw


@pytest.mark.parametrize(
    ("state", "pill", "is_open"),
    [
        ("approved", "Approved", True),
        ("executing", "Being carried out", True),
        ("executed", "Done", False),
        ("failed", "Failed", False),
        ("rejected", "Rejected", False),
        ("withdrawn", "Taken back", False),
        ("expired", "Expired", False),
    ],
)
def test_every_state_has_its_word(state, pill, is_open):
    found = drawn(state=state)
    assert (found.pill.text, found.is_open, found.may_decide) == (pill, is_open, False)


def test_what_a_person_has_to_carry_out_says_so():
    found = drawn(state="approved", record_only=True, record_only_reason="No connection can do it.")
    assert found.pill.text == "Approved, to be done by hand"
    assert found.line == "A person has to carry it out. No connection can do it."
    assert not found.is_open


def test_of_two_who_must_agree_the_first_is_told():
    said = DecisionContext(person=DANA, decision="approve", reason="Fine", at=NOW)
    found = drawn(needs=2, decisions=[said])
    assert found.said == ("Dana Lopez approved at 14:05: Fine",)
    assert found.line == "1 of 2 have agreed. Waiting for approval by another approver."


def test_what_has_changed_is_shown_and_named_on_the_button():
    found = drawn(differences=["Refunded: $0.00 before, $5.00 now"])
    assert found.differences == ("Refunded: $0.00 before, $5.00 now",)
    assert found.decide_label == "Approve as it is now"
    assert drawn(state="rejected", differences=["x"]).differences == ()


def test_the_facts_of_a_request_are_plain():
    details = {"address1": "5 Main Street", "city": "Nashville", "restock": "true", "notify_customer": "false"}
    items = [RequestedItemContext(line="1", title="Skillet", quantity=2)]
    found = drawn(items=items, details={**details, "payment": "pi_1", "text": "Call them"})
    assert found.facts == (
        Told("Items", "2 Skillet"),
        Told("New address", "5 Main Street, Nashville"),
        Told("Restock", "Yes"),
        Told("What", "Call them"),
    )


def test_what_waits_stands_first_and_the_latest_of_the_rest_next():
    found = panel(
        viewer=MAY,
        approvals=[
            changed(REQUEST, id="old", state="executed", created_at=NOW - timedelta(days=3)),
            changed(REQUEST, id="new", state="rejected", created_at=NOW - timedelta(days=1)),
            changed(REQUEST, id="second", created_at=NOW - timedelta(minutes=1)),
            changed(REQUEST, id="first", created_at=NOW - timedelta(hours=1)),
        ],
    ).requests
    assert [request.id for request in found] == ["first", "second", "new", "old"]

"""Buttons and forms: what is asked for each kind, and what is said of limits."""

import pytest

from server.context import ActionContext
from server.flows.deciders import Deciders
from server.flows.draw_approvals import Viewer
from sidebar.asking import Line, Refused
from tests.server.flows.drawing import changed, panel
from tests.server.flows.test_draw_approvals import REQUEST

VIEWER = Viewer(deciders=Deciders({"refund": {"dana": "Dana Lopez"}}))
KINDS = ("refund", "cancel", "reship", "address_change", "hold", "release", "compensation", "fraud_override", "other")


def allowed(kind, **facts):
    return ActionContext(kind=kind, allowed=True, reason="", **facts)


def drawn(*actions, viewer=VIEWER, **facts):
    return panel(actions=list(actions), viewer=viewer, **facts)


def form(action, **facts):
    (found,) = drawn(action, **facts).possible
    return found.form


def fields(action, **facts):
    return {field.name: field for field in form(action, **facts).fields}


def test_what_is_not_allowed_has_a_reason_instead_of_a_button():
    found = drawn(ActionContext(kind="cancel", allowed=False, reason="A shipment is already on its way"))
    assert found.possible == ()
    assert found.not_now == (Refused("Cancel order", "A shipment is already on its way"),)


def test_nobody_in_particular_can_ask_for_nothing():
    found = drawn(allowed("refund"), viewer=None)
    assert (found.possible, found.not_now) == ((), ())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_needs_a_reason(kind):
    reason = fields(allowed(kind))["reason"]
    assert (reason.kind, reason.is_required) == ("area", True)


def test_a_refund_is_full_by_item_or_by_amount():
    found = fields(allowed("refund", limit="109.00", currency="USD"))
    assert [choice.value for choice in found["mode"].choices] == ["full", "items", "amount"]
    assert found["mode"].choices[0].text == "All that can be given back ($109.00)"
    assert found["items"].lines == (Line("1", "Skillet", 1), Line("2", "Mug", 2))
    assert (found["amount"].limit, found["amount"].currency, found["amount"].when) == ("109.00", "USD", "amount")
    assert found["details.restock"].when == "full items"
    assert "details.notify_customer" in found


def test_what_others_asked_for_is_said_beside_the_limit():
    waiting = changed(REQUEST, amount="20.00")
    over = changed(REQUEST, id="r2", amount="50.00", state="rejected")
    other = changed(REQUEST, id="r3", amount="7.00", kind="compensation")
    action = allowed("refund", limit="109.00", currency="USD")
    assert fields(action)["amount"].hint == "Up to $109.00"
    hint = fields(action, approvals=[waiting, over, other])["amount"].hint
    assert hint == "Up to $109.00. Another $20.00 is already asked for"


def test_without_a_known_limit_none_is_claimed():
    amount = fields(allowed("compensation"))["amount"]
    assert (amount.hint, amount.limit, amount.currency, amount.is_required) == ("", "", "USD", True)


def test_an_address_begins_empty():
    found = fields(allowed("address_change"))
    address = [field for name, field in found.items() if name.startswith("details.")]
    assert len(address) == 8
    assert all(field.value == "" for field in address)
    required = [field.name for field in address if field.is_required]
    assert required == ["details.address1", "details.city", "details.postal_code", "details.country"]


def test_a_form_says_who_decides_and_who_carries_it_out():
    assert form(allowed("refund")).note == "Nothing happens before Dana Lopez agrees."
    by_hand = form(allowed("hold", record_only=True)).note
    assert by_hand == "Nothing happens before an approver agrees. A person then carries it out."

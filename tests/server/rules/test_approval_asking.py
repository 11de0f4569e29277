"""What may be asked for: by the amount, the items, the address, the reason, and what others ask for already."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.model import Dispute, Payment, PaymentState, Shipment, ShipmentState
from connectors.money import Money
from connectors.order_actions import ActionItem, OrderActionKind
from server.approval_model import ApprovalState
from server.errors import BadInput, Conflict
from server.model import ShipmentView
from server.rules.approval_amounts import left_of, most
from server.rules.approval_obstacle import obstacle
from tests.server.rules.asking import LEE, ask, paid_order, payment, request, usd

HOME = {"address1": "1 Main St", "city": "Boise", "postal_code": "83702", "country": "US"}


@pytest.fixture
def view(build):
    return paid_order(build)


def test_all_that_is_left_becomes_a_number(view, build):
    found = ask(view, build.policy(), build.at(0))
    assert (found.amount, found.details, found.state, found.version) == (
        usd(10_000),
        {"payment": "pi_1"},
        ApprovalState.PENDING,
        1,
    )
    assert found.expires_at == build.at(7 * 24)
    assert found.basis["Refunded"] == "nothing"


@given(
    asked=st.lists(st.tuples(st.integers(1, 6000), st.sampled_from(ApprovalState)), max_size=6),
    want=st.integers(1, 12_000),
)
def test_all_requests_together_never_ask_for_more_than_was_paid(build, asked, want):
    view = paid_order(build)
    others = [request(f"o{n}", cents, state=state) for n, (cents, state) in enumerate(asked)]
    under_way = sum(
        cents
        for cents, state in asked
        if state in (ApprovalState.PENDING, ApprovalState.APPROVED, ApprovalState.EXECUTING)
    )
    left = max(0, 10_000 - under_way)
    assert most(OrderActionKind.REFUND, view, others) == usd(left)
    try:
        made = ask(view, build.policy(), build.at(0), requests=others, amount=usd(want))
    except (BadInput, Conflict):
        assert want > left
    else:
        assert made.amount == usd(want)
        assert want <= left
        assert left_of(view.payments[0], [*others, made]) == usd(left - want)


@pytest.mark.parametrize("amount", [usd(0), usd(-1), usd(10_001), Money(100, "EUR"), Money(100, "JPY")])
def test_an_amount_that_does_not_fit_is_refused(view, build, amount):
    with pytest.raises(BadInput, match="amount: "):
        ask(view, build.policy(), build.at(0), amount=amount)


def test_items_come_to_what_they_cost_and_never_to_more_than_is_left(view, build):
    policy, now = build.policy(), build.at(0)
    two = ask(view, policy, now, items=(ActionItem("l1", 2),))
    assert two.amount == usd(4000)
    money = request("r0", 4000, now)
    rest = ask(view, policy, now, items=(ActionItem("l1", 2), ActionItem("l2", 1)), requests=(money,), request_id="r2")
    assert rest.amount == usd(6000)


@pytest.mark.parametrize(
    ("state", "left"),
    [("pending", 1), ("approved", 1), ("executing", 1), ("executed", 1), ("failed", 2), ("rejected", 2)],
)
def test_an_item_is_not_refunded_more_often_than_it_was_bought(build, view, state, left):
    policy, now = build.policy(), build.at(0)
    before = request("r0", 1000, now, items=(ActionItem("l1", 1),), state=ApprovalState(state))
    made = ask(view, policy, now, items=(ActionItem("l1", left),), requests=(before,), amount=usd(1000))
    assert made.items == (ActionItem("l1", left),)
    if left == 1:
        with pytest.raises(Conflict, match="At most 1 of Lamp"):
            ask(view, policy, now, items=(ActionItem("l1", 2),), requests=(before,))
        with pytest.raises(Conflict, match="Lamp: all of it"):
            ask(view, policy, now, items=(ActionItem("l1", 1),), requests=(before, made), request_id="r2")


def test_what_the_shop_says_is_left_of_an_item_counts_with_what_is_still_asked_for(build):
    view = paid_order(build)
    lamp, book = view.order.line_items
    view = replace(view, order=replace(view.order, line_items=(replace(lamp, refundable=1), book)))
    done = request("r0", 1000, items=(ActionItem("l1", 1),), state=ApprovalState.EXECUTED)
    open_ = request("r3", 1000, items=(ActionItem("l1", 1),))
    policy, now = build.policy(), build.at(0)
    assert ask(view, policy, now, items=(ActionItem("l1", 1),), requests=(done,)).amount == usd(2000)
    with pytest.raises(Conflict, match="Lamp: all of it"):
        ask(view, policy, now, items=(ActionItem("l1", 1),), requests=(done, open_))


def test_items_that_cost_nothing_are_no_refund_of_nothing(build):
    view = paid_order(build)
    free = tuple(replace(line, price=usd(0)) for line in view.order.line_items)
    view = replace(view, order=replace(view.order, line_items=free))
    with pytest.raises(BadInput, match="cost nothing"):
        ask(view, build.policy(), build.at(0), items=(ActionItem("l1", 1),))


def test_a_disputed_payment_is_not_refunded_by_naming_it(build):
    disputed = payment("pi_2", 50_000, dispute=Dispute(id="dp_1", state="needs_response"), references=("ch_2",))
    view = paid_order(build, payment("pi_1"), disputed)
    for name in ("pi_2", "ch_2"):
        with pytest.raises(Conflict, match="disputed"):
            ask(view, build.policy(), build.at(0), amount=usd(100), details={"payment": name})
    before = request("r1", 100, details={"payment": "pi_2"})
    assert "disputed" in obstacle(before, view, (before,))
    assert obstacle(request("r2", 100), view, (before,)) == ""


CREDIT = OrderActionKind.COMPENSATION


@given(wants=st.lists(st.integers(1, 12_000), max_size=8))
def test_credits_never_come_to_more_than_the_order_cost(build, wants):
    view, made = paid_order(build, total=usd(10_000)), []
    for number, cents in enumerate(wants):
        left = 10_000 - sum(found.amount.amount for found in made)
        assert most(CREDIT, view, made) == usd(left)
        try:
            asked = ask(
                view,
                build.policy(),
                build.at(0),
                kind=CREDIT,
                amount=usd(cents),
                requests=made,
                request_id=f"r{number}",
            )
        except (BadInput, Conflict):
            assert cents > left
        else:
            assert cents <= left
            assert obstacle(asked, view, (*made, asked)) == ""
            made.append(asked)


def test_a_credit_that_the_order_no_longer_bears_is_an_obstacle(build):
    view = paid_order(build, total=usd(5000))
    before = request("r1", 4000, kind=CREDIT, details={}, state=ApprovalState.EXECUTED)
    late = request("r2", 1001, kind=CREDIT, details={})
    assert obstacle(late, view, (before, late)) == "Only $10.00 is left to credit"
    assert obstacle(late, view, (late,)) == ""


@pytest.mark.parametrize("kind", ["cancel", "hold", "address_change", "reship", "other"])
def test_the_very_same_is_not_asked_for_twice_at_a_time(build, kind):
    parcel = Shipment(carrier="ups", tracking_number="1Z", state=ShipmentState.IN_TRANSIT)
    sent = (ShipmentView(shipment=parcel, sources=("track",)),) if kind == "reship" else ()
    view = replace(paid_order(build), shipments=sent)
    policy, now = build.policy(), build.at(0)
    details = {"details": HOME} if kind == "address_change" else {}
    first = ask(view, policy, now, kind=kind, **details)
    with pytest.raises(Conflict, match="already been asked for"):
        ask(view, policy, now, kind=kind, requests=(first,), requester=LEE, request_id="r2", **details)
    for state in (ApprovalState.EXECUTED, ApprovalState.REJECTED, ApprovalState.EXPIRED):
        over = replace(first, state=state)
        assert ask(view, policy, now, kind=kind, requests=(over,), request_id="r2", **details)


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ((ActionItem("l9", 1),), "no line 'l9'"),
        ((ActionItem("l1", 3),), "1 to 2 of Lamp"),
        ((ActionItem("l1", 0),), "1 to 2 of Lamp"),
        ((ActionItem("l1", 1), ActionItem("l1", 1)), "each once"),
    ],
)
def test_items_must_be_on_the_order(view, build, items, said):
    with pytest.raises(BadInput, match=said):
        ask(view, build.policy(), build.at(0), items=items)


def test_a_payment_is_chosen_once_and_one_that_a_bank_decides_on_never(build):
    disputed = payment("pi_2", 50_000, dispute=Dispute(id="dp_1", state="needs_response"))
    view = paid_order(build, payment("pi_1"), disputed)
    assert ask(view, build.policy(), build.at(0)).details == {"payment": "pi_1"}
    with pytest.raises(BadInput, match="no such payment"):
        ask(view, build.policy(), build.at(0), details={"payment": "pi_9"})


def test_what_nobody_knows_is_not_refunded(build):
    view = paid_order(build, Payment(id="pi_1", processor="stripe", state=PaymentState.PAID))
    with pytest.raises(Conflict):
        ask(view, build.policy(), build.at(0))


@pytest.mark.parametrize("reason", ["", "  ", "no", " no ", "x" * 1001])
def test_a_reason_is_needed(view, build, reason):
    with pytest.raises(BadInput, match="reason: "):
        ask(view, build.policy(), build.at(0), reason=reason)


@pytest.mark.parametrize("missing", ["address1", "city", "postal_code", "country"])
def test_an_address_is_whole(view, build, missing):
    with pytest.raises(BadInput, match=missing):
        ask(view, build.policy(), build.at(0), kind="address_change", details={**HOME, missing: " "})
    found = ask(view, build.policy(), build.at(0), kind="address_change", details=HOME)
    assert found.amount is None


@pytest.mark.parametrize("country", ["usa", "us", "U1", "ÄÖ"])
def test_a_country_is_two_letters(view, build, country):
    with pytest.raises(BadInput, match="country"):
        ask(view, build.policy(), build.at(0), kind="address_change", details={**HOME, "country": country})


@pytest.mark.parametrize(
    ("kind", "facts", "said"),
    [
        ("cancel", {"amount": usd(100)}, "amount: expected none"),
        ("hold", {"items": (ActionItem("l1", 1),)}, "items: expected none"),
        ("refund", {"details": {"address1": "x"}}, "no such detail"),
        ("refund", {"details": {"restock": "yes"}}, "true or false"),
        ("compensation", {}, "how much"),
        ("compensation", {"amount": usd(10_001)}, "at most"),
        ("compensation", {"amount": Money(100, "EUR")}, "USD"),
    ],
)
def test_what_does_not_belong_to_a_kind_is_refused(view, build, kind, facts, said):
    with pytest.raises(BadInput, match=said):
        ask(view, build.policy(), build.at(0), kind=kind, **facts)


def test_the_policy_may_not_have_it_and_the_order_neither(view, build):
    with pytest.raises(Conflict, match="policy"):
        ask(view, build.policy(approvals={"refund": {"enabled": False}}), build.at(0))
    with pytest.raises(Conflict, match="not on hold"):
        ask(view, build.policy(), build.at(0), kind="release")


def test_what_a_person_carried_out_is_not_taken_off_twice(build):
    view = paid_order(build)
    recorded = request("o1", 4000, state=ApprovalState.APPROVED, is_record_only=True, basis={"Refunded": "nothing"})
    assert most(OrderActionKind.REFUND, view, [recorded]) == usd(6000)
    carried_out = paid_order(build, payment(refunded=usd(4000)))
    assert most(OrderActionKind.REFUND, carried_out, [recorded]) == usd(6000)


def test_an_order_may_stop_allowing_what_was_asked(build, view):
    asked = ask(view, build.policy(), build.at(0), amount=usd(6000))
    assert obstacle(asked, view, [asked]) == ""
    assert obstacle(asked, view, [asked, request("o1", 5000)]) == "Only $50.00 is left to refund"
    elsewhere = paid_order(build, payment(refunded=usd(4001), state=PaymentState.PARTIALLY_REFUNDED))
    assert obstacle(asked, elsewhere, [asked]) == "Only $59.99 is left to refund"
    lost = paid_order(build, payment("pi_9"))
    assert "not known any more" in obstacle(asked, lost, [asked])
    hold = ask(view, build.policy(), build.at(0), kind="hold")
    cancelled = replace(view, order=replace(view.order, cancelled_at=build.at(1)))
    assert obstacle(hold, cancelled, [hold]) == "The order is cancelled"


def test_when_it_ends_is_the_policys_word(view, build):
    policy = build.policy(approvals={"refund": {"expires_after": "1h"}})
    found = ask(view, policy, build.at(0))
    assert found.expires_at - found.created_at == timedelta(hours=1)
    assert found.due_at == found.expires_at

"""What is carried out once a request is approved, and who is asked to do it."""

import re

from connectors.model import Observation, References
from connectors.order_actions import Address, OrderActionKind
from server.rules.approval_action import desks, key_of, order_action
from server.rules.timeline import empty, fold, view
from tests.server.rules.asking import KEY, paid_order, payment, request, usd


def test_a_refund_names_its_payment_by_every_name(build):
    order = paid_order(build, payment("pi_1"), payment("pi_2", references=("ch_2", "py_2")))
    action = order_action(request(details={"payment": "ch_2", "restock": "true"}), order)
    assert (action.payment, action.payment_references, action.amount) == ("pi_2", ("ch_2", "py_2"), usd(1200))
    assert (action.restock, action.notify_customer, action.order_id, action.address) == (True, False, "1", None)


def test_a_payment_that_is_gone_is_not_replaced_by_another(build):
    assert order_action(request(details={"payment": "pi_9"}), paid_order(build)).payment == "pi_9"


def test_the_key_is_the_requests_for_its_whole_life(build):
    first, changed = request(), request(version=9, cents=1)
    assert key_of(first) == key_of(changed) == order_action(first, paid_order(build)).key
    assert key_of(first) != key_of(request("r2"))
    assert re.fullmatch(r"[A-Za-z0-9-]{1,64}", key_of(request("0123456789abcdef")))


def test_an_address_comes_from_the_details_and_goes_with_its_kind_alone(build):
    details = {"address1": "1 Main St", "city": "Boise", "postal_code": "83702", "country": "US"}
    action = order_action(request(kind=OrderActionKind.ADDRESS_CHANGE, cents=None, details=details), paid_order(build))
    assert action.address == Address(address1="1 Main St", city="Boise", postal_code="83702", country="US")
    assert action.payment == ""


def test_the_shop_is_asked_first_and_then_whoever_told_of_that_payment(build):
    record = empty(KEY)
    for source, found in (("stripe", payment("pi_1")), ("shop", payment("pi_1")), ("paypal", payment("pp_1"))):
        record = fold(
            record,
            Observation(
                source=source,
                kind="payment.read",
                identity=f"{source}/{found.id}",
                at=build.at(0),
                about=References(shop_order="1", payments=(found.id,)),
                payments=(found,),
            ),
        )
    assert view(record).payments
    assert desks(request(), record) == ("shop", "stripe")
    assert desks(request(details={"payment": "pp_1"}), record) == ("shop", "paypal")
    assert desks(request(kind=OrderActionKind.CANCEL, cents=None, details={}), record) == ("shop",)

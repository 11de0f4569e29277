"""Conditions ask what they may ask, and a doubtful answer keeps the signal."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.model import Customer, LineItem, Place
from connectors.money import Money
from server.errors import ConfigurationError
from server.rules.case import examine
from server.rules.condition import Condition
from server.rules.condition_facts import CUSTOMER_FACTS, EVERY_FACT, ORDER_FACTS, OTHER_FACTS, condition_facts
from server.rules.watch import Watch

NEWARK = Place(city="Newark", region="NJ", country="US", postal_code="07102")


@pytest.fixture
def known(build):
    """An order of which every source has said everything."""
    order = build.order(
        build.shipment(build.scan(1), number="1Z1", origin=NEWARK),
        build.shipment(build.scan(2), number="1Z2"),
        tags=("gift",),
        destination=NEWARK,
        shipping_method="Standard",
        financial_state="paid",
        fulfillment_state="fulfilled",
        marketplace="amazon",
        seller="acme",
        warehouse="Newark",
        email="ada@example.com",
    )
    customer = Customer(name="Ada", orders_count=3, total_spent=Money(123450, "USD"), tags=("wholesale",))
    items = (LineItem(id="1", title="Mug", sku="MUG-1", quantity=2), LineItem(id="2", title="Card", quantity=1))
    return replace(order, order=replace(order.order, customer=customer, line_items=items))


def test_every_fact_that_a_condition_may_ask_about_exists_with_its_type(known) -> None:
    found = condition_facts(known, vip=True, high_value=False)
    for facts in (EVERY_FACT, OTHER_FACTS):
        types = {table: {name: type(value) for name, value in known.items()} for table, known in found.items()}
        assert types == {table: {name: type(value) for name, value in named.items()} for table, named in facts.items()}
    assert (set(ORDER_FACTS), set(CUSTOMER_FACTS)) == (set(found["order"]), set(found["customer"]))


def test_facts_say_what_the_sources_said(known) -> None:
    found = condition_facts(known, vip=True, high_value=False)
    order = {name: found["order"][name] for name in ("value", "items", "skus", "carriers", "is_international")}
    assert order == {"value": 100.0, "items": 3, "skus": ["MUG-1"], "carriers": ["ups"], "is_international": False}
    assert found["order"]["origin"]["city"] == "Newark", "it comes from the parcel where the shop says nothing"
    assert found["customer"]["total_spent"] == 1234.5


def test_what_nobody_has_said_is_left_out(build) -> None:
    order = build.order(total=None)
    bare = replace(order, order=replace(order.order, customer=None, line_items=None))
    found = condition_facts(bare, vip=False, high_value=False)
    assert set(found["order"]) == {"name", "high_value", "marketplace", "carriers"}
    assert found["customer"] == {"vip": False}


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("order.valeu > 100", "no such field 'valeu' in order.valeu; expected one of"),
        ("order.valeu > 100", "did you mean value?"),
        ("order.value > 1000.0 && order.valeu > 100", "no such field 'valeu'"),
        ("true || customer . vipp", "did you mean vip?"),
        ("order.destination.town == 'Rome'", "no such field 'town' in order.destination.town"),
        ("value > 100", "there is no 'value'; conditions ask about order and customer"),
        ("true || promise.risk > 0.5", "there is no 'promise'"),
        ("order.value", "it must be true or false"),
        ("order.value > 'much'", "No such overload"),
        ("order.value > 1000000 && customer.vip > 3", "No such overload"),
        ("order.value * 2 > 100", "CEL does not coerce"),
        ("order.value >", "expected a CEL expression"),
        ("order.value > 200 and customer.vip", "1:19"),
        ("(" * 2000, "expected a CEL expression"),
        ("true || " * 500 + "true", "expected a text of at most 2000 characters"),
    ],
)
def test_a_condition_that_can_be_asked_of_no_order_is_refused_with_its_place(build, when: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        build.policy(detectors={"payment_failed": {"when": when}})
    assert str(error.value).startswith("detectors.payment_failed.when: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    "when",
    [
        "order.value > 200 && customer.vip",
        "order.value > 200.0 && customer.vip",
        "order.tags.exists(tag, tag.startsWith('gift'))",
        "'gift' in order.tags && order.name != 'order.nope'",
        'has(order.seller) && order.seller == "it\'s order.nope"',
        "order.skus.exists(sku, sku == 'MUG-1') || order.destination.country != 'US' // order.nope",
        "order.carriers.size() > 1 || customer.total_spent >= 1000",
        "order['value'] > 5.0",
        "1 / order.items > 0",
    ],
)
def test_conditions_that_make_sense_are_taken(build, when: str) -> None:
    policy = build.policy(detectors={"payment_failed": {"when": when}})
    assert next(d.when.text for kind, d in policy.detectors.items() if kind == "payment_failed") == when


@pytest.mark.parametrize(
    "when", ["order.country == 'US'", "order.value / 0.0 > 1.0", "1 / order.items > 0", "order.tags[3] == 'x'"]
)
def test_a_condition_that_fails_for_one_order_holds(when: str) -> None:
    assert Condition(when).holds({"order": {"items": 0, "tags": []}, "customer": {}})


def test_a_field_that_may_be_unknown_can_be_asked_for(build) -> None:
    condition = Condition("has(order.seller) && order.seller == 'acme'")
    assert not condition.holds(condition_facts(build.order(), vip=False, high_value=False))
    assert condition.holds(condition_facts(build.order(seller="acme"), vip=False, high_value=False))


def test_what_decides_alone_decides_also_where_the_rest_is_unknown() -> None:
    facts = {"order": {}, "customer": {"vip": False}}
    assert not Condition("customer.vip && order.value > 200").holds(facts)
    assert not Condition("order.value > 200 && customer.vip").holds(facts)


@given(st.integers(0, 10**7), st.booleans())
def test_whole_numbers_compare_with_amounts(cents: int, vip: bool) -> None:
    facts = {"order": {"value": float(Decimal(cents) / 100)}, "customer": {"vip": vip}}
    for text in ("order.value > 200 && customer.vip", "order.value > 200.0 && customer.vip"):
        assert Condition(text).holds(facts) is (cents > 20000 and vip)


def test_the_policys_own_words_are_facts(build) -> None:
    case = examine(build.order(vip=True), build.policy(high_value={"amount": "100"}), Watch(build.at(0)))
    assert case.facts["order"]["high_value"] is True
    assert case.facts["customer"]["vip"] is True

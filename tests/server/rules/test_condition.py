"""Conditions ask what they may ask, and a doubtful answer keeps the signal."""

import pytest
from msgspec.structs import replace

from connectors.model import Place
from server.errors import ConfigurationError
from server.rules.condition import EVERY_FACT, Condition, condition_facts


def test_every_fact_that_a_condition_may_ask_about_exists_with_its_type(build) -> None:
    order = build.order(
        tags=("gift",), destination=Place(country="US"), shipping_method="Standard", fulfillment_state="unfulfilled"
    )
    customer = replace(order.order.customer, orders_count=3)
    found = condition_facts(replace(order, order=replace(order.order, customer=customer)), vip=True)
    types = {table: {name: type(value) for name, value in facts.items()} for table, facts in found.items()}
    assert types == {table: {name: type(v) for name, v in facts.items()} for table, facts in EVERY_FACT.items()}


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("order.valeu > 100", "no such field 'valeu'; there are order.name, order.value"),
        ("value > 100", "Undefined variable"),
        ("order.value", "it must be true or false"),
        ("order.value > 'much'", "No such overload"),
        ("order.value >", "expected a CEL expression"),
    ],
)
def test_a_condition_that_can_be_asked_of_no_order_is_refused_with_its_place(build, when: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        build.policy(detectors={"payment_failed": {"when": when}})
    assert str(error.value).startswith("detectors.payment_failed.when: ")
    assert message in str(error.value)


@pytest.mark.parametrize("when", ["order.country == 'US'", "order.value / 0.0 > 1.0", "1 / order.items > 0"])
def test_a_condition_that_fails_for_one_order_holds(when: str) -> None:
    assert Condition(when).holds({"order": {"items": 0}, "customer": {}})


def test_whole_numbers_compare_with_amounts() -> None:
    condition = Condition("order.value > 200 && customer.vip")
    assert condition.holds({"order": {"value": 200.5}, "customer": {"vip": True}})
    assert not condition.holds({"order": {"value": 200.0}, "customer": {"vip": True}})

"""The customer's other orders, closed, with their status."""

import pytest

from server.context import CandidateContext
from server.flows.other_orders import MOST_OTHERS, other_orders, with_status
from tests.server.flows.drawing import CUSTOMER, NOW, ORDER, changed, context


@pytest.fixture
def workspace(fakes):
    return fakes.workspace("acme", shop=fakes.Shop())


@pytest.fixture
def store(fakes):
    found = fakes.Store()
    for number in ("5001", "6001", "6002"):
        found.keep(fakes.order_seen(number, f"#{number}"))
    found.keep(fakes.order_seen("7001", "#7001"), workspace="other")
    return found


JANE = changed(CUSTOMER, email="Jane@Example.com")


async def test_they_are_found_by_e_mail_and_without_the_one_that_is_shown(store, workspace):
    found = await other_orders(store, workspace, context(order=ORDER, customer=JANE), NOW)
    assert {one.reference for one in found} == {"6001", "6002"}
    assert all(one.shop == "shop" and one.title == f"Order #{one.reference}" for one in found)
    assert all("Not fulfilled" in [pill.text for pill in one.pills] for one in found)


@pytest.mark.parametrize(
    "facts", [{"customer": None}, {"customer": changed(JANE, email=None)}, {"order": None, "customer": JANE}]
)
async def test_without_an_address_nobody_is_guessed(store, workspace, facts):
    assert await other_orders(store, workspace, context(**facts), NOW) == ()


async def test_there_is_an_end_to_the_list(store, workspace, fakes):
    for number in range(8000, 8030):
        store.keep(fakes.order_seen(str(number), f"#{number}"))
    assert len(await other_orders(store, workspace, context(customer=JANE), NOW)) == MOST_OTHERS


async def test_orders_to_choose_from_keep_their_order_and_get_their_status(store, workspace):
    def candidate(number):
        return CandidateContext(
            order_id=number, shop="shop", name=f"#{number}", placed_at=None, customer="Jane", total="$5", match="phone"
        )

    found = await with_status(store, workspace, [candidate("6002"), candidate("9999"), candidate("6001")], NOW)
    assert [one.reference for one in found] == ["6002", "9999", "6001"]
    assert [bool(one.pills) for one in found] == [True, False, True]
    assert {one.match for one in found} == {"phone"}

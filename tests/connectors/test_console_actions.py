"""This file tests the action desk that prints: once for each key, and only where it was switched on."""

from datetime import UTC, datetime

import pytest

from connectors.connection import Connection
from connectors.console import Console, Settings
from connectors.contract import ActionDesk, Rejected
from connectors.money import Money
from connectors.order_actions import OrderAction, OrderActionKind

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ACTION = OrderAction(
    key="k1",
    kind=OrderActionKind.REFUND,
    order_id="5001",
    order_name="#1001",
    amount=Money(1200, "USD"),
    reason="Broken\x1b[31m",
)


class Screen:
    def __init__(self, settings: Settings) -> None:
        self.text = ""
        connection = Connection(workspace="acme", name="desk", clock=lambda: NOON)
        self.desk = Console(settings, connection, self.write)

    def write(self, text: str) -> None:
        self.text += text


@pytest.fixture
def screen() -> Screen:
    return Screen(Settings(carries_out=True))


async def test_it_is_printed_once_for_each_key(screen: Screen) -> None:
    desk = screen.desk
    assert isinstance(desk, ActionDesk)
    request = await desk.render_action(ACTION)
    assert await desk.find_action(request, "k1", NOON) is None
    receipt = await desk.carry_out(request, "k1")
    assert (receipt.text, receipt.at) == ("Printed refund of $12.00 for order #1001 (printed-1)", NOON)
    assert await desk.carry_out(request, "k1") == receipt == await desk.find_action(request, "k1", NOON)
    assert screen.text == "[desk] Printed refund of $12.00 for order #1001 (printed-1)\n    Broken [31m\n"


async def test_another_request_with_the_same_key_is_refused(screen: Screen) -> None:
    await screen.desk.carry_out(await screen.desk.render_action(ACTION), "k1")
    with pytest.raises(Rejected, match="same idempotency key"):
        await screen.desk.carry_out(b"{}", "k1")


async def test_what_is_no_request_is_refused(screen: Screen) -> None:
    with pytest.raises(Rejected, match="not a request"):
        await screen.desk.carry_out(b"{}", "k1")


async def test_words_are_for_people(screen: Screen) -> None:
    action = OrderAction(key="k1", kind=OrderActionKind.OTHER, order_id="5001")
    assert screen.desk.objection(action) == "only a person can do this"


async def test_unless_it_is_switched_on_it_carries_nothing_out() -> None:
    """A console that serves as helpdesk beside a real shop must not pretend that it has refunded anything."""
    screen = Screen(Settings())
    assert "carries_out = true" in screen.desk.objection(ACTION)
    with pytest.raises(Rejected):
        await screen.desk.render_action(ACTION)
    assert screen.text == ""

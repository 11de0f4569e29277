"""This file tests the registry: a kind and its settings become a connector, mistakes become sentences."""

from datetime import UTC, datetime

import msgspec
import pytest

from connectors import registry
from connectors.connection import Connection
from connectors.registry import UnknownKind, connect, system

CONNECTION = Connection(workspace="acme", name="desk", clock=lambda: datetime(2026, 11, 23, tzinfo=UTC))


def test_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(UnknownKind, match=r"expected one of console, csv_drop, .*zendesk, got 'zendisk'"):
        system("zendisk")


async def test_settings_become_a_connector() -> None:
    made = connect("console", {}, CONNECTION)
    assert made.system == "Console"
    await made.close()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"quiet": "yes"}, r"Expected `bool`, got `str` - at `\$\.quiet`"),
        ({"loud": True}, "loud"),
    ],
)
def test_wrong_settings_name_the_key(settings: dict[str, object], reason: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason):
        connect("console", settings, CONNECTION)


def test_kinds_are_spelled_as_their_modules() -> None:
    assert {kind: f"connectors.{kind}" for kind in registry.SYSTEMS} == dict(registry.SYSTEMS)

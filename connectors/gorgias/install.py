"""This file sets an account up: the HTTP integrations that tell us and ask us, and the widget that shows our rows.

Doing it again changes what differs and makes nothing twice: an integration is known by its name, a widget by what it
belongs to. https://developers.gorgias.com/docs/create-integrations-and-widgets-programmatically
"""

from typing import Any

import msgspec
from msgspec import Struct

from connectors.gorgias import wire
from connectors.gorgias.api import Api

MOST_PAGES = 20


class Integration(Struct, frozen=True):
    """As much of an integration as we compare."""

    id: int
    name: str | None = None
    http: dict[str, Any] | None = None
    deactivated_datetime: str | None = None


class Widget(Struct, frozen=True):
    """As much of a widget as we compare."""

    id: int
    type: str | None = None
    context: str | None = None
    integration_id: int | None = None
    app_id: str | None = None
    template: dict[str, Any] | None = None


class IntegrationPage(Struct, frozen=True):
    data: tuple[Integration, ...]
    meta: wire.Meta | None = None


class WidgetPage(Struct, frozen=True):
    data: tuple[Widget, ...]
    meta: wire.Meta | None = None


class Placed(Struct, frozen=True):
    """What became of one of them."""

    id: int
    change: str
    """`made`, `changed`, or `as it was`."""


async def put_integration(api: Api, wanted: dict[str, Any]) -> Placed:
    """Make it, or change the one of that name. Raises ConnectorError."""
    known = await _find_integration(api, str(wanted["name"]))
    if known is None:
        answer = await api.write("POST", "/api/integrations", msgspec.json.encode(wanted, order="sorted"))
        return Placed(answer.read(Integration).id, "made")
    if _has(known.http or {}, wanted["http"]) and not known.deactivated_datetime:
        return Placed(known.id, "as it was")
    # Also one that was switched off after failures. That saving it switches it on again is not documented: where it
    # does not, `missing` goes on to say so.
    await api.write("PUT", f"/api/integrations/{known.id}", msgspec.json.encode(wanted, order="sorted"))
    return Placed(known.id, "changed")


async def put_widget(api: Api, wanted: dict[str, Any]) -> Placed:
    """Make it, or change the one that belongs to the same. Raises ConnectorError."""
    known = await _find_widget(api, wanted)
    if known is None:
        answer = await api.write("POST", "/api/widgets", msgspec.json.encode(wanted, order="sorted"))
        return Placed(answer.read(Widget).id, "made")
    if known.template == wanted["template"]:
        return Placed(known.id, "as it was")
    await api.write("PUT", f"/api/widgets/{known.id}", msgspec.json.encode(wanted, order="sorted"))
    return Placed(known.id, "changed")


async def missing(api: Api, integrations: list[dict[str, Any]], widgets: int) -> list[str]:
    """What is not there, or not as it should be, in words. Raises ConnectorError."""
    found = []
    for wanted in integrations:
        known = await _find_integration(api, str(wanted["name"]))
        if known is None:
            found.append(f"the integration {wanted['name']!r} is missing")
        elif known.deactivated_datetime:
            found.append(f"the integration {wanted['name']!r} is switched off, as after 100 failures in a row")
        elif not _has(known.http or {}, wanted["http"]):
            found.append(f"the integration {wanted['name']!r} is set up otherwise")
    rows = [known async for page in api.pages("/api/widgets", {}, WidgetPage, MOST_PAGES) for known in page.data]
    ours = [known for known in rows if _names_our_rows(known.template)]
    if len(ours) < widgets:
        found.append("the widget that shows the order is missing")
    return found


async def _find_integration(api: Api, name: str) -> Integration | None:
    async for page in api.pages("/api/integrations", {}, IntegrationPage, MOST_PAGES):
        for known in page.data:
            if known.name == name:
                return known
    return None


async def _find_widget(api: Api, wanted: dict[str, Any]) -> Widget | None:
    async for page in api.pages("/api/widgets", {}, WidgetPage, MOST_PAGES):
        for known in page.data:
            same = (known.type, known.context, known.integration_id, known.app_id)
            if same == (wanted["type"], wanted["context"], wanted.get("integration_id"), wanted.get("app_id")):
                return known
    return None


def _has(known: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether everything that we want is as we want it; the rest is the account's."""
    return all(known.get(name) == value for name, value in wanted.items() if value is not None)


def _names_our_rows(template: dict[str, Any] | None) -> bool:
    return b'"beforehand"' in msgspec.json.encode(template or {})

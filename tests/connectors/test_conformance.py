"""This file tests what every connector owes, whichever system it speaks to."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from connectors import registry
from connectors.connection import Connection
from connectors.contract import (
    Checkable,
    Collided,
    ConnectorError,
    Envelope,
    EventSource,
    Forged,
    Helpdesk,
    Mailer,
    Missing,
    Notifier,
    OrderSource,
    PaymentSource,
    Rejected,
    ReplyReader,
    TaskSink,
    TrackingSource,
    Unreadable,
)
from connectors.model import Observation, TicketChange, TicketDraft
from server.demo.gorgias import FakeGorgias
from server.demo.gorgias_access import KEY
from server.demo.gorgias_state import DEMO_EMAIL
from server.demo.zendesk import TOKEN, FakeZendesk

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"canary canary canary canary").decode()
SHARED_SECRET = "canary-webhook-5b1f6d2a90c34e7f8a9b0c1d"
SECRETS = ("sk-canary-key", "canary-secret", "canary-webhook", "canary-token", "canary-key", WEBHOOK_SECRET)
SETTINGS: dict[str, dict[str, Any]] = {
    "console": {"quiet": True},
    "csv_drop": {"folder": "/nowhere/at/all"},
    "easypost": {"api_key": "sk-canary-key", "webhook_secret": "canary-webhook"},
    "gorgias": {
        "domain": "acme",
        "email": "bot@acme.example",
        "api_key": "canary-key",
        "webhook_secret": SHARED_SECRET,
    },
    "shopify": {
        "shop": "acme.myshopify.com",
        "client_id": "id",
        "client_secret": "canary-secret",
        "access_token": "canary-token",
    },
    "slack": {"bot_token": "xoxb-canary-token", "signing_secret": "canary-secret"},
    "smtp": {
        "host": "smtp.acme.invalid",
        "from_address": "orders@acme.example",
        "user": "shop",
        "password": "canary-secret",
    },
    "stripe": {"api_key": "sk-canary-key", "webhook_secret": "canary-webhook"},
    "ups": {"client_id": "id", "client_secret": "canary-secret", "account": "A1B2C3"},
    "webhook": {"url": "https://wms.acme.example/canary-key", "secret": WEBHOOK_SECRET},
    "zendesk": {"subdomain": "acme", "access_token": "canary-token", "webhook_secret": "canary-webhook"},
}
EVENT_SOURCES = ("easypost", "gorgias", "shopify", "stripe", "zendesk")
CAPABILITIES = (EventSource, OrderSource, PaymentSource, TrackingSource, Helpdesk, Notifier, Mailer, TaskSink)
HERE = ("console", "csv_drop")
"""They go to no other system."""
SIGNATURE_HEADERS = (
    "stripe-signature",
    "x-beforehand-secret",
    "x-hmac-signature",
    "x-shopify-hmac-sha256",
    "x-zendesk-webhook-signature",
    "x-zendesk-webhook-signature-timestamp",
)
GARBAGE = (
    b"",
    b"{}",
    b"[]",
    b"null",
    b"<html>",
    b'{"id":',
    b'{"id": null}',
    b'{"id": "\xff"}',
    b'{"id": 1e400}',
    b'{"id": ' + b"9" * 5000 + b"}",
    b'{"id": "' + b"x" * 5000 + b'"}',
    b"\xef\xbb\xbf{}",
    b'{"a":' * 20_000,
)


def refuse_everything(request: httpx.Request) -> httpx.Response:
    return httpx.Response(503, headers={"retry-after": "5"})


def connection(name: str = "it") -> Connection:
    return Connection(
        workspace="acme",
        name=name,
        clock=lambda: NOON,
        clients=lambda _: httpx.AsyncClient(transport=httpx.MockTransport(refuse_everything)),
    )


def connect(kind: str) -> Any:
    return registry.connect(kind, SETTINGS[kind], connection())


def envelope(body: bytes, headers: dict[str, str] | None = None) -> Envelope:
    return Envelope(headers=headers or {}, body=body, received_at=NOON)


def test_every_system_is_tested_here() -> None:
    assert SETTINGS.keys() == registry.SYSTEMS.keys()


@pytest.mark.parametrize("kind", registry.SYSTEMS)
def test_module_has_settings_and_connect(kind: str) -> None:
    module = registry.system(kind)
    assert issubclass(module.Settings, Struct)
    assert module.Settings.__struct_config__.forbid_unknown_fields
    assert module.__doc__
    assert module.__doc__.startswith("This file is ")


@pytest.mark.parametrize("kind", registry.SYSTEMS)
async def test_connector_has_a_name_can_do_something_and_closes(kind: str) -> None:
    made = connect(kind)
    assert made.system
    assert any(isinstance(made, capability) for capability in CAPABILITIES)
    assert isinstance(made, Checkable)
    await made.close()


@pytest.mark.parametrize("kind", registry.SYSTEMS)
def test_those_who_send_webhooks_are_known(kind: str) -> None:
    assert isinstance(connect(kind), EventSource) is (kind in EVENT_SOURCES)


@pytest.mark.parametrize("kind", registry.SYSTEMS)
def test_secrets_show_nowhere(kind: str) -> None:
    made = connect(kind)
    module = registry.system(kind)
    filled = module.Settings(**SETTINGS[kind])
    rich = filled.__rich_repr__()  # type: ignore[attr-defined]
    shown = f"{made!r} {made} {filled!r} {filled} {list(rich)}"
    assert [secret for secret in SECRETS if secret in shown] == []


@pytest.mark.parametrize("kind", registry.SYSTEMS)
def test_unknown_setting_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="surprise"):
        registry.connect(kind, {**SETTINGS[kind], "surprise": 1}, connection())


@pytest.mark.parametrize("kind", [kind for kind in registry.SYSTEMS if kind not in HERE])
async def test_trouble_over_there_is_one_of_our_errors(kind: str) -> None:
    made = connect(kind)
    with pytest.raises(ConnectorError) as caught:
        await made.check()
    assert caught.value.sentence.startswith(made.system)
    await made.close()


@pytest.mark.parametrize("kind", EVENT_SOURCES)
@pytest.mark.parametrize("body", GARBAGE)
def test_unsigned_is_forged_whatever_it_is(kind: str, body: bytes) -> None:
    made = connect(kind)
    for value in ("", "x", "é", "\ud800", "t=1,v1=é", "A" * 65536, "2026-11-23T12:00:00Z"):
        with pytest.raises(Forged):
            made.verify(envelope(body, dict.fromkeys(SIGNATURE_HEADERS, value)))
    with pytest.raises(Forged):
        made.verify(envelope(body))


@pytest.mark.parametrize("kind", EVENT_SOURCES)
@pytest.mark.parametrize("body", GARBAGE)
def test_signed_garbage_is_unreadable_or_of_no_concern(kind: str, body: bytes) -> None:
    made = connect(kind)
    assert isinstance(made.delivery_key(envelope(body)), str)
    assert all(isinstance(one, Observation) for one in _read(made, envelope(body)))


def _read(source: EventSource, one: Envelope) -> tuple[Observation, ...]:
    """What it says, or nothing where it says that it cannot be read. Any other error is a failure."""
    try:
        return source.read(one)
    except Unreadable:
        return ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("kind", EVENT_SOURCES)
@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()), header=st.text(max_size=80))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_envelope_raises_anything_else(kind: str, body: bytes, header: str) -> None:
    made = connect(kind)
    one = envelope(body, dict.fromkeys((*SIGNATURE_HEADERS, "x-shopify-topic"), header))
    with pytest.raises(Forged):
        made.verify(one)
    assert isinstance(made.delivery_key(one), str)
    _read(made, one)


# --- helpdesks that run without an account: the one that prints, and the others against their strict stand-ins ---


class Ticking:
    """A second later each time it is asked: a helpdesk knows an update by its time."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


HELPDESKS: dict[str, dict[str, Any]] = {
    "console": {"quiet": True},
    "gorgias": {
        "domain": "acme",
        "email": DEMO_EMAIL,
        "api_key": KEY,
        "reply_from": "help@acme.example",
        "requests_per_20_seconds": 400,
    },
    "zendesk": {"subdomain": "acme", "access_token": TOKEN},
}


@pytest.fixture(params=sorted(HELPDESKS))
async def helpdesk(request: pytest.FixtureRequest) -> AsyncIterator[Helpdesk]:
    clock = Ticking()
    fake = FakeGorgias(clock) if request.param == "gorgias" else FakeZendesk(clock)
    stand_in = httpx.ASGITransport(app=fake.app)  # type: ignore[arg-type]
    made: Any = registry.connect(
        request.param,
        HELPDESKS[request.param],
        replace(connection(), clock=clock, clients=lambda _: httpx.AsyncClient(transport=stand_in)),
    )
    assert isinstance(made, Helpdesk)
    yield made
    await made.close()


DRAFT = TicketDraft(external_id="beforehand:acme:1", subject="s", body="b", tags=("beforehand",))


async def test_request_is_the_same_bytes_every_time(helpdesk: Helpdesk) -> None:
    assert helpdesk.render_open(DRAFT) == helpdesk.render_open(DRAFT)
    assert helpdesk.render_change(TicketChange(marker="m")) == helpdesk.render_change(TicketChange(marker="m"))


async def test_same_key_opens_one_ticket(helpdesk: Helpdesk) -> None:
    request = helpdesk.render_open(DRAFT)
    first = await helpdesk.open_ticket(request, "key")
    again = await helpdesk.open_ticket(request, "key")
    assert first == again
    with pytest.raises(Rejected):
        await helpdesk.open_ticket(request + b" ", "key")


async def test_oldest_with_the_external_id_is_found(helpdesk: Helpdesk) -> None:
    assert await helpdesk.find_ticket(DRAFT.external_id) is None
    first = await helpdesk.open_ticket(helpdesk.render_open(DRAFT), "one")
    await helpdesk.open_ticket(helpdesk.render_open(DRAFT), "two")
    found = await helpdesk.find_ticket(DRAFT.external_id)
    assert found is not None
    assert found.id == first.id


async def test_change_is_made_once_and_found_by_its_marker(helpdesk: Helpdesk) -> None:
    ticket = await helpdesk.open_ticket(helpdesk.render_open(DRAFT), "key")
    change = helpdesk.render_change(TicketChange(marker="m-1", note="n", state="solved", add_tags=("x",)))
    assert not await helpdesk.has_note(ticket.id, "m-1")
    changed = await helpdesk.change_ticket(ticket, change)
    assert (changed.state, changed.tags) == ("solved", ("beforehand", "x"))
    assert await helpdesk.has_note(ticket.id, "m-1")
    with pytest.raises(Collided):
        await helpdesk.change_ticket(ticket, change)
    assert not await helpdesk.was_touched_by_a_person(changed)


async def test_reply_goes_to_the_customer_and_its_marker_into_a_tag(helpdesk: Helpdesk) -> None:
    assert isinstance(helpdesk, ReplyReader)
    ticket = await helpdesk.open_ticket(
        helpdesk.render_open(replace(DRAFT, requester_email="ann@example.com", requester_name="Ann")), "key"
    )
    assert await helpdesk.last_reply(ticket.id) is None
    noted = await helpdesk.change_ticket(ticket, helpdesk.render_change(TicketChange(marker="m-1", note="internal")))
    assert await helpdesk.last_reply(ticket.id) is None
    reply = helpdesk.render_change(TicketChange(marker="m-2", reply="Hello", add_tags=("m-2",)))
    replied = await helpdesk.change_ticket(noted, reply)
    assert "m-2" in replied.tags
    assert await helpdesk.last_reply(ticket.id) is not None
    assert not await helpdesk.has_note(ticket.id, "m-2")


async def test_ticket_that_is_not_there_is_missing(helpdesk: Helpdesk) -> None:
    for asking in (helpdesk.read_ticket("404"), helpdesk.has_note("404", "m")):
        with pytest.raises(Missing):
            await asking


async def test_customers_own_tickets_are_not_those_that_we_opened(helpdesk: Helpdesk) -> None:
    email = "ann@example.com"
    for number, external_id in enumerate(("beforehand:acme:1", "", "")):
        draft = replace(DRAFT, external_id=external_id, subject=f"s{number}", requester_email=email)
        await helpdesk.open_ticket(helpdesk.render_open(draft), f"key {number}")
    found = await helpdesk.tickets_of("Ann@Example.com")
    assert [(ticket.subject, ticket.requester_email) for ticket in found] == [("s2", email), ("s1", email)]
    assert await helpdesk.tickets_of("nobody@example.com") == ()


async def test_ticket_read_is_the_ticket_opened(helpdesk: Helpdesk) -> None:
    draft = replace(DRAFT, requester_email="ann@example.com", requester_name="Ann")
    opened = await helpdesk.open_ticket(helpdesk.render_open(draft), "key")
    read = await helpdesk.read_ticket(opened.id)
    assert (read.subject, read.description, read.external_id) == (draft.subject, draft.body, draft.external_id)
    assert (read.state, read.tags, read.requester_email) == ("open", draft.tags, "ann@example.com")
    assert read.version == opened.version

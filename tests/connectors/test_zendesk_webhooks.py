"""This file tests Zendesk's webhooks: only what Zendesk signed just now comes in."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import zendesk
from connectors.connection import Connection
from connectors.contract import Envelope, EventSource, Forged, Unreadable
from connectors.model import Contact
from connectors.transport import utc_now
from connectors.zendesk.events import KINDS

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
TIME = "2026-11-23T11:59:58Z"
BODY = json.dumps({"type": "zen:event-type:ticket.created", "id": "01HX", "detail": {"id": "35"}}).encode()


def desk(webhook_secret: str = SECRET) -> zendesk.Zendesk:
    settings = zendesk.Settings(subdomain="acme", access_token="x", webhook_secret=webhook_secret)
    return zendesk.connect(settings, Connection(workspace="acme", name="desk", clock=utc_now))


def signed(body: bytes = BODY, time: str = TIME, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), time.encode() + body, hashlib.sha256).digest()).decode()


def envelope(body: bytes = BODY, time: str | None = TIME, signature: str | None = None, **headers: str) -> Envelope:
    found = {key.replace("_", "-"): value for key, value in headers.items()}
    if time is not None:
        found["x-zendesk-webhook-signature-timestamp"] = time
    found["x-zendesk-webhook-signature"] = signed(body, time or "") if signature is None else signature
    return Envelope(headers=found, body=body, received_at=NOON)


def test_good_signature_passes() -> None:
    desk().verify(envelope())
    desk().verify(envelope(time="2026-11-23T12:04:59.5Z"))


@pytest.mark.parametrize(
    "forged",
    [
        envelope(signature=""),
        envelope(signature=signed().rstrip("=")),
        envelope(signature=signed() + " "),
        envelope(signature=hmac.new(SECRET.encode(), TIME.encode() + BODY, hashlib.sha256).hexdigest()),
        envelope(signature=signed(secret="other")),
        envelope(signature=signed(TIME.encode() + b"." + BODY, "")),
        envelope(signature="é"),
        envelope(signature="A" * 65536),
        envelope(BODY + b" ", signature=signed()),
        envelope(time="2026-11-23T11:54:59Z"),
        envelope(time="2026-11-23T12:05:01Z"),
        envelope(time="2026-11-23T11:59:58"),
        envelope(time="2026-11-23T11:59:58+00:00"),
        envelope(time="1795435198"),
        envelope(time="é"),
        envelope(time=""),
        envelope(time=None),
    ],
)
def test_anything_else_is_forged(forged: Envelope) -> None:
    with pytest.raises(Forged):
        desk().verify(forged)


def test_brace_moved_from_the_body_into_the_time_is_forged() -> None:
    moved = envelope(BODY[1:], TIME + "{", signed())
    expected = hmac.new(SECRET.encode(), (TIME + "{").encode() + BODY[1:], hashlib.sha256).digest()
    assert base64.b64encode(expected).decode() == signed()  # the signature itself would hold
    with pytest.raises(Forged):
        desk().verify(moved)


def test_without_a_secret_everything_is_forged() -> None:
    with pytest.raises(Forged, match="no webhook_secret"):
        desk("").verify(envelope(signature=signed(secret="")))


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (BODY, "01HX"),
        (b'{"ticket_id": 35}', "inv-1"),
        (b'{"id": "35", "type": "refund"}', "inv-1"),
        (b'{"id": 35}', "inv-1"),
        (b'{"type": "zen:event-type:ticket.created"}', "inv-1"),
        (b"<xml/>", "inv-1"),
        (b"\xff", "inv-1"),
        (b"[" * 100_000, "inv-1"),
    ],
)
def test_repeat_is_known_by_the_event_or_the_invocation(body: bytes, key: str) -> None:
    assert desk().delivery_key(envelope(body, x_zendesk_webhook_invocation_id="inv-1")) == key


def test_absurd_or_missing_key_is_none() -> None:
    assert desk().delivery_key(envelope(b"{}", x_zendesk_webhook_invocation_id="x" * 101)) == ""
    assert desk().delivery_key(envelope(b"{}")) == ""


def event(kind: str = "created", detail: dict[str, object] | None = None, **change: object) -> bytes:
    """An event as Zendesk's reference describes it, of a ticket that customer 7 has opened."""
    known = {
        "id": "35",
        "status": "OPEN",
        "subject": "Where is #1001?",
        "description": "My parcel\nhas not arrived.",
        "requester_id": "7",
        "created_at": "2026-11-23T11:00:00Z",
        "external_id": None,
        "via": {"channel": "email"},
    }
    body = {
        "type": f"zen:event-type:ticket.{kind}",
        "id": "01HX",
        "time": "2026-11-23T11:30:00Z",
        "zendesk_event_version": "2022-11-06",
        "subject": "zen:ticket:35",
        "detail": known | (detail or {}),
        "event": change,
    }
    return json.dumps(body).encode()


def test_a_customers_ticket_is_a_contact_that_names_its_order_in_words() -> None:
    (found,) = desk().read(envelope(event()))
    assert (found.source, found.kind, found.at) == (
        "desk",
        "ticket.created",
        datetime(2026, 11, 23, 11, 30, tzinfo=UTC),
    )
    assert found.about.ticket == "35"
    assert "#1001" in found.about.text
    (contact,) = found.contacts
    assert contact == Contact(
        id="35",
        at=datetime(2026, 11, 23, 11, tzinfo=UTC),
        channel="email",
        subject="Where is #1001?",
        text="My parcel has not arrived.",
        state="open",
        url="https://acme.zendesk.com/agent/tickets/35",
    )


@pytest.mark.parametrize(
    ("kind", "status", "state"),
    [
        ("status_changed", "SOLVED", "solved"),
        ("status_changed", "HOLD", "pending"),
        ("status_changed", "Closed", "closed"),
        ("soft_deleted", "DELETED", "deleted"),
        ("merged", "CLOSED", "deleted"),
    ],
)
def test_what_becomes_of_it_is_told_too(kind: str, status: str, state: str) -> None:
    assert desk().read(envelope(event(kind, {"status": status})))[0].contacts[0].state == state


def comment(author: int, *, staff: bool = False, public: bool = True) -> dict[str, object]:
    return {"id": 1, "body": "Still nothing!", "is_public": public, "author": {"id": author, "is_staff": staff}}


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (comment(7), "Still nothing!"),
        (comment(8, staff=True), "My parcel has not arrived."),
        (comment(9), "My parcel has not arrived."),
        (comment(7, public=False), "My parcel has not arrived."),
    ],
)
def test_only_what_the_customer_writes_counts_as_their_words(said: dict[str, object], text: str) -> None:
    assert desk().read(envelope(event("comment_added", comment=said)))[0].contacts[0].text == text


@pytest.mark.parametrize(
    ("said", "is_answer"),
    [(comment(8, staff=True), True), (comment(8, staff=True, public=False), False), (comment(7), False)],
)
def test_what_an_agent_says_in_public_is_an_answer(said: dict[str, object], *, is_answer: bool) -> None:
    (found,) = desk().read(envelope(event("comment_added", comment=said)))
    assert found.contacts[0].answered_at == (found.at if is_answer else None)


@pytest.mark.parametrize(
    "body",
    [
        event(detail={"external_id": "beforehand:acme:12ab"}),
        event("tags_changed"),
        BODY.replace(b"ticket.created", b"user.created"),
        b'{"order": 1001}',
        b'{"type": 5}',
        b"[]",
    ],
)
def test_our_own_tickets_other_events_and_triggers_say_nothing(body: bytes) -> None:
    assert desk().read(envelope(body)) == ()
    assert isinstance(desk(), EventSource)


@pytest.mark.parametrize("detail", [{"id": None}, {"created_at": "soon"}, {"created_at": "1066-10-14T00:00:00Z"}])
def test_an_event_without_what_it_must_have_is_unreadable(detail: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        desk().read(envelope(event(detail=detail)))


@pytest.mark.parametrize("name", ["ticket_created", "ticket_comment_added"])
def test_our_events_are_such_as_others_describe_them(specs: Path, name: str) -> None:
    schema = json.loads((specs / "zendesk" / "dust" / f"{name}.schema.json").read_bytes())
    assert schema["properties"]["type"]["const"].removeprefix("zen:event-type:") in KINDS
    assert {"id", "status", "subject", "requester_id", "created_at"} <= set(
        schema["properties"]["detail"]["properties"]
    )


@pytest.mark.parametrize("body", [b"", b"<xml/>", b"[" * 100_000, b'{"a": '])
def test_what_is_not_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable, match=r"malformed|truncated|nested"):
        desk().read(envelope(body))

"""This file tests Zendesk's webhooks: only what Zendesk signed just now comes in."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest

from connectors import zendesk
from connectors.connection import Connection
from connectors.contract import Envelope, EventSource, Forged, Unreadable
from connectors.transport import utc_now

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


def test_events_say_no_fact_about_orders() -> None:
    assert desk().read(envelope()) == ()
    assert isinstance(desk(), EventSource)


@pytest.mark.parametrize("body", [b"", b"<xml/>", b"[" * 100_000, b'{"a": '])
def test_what_is_not_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable, match=r"malformed|truncated|nested"):
        desk().read(envelope(body))

"""This file tests who sent an event to a Stripe connection, against signatures of Stripe's own library."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stripe import SignatureVerificationError, WebhookSignature

from connectors import stripe
from connectors.contract import Checkable, Envelope, EventSource, Forged, PaymentSource

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
T = int(NOON.timestamp())
SECRET = "whsec_hush"
BODY = '{"id": "evt_1", "object": "event"}'


def v1(body: str = BODY, *, t: int | str = T, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), f"{t}.{body}".encode(), hashlib.sha256).hexdigest()


def envelope(header: str, body: str | bytes = BODY, *, at: datetime = NOON) -> Envelope:
    return Envelope({"stripe-signature": header}, body if isinstance(body, bytes) else body.encode(), at)


def test_connector_is_what_it_should_be(pay: stripe.Stripe) -> None:
    assert isinstance(pay, EventSource)
    assert isinstance(pay, PaymentSource)
    assert isinstance(pay, Checkable)


@given(body=st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_what_stripes_library_signs_holds(pay: stripe.Stripe, body: str) -> None:
    pay.verify(envelope(WebhookSignature.generate_signature_header(body, SECRET, timestamp=T), body))


@pytest.mark.parametrize(
    "header",
    [
        f"t={T},v1={v1()}",
        f"t={T},v1={'0' * 64},v1={v1()}",  # two secrets, while one is being replaced
        f"t={T},v1={v1()},v0={'0' * 64}",
        f"v1={v1()},t={T}",
        f"t={T}, v1={v1()}",
        f"t={T - 300},v1={v1(t=T - 300)}",
        f"t={T + 300},v1={v1(t=T + 300)}",
    ],
)
def test_good_signature_holds(pay: stripe.Stripe, header: str) -> None:
    pay.verify(envelope(header))


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        ",,,",
        "é",
        "\ud800",
        "A" * 65536,
        f"t={T}",
        f"v1={v1()}",
        f"t={T},v0={v1()}",
        f"t={T},t={T},v1={v1()}",
        f"t={T},v1={v1()}, t={T},v1={v1()}",  # the header twice
        f"t={T},v1={v1()[:-1]}",
        f"t={T},v1={v1()}0",
        f"t={T},v1={v1().upper()}",
        f"t={T},v1=é{v1()}",
        f"t={T},v1={v1(secret='whsec_other')}",
        f"t={T},v1={v1('{}')}",
        f"t={T},v1={hmac.new(SECRET.encode(), f'{T}.{BODY}'.encode(), hashlib.sha1).hexdigest()}",
        f"T={T},v1={v1()}",
        f"t={T - 301},v1={v1(t=T - 301)}",
        f"t={T + 301},v1={v1(t=T + 301)}",
        f"t={T}.0,v1={v1(t=f'{T}.0')}",
        f"t=+{T},v1={v1(t=f'+{T}')}",
        f"t=-{T},v1={v1(t=f'-{T}')}",
        f"t=nan,v1={v1(t='nan')}",
        f"t=,v1={v1(t='')}",
        f"t={'9' * 20},v1={v1(t='9' * 20)}",
        f"t=\u0661,v1={v1(t=chr(0x661))}",  # an Arabic digit
    ],
)
def test_any_other_signature_is_forged(pay: stripe.Stripe, header: str) -> None:
    with pytest.raises(Forged):
        pay.verify(envelope(header))


def test_missing_header_is_forged(pay: stripe.Stripe) -> None:
    with pytest.raises(Forged):
        pay.verify(Envelope({}, BODY.encode(), NOON))


def test_signature_is_over_the_bytes_as_they_came(pay: stripe.Stripe) -> None:
    header = f"t={T},v1={v1()}"
    for body in (BODY + " ", BODY + "\r\n", "\ufeff" + BODY, BODY.replace(" ", ""), ""):
        with pytest.raises(Forged):
            pay.verify(envelope(header, body))


def test_window_is_the_connections_own(world: Any) -> None:
    narrow = world.connect(signature_window_seconds=10)
    header = f"t={T},v1={v1()}"
    narrow.verify(envelope(header, at=NOON + timedelta(seconds=10)))
    with pytest.raises(Forged, match="10 s"):
        narrow.verify(envelope(header, at=NOON + timedelta(seconds=11)))


@given(header=st.text(max_size=60) | st.from_regex(r"t=\d{1,12}(,v[01]=[0-9a-f]{0,64}){0,3}", fullmatch=True))
@settings(max_examples=200, deadline=None)
def test_we_never_believe_what_stripes_library_refuses(pay: stripe.Stripe, header: str) -> None:
    try:
        WebhookSignature.verify_header(BODY, header, SECRET)
    except (SignatureVerificationError, TypeError, ValueError):  # it raises TypeError for letters outside ASCII
        with pytest.raises(Forged):
            pay.verify(envelope(header))


def test_repeat_is_known_by_the_events_id(pay: stripe.Stripe) -> None:
    assert pay.delivery_key(envelope("", BODY)) == "evt_1"
    for body in (b"", b"{}", b'{"id": 5}', b'{"id": "\xff"}', b'{"id": "a b"}', b'{"id":"' + b"x" * 300 + b'"}'):
        assert pay.delivery_key(envelope("", body)) == ""
    assert pay.delivery_key(envelope("", b'{"id": "evt_1", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")) == ""


def test_settings_need_both_keys() -> None:
    with pytest.raises(ValueError, match="api_key"):
        stripe.Settings(api_key="", webhook_secret=SECRET)
    with pytest.raises(ValueError, match="webhook_secret"):
        stripe.Settings(api_key="sk", webhook_secret=" ")

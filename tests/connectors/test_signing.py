"""This file tests the signature checks: right ones pass, and nothing ever raises."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.signing import (
    decode_base64,
    is_one_of,
    iso_time_is_fresh,
    matches_base64,
    matches_hex,
    unix_time_is_fresh,
)

SECRET = "s3crét"
BODY = b'{"id":1}'
DIGEST = hmac.new(SECRET.encode(), BODY, hashlib.sha256).digest()
HEX = DIGEST.hex()
BASE64 = base64.b64encode(DIGEST).decode()
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
WINDOW = timedelta(seconds=300)


def test_right_digests_pass() -> None:
    assert matches_hex(HEX, SECRET, BODY)
    assert matches_base64(BASE64, SECRET, BODY)


@pytest.mark.parametrize(
    "header",
    ["", HEX.upper(), HEX[:-1], HEX + "0", f" {HEX}", BASE64, "é" * 64, "\ud800" * 64, "0" * 65536, HEX + "\n"],
)
def test_other_hex_is_refused(header: str) -> None:
    assert not matches_hex(header, SECRET, BODY)


@pytest.mark.parametrize(
    "header", ["", BASE64.rstrip("="), BASE64 + "=", f"{BASE64} ", HEX, "é", "\ud800", "A" * 65536]
)
def test_other_base64_is_refused(header: str) -> None:
    assert not matches_base64(header, SECRET, BODY)


def test_other_body_and_other_secret_are_refused() -> None:
    assert not matches_hex(HEX, SECRET, BODY + b"\n")
    assert not matches_base64(BASE64, "other", BODY)


@given(st.text(), st.binary())
def test_no_header_makes_a_check_raise(header: str, body: bytes) -> None:
    assert not matches_hex(header, SECRET, body + b"!")
    assert not matches_base64(header, SECRET, body + b"!")
    unix_time_is_fresh(header, NOON, WINDOW)
    iso_time_is_fresh(header, NOON, WINDOW)
    decode_base64(header)


@pytest.mark.parametrize(
    ("text", "fresh"),
    [
        (str(int(NOON.timestamp()) - 299), True),
        (str(int(NOON.timestamp()) - 301), False),
        (str(int(NOON.timestamp()) + 299), True),
        (str(int(NOON.timestamp()) + 301), False),
        (f"{NOON.timestamp()}", False),
        (f"-{int(NOON.timestamp())}", False),
        ("9" * 20, False),
        ("nan", False),
        ("١٢٣", False),
        ("", False),
    ],
)
def test_unix_times(text: str, fresh: bool) -> None:
    assert unix_time_is_fresh(text, NOON, WINDOW) is fresh


@pytest.mark.parametrize(
    ("text", "fresh"),
    [
        ("2026-11-23T11:55:01Z", True),
        ("2026-11-23T12:04:59.123456Z", True),
        ("2026-11-23T11:54:59Z", False),
        ("2026-11-23T12:05:01Z", False),
        ("2026-11-23T12:00:00", False),
        ("2026-11-23T12:00:00+00:00", False),
        ("2026-11-23 12:00:00Z", False),
        ("2026-11-23T12:00:00Z{", False),
        ("2026-11-23T12:00:00Z\n", False),
        ("2026-13-23T12:00:00Z", False),
        ("2026-11-23", False),
    ],
)
def test_iso_times(text: str, fresh: bool) -> None:
    assert iso_time_is_fresh(text, NOON, WINDOW) is fresh


@pytest.mark.parametrize(("text", "raw"), [("aGk=", b"hi"), ("aGk", None), ("a!Gk=", None), ("é", None), ("", b"")])
def test_base64_is_strict(text: str, raw: bytes | None) -> None:
    assert decode_base64(text) == raw


@pytest.mark.parametrize("given", ["new secret", "old secret"])
def test_each_secret_of_a_rotation_is_one(given: str) -> None:
    assert is_one_of(given, ("new secret", "old secret"))


@given(st.text())
def test_nothing_else_is_one_of_the_secrets(given: str) -> None:
    assert is_one_of(given, ("new secret", "old secret")) is (given in ("new secret", "old secret"))
    assert not is_one_of(given, ())


def test_a_header_that_is_no_text_is_none_of_them() -> None:
    assert not is_one_of("\ud800", ("new secret",))

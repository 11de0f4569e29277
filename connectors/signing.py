"""This file checks who sent a webhook: pure functions over bytes, in constant time, that never raise on bad input.

Every function answers True or False. Digests are compared as bytes, because comparing text raises on non-ASCII input.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

_HEX = re.compile(rb"[0-9a-f]{64}", re.ASCII)
_UNIX_SECONDS = re.compile(r"[0-9]{1,11}", re.ASCII)
_ISO_UTC = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z", re.ASCII)


def sha256_hmac(secret: str, message: bytes) -> bytes:
    """The raw HMAC-SHA256 digest of *message*."""
    return sha256_hmac_bytes(secret.encode(), message)


def sha256_hmac_bytes(secret: bytes, message: bytes) -> bytes:
    """The same, where the secret is not text."""
    return hmac.new(secret, message, hashlib.sha256).digest()


def matches_base64(header: str, secret: str, message: bytes) -> bool:
    """Whether *header* is the padded base64 of the digest, to the letter."""
    return matches_base64_bytes(header, secret.encode(), message)


def matches_base64_bytes(header: str, secret: bytes, message: bytes) -> bool:
    """The same, where the secret is not text."""
    expected = base64.b64encode(sha256_hmac_bytes(secret, message))
    return hmac.compare_digest(header.encode("utf-8", "surrogatepass"), expected)


def matches_hex(header: str, secret: str, message: bytes) -> bool:
    """Whether *header* is the lower-case hex of the digest."""
    given = header.encode("utf-8", "surrogatepass")
    if not _HEX.fullmatch(given):
        return False
    return hmac.compare_digest(given, sha256_hmac(secret, message).hex().encode())


def is_one_of(header: str, secrets: Iterable[str]) -> bool:
    """Whether *header* is one of the secrets that were agreed; all are compared, whichever it is."""
    given = hashlib.sha256(header.encode("utf-8", "surrogatepass")).digest()
    found = [hmac.compare_digest(given, hashlib.sha256(secret.encode()).digest()) for secret in secrets]
    return any(found)


def unix_time_is_fresh(text: str, now: datetime, window: timedelta) -> bool:
    """Whether whole Unix seconds lie within *window* of *now*, on either side."""
    if not _UNIX_SECONDS.fullmatch(text):
        return False
    return abs(now.timestamp() - int(text)) <= window.total_seconds()


def iso_time_is_fresh(text: str, now: datetime, window: timedelta) -> bool:
    """The same for a full ISO 8601 UTC time. Strict, because Zendesk signs time and body without a separator."""
    if not _ISO_UTC.fullmatch(text):
        return False
    try:
        said = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return False
    return abs(now - said) <= window


def decode_base64(text: str) -> bytes | None:
    """Strict base64, or None."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None

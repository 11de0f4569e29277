"""This file chains the audit log: every entry's hash covers the one before, so that no line changes unnoticed.

A chain alone cannot show that its end was cut off: the head (count and hash) is also logged and can be kept elsewhere.
"""

from hashlib import sha256

import msgspec

from server.approval_model import AuditEntry, AuditFact

BEGINNING = "0" * 64
"""Stands before the first entry."""


def chained(previous: str, sequence: int, fact: AuditFact) -> AuditEntry:
    """The entry that follows the one whose hash is *previous*."""
    return AuditEntry(sequence=sequence, fact=fact, previous=previous, hash=digest(previous, sequence, fact))


def digest(previous: str, sequence: int, fact: AuditFact) -> str:
    """The hash of an entry: SHA-256, in hex, over JSON with sorted keys. Anybody can repeat it with other tools."""
    text = msgspec.json.encode(
        {"previous": previous, "sequence": sequence, "fact": msgspec.to_builtins(fact)}, order="deterministic"
    )
    return sha256(text).hexdigest()

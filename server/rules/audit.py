"""This file chains the audit log, and checks the chain: every entry's hash covers the one before, so that no line
changes unnoticed.

A chain alone cannot show that its end was cut off: the head (count and hash) is also logged and can be kept elsewhere.
What it comes to letter by letter, so that anybody can check it with other tools, is in docs/audit.md.
"""

import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from server.approval_model import AuditEntry, AuditFact, AuditHead

BEGINNING = "0" * 64
"""Stands before the first entry."""
_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_PARTS = frozenset({"sequence", "fact", "previous", "hash"})


class AuditRow(Struct, frozen=True, kw_only=True):
    """One entry as it lies in the store, whatever became of it."""

    sequence: int
    hash: str
    body: bytes


class Finding(Struct, frozen=True, kw_only=True):
    """What became of the log. `bad` is the number of the first bad entry, with the `reason`; 0: it is sound."""

    count: int
    """How many entries there are; of a log that is not sound, how many hold."""
    hash: str
    """Of the last one that holds."""
    bad: int = 0
    reason: str = ""

    @property
    def is_sound(self) -> bool:
        return self.bad == 0


def chained(previous: str, sequence: int, fact: AuditFact) -> AuditEntry:
    """The entry that follows the one whose hash is *previous*."""
    return AuditEntry(sequence=sequence, fact=fact, previous=previous, hash=digest(previous, sequence, fact))


def digest(previous: str, sequence: int, fact: AuditFact) -> str:
    """The hash of an entry: SHA-256, in hex, over JSON with sorted keys. Anybody can repeat it with other tools."""
    return _digest(previous, sequence, msgspec.to_builtins(fact))


def verify(rows: Iterable[AuditRow], anchor: AuditHead | None = None) -> Finding:
    """Check a whole log, first entry first. *anchor* is a head that was kept elsewhere: it shows a cut tail."""
    chain = Chain(anchor)
    for row in rows:
        if not chain.take(row):
            break
    return chain.finish()


class Chain:
    """A log that is checked entry by entry, so that a long one need not be in memory."""

    def __init__(self, anchor: AuditHead | None = None) -> None:
        self._anchor = anchor
        self._count = 0
        self._hash = BEGINNING
        self._before = BEGINNING
        self._finding: Finding | None = None

    @property
    def count(self) -> int:
        """How many entries hold so far."""
        return self._count

    def take(self, row: AuditRow) -> bool:
        """Check the next entry. False once something is wrong: the first bad one is known, and the rest says nothing
        more."""
        if self._finding is None:
            self._judge(row)
        return self._finding is None

    def finish(self) -> Finding:
        """There are no more entries."""
        anchor = self._anchor
        if self._finding is None and anchor is not None and anchor.count > self._count:
            self._fault(
                self._count + 1,
                f"it is missing, and so is all that followed: the log had {anchor.count} entries when its head was "
                f"kept, and has {self._count}",
            )
        if self._finding is None and anchor is not None and anchor.count == 0 and anchor.hash != BEGINNING:
            self._fault(1, "the head that was kept is none: before the first entry stand 64 zeros")
        return self._finding or Finding(count=self._count, hash=self._hash)

    def _judge(self, row: AuditRow) -> None:
        expected = self._count + 1
        if row.sequence != expected:
            self._fault(expected, f"it is missing: after entry {self._count} comes entry {row.sequence}")
            return
        try:
            body = _decode(row.body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            self._fault(expected, "it cannot be read")
            return
        if problem := self._wrong(row, body, expected):
            self._fault(expected, problem)
        elif body["previous"] == self._hash:
            self._before, self._count, self._hash = self._hash, expected, row.hash
            self._compare_with_anchor()
        elif self._count == 0:
            self._fault(1, "it does not begin the log: something stood before it")
        else:
            # It holds by itself, so it is the one before it that is not what it was.
            self._count, self._hash = self._count - 1, self._before
            self._fault(expected - 1, f"it was changed or replaced: entry {expected} was chained to another one")

    def _wrong(self, row: AuditRow, body: dict[str, Any], expected: int) -> str:
        """What is wrong with an entry by itself."""
        if body.keys() != _PARTS:
            return "it is no entry: expected sequence, fact, previous and hash"
        if type(body["sequence"]) is not int or body["sequence"] != expected:
            return f"it holds another entry: number {str(body['sequence'])[:20]}"
        previous, hashed = body["previous"], body["hash"]
        if not isinstance(previous, str) or not isinstance(hashed, str):
            return "it is no entry: expected text as hashes"
        if hashed != row.hash or not hmac.compare_digest(hashed, _digest(previous, expected, body["fact"])):
            return "it was changed: its hash does not hold"
        return "" if _encode(body) == row.body else "it was written anew: it says the same in other letters"

    def _compare_with_anchor(self) -> None:
        anchor = self._anchor
        if anchor is not None and anchor.count == self._count and anchor.hash != self._hash:
            self._fault(
                self._count,
                "it is not the one that was there when the head was kept: the log was written anew, here or earlier",
            )

    def _fault(self, bad: int, reason: str) -> None:
        self._finding = Finding(count=self._count, hash=self._hash, bad=bad, reason=reason)


def _digest(previous: str, sequence: int, fact: object) -> str:
    return sha256(_encode({"previous": previous, "sequence": sequence, "fact": fact})).hexdigest()

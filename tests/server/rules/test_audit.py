"""The audit log's chain: whatever anybody does to a stored log, the first entry that is wrong is named."""

import hashlib
import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from server.approval_model import AuditFact, AuditHead
from server.rules.audit import BEGINNING, AuditRow, chained, verify

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
encode = msgspec.json.Encoder(order="sorted").encode

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
facts = st.builds(
    AuditFact,
    workspace=st.just("acme"),
    at=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    event=st.sampled_from(["approval.requested", "approval.refused", "sidebar.refused"]),
    actor=texts,
    via=texts,
    subject=texts,
    details=st.dictionaries(texts, texts, max_size=3),
)


def fact(number):
    return AuditFact(workspace="acme", at=NOW, event="approval.requested", actor=f"agent {number}", subject="r1")


def row(entry):
    return AuditRow(sequence=entry.sequence, hash=entry.hash, body=encode(entry))


def chain(told):
    rows, previous = [], BEGINNING
    for number, each in enumerate(told, 1):
        entry = chained(previous, number, each)
        rows.append(row(entry))
        previous = entry.hash
    return rows


def head(rows):
    return AuditHead(len(rows), rows[-1].hash if rows else BEGINNING)


def rewritten(rows, number, change):
    """The log of somebody who knows how it is made: entry *number* changed, and it and all after it chained anew."""
    made = rows[: number - 1]
    previous = made[-1].hash if made else BEGINNING
    for old in rows[number - 1 :]:
        told = msgspec.json.decode(old.body, type=dict)["fact"]
        told = msgspec.convert(told, AuditFact)
        entry = chained(previous, old.sequence, change(told) if old.sequence == number else told)
        made.append(row(entry))
        previous = entry.hash
    return made


@given(st.lists(facts, max_size=8))
def test_sound_log_is_sound_and_anybody_can_reckon_it_with_other_tools(told):
    rows = chain(told)
    finding = verify(rows, head(rows))
    assert (finding.is_sound, finding.count, finding.hash) == (True, len(rows), head(rows).hash)
    previous = "0" * 64
    for number, each in enumerate(rows, 1):
        entry = json.loads(each.body)
        covered = {name: entry[name] for name in ("fact", "previous", "sequence")}
        text = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert entry["hash"] == hashlib.sha256(text.encode()).hexdigest() == each.hash
        assert (entry["previous"], entry["sequence"]) == (previous, number)
        previous = entry["hash"]


@given(st.lists(facts, min_size=1, max_size=8), st.data())
def test_any_changed_byte_is_named(told, data):
    rows = chain(told)
    at = data.draw(st.integers(0, len(rows) - 1))
    body = bytearray(rows[at].body)
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] ^= data.draw(st.integers(1, 255))
    rows[at] = replace(rows[at], body=bytes(body))
    finding = verify(rows)
    assert (finding.bad, finding.count) == (at + 1, at)
    assert finding.reason


@given(st.lists(facts, min_size=1, max_size=8), st.data())
def test_any_changed_fact_is_named_also_with_its_hash_reckoned_anew(told, data):
    rows = chain(told)
    kept = head(rows)
    number = data.draw(st.integers(1, len(rows)))
    changed = rewritten(rows, number, lambda found: replace(found, actor=found.actor + "!"))
    # The entry alone, its hash left as it was.
    entry = msgspec.json.decode(changed[number - 1].body, type=dict)
    alone = [*rows]
    alone[number - 1] = replace(rows[number - 1], body=encode({**entry, "hash": rows[number - 1].hash}))
    assert verify(alone).bad == number
    # The entry alone, with a hash that holds: the next one, or the head that was kept, tells.
    alone[number - 1] = changed[number - 1]
    assert verify(alone, kept).bad == number
    # Everything from it on: only a head that was kept elsewhere tells.
    assert verify(changed).is_sound
    assert not verify(changed, kept).is_sound


@given(st.lists(facts, min_size=1, max_size=8), st.data())
def test_any_deletion_is_named(told, data):
    rows = chain(told)
    kept, number = head(rows), data.draw(st.integers(1, len(rows)))
    left = [each for each in rows if each.sequence != number]
    finding = verify(left, kept)
    assert (finding.bad, finding.count) == (number, number - 1)
    assert "missing" in finding.reason
    if number == len(rows):
        assert verify(left).is_sound, "only the anchor shows that the last one is gone"
    # Moved up, so that the numbers have no gap.
    moved = [replace(each, sequence=place) for place, each in enumerate(left, 1)]
    assert verify(moved, kept).bad == number


@given(st.lists(facts, min_size=2, max_size=8), st.data())
def test_any_swap_is_named(told, data):
    rows = chain(told)
    first, second = sorted(data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=2, max_size=2, unique=True)))
    swapped = [*rows]
    swapped[first] = replace(rows[second], sequence=first + 1)
    swapped[second] = replace(rows[first], sequence=second + 1)
    assert verify(swapped).bad == first + 1


@given(st.lists(facts, min_size=1, max_size=5), st.data())
def test_any_insertion_is_named(told, data):
    rows = chain(told)
    at = data.draw(st.integers(0, len(rows) - 1))
    previous = rows[at - 1].hash if at else BEGINNING
    forged = row(chained(previous, at + 1, fact(99)))
    longer = [*rows[:at], forged, *(replace(each, sequence=each.sequence + 1) for each in rows[at:])]
    finding = verify(longer, head(rows))
    assert not finding.is_sound
    assert finding.bad in (at, at + 1, at + 2)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"sequence":2}',
        b'{"sequence":true,"fact":{},"previous":"","hash":""}',
    ],
)
def test_what_cannot_be_read_is_named_and_stops_nothing(body):
    rows = chain([fact(1), fact(2), fact(3)])
    rows[1] = replace(rows[1], body=body)
    finding = verify(rows)
    assert (finding.bad, finding.count, finding.hash) == (2, 1, rows[0].hash)


@pytest.mark.parametrize("change", [b" ", b"\n"])
def test_same_in_other_letters_is_named(change):
    rows = chain([fact(1)])
    rows[0] = replace(rows[0], body=rows[0].body + change)
    assert "other letters" in verify(rows).reason
    rows[0] = replace(rows[0], body=json.dumps(json.loads(rows[0].body)).encode())
    assert verify(rows).bad == 1


def test_hash_beside_the_entry_has_to_be_its_own():
    rows = chain([fact(1)])
    assert verify([replace(rows[0], hash="f" * 64)]).bad == 1


def test_older_head_holds_for_a_log_that_has_grown_and_a_wrong_one_does_not():
    rows = chain([fact(number) for number in range(5)])
    assert verify(rows, head(rows[:3])).is_sound
    assert verify(rows, AuditHead(3, "a" * 64)).bad == 3
    assert verify(rows, AuditHead(0, BEGINNING)).is_sound
    assert not verify(rows, AuditHead(0, "a" * 64)).is_sound
    assert verify([], AuditHead(2, "a" * 64)).bad == 1
    assert verify([]).is_sound


def test_log_that_begins_in_the_middle_is_named():
    rows = chain([fact(1), fact(2)])
    entry = chained(rows[0].hash, 1, fact(2))
    assert verify([row(entry)]).bad == 1
    assert verify(rows[1:]).bad == 1

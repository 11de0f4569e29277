"""This file replays an order history: reads it, walks it, measures it, and writes the alerts."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from server.errors import BadInput
from server.flows.history import HistoryFile, latest_moment, read_all
from server.model import Kind
from server.rules.history import HistoryRow
from server.rules.policy import Policy
from server.rules.replay_compare import Comparison, compare
from server.rules.replay_figures import Figures, figures
from server.rules.walk import Alert, Walk

Advance = Callable[[int], None]
Stage = Callable[[str, int], Advance]
"""Told the name and the length of a piece of work; what it answers is told of progress."""


class Replayed(Struct, frozen=True, kw_only=True):
    """What a replay has found."""

    figures: Figures
    alerts: tuple[Alert, ...]
    events: int
    reviews: int
    comparison: Comparison | None = None


def read_history(path: Path, timezone: ZoneInfo, stage: Stage) -> tuple[HistoryFile, list[HistoryRow]]:
    """A whole file, and what was wrong with it. Raises BadInput."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from error
    file = HistoryFile(path, timezone, stage(f"reading {path.name}", size))
    return file, read_all(file)


def replay(
    rows: Sequence[HistoryRow],
    policy: Policy,
    stage: Stage,
    *,
    learn: Sequence[HistoryRow] = (),
    before: Policy | None = None,
) -> Replayed:
    """Walk *rows* under *policy*; with *before* also under that one, to say what changes."""
    walk = _walked(rows, policy, learn, stage, "walking through time")
    comparison = None
    if before is not None:
        former = _walked(rows, before, learn, stage, "the same under the policy before")
        comparison = compare(former.issues, walk.issues)
    return Replayed(
        figures=figures(rows, walk.alerts, walk.looks, latest_moment(list(rows))),
        alerts=tuple(walk.alerts),
        events=walk.events,
        reviews=walk.reviews,
        comparison=comparison,
    )


def _walked(rows: Sequence[HistoryRow], policy: Policy, learn: Sequence[HistoryRow], stage: Stage, name: str) -> Walk:
    walk = Walk(rows, policy, learn=learn)
    advance = stage(name, walk.events)
    for taken in walk.steps():
        advance(taken)
    return walk


def at_risk_from(policy: Policy, share: float) -> Policy:
    """*policy* with another threshold for `promise_at_risk`. Raises BadInput."""
    if not 0 < share <= 1:
        raise BadInput(f"--risk-at: expected a number above 0 and at most 1, got {share:g}")
    changed = replace(policy.detectors[Kind.PROMISE_AT_RISK], threshold=share)
    return replace(policy, detectors={**policy.detectors, Kind.PROMISE_AT_RISK: changed})


def write_alerts(path: Path, alerts: Sequence[Alert]) -> None:
    """One JSON object a line, in sequence of time. Raises BadInput."""
    write_file(path, b"".join(msgspec.json.encode(alert) + b"\n" for alert in alerts))


def write_file(path: Path, content: bytes) -> None:
    """Raises BadInput where it cannot be written."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from error


def as_json(replayed: Replayed) -> dict[str, Any]:
    """The figures without every single lead, which is what the report's chart is drawn from."""
    found: dict[str, Any] = msgspec.to_builtins(replayed)
    del found["alerts"]
    for kind in found["figures"]["kinds"]:
        del kind["leads_hours"]
    return found

"""This file says what another policy would have done differently, issue by issue."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from server.model import Issue, Kind


class Difference(Struct, frozen=True, kw_only=True):
    """One issue that the two policies treat differently. None: not opened at all, or not closed."""

    order_id: str
    kind: str
    what: str
    """only_before, only_after, or what it is after, compared to before: opened_earlier, closed_later ..."""
    opened_before: datetime | None
    opened_after: datetime | None
    closed_before: datetime | None
    closed_after: datetime | None


class KindComparison(Struct, frozen=True, kw_only=True):
    """How many issues of one kind there are under each policy, and how many are not alike."""

    kind: str
    before: int
    after: int
    only_before: int
    only_after: int
    opened_earlier: int
    opened_later: int
    closed_earlier: int
    closed_later: int


class Comparison(Struct, frozen=True, kw_only=True):
    kinds: tuple[KindComparison, ...]
    differences: tuple[Difference, ...]
    """In sequence of time."""


def compare(before: Iterable[Issue], after: Iterable[Issue]) -> Comparison:
    """What changes from one policy's issues to the other's. The same issue has the same id in both."""
    old, new = {issue.id: issue for issue in before}, {issue.id: issue for issue in after}
    found = [
        difference
        for name in old.keys() | new.keys()
        if (difference := _difference(old.get(name), new.get(name))) is not None
    ]
    found.sort(key=lambda d: (d.opened_after or d.opened_before, d.order_id, d.kind))
    return Comparison(
        kinds=tuple(_of_kind(kind, old.values(), new.values(), found) for kind in _kinds(old, new)),
        differences=tuple(found),
    )


def _kinds(old: dict[str, Issue], new: dict[str, Issue]) -> list[Kind]:
    present = {issue.kind for issue in (*old.values(), *new.values())}
    return [kind for kind in Kind if kind in present]


def _difference(old: Issue | None, new: Issue | None) -> Difference | None:
    issue = new or old
    what = _what(old, new)
    if issue is None or not what:
        return None
    return Difference(
        order_id=issue.order.order_id,
        kind=issue.kind.value,
        what=what,
        opened_before=old.opened_at if old else None,
        opened_after=new.opened_at if new else None,
        closed_before=old.solved_at if old else None,
        closed_after=new.solved_at if new else None,
    )


def _what(old: Issue | None, new: Issue | None) -> str:
    if old is None:
        return "only_after"
    if new is None:
        return "only_before"
    if old.opened_at != new.opened_at:
        return "opened_earlier" if new.opened_at < old.opened_at else "opened_later"
    if old.solved_at == new.solved_at:
        return ""
    is_earlier = new.solved_at is not None and (old.solved_at is None or new.solved_at < old.solved_at)
    return "closed_earlier" if is_earlier else "closed_later"


def _of_kind(kind: Kind, old: Iterable[Issue], new: Iterable[Issue], found: list[Difference]) -> KindComparison:
    mine = [difference.what for difference in found if difference.kind == kind.value]
    return KindComparison(
        kind=kind.value,
        before=sum(issue.kind is kind for issue in old),
        after=sum(issue.kind is kind for issue in new),
        only_before=mine.count("only_before"),
        only_after=mine.count("only_after"),
        opened_earlier=mine.count("opened_earlier"),
        opened_later=mine.count("opened_later"),
        closed_earlier=mine.count("closed_earlier"),
        closed_later=mine.count("closed_later"),
    )

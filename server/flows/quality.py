"""This file measures a workspace's own issues by how they ended: were they right, and early, and who had to act?"""

from datetime import datetime, timedelta
from statistics import median

from msgspec import Struct

from server.model import IssueState, Kind, PromiseEnd
from server.rules.outcome import FORETELLS_MISS, customer_wrote
from server.store.contract import IssueEnd, Reading, Store

HOUR = timedelta(hours=1)


class KindQuality(Struct, frozen=True, kw_only=True):
    """How the issues of one kind ended, or of all kinds. A share is null where there is nothing to take a share of."""

    kind: str
    """Empty for all kinds together."""
    opened: int
    """Without those of a dry run."""
    open: int
    """Of these, how many are open now."""
    known: int
    """Of these, how many warned of something and are over, so that it is known whether it came."""
    precision: float | None
    """Of the known ones, the share whose trouble came. Kinds that state a fact warn of nothing: null."""
    median_lead_hours: float | None
    """From the opening to the promise that was missed, where it was opened before."""
    median_lead_before_contact_hours: float | None
    """From the opening to the customer's first message, where that came after."""
    contacts: int
    """Issues about which the customer wrote."""
    contacts_preceded: float | None
    """Of these, the share that was opened before the customer wrote."""
    solved_untouched: float | None
    """Of the tickets that are solved, the share that no person had touched."""
    dry_run: int
    """Issues that were only recorded."""
    dry_run_precision: float | None
    """The same as `precision`, for these."""


class Quality(Struct, frozen=True, kw_only=True):
    """How good the issues of a workspace were that opened in a period."""

    since: datetime
    until: datetime
    total: KindQuality
    kinds: list[KindQuality]
    """Those of which there was any, in order of kinds."""


async def quality(store: Store, workspace: str, now: datetime, days: int) -> Quality:
    """The issues opened in the last *days*. Raises StoreUnavailable."""
    since = now - timedelta(days=days)

    def work(tx: Reading) -> tuple[dict[Kind, _Tally], _Tally]:
        by_kind: dict[Kind, _Tally] = {}
        total = _Tally()
        for issue in tx.issue_ends(workspace, since, now):
            for tally in (by_kind.setdefault(issue.kind, _Tally()), total):
                tally.add(issue)
        return by_kind, total

    by_kind, total = await store.read(work)
    return Quality(
        since=since,
        until=now,
        total=total.found(""),
        kinds=[by_kind[kind].found(kind.value) for kind in Kind if kind in by_kind],
    )


class _Tally:
    """Counts issues as they are read; keeps no more of them than the leads."""

    def __init__(self) -> None:
        self._opened = self._open = self._dry_run = 0
        self._right: list[bool] = []
        self._dry_right: list[bool] = []
        self._touched: list[bool] = []
        self._preceded: list[bool] = []
        self._leads: list[float] = []
        self._leads_before_contact: list[float] = []

    def add(self, issue: IssueEnd) -> None:
        found = issue.outcome
        right = found.came_true if found is not None else None
        if issue.dry_run:
            self._dry_run += 1
            self._dry_right += [] if right is None else [right]
            return
        self._opened += 1
        self._open += issue.state is IssueState.OPEN
        if found is None:
            return
        self._right += [] if right is None else [right]
        self._touched += [] if found.by_person is None else [found.by_person]
        if issue.kind in FORETELLS_MISS and found.promise is PromiseEnd.MISSED and found.promised_by is not None:
            self._lead(self._leads, found.promised_by - issue.opened_at)
        wrote = customer_wrote(issue.opened_at, found.customer_wrote_at)
        if found.customer_wrote_at is not None:
            self._preceded.append(wrote == "after")
            self._lead(self._leads_before_contact, found.customer_wrote_at - issue.opened_at)

    def _lead(self, leads: list[float], lead: timedelta) -> None:
        if lead > timedelta():
            leads.append(lead / HOUR)

    def found(self, kind: str) -> KindQuality:
        return KindQuality(
            kind=kind,
            opened=self._opened,
            open=self._open,
            known=len(self._right),
            precision=_share(self._right),
            median_lead_hours=_median(self._leads),
            median_lead_before_contact_hours=_median(self._leads_before_contact),
            contacts=len(self._preceded),
            contacts_preceded=_share(self._preceded),
            solved_untouched=_share([not touched for touched in self._touched]),
            dry_run=self._dry_run,
            dry_run_precision=_share(self._dry_right),
        )


def _share(found: list[bool]) -> float | None:
    return round(sum(found) / len(found), 4) if found else None


def _median(leads: list[float]) -> float | None:
    return round(median(leads), 2) if leads else None

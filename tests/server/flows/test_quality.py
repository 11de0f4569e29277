"""How good a workspace's own issues were: reckoned from how they ended."""

from datetime import timedelta

import pytest

from server.flows.quality import KindQuality, quality
from server.model import IssueState, Kind, OrderKey, Outcome, PromiseEnd
from tests.server.desk import NOW
from tests.server.storing import issue

MISSED, KEPT, OPEN = PromiseEnd.MISSED, PromiseEnd.KEPT, PromiseEnd.OPEN


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def ended(number: int, opened: float, **facts):
    """An issue that was opened so many hours before now, and how it ended."""
    given = {name: facts.pop(name) for name in ("kind", "dry_run", "order") if name in facts}
    order = given.pop("order", OrderKey("acme", "shop", str(number)))
    found = issue(number, order, state=IssueState.SOLVED, outcome=Outcome(**facts) if facts else None)
    return type(found)(
        **{name: getattr(found, name) for name in found.__struct_fields__} | {"opened_at": NOW - hours(opened)} | given
    )


async def of(store, *issues, days=90):
    def work(tx):
        for each in issues:
            tx.put_issue(each)

    await store.write(work)
    return await quality(store, "acme", NOW, days)


async def test_shares_and_leads_by_kind_and_in_total(store):
    stalled = [
        # Opened 50 hours before the promise, and 10 before the customer wrote.
        ended(
            1,
            100,
            promise=MISSED,
            promised_by=NOW - hours(50),
            came_true=True,
            customer_wrote_at=NOW - hours(90),
            by_person=True,
        ),
        # Opened when it was too late, and after the customer wrote.
        ended(
            2,
            100,
            promise=MISSED,
            promised_by=NOW - hours(101),
            came_true=True,
            customer_wrote_at=NOW - hours(120),
            by_person=False,
        ),
        ended(3, 100, promise=KEPT, promised_by=NOW - hours(1), came_true=False, by_person=False),
        ended(4, 100, promise=OPEN, promised_by=NOW + hours(9)),
        ended(5, 100, dry_run=True, promise=KEPT, promised_by=NOW, came_true=False),
    ]
    failed = ended(6, 20, kind=Kind.PAYMENT_FAILED, promise=MISSED, promised_by=NOW - hours(10), by_person=False)
    found = await of(store, *stalled, failed)
    assert (found.since, found.until) == (NOW - timedelta(days=90), NOW)
    assert found.kinds == [
        KindQuality(
            kind="payment_failed",
            opened=1,
            open=0,
            known=0,
            precision=None,
            median_lead_hours=None,
            median_lead_before_contact_hours=None,
            contacts=0,
            contacts_preceded=None,
            solved_untouched=1.0,
            dry_run=0,
            dry_run_precision=None,
        ),
        KindQuality(
            kind="tracking_stalled",
            opened=4,
            open=0,
            known=3,
            precision=0.6667,
            median_lead_hours=50.0,
            median_lead_before_contact_hours=10.0,
            contacts=2,
            contacts_preceded=0.5,
            solved_untouched=0.6667,
            dry_run=1,
            dry_run_precision=0.0,
        ),
    ]
    total = found.total
    assert (total.kind, total.opened, total.known, total.precision) == ("", 5, 3, 0.6667)
    assert (total.solved_untouched, total.contacts_preceded, total.dry_run) == (0.75, 0.5, 1)


async def test_only_issues_opened_in_the_period_count(store):
    found = await of(store, ended(1, 23), ended(2, 25), ended(3, 24), days=1)
    assert found.total.opened == 2


async def test_other_workspaces_do_not_count(store):
    found = await of(store, ended(1, 1, order=OrderKey("globex", "shop", "1")))
    assert (found.total.opened, found.kinds) == (0, [])


async def test_an_open_issue_has_no_share_in_anything_yet(store):
    found = await of(store, issue(-1))
    assert (found.total.opened, found.total.open, found.total.known) == (1, 1, 0)
    assert (found.total.precision, found.total.contacts_preceded, found.total.solved_untouched) == (None, None, None)


@pytest.mark.parametrize("kind", [Kind.PROMISE_MISSED, Kind.PAYMENT_FAILED])
async def test_a_fact_has_no_lead_before_the_promise(store, kind):
    found = await of(store, ended(1, 100, kind=kind, promise=MISSED, promised_by=NOW - hours(1)))
    assert found.total.median_lead_hours is None

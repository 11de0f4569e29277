"""What a change of policy would have done differently."""

from server.model import Issue, IssueState, Kind, OrderKey, Severity, issue_id
from server.rules.replay_compare import compare
from tests.server.rules.histories import at


def issue(order_id: str, opened: float, closed: float | None = None, kind: Kind = Kind.PROMISE_AT_RISK) -> Issue:
    key = OrderKey("replay", "history", order_id)
    return Issue(
        id=issue_id(key, kind, 1),
        order=key,
        kind=kind,
        state=IssueState.OPEN if closed is None else IssueState.SOLVED,
        severity=Severity.NORMAL,
        headline="",
        since=at(0),
        opened_at=at(opened),
        solved_at=None if closed is None else at(closed),
    )


def test_each_difference_is_named_with_its_times_in_sequence() -> None:
    before = [issue("same", 1, 2), issue("gone", 5, 6), issue("moved", 4), issue("ended", 2, 3), issue("went on", 2, 3)]
    after = [issue("same", 1, 2), issue("new", 3), issue("moved", 1), issue("ended", 2, 2.5), issue("went on", 2)]
    found = compare(before, after)
    assert [(d.order_id, d.what) for d in found.differences] == [
        ("moved", "opened_earlier"),
        ("ended", "closed_earlier"),
        ("went on", "closed_later"),
        ("new", "only_after"),
        ("gone", "only_before"),
    ]
    gone = found.differences[-1]
    assert (gone.opened_before, gone.closed_before, gone.opened_after, gone.closed_after) == (at(5), at(6), None, None)


def test_kinds_are_counted_apart() -> None:
    missed = Kind.PROMISE_MISSED
    found = compare([issue("1", 1), issue("1", 2, kind=missed)], [issue("1", 3), issue("2", 2, kind=missed)])
    assert [(k.kind, k.before, k.after, k.only_before, k.only_after, k.opened_later) for k in found.kinds] == [
        ("promise_at_risk", 1, 1, 0, 0, 1),
        ("promise_missed", 1, 1, 1, 1, 0),
    ]


def test_the_same_policy_changes_nothing() -> None:
    issues = [issue("1", 1), issue("2", 2, 3)]
    found = compare(issues, issues)
    assert found.differences == ()
    assert [(kind.before, kind.after) for kind in found.kinds] == [(2, 2)]

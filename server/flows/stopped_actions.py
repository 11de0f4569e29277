"""This file looks after actions that stopped: refused for good, or sent and nobody knows whether they arrived."""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from server.model import Action, ActionState, IssueState
from server.store.contract import Reading, Store, Writing

STOPPED = (ActionState.FAILED, ActionState.UNCERTAIN)
MOST = 1000


def listed(tx: Reading, workspace: str, limit: int) -> tuple[Action, ...]:
    """Newest first, each with its reason. An empty *workspace* means all of them."""
    return tx.stopped_actions(workspace, limit)


async def retry(store: Store, keys: Iterable[str] | None, now: datetime, *, workspace: str = "") -> tuple[int, int]:
    """Have actions tried again; None means all. How many, and how many are left because their trouble is over."""

    def work(tx: Writing) -> tuple[int, int]:
        if keys is None:
            # What may have arrived is sent a second time only by name.
            found = [a for a in listed(tx, workspace, MOST) if a.state is ActionState.FAILED]
        else:
            named = (tx.action(key) for key in dict.fromkeys(keys))
            found = [a for a in named if a is not None and workspace in ("", a.order.workspace)]
        stopped = [action for action in found if action.state in STOPPED]
        worth_it = [action for action in stopped if _is_worth_it(tx, action)]
        for action in worth_it:
            tx.put_action(_again(action, now))
        return len(worth_it), len(stopped) - len(worth_it)

    return await store.write(work)


def _is_worth_it(tx: Reading, action: Action) -> bool:
    """Whether any of its issues is still open; word of an end, and what is about no issue, is always worth it."""
    if not action.issue_ids:
        return True
    states = {issue.state for issue in tx.issues_of(action.order) if issue.id in action.issue_ids}
    tells_of_end = action.occasion == "solved" or (action.change is not None and action.change.state == "solved")
    return tells_of_end or IssueState.OPEN in states


def _again(action: Action, now: datetime) -> Action:
    """As new, but that what may have left before is looked for first, where it can be."""
    may_have_left = not action.kind.is_notice and action.request is not None
    return replace(
        action,
        state=ActionState.SENDING if may_have_left else ActionState.PENDING,
        attempts=1 if may_have_left else 0,
        request=None,
        not_before=now,
        error="",
        finished_at=None,
    )

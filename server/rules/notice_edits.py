"""This file keeps messages in channels true: one about trouble that has ended is written anew where it stands.

Nobody is disturbed by that, so it waits for no time of the day.
Who is told of the end by a message of its own gets none.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from server.model import Action, ActionKind, ActionState, Issue, IssueState
from server.rules.notice_text import NoticeText
from server.rules.outlets import Outlets
from server.rules.policy import Occasion

MOST_EDITS = 20
"""Of one message: then the trouble comes and goes too often to be worth it."""
_BACK = "it has become true again"


def edits(
    actions: Iterable[Action], issues: Sequence[Issue], outlets: Outlets, text: NoticeText, now: datetime
) -> list[Action]:
    """What to write anew, new or changed."""
    listed = [action for action in actions if action.kind is ActionKind.NOTIFY_TEAM]
    told_of_end = {(a.audience, name) for a in listed if a.occasion == Occasion.SOLVED for name in a.issue_ids}
    found = []
    for sent in listed:
        mine = [issue for issue in issues if issue.id in sent.issue_ids]
        if not _can_change(sent, outlets) or not mine or any((sent.audience, i.id) in told_of_end for i in mine):
            continue
        if edit := _edit(sent, [a for a in listed if a.follows == sent.key], mine, text, now):
            found.append(edit)
    return found


def _can_change(sent: Action, outlets: Outlets) -> bool:
    is_there = sent.state is ActionState.DONE and bool(sent.receipt) and not sent.is_edit
    return is_there and sent.connection in outlets.editable and sent.occasion != Occasion.SOLVED


def _edit(
    sent: Action, earlier: Sequence[Action], issues: Sequence[Issue], text: NoticeText, now: datetime
) -> Action | None:
    """What has to be written over *sent*, if what stands there is not how it is."""
    is_over = all(issue.state is IssueState.SOLVED for issue in issues)
    made = [a for a in earlier if not (a.state is ActionState.DONE and a.error)]
    waiting = made[-1] if made and made[-1].state is ActionState.PENDING else None
    stands = _says_over(made[-2:-1] if waiting else made[-1:])
    if stands == is_over:
        return replace(waiting, state=ActionState.DONE, error=_BACK, finished_at=now) if waiting else None
    if waiting is not None or len(earlier) >= MOST_EDITS:
        return None
    occasion = Occasion.SOLVED if is_over else Occasion.OPENED
    lasting = [issue for issue in issues if is_over or issue.state is IssueState.OPEN]
    key = f"{sent.key}:edit{len(earlier) + 1}"
    return Action(
        key=key,
        order=sent.order,
        kind=ActionKind.NOTIFY_TEAM,
        connection=sent.connection,
        issue_ids=sent.issue_ids,
        lead=sent.lead,
        audience=sent.audience,
        occasion="recovered" if is_over else "returned",
        follows=sent.key,
        notice=text.notice(sent.key, sent.notice.to if sent.notice else "", lasting, occasion),
        created_at=now,
        not_before=now,
    )


def _says_over(last: Sequence[Action]) -> bool:
    """What the message says by now; as it was sent, it speaks of trouble."""
    return bool(last) and last[0].occasion == "recovered"

"""This file puts into the words of the API who has been told of an order's trouble, who will be, and who was not."""

from collections.abc import Iterable
from datetime import datetime

from server.context import NotificationAudience, NotificationContext, NotificationState
from server.model import Action, ActionKind, ActionState
from server.rules import wording
from server.rules.told import sent_at

LONGEST_TEXT = 300
_AUDIENCES: dict[ActionKind, NotificationAudience] = {
    ActionKind.NOTIFY_TEAM: "team",
    ActionKind.MESSAGE_CUSTOMER: "customer",
    ActionKind.LOG_BACK: "system",
}


def notifications(actions: Iterable[Action]) -> list[NotificationContext]:
    """Newest first; a message that was written anew counts once."""
    found = [_notification(a) for a in actions if a.kind.is_notice and not a.is_edit]
    return sorted(found, key=lambda notice: notice.at, reverse=True)


def _notification(action: Action) -> NotificationContext:
    state = _state(action)
    return NotificationContext(
        at=_at(action, state),
        channel=_channel(action),
        text=_text(action),
        audience=_AUDIENCES[action.kind],
        to=action.notice.to if action.notice else action.letter.to if action.letter else action.audience,
        occasion=action.occasion,
        state=state,
        reason="" if state == "sent" else action.error,
        connection=action.connection,
    )


def _state(action: Action) -> NotificationState:
    match action.state:
        case ActionState.DONE:
            return "held_back" if action.error else "sent"
        case ActionState.HELD:
            return "held_back"
        case ActionState.FAILED:
            return "failed"
        case ActionState.UNCERTAIN:
            return "uncertain"
        case _:
            return "waiting"


def _at(action: Action, state: NotificationState) -> datetime:
    """When it was sent; of one that waits when it is due; of one that was not sent when that was decided."""
    if state in ("sent", "uncertain"):
        return sent_at(action)
    return action.not_before if state == "waiting" else action.finished_at or action.created_at


def _channel(action: Action) -> str:
    if action.task is not None:
        return action.connection
    if action.letter is not None or (action.notice is not None and "@" in action.notice.to):
        return "email"
    return "chat" if action.kind is ActionKind.NOTIFY_TEAM else "ticket"


def _text(action: Action) -> str:
    if action.notice is not None:
        return action.notice.headline
    if action.task is not None:
        return action.task.text
    if action.letter is not None:
        return action.letter.subject
    return wording.one_line(action.change.reply if action.change else "", LONGEST_TEXT)

"""This file says what follows from a turn of an approval request: notes in the ticket, messages to people."""

from collections.abc import Sequence
from datetime import datetime

from server.approval_model import ApprovalRequest, Person, Turn
from server.model import Action
from server.rules.policy import Policy


def follow_up(
    request: ApprovalRequest,
    turn: Turn,
    policy: Policy,
    now: datetime,
    *,
    earlier: Sequence[Action],
    by: Person | None = None,
) -> tuple[Action, ...]:
    """Actions to store with the turn. *earlier* are all actions of the order. The same turn gives the same keys."""
    del request, turn, policy, now, earlier, by
    return ()

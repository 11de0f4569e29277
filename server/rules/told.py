"""This file is what has been told to whom, as far as it can be known: what we sent, and what agents wrote.

What the shop or the carrier mail by themselves nobody tells us.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from server.model import Action, ActionKind, ActionState, OrderView
from server.rules import wording

CUSTOMER = "customer"
_MAY_HAVE_ARRIVED = (ActionState.SENDING, ActionState.UNCERTAIN)


def was_sent(notice: Action) -> bool:
    """Whether it was sent, or may have been."""
    return notice.state in _MAY_HAVE_ARRIVED or (notice.state is ActionState.DONE and not notice.error)


def is_settled(notice: Action) -> bool:
    """Whether there is nothing to plan about it any more: it was sent, held back, or is for a person to look at."""
    return was_sent(notice) or notice.state in (ActionState.HELD, ActionState.FAILED)


def sent_at(notice: Action) -> datetime:
    """When it was, or may have been, sent."""
    return notice.attempt_started_at or notice.finished_at or notice.created_at


def customer_told_at(order: OrderView, actions: Iterable[Action]) -> datetime | None:
    """When the customer was last told anything about the order, by us or by an agent."""
    ours = [sent_at(a) for a in actions if a.kind is ActionKind.MESSAGE_CUSTOMER and was_sent(a)]
    theirs = [contact.answered_at for contact in order.contacts if contact.answered_at is not None]
    return max([*ours, *theirs], default=None)


def why_customer_is_not_told(actions: Iterable[Action]) -> str:
    """Why a message that the policy names was held back last; empty where none was."""
    held = [a for a in actions if a.kind is ActionKind.MESSAGE_CUSTOMER and a.state is ActionState.HELD]
    return held[-1].error if held else ""


def history(order: OrderView, actions: Sequence[Action], now: datetime, zone: ZoneInfo) -> list[str]:
    """Clauses for the ticket: `the customer was told 2 hours ago by e-mail`; empty where nobody was."""
    customer = [a for a in actions if a.kind is ActionKind.MESSAGE_CUSTOMER and was_sent(a)]
    clauses = []
    if customer:
        last = max(customer, key=sent_at)
        by = "by e-mail" if last.letter is not None else "in the ticket"
        unsure = ", though it is not known whether that arrived" if last.state in _MAY_HAVE_ARRIVED else ""
        clauses.append(f"the customer was told {_ago(now - sent_at(last), sent_at(last), zone)} {by}{unsure}")
    answered = [contact.answered_at for contact in order.contacts if contact.answered_at is not None]
    if answered:
        last_answer = max(answered)
        clauses.append(f"an agent answered the customer {_ago(now - last_answer, last_answer, zone)}")
    return clauses


def _ago(length: timedelta, at: datetime, zone: ZoneInfo) -> str:
    return f"{wording.span(length)} ago" if length < timedelta(days=3) else f"on {wording.day(at, zone)}"

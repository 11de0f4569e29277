"""This file writes what agents read in tickets: one sentence that says it all, then the evidence.

The sentence to live up to: "Order #48219 has had no carrier scan for 48 hours, delivery promise is at risk tomorrow,
customer is a VIP account, and no previous notification has been sent."
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from connectors.model import TicketDraft
from server.model import Assessment, Evidence, Issue, Kind, Level, OrderView, Signal
from server.rules import wording
from server.rules.policy import Policy
from server.rules.recovery import why_it_ended

LONGEST_SUBJECT = 150
_NEXT_STEPS = {
    Kind.PAYMENT_FAILED: "ask the customer for another way to pay, or cancel the order",
    Kind.TRACKING_STALLED: "ask the carrier to trace the parcel, and tell the customer before they ask",
    Kind.PROMISE_AT_RISK: "tell the customer the new date, and consider a faster replacement",
    Kind.CANCELLATION_AFTER_FULFILLMENT: "stop it in the warehouse, or have the carrier intercept the parcel",
}


class TicketText:
    """What can be said of one order at one time. Everything that others wrote is on one line and inert."""

    def __init__(self, order: OrderView, assessment: Assessment, now: datetime, policy: Policy) -> None:
        self._order = order
        self._assessment = assessment
        self._now = now
        self._policy = policy
        self._zone = policy.timezone

    def draft(
        self,
        signals: Sequence[Signal],
        *,
        external_id: str,
        tags: tuple[str, ...],
        priority: str,
        follow_up_of: str,
    ) -> TicketDraft:
        """A ticket for *signals*, the one that leads first."""
        facts = self._order.order
        customer = facts.customer
        return TicketDraft(
            external_id=external_id,
            subject=self.subject(signals),
            body=self.body(signals),
            tags=tags,
            priority=priority,
            requester_name=wording.one_line((customer.name if customer else "") or "", 100),
            requester_email=wording.one_line((customer.email if customer else "") or facts.email or "", 254),
            group=self._policy.group,
            order_reference=wording.one_line(facts.name or facts.id, 60),
            follow_up_of=follow_up_of,
        )

    @property
    def name(self) -> str:
        """`Order #48219`."""
        return f"Order {wording.one_line(self._order.order.name or self._order.order.id, 60)}"

    def subject(self, signals: Sequence[Signal]) -> str:
        """One line for the ticket list."""
        first, *others = signals
        more = f" (and {len(others)} more)" if others else ""
        return wording.one_line(f"{self.name} {first.headline}", LONGEST_SUBJECT - len(more)) + more

    def body(self, signals: Sequence[Signal]) -> str:
        """The internal first comment of a ticket."""
        url = wording.one_line(self._order.order.admin_url or "", 500)
        parts = [
            self.sentence(signals),
            self._facts(signals),
            f"Suggested next step: {_NEXT_STEPS[signals[0].kind]}.",
            f"Order in the shop: {url}" if url else "",
            f"{self._as_of} Beforehand adds to this ticket when something changes and solves it when the order "
            "recovers, unless somebody has worked on it.",
        ]
        return "\n\n".join(part for part in parts if part)

    def note(self, signals: Sequence[Signal], news: Sequence[Signal]) -> str:
        """An internal note: how all *signals* stand, with the evidence of what is new."""
        return "\n\n".join([self.sentence(signals), self._facts(news), self._as_of])

    def recovery(self, ended: Iterable[Issue]) -> str:
        """The note that says why these are no trouble any more."""
        told = [f"{self.name}: {why_it_ended(self._order, issue, self._assessment, self._policy)}" for issue in ended]
        return "\n".join([*dict.fromkeys(told), self._as_of])

    def sentence(self, signals: Sequence[Signal]) -> str:
        """All of *signals*, and what else makes it urgent, in one sentence; the first one leads."""
        first, *others = signals
        clauses = [f"{self.name} {first.headline}", *(signal.clause for signal in others)]
        if Kind.PROMISE_AT_RISK not in {signal.kind for signal in signals}:
            clauses += self._promise_clause()
        if self._assessment.vip:
            clauses.append("customer is a VIP account")
        if self._assessment.high_value and self._order.order.total is not None:
            clauses.append(f"it is worth {self._order.order.total}")
        if self._order.contacts:
            clauses.append("the customer has already written about it")
        else:
            clauses.append("no previous notification has been sent")
        return wording.listed(clauses) + "."

    @property
    def _as_of(self) -> str:
        return f"As of {wording.moment(self._now, self._zone)}."

    def _promise_clause(self) -> list[str]:
        promise = self._assessment.promise
        if promise is None or promise.level not in (Level.AT_RISK, Level.MISSED):
            return []
        return [wording.promise_clause(promise, self._now, self._zone)]

    def _facts(self, signals: Sequence[Signal]) -> str:
        pieces = [piece for signal in signals for piece in signal.evidence]
        reasons = [reason for signal in signals for reason in signal.reasons]
        promise = self._assessment.promise
        if promise is not None and all(signal.kind is not Kind.PROMISE_AT_RISK for signal in signals):
            shown = wording.moment(promise.promise.promised_by, self._zone)
            pieces.append(Evidence("Promise", f"{shown} (risk {promise.risk:.0%})"))
        pieces += self._about()
        lines = [f"- {piece.label}: {piece.value}" for piece in dict.fromkeys(pieces)]
        return "\n".join([*(f"Why: {reason}" for reason in dict.fromkeys(reasons)), *lines])

    def _about(self) -> list[Evidence]:
        facts = self._order.order
        pieces = []
        if facts.customer and (facts.customer.name or facts.customer.email):
            named = wording.one_line(facts.customer.name or facts.customer.email or "", 80)
            pieces.append(Evidence("Customer", named))
        if facts.total is not None:
            pieces.append(Evidence("Order total", str(facts.total)))
        return pieces

"""This file writes what agents read in tickets: one sentence that says it all, then the evidence.

The sentence to live up to: "Order #48219 has had no carrier scan for 48 hours, delivery promise is at risk tomorrow,
customer is a VIP account, and no previous notification has been sent."
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from connectors.model import TicketDraft
from server.model import Action, Assessment, Evidence, Issue, Kind, Level, OrderView, Signal
from server.rules import told, wording
from server.rules.incident import is_incident_key
from server.rules.policy import Policy
from server.rules.recovery import why_it_ended
from server.rules.routing import group_for

LONGEST_SUBJECT = 150
_ABOUT_THE_PROMISE = frozenset({Kind.PROMISE_AT_RISK, Kind.PROMISE_MISSED})
_NEXT_STEPS = {
    Kind.PAYMENT_FAILED: "ask the customer for another way to pay, or cancel the order",
    Kind.PAYMENT_DISPUTED: "collect the evidence (order, tracking, what the customer wrote) and answer before the date",
    Kind.REFUND_AWAITING_APPROVAL: "have somebody who may decide it approve or decline the refund",
    Kind.REFUND_FAILED: "ask the customer where the money should go, and pay it another way",
    Kind.FULFILLMENT_DELAYED: "ask the warehouse what it waits for, and tell the customer when it will be sent",
    Kind.FULFILLMENT_ON_HOLD: "clear up the reason of the hold and release it, or cancel the order",
    Kind.PARTIAL_SHIPMENT: "find out when the rest can be sent, and offer to refund it otherwise",
    Kind.CANCELLATION_AFTER_FULFILLMENT: "stop it in the warehouse, or have the carrier intercept the parcel",
    Kind.ADDRESS_PROBLEM: "ask the customer for the right address, and correct it in the shop or with the carrier",
    Kind.LABEL_NOT_SCANNED: "have the warehouse look for the parcel, and send it or make a new one",
    Kind.TRACKING_INVALID: "have the warehouse check the number, and correct it in the shop",
    Kind.TRACKING_STALLED: "ask the carrier to trace the parcel, and tell the customer before they ask",
    Kind.DELIVERY_ATTEMPT_FAILED: "agree with the customer on a time or a pick-up point before the carrier returns it",
    Kind.CARRIER_EXCEPTION: "ask the carrier what will become of it; file a claim where it is lost or damaged",
    Kind.RETURNED_TO_SENDER: "ask the customer whether to send it again or to refund it",
    Kind.DELIVERED_NOT_RECEIVED: "ask the carrier for the proof of delivery, and the customer to ask the neighbours",
    Kind.PROMISE_AT_RISK: "tell the customer the new date, and consider a faster replacement",
    Kind.PROMISE_MISSED: "apologise before they ask, and name a date that will hold",
    Kind.HIGH_VALUE_DELAYED: "look after this one by hand: ask warehouse or carrier today",
    Kind.MARKETPLACE_SLA_RISK: "have it handed over before the marketplace's deadline",
    Kind.REPEATED_CONTACT: "have one person answer all of it, by telephone if need be",
    Kind.INCIDENT: "find out what they have in common, and tell those customers together",
}
"""What usually helps; suggestions for a person, never something that is done by itself."""


class TicketText:
    """What can be said of one order at one time. Everything that others wrote is on one line and inert."""

    def __init__(
        self,
        order: OrderView,
        assessment: Assessment,
        now: datetime,
        policy: Policy,
        actions: Sequence[Action] = (),
    ) -> None:
        """*actions* are all of the order: they say what the customer has been told."""
        self._order = order
        self._actions = actions
        self._assessment = assessment
        self._now = now
        self._policy = policy
        self._zone = policy.timezone

    @property
    def _is_incident(self) -> bool:
        return is_incident_key(self._order.key)

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
            group=group_for(signals[0].kind, self._policy),
            order_reference="" if self._is_incident else wording.one_line(facts.name or facts.id, 60),
            follow_up_of=follow_up_of,
        )

    @property
    def name(self) -> str:
        """`Order #48219`; of an incident what its orders have in common."""
        if self._is_incident:
            return wording.one_line(self._order.order.name or self._order.order.id, 80)
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
            f"{self._as_of} Beforehand adds to this ticket when something changes and solves it when "
            f"{'most of the orders recover' if self._is_incident else 'the order recovers'}, unless somebody has "
            "worked on it.",
        ]
        return "\n\n".join(part for part in parts if part)

    def note(self, signals: Sequence[Signal], news: Sequence[Signal]) -> str:
        """An internal note: how all *signals* stand, with the evidence of what is new."""
        return "\n\n".join([self.sentence(signals), self._facts(news), self._as_of])

    def recovery(self, ended: Iterable[Issue]) -> str:
        """The note that says why these are no trouble any more."""
        said = [f"{self.name}: {why_it_ended(self._order, issue, self._assessment, self._policy)}" for issue in ended]
        return "\n".join([*dict.fromkeys(said), self._as_of])

    def sentence(self, signals: Sequence[Signal]) -> str:
        """All of *signals*, and what else makes it urgent, in one sentence; the first one leads."""
        first, *others = signals
        clauses = [f"{self.name} {first.headline}", *(signal.clause for signal in others)]
        if self._is_incident:
            return wording.listed(clauses) + "."
        if not _ABOUT_THE_PROMISE & {signal.kind for signal in signals}:
            clauses += self._promise_clause()
        if self._assessment.vip:
            clauses.append("customer is a VIP account")
        if self._assessment.high_value and self._order.order.total is not None:
            clauses.append(f"it is worth {self._order.order.total}")
        return wording.listed([*clauses, *self._said_to_customer()]) + "."

    def _said_to_customer(self) -> list[str]:
        """What has passed between us and the customer, as far as it can be known."""
        written = ["the customer has already written about it"] if self._order.contacts else []
        said = [*written, *told.history(self._order, self._actions, self._now, self._zone)]
        if said:
            return said
        why = told.why_customer_is_not_told(self._actions)
        return [f"the customer has not been told ({why})"] if why else ["no previous notification has been sent"]

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
        if promise is not None and all(signal.kind not in _ABOUT_THE_PROMISE for signal in signals):
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

"""This file writes what notices say: to teams the sentence of the ticket, to other systems the facts, to customers the
merchant's own words."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from connectors.carriers import carrier_name, tracking_link
from connectors.model import Letter, Link, Notice, Parcel, ShipmentState, Task
from server.model import Assessment, Issue, OrderView, ShipmentView
from server.rules import placeholders, routing, wording
from server.rules.policy import Message, Occasion, Policy
from server.rules.ticket_text import TicketText

MOST_REASONS = 3
_EVENTS = {
    Occasion.ESCALATED: "issue.escalated",
    Occasion.DEADLINE: "issue.deadline_passed",
    Occasion.SOLVED: "issue.solved",
}
_BEGINNINGS = {
    Occasion.ESCALATED: "More urgent now: ",
    Occasion.DEADLINE: "Deadline passed: ",
    Occasion.SOLVED: "Solved: ",
}


class NoticeText:
    """What can be told of one order at one time."""

    def __init__(
        self, order: OrderView, assessment: Assessment, policy: Policy, now: datetime, text: TicketText
    ) -> None:
        self._order = order
        self._assessment = assessment
        self._policy = policy
        self._now = now
        self._text = text
        self._signals = {signal.kind: signal for signal in assessment.signals}

    def notice(self, key: str, to: str, issues: Sequence[Issue], occasion: Occasion) -> Notice:
        """For a team, about *issues*; the first one leads."""
        url = wording.one_line(self._order.order.admin_url or "", 500)
        signals = [self._signals[issue.kind] for issue in issues if issue.kind in self._signals]
        headline = self._text.subject(signals) if signals else f"{self._text.name} {issues[0].headline}"
        is_over = occasion is Occasion.SOLVED or not signals
        reasons = [reason for signal in signals for reason in signal.reasons]
        return Notice(
            key=key,
            to=to,
            headline=_BEGINNINGS[Occasion.SOLVED] + headline if is_over else _BEGINNINGS.get(occasion, "") + headline,
            text=self._text.recovery(issues) if is_over else self._text.sentence(signals),
            details=() if is_over else tuple(dict.fromkeys(reasons))[:MOST_REASONS],
            links=(Link("Order in the shop", url),) if url else (),
            is_over=is_over,
            written_at=self._now,
        )

    def task(self, key: str, issue: Issue, occasion: Occasion) -> Task:
        """For another system."""
        is_over, facts, owner = (
            occasion is Occasion.SOLVED,
            self._order.order,
            routing.owner_of(issue.kind, self._policy),
        )
        again = "issue.reopened" if issue.reopened else "issue.opened"
        signal = self._signals.get(issue.kind)
        return Task(
            key=key,
            event=_EVENTS.get(occasion, again),
            at=self._now,
            workspace=issue.order.workspace,
            issue=issue.id,
            kind=issue.kind.value,
            severity=issue.severity.value,
            shop=issue.order.shop,
            order=issue.order.order_id,
            order_name=wording.one_line(facts.name or issue.order.order_id, 60),
            text=self._text.recovery([issue]) if is_over or signal is None else self._text.sentence([signal]),
            reasons=issue.reasons,
            since=issue.since,
            deadline=issue.deadline,
            owner=owner.name if owner else "",
            parcels=tuple(
                Parcel(shown.shipment.carrier, shown.shipment.tracking_number)
                for shown in self._order.shipments
                if shown.shipment.tracking_number
            ),
            order_url=facts.admin_url or "",
        )

    # --- customers ----------------------------------------------------------------------------------------------------

    @property
    def email(self) -> str:
        """Where the customer is written to; empty where nobody knows."""
        customer = self._order.order.customer
        return wording.one_line((customer.email if customer else "") or self._order.order.email or "", 254)

    def reply(self, message: Message) -> str:
        """The merchant's message, filled in, as a reply in the ticket."""
        return placeholders.fill(message.body, self._known())

    def letter(self, key: str, message: Message) -> Letter:
        """The same as an e-mail."""
        known = self._known()
        return Letter(
            key=key,
            to=self.email,
            to_name=known["name"],
            subject=wording.one_line(placeholders.fill(message.subject, known)),
            body=placeholders.fill(message.body, known),
            written_at=self._now,
        )

    def missing(self, message: Message) -> tuple[str, ...]:
        """What *message* speaks of and nobody knows."""
        return placeholders.missing(f"{message.subject}\n{message.body}", self._known())

    def _known(self) -> Mapping[str, str]:
        facts, zone, promise = self._order.order, self._policy.timezone, self._assessment.promise
        name = wording.one_line((facts.customer.name if facts.customer else "") or "", 80)
        found = _parcel(self._order)
        estimate = found.estimated_current if found else None
        return {
            "name": name,
            "first_name": name.partition(" ")[0],
            "order": wording.one_line(facts.name or facts.id, 60),
            "items": wording.one_line(", ".join(item.title for item in facts.line_items or ())),
            "total": str(facts.total) if facts.total else "",
            "promised_by": wording.day(promise.promise.promised_by, zone) if promise else "",
            "estimated_delivery": wording.day(estimate, zone) if estimate and estimate >= self._now else "",
            "destination": wording.one_line(facts.destination.city if facts.destination else "", 60),
            **(_of_parcel(found) if found else {}),
        }


def _parcel(order: OrderView) -> ShipmentView | None:
    """The parcel that a customer waits for: the last one that has not arrived."""
    numbered = [found for found in order.shipments if found.shipment.tracking_number]
    waited_for = [found for found in numbered if found.shipment.state is not ShipmentState.DELIVERED]
    return next(reversed(waited_for or numbered), None)


def _of_parcel(found: ShipmentView) -> dict[str, str]:
    shipment = found.shipment
    link = shipment.tracking_url or tracking_link(shipment.carrier, shipment.tracking_number)
    return {
        "carrier": wording.one_line(carrier_name(shipment.carrier), 60),
        "tracking_number": wording.one_line(shipment.tracking_number, 80),
        "tracking_link": wording.one_line(link or "", 500),
    }

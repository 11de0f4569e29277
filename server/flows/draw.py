"""This file turns a context into the panel that every helpdesk draws."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from server.context import (
    CandidateContext,
    Context,
    CustomerContext,
    IssueContext,
    NotificationContext,
    OrderContext,
    PromiseContext,
    SignalContext,
    SourceContext,
)
from server.flows.draw_actions import draw_actions
from server.flows.draw_approvals import Viewer, draw_approvals
from server.flows.draw_payment import draw_payment, is_nothing
from server.flows.draw_picture import draw_picture
from server.flows.draw_shipment import draw_shipment
from server.flows.tickets import EMAIL_ONLY, LINKED, OTHER_CUSTOMER, OURS
from sidebar import words
from sidebar.panel import (
    Candidate,
    Contacted,
    Happened,
    Header,
    Panel,
    Pill,
    Promised,
    Row,
    Source,
    Tone,
    Trouble,
)

NOTHING = "No order was found for this ticket. Search by order number, e-mail address, phone or tracking number."
SEVERAL = "Several orders may be meant. Open the right one:"
KEPT = Pill("Kept", Tone.GOOD)


def panel(
    context: Context,
    *,
    is_live: bool = False,
    ticket: tuple[str, str] = ("", ""),
    viewer: Viewer | None = None,
    topics: Mapping[str, tuple[str, ...]] | None = None,
    asked: str = "",
    others: Sequence[Candidate] = (),
) -> Panel:
    """The whole panel. While it *is_live*, sources that have not answered yet may still do so.

    *ticket* (connection and id) is the one beside which it is shown: that is no earlier contact, and
    an issue that has it needs no link. *topics* says which sections a connection fills; with *asked* it is the only
    connection that is asked. Without a *viewer* nothing can be asked for or decided.
    """
    pen = _Pen(context, ticket)
    possible, not_now = draw_actions(context, viewer) if viewer else ((), ())
    waiting = [s for s in context.sources if s.status == "stale" and asked in ("", s.connection)] if is_live else []
    return Panel(
        as_of=words.clock(context.as_of, pen.zone, context.as_of),
        message="" if context.order else (SEVERAL if context.candidates else NOTHING),
        header=pen.header(context.order) if context.order else None,
        picture=draw_picture(context, pen.zone),
        requests=draw_approvals(context.approvals, viewer or Viewer(), pen.zone, pen.now),
        possible=possible,
        not_now=not_now,
        promise=pen.promise(context.promise) if context.promise else None,
        troubles=pen.troubles(),
        solved=tuple(pen.issue(issue) for issue in context.issues if issue.state != "open"),
        payments=tuple(draw_payment(payment, pen.zone, pen.now) for payment in context.payments),
        shipments=tuple(draw_shipment(shipment, pen.zone, pen.now) for shipment in context.shipments),
        contacts=pen.contacts(),
        notifications=tuple(
            Happened(when=words.moment(told.at, pen.zone), text=_told(told))
            for told in context.notifications
            if told.audience == "customer"
        ),
        history=tuple(
            Happened(when=words.moment(entry.at, pen.zone), text=entry.text) for entry in context.timeline if entry.text
        ),
        sources=tuple(pen.source(source, is_live=source in waiting) for source in context.sources),
        candidates=tuple(candidate(found, pen.zone, context.as_of) for found in context.candidates),
        others=tuple(others),
        waiting_for=tuple(source.system for source in waiting),
        waiting_in=_by_section(waiting, topics or {}),
    )


def _by_section(waiting: list[SourceContext], topics: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for source in waiting:
        for section in topics.get(source.connection, ()):
            found[section] = (*found.get(section, ()), source.system)
    return found


def candidate(found: CandidateContext, zone: ZoneInfo, now: datetime) -> Candidate:
    """One line of a list to choose from."""
    placed = words.day(found.placed_at, zone, now) if found.placed_at else ""
    return Candidate(
        reference=found.order_id,
        shop=found.shop,
        title=f"Order {found.name}",
        line=" · ".join(part for part in (found.customer, placed, found.total) if part),
        match=found.match,
    )


def _told(told: NotificationContext) -> str:
    """What the customer was told, or why not."""
    what = f"{told.channel}: {told.text}".strip(": ")
    match told.state:
        case "sent":
            return what
        case "waiting":
            return f"Waits to be sent. {what}"
        case "uncertain":
            return f"May not have arrived. {what}"
        case _:
            return f"Not sent: {told.reason}. {what}"


class _Pen:
    """Draws the parts of one context."""

    def __init__(self, context: Context, ticket: tuple[str, str]) -> None:
        self.context = context
        self.ticket = ticket
        self.now = context.as_of
        self.zone = ZoneInfo(context.timezone)

    def header(self, order: OrderContext) -> Header:
        customer = self.context.customer
        placed = words.day(order.placed_at, self.zone, self.now) if order.placed_at else ""
        who = (customer.name or customer.email or "") if customer else ""
        pills = [words.payment(order.financial_state), words.fulfilment(order.fulfillment_state)]
        if order.cancelled_at:
            pills.insert(0, Pill("Cancelled", Tone.BAD))
        elif order.cancel_requested_at:
            pills.insert(0, Pill("Cancellation requested", Tone.BAD))
        if customer and customer.vip:
            pills.append(Pill("VIP", Tone.WARN))
        warnings = ["The shop does not let Beforehand see who the customer is."] if customer and customer.hidden else []
        note = ""
        if matched := self.context.matched_by:
            if matched == EMAIL_ONLY or matched.endswith(OTHER_CUSTOMER):
                warnings.append(f"Not verified: found by {matched}.")
            elif matched not in (OURS, LINKED):
                note = f"Found by {matched}"
        return Header(
            name=f"Order {order.name}",
            href=order.admin_url or "",
            line=" | ".join(part for part in (who, placed) if part),
            pills=tuple(pills),
            rows=self._order_rows(order),
            note=note,
            warnings=tuple(warnings),
        )

    def _order_rows(self, order: OrderContext) -> tuple[Row, ...]:
        customer = self.context.customer
        items = ", ".join(f"{item.quantity} {item.title}" if item.quantity > 1 else item.title for item in order.items)
        total = words.money(order.total, order.currency)
        rows = [Row("Total", f"{total}{', high value' if order.high_value else ''}")] if total else []
        if items:
            rows.append(Row("Items", items))
        if order.destination:
            rows.append(Row("Ships to", order.destination))
        if customer and customer.orders_count:
            rows.append(Row("Customer", _custom(customer)))
        if order.cancelled_at:
            reason = f" ({order.cancel_reason})" if order.cancel_reason else ""
            rows.append(Row("Cancelled", f"{words.moment(order.cancelled_at, self.zone)}{reason}"))
        return tuple(rows)

    def promise(self, promise: PromiseContext) -> Promised:
        when = words.full_day(promise.promised_by, self.zone, self.now)
        open_ended = promise.level in ("watch", "at_risk")
        return Promised(
            pill=KEPT if promise.level == "on_track" and self._has_all() else words.level(promise.level),
            line=f"Promised for {when}",
            source=f"According to {promise.source}",
            risk=f"Chance of missing it: {promise.risk:.0%}" if open_ended else "",
            reasons=tuple(promise.reasons),
        )

    def _has_all(self) -> bool:
        order, shipments = self.context.order, self.context.shipments
        is_sent = order is not None and order.fulfillment_state == "fulfilled"
        return is_sent and bool(shipments) and all(found.state == "delivered" for found in shipments)

    def troubles(self) -> tuple[Trouble, ...]:
        """Open issues first, then what has been noticed but has no ticket yet."""
        open_issues = [issue for issue in self.context.issues if issue.state == "open"]
        known = {issue.kind for issue in open_issues}
        noticed = [signal for signal in self.context.signals if signal.kind not in known]
        return (*(self.issue(issue) for issue in open_issues), *(self._signal(signal) for signal in noticed))

    def issue(self, issue: IssueContext) -> Trouble:
        """One issue; of a solved one, when it was, and not why any more."""
        ticket = issue.ticket
        is_open = issue.state == "open"
        is_here = ticket is not None and (ticket.connection, ticket.id) == self.ticket
        return Trouble(
            headline=_capital(issue.headline),
            pill=words.severity(issue.severity) if is_open else Pill("Solved", Tone.GOOD),
            line=f"Since {words.moment(issue.since, self.zone)}" if is_open else self._lasted(issue),
            reasons=tuple(issue.reasons) if is_open else (),
            href=ticket.url if ticket and not is_here else "",
            link="this ticket" if is_here else f"Ticket {ticket.id}" if ticket else "",
        )

    def _lasted(self, issue: IssueContext) -> str:
        began = words.moment(issue.opened_at, self.zone)
        return f"{began} to {words.moment(issue.solved_at, self.zone)}" if issue.solved_at else f"Since {began}"

    def _signal(self, signal: SignalContext) -> Trouble:
        waits = signal.opens_at > self.now
        opens = words.clock(signal.opens_at, self.zone, self.now)
        when = f"A ticket opens {opens} if it lasts" if waits else "No ticket yet"
        return Trouble(
            headline=_capital(signal.headline),
            pill=words.severity(signal.severity),
            line=when,
            reasons=tuple(signal.reasons),
        )

    def contacts(self) -> tuple[Contacted, ...]:
        """Newest first."""
        others = (contact for contact in self.context.contacts if (contact.channel, contact.id) != self.ticket)
        return tuple(
            Contacted(
                subject=contact.subject or f"Ticket {contact.id}",
                line=f"{contact.state}, {words.ago(contact.at, self.now)}".strip(", "),
                href=contact.url or "",
            )
            for contact in sorted(others, key=lambda contact: contact.at, reverse=True)
        )

    def source(self, source: SourceContext, *, is_live: bool) -> Source:
        as_of = words.clock(source.as_of, self.zone, self.now) if source.as_of else ""
        tone, text, detail = self._standing(source, as_of, is_live=is_live)
        key = source.connection if source.status != "not_configured" else ""
        return Source(name=source.system, key=key, tone=tone, text=text, detail=detail)

    def _standing(self, source: SourceContext, as_of: str, *, is_live: bool) -> tuple[Tone, str, str]:
        known = f"Shown as of {as_of}" if as_of else "Nothing known from it yet"
        match source.status:
            case "ok":
                return Tone.GOOD, f"as of {as_of}" if as_of else "answered", ""
            case "stale" if is_live:
                return Tone.PLAIN, "is being asked", known
            case "stale":
                return Tone.PLAIN, f"stored, as of {as_of}" if as_of else "not asked yet", ""
            case "not_configured":
                return Tone.PLAIN, source.error or "is not connected", ""
            case _:
                return Tone.BAD, _without(source.error or "did not answer", source.system), known


def _custom(customer: CustomerContext) -> str:
    count = "1 order" if customer.orders_count == 1 else f"{customer.orders_count} orders"
    spent = "" if is_nothing(customer.total_spent) else words.money(customer.total_spent, customer.currency)
    return f"{count}, {spent} in all" if spent else count


def _without(sentence: str, name: str) -> str:
    """The name stands before it already."""
    return sentence.removeprefix(f"{name} ")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

"""This file puts an order into the words of the API: the context that programs read and the sidebar is drawn from."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from connectors.carriers import carrier_name, tracking_link
from connectors.model import Dispute, Payment, PaymentState, Scan, Shipment
from connectors.money import Money
from server.approval_model import ApprovalRequest
from server.context import (
    AttemptContext,
    CandidateContext,
    ContactContext,
    Context,
    CustomerContext,
    DisputeContext,
    EstimateContext,
    FailureContext,
    IssueContext,
    ItemContext,
    OrderContext,
    OutcomeContext,
    PaymentContext,
    PromiseContext,
    ScanContext,
    ShipmentContext,
    SignalContext,
    SourceContext,
    TeamContext,
    TicketContext,
    TimelineContext,
)
from server.flows.declines import in_words
from server.flows.permitted import permitted, refundable
from server.flows.present_approvals import approval
from server.flows.present_notices import notifications
from server.model import Action, Assessment, Issue, Kind, OrderView, PromiseRisk, ShipmentView, Signal, TicketLink
from server.rules.outcome import customer_wrote
from server.rules.policy import Policy
from server.rules.routing import owner_of
from server.workspaces import Workspace

_TIMELINE = 50
"""How many lines of an order's history an answer carries; the newest."""


def context(
    view: OrderView,
    assessment: Assessment,
    issues: Iterable[Issue],
    workspace: Workspace,
    sources: Sequence[SourceContext],
    now: datetime,
    *,
    matched_by: str | None = None,
    actions: Iterable[Action] = (),
    requests: Sequence[ApprovalRequest] = (),
) -> Context:
    """The whole answer for one order; *actions* and *requests* are all of its own. Pure."""
    return Context(
        workspace=workspace.name,
        as_of=now,
        timezone=workspace.timezone.key,
        order=_order(view, high_value=assessment.high_value),
        matched_by=matched_by,
        customer=_customer(view, vip=assessment.vip),
        payments=[_payment(found) for found in view.payments],
        shipments=[_shipment(found) for found in view.shipments],
        promise=_promise(assessment.promise),
        signals=[signal(found, workspace.policy) for found in assessment.signals],
        issues=[issue(found, workspace.policy) for found in issues],
        contacts=[
            ContactContext(id=c.id, at=c.at, channel=c.channel, subject=c.subject, state=c.state, url=c.url)
            for c in view.contacts
        ],
        notifications=notifications(actions),
        approvals=[approval(found, view) for found in reversed(requests)],
        actions=permitted(view, requests, workspace.policy),
        timeline=[
            TimelineContext(at=entry.at, source=entry.source, kind=entry.kind, text=entry.text)
            for entry in reversed(view.timeline[-_TIMELINE:])
        ],
        sources=list(sources),
    )


def without_order(
    workspace: Workspace,
    now: datetime,
    *,
    matched_by: str | None = None,
    candidates: Sequence[CandidateContext] = (),
    sources: Sequence[SourceContext] = (),
) -> Context:
    """The answer for a ticket that fits no order, or several."""
    return Context(
        workspace=workspace.name,
        as_of=now,
        timezone=workspace.timezone.key,
        order=None,
        matched_by=matched_by,
        candidates=list(candidates),
        sources=list(sources),
    )


def signal(found: Signal, policy: Policy) -> SignalContext:
    """One finding."""
    return SignalContext(
        kind=found.kind.value,
        since=found.since,
        deadline=found.deadline,
        severity=found.severity,
        headline=found.headline,
        reasons=list(found.reasons),
        evidence=list(found.evidence),
        opens_at=found.opens_at,
        owner=policy.detectors[found.kind].owner,
        team=_team(found.kind, policy),
    )


def issue(found: Issue, policy: Policy) -> IssueContext:
    """One trouble with its ticket."""
    return IssueContext(
        id=found.id,
        kind=found.kind.value,
        state=found.state.value,
        severity=found.severity,
        headline=found.headline,
        reasons=list(found.reasons),
        since=found.since,
        deadline=found.deadline,
        opened_at=found.opened_at,
        solved_at=found.solved_at,
        order=found.order.order_id,
        ticket=_ticket(found.ticket),
        dry_run=found.dry_run,
        incident=found.incident,
        outcome=_outcome(found),
        owner=policy.detectors[found.kind].owner,
        team=_team(found.kind, policy),
    )


def _outcome(issue: Issue) -> OutcomeContext | None:
    found = issue.outcome
    if found is None:
        return None
    return OutcomeContext(
        promise=found.promise,
        came_true=found.came_true,
        customer_wrote=customer_wrote(issue.opened_at, found.customer_wrote_at),
        customer_wrote_at=found.customer_wrote_at,
        solved_by=None if found.by_person is None else "person" if found.by_person else "nobody",
    )


def _team(kind: Kind, policy: Policy) -> TeamContext | None:
    owner = owner_of(kind, policy)
    if owner is None:
        return None
    return TeamContext(name=owner.name, group=owner.group, slack=owner.slack, email=owner.email)


def _ticket(link: TicketLink | None) -> TicketContext | None:
    if link is None:
        return None
    return TicketContext(connection=link.connection, id=link.ticket_id, url=link.url, is_ours=link.is_ours)


def _order(view: OrderView, *, high_value: bool) -> OrderContext:
    order = view.order
    return OrderContext(
        id=view.key.order_id,
        name=order.name or view.key.order_id,
        shop=view.key.shop,
        placed_at=order.placed_at,
        total=_value(order.total),
        currency=order.total.currency if order.total else None,
        financial_state=order.financial_state,
        fulfillment_state=order.fulfillment_state,
        cancelled_at=order.cancelled_at,
        cancel_requested_at=order.cancel_requested_at,
        cancel_reason=order.cancel_reason,
        tags=list(order.tags or ()),
        high_value=high_value,
        destination=str(order.destination or ""),
        admin_url=order.admin_url,
        items=[
            ItemContext(line=item.id, title=item.title, sku=item.sku, quantity=item.quantity)
            for item in order.line_items or ()
        ],
    )


def _customer(view: OrderView, *, vip: bool) -> CustomerContext | None:
    order, customer = view.order, view.order.customer
    email = (customer and customer.email) or order.email
    phone = (customer and customer.phone) or order.phone
    if customer is None:
        if not email and not phone:
            return None
        return CustomerContext(
            name=None, email=email, phone=phone, orders_count=None, total_spent=None, currency=None, vip=vip
        )
    return CustomerContext(
        name=customer.name,
        email=email,
        phone=phone,
        orders_count=customer.orders_count,
        total_spent=_value(customer.total_spent),
        currency=customer.total_spent.currency if customer.total_spent else None,
        vip=vip,
        hidden=bool(customer.hidden),
    )


def _payment(payment: Payment) -> PaymentContext:
    left = refundable(payment)
    money = payment.amount or payment.captured or payment.refunded or left
    return PaymentContext(
        id=payment.id,
        processor=payment.processor,
        state=(payment.state or PaymentState.UNKNOWN).value,
        method=payment.method,
        amount=_value(payment.amount),
        captured=_value(payment.captured),
        refunded=_value(payment.refunded),
        refundable=_value(left),
        currency=money.currency if money else None,
        failure=_failure(payment),
        dispute=_dispute(payment.dispute),
        attempts=[
            AttemptContext(
                at=attempt.at,
                succeeded=attempt.succeeded,
                failure_code=attempt.failure_code,
                failure_message="" if attempt.succeeded else in_words(attempt.failure_code, attempt.failure_message),
            )
            for attempt in payment.attempts
        ],
    )


def _dispute(found: Dispute | None) -> DisputeContext | None:
    if found is None:
        return None
    return DisputeContext(
        id=found.id,
        state=found.state,
        reason=found.reason,
        amount=_value(found.amount),
        respond_by=found.respond_by,
    )


def _failure(payment: Payment) -> FailureContext | None:
    """Why it failed; a payment that went through in the end has no failure, only attempts."""
    if payment.state is not PaymentState.FAILED and not (
        payment.failure_code and payment.state in (PaymentState.REQUIRES_ACTION, PaymentState.PENDING, None)
    ):
        return None
    return FailureContext(
        code=payment.failure_code or "", message=in_words(payment.failure_code, payment.failure_message)
    )


def _shipment(found: ShipmentView) -> ShipmentContext:
    shipment = found.shipment
    return ShipmentContext(
        carrier=shipment.carrier,
        carrier_name=carrier_name(shipment.carrier),
        tracking_number=shipment.tracking_number,
        tracking_url=shipment.tracking_url or tracking_link(shipment.carrier, shipment.tracking_number),
        service=shipment.service,
        state=shipment.state.value if shipment.state else "unknown",
        estimated_delivery=EstimateContext(original=found.estimated_original, current=found.estimated_current),
        shipped_at=shipment.shipped_at,
        delivered_at=shipment.delivered_at,
        last_scan_at=found.last_scan_at,
        scans=_scans(shipment),
        exception=shipment.exception or None,
        tracking_problem=shipment.tracking_problem or None,
        sources=list(found.sources),
    )


def _scans(shipment: Shipment) -> list[ScanContext]:
    return [
        ScanContext(
            time=scan.at, local_time=_local(scan), place=str(scan.place), state=scan.state.value, text=scan.text
        )
        for scan in reversed(shipment.scans)
    ]


def _local(scan: Scan) -> str | None:
    if scan.utc_offset is None:
        return None
    return f"{scan.at + timedelta(minutes=scan.utc_offset):%Y-%m-%d %H:%M}"


def _promise(found: PromiseRisk | None) -> PromiseContext | None:
    if found is None:
        return None
    return PromiseContext(
        promised_by=found.promise.promised_by,
        source=found.promise.source,
        risk=round(found.risk, 3),
        level=found.level,
        reasons=list(found.reasons),
    )


def _value(money: Money | None) -> str | None:
    return money.value if money else None

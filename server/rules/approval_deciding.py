"""This file says who may decide a request, and what becomes of it when they do.

Never whoever asked, never the same person twice, and nobody beyond their limit: by the request, by all requests on the
order, and by all that they have agreed to within a day.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from connectors.money import Money
from connectors.order_actions import OrderActionKind
from server.approval_model import ApprovalRequest, ApprovalState, Decision, Person, Turn, Verdict
from server.model import OrderView, Role
from server.rules.approval_amounts import agreed_by, agreed_on_order, at_stake
from server.rules.approval_clock import policy_of
from server.rules.case import is_vip
from server.rules.condition_facts import condition_facts
from server.rules.policy import Policy
from server.rules.who import may_be

UNKNOWN_WORTH = "What these goods cost is not known right now, so nobody can say whether it is within the limit."


class Rule(Struct, frozen=True, kw_only=True):
    """What the policy says of one request, its special rules applied."""

    approvers: tuple[str, ...] = ()
    max_amount: Decimal | None = None
    second_above: Decimal | None = None


def rule_for(request: ApprovalRequest, view: OrderView, policy: Policy) -> Rule:
    """The kind's own words, replaced by those of the first special rule that holds, as far as it says anything."""
    found = policy_of(request, policy)
    rule = Rule(approvers=found.approvers, max_amount=found.max_amount, second_above=found.second_above)
    if not found.rules:
        return rule
    high_value = policy.is_high_value(view.order.total)
    facts = condition_facts(view, vip=is_vip(view, policy), high_value=high_value)
    special = next((each for each in found.rules if each.when.holds(facts)), None)
    if special is None:
        return rule
    return Rule(
        approvers=rule.approvers if special.approvers is None else special.approvers,
        max_amount=rule.max_amount if special.max_amount is None else special.max_amount,
        second_above=rule.second_above if special.second_above is None else special.second_above,
    )


def why_not(
    request: ApprovalRequest,
    person: Person,
    view: OrderView,
    policy: Policy,
    requests: Sequence[ApprovalRequest],
    now: datetime,
    *,
    verdict: Verdict = Verdict.APPROVE,
) -> str:
    """Why *person* may not decide this now, as a sentence; empty where they may.

    *requests* are those on the same order and those that the person has decided within 24 hours. Limits bind only who
    agrees: whoever may decide at all may always say no.
    """
    rule = rule_for(request, view, policy)
    if request.requester.is_same_as(person):
        return "Somebody else has to decide what you have asked for."
    if any(decision.person.is_same_as(person) for decision in request.approvals):
        return "You have agreed already: somebody else has to agree as well."
    if not _is_approver(person, rule, policy):
        return "You are not among those who may decide this."
    if verdict is Verdict.REJECT:
        return ""
    if not policy_of(request, policy).enabled:
        return "The policy does not allow this here any more."
    return _limit(request, at_stake(request, view), person, rule, policy, requests, now)


def _is_approver(person: Person, rule: Rule, policy: Policy) -> bool:
    has_role = person.role.rank >= Role.APPROVER.rank
    # A token may have been made for less than its holder may do: then it decides nothing, whoever is named.
    if not rule.approvers or (person.via == "token" and not has_role):
        return has_role
    colleague = policy.people.get(person.id)
    teams = colleague.teams if colleague else ()
    return person.id in rule.approvers or any(team in rule.approvers for team in teams)


def _limit(
    request: ApprovalRequest,
    amount: Money | None,
    person: Person,
    rule: Rule,
    policy: Policy,
    requests: Sequence[ApprovalRequest],
    now: datetime,
) -> str:
    """Several requests on one order are as good as one large one: a limit of 50 is not ten times 49."""
    kind = policy_of(request, policy)
    theirs_are = [found.max_amount for found in may_be(person, policy) if found.max_amount is not None]
    own = min(theirs_are, default=None)
    if amount is None:
        limits = (rule.max_amount, kind.max_per_order, own, kind.max_per_day)
        is_bound = request.kind is OrderActionKind.RESHIP and any(limit is not None for limit in limits)
        return UNKNOWN_WORTH if is_bound else ""
    if rule.max_amount is not None and amount.decimal > rule.max_amount:
        return f"Up to {_as_money(rule.max_amount, amount)} may be approved here."
    per_order = rule.max_amount if kind.max_per_order is None else kind.max_per_order
    on_order = agreed_on_order(request, amount, requests)
    if per_order is not None and (on_order + amount).decimal > per_order:
        return (
            f"Up to {_as_money(per_order, amount)} may be approved on one order, and {on_order} of it has been already."
        )
    theirs = agreed_on_order(request, amount, requests, by=person)
    if own is not None and (theirs + amount).decimal > own:
        so_far = f", and have approved {theirs} of it already" if theirs.amount else ""
        return f"You may approve up to {_as_money(own, amount)} on one order{so_far}."
    today = agreed_by(person, request, amount, requests, now)
    if kind.max_per_day is not None and (today + amount).decimal > kind.max_per_day:
        return (
            f"You may approve up to {_as_money(kind.max_per_day, amount)} within 24 hours, "
            f"and have approved {today} of it already."
        )
    return ""


def needed(request: ApprovalRequest, view: OrderView, policy: Policy, requests: Sequence[ApprovalRequest]) -> int:
    """How many different people must agree; what was agreed to on the same order before counts towards the amount."""
    above, amount = rule_for(request, view, policy).second_above, at_stake(request, view)
    if above is None:
        return 1
    if amount is None:
        # Goods of which nobody knows what they cost may cost more than that.
        return 2 if request.kind is OrderActionKind.RESHIP else 1
    return 2 if (agreed_on_order(request, amount, requests) + amount).decimal > above else 1


def decided(
    request: ApprovalRequest, person: Person, verdict: Verdict, reason: str, now: datetime
) -> tuple[ApprovalRequest, Turn]:
    """The request once *person*, who may, has decided. Approved, it is due at once."""
    decision = Decision(person=person, verdict=verdict, reason=reason, at=now, version=request.version)
    after = replace(request, decisions=(*request.decisions, decision), version=request.version + 1)
    if verdict is Verdict.REJECT:
        return replace(after, state=ApprovalState.REJECTED, closed_at=now, due_at=None), Turn.REJECTED
    if len(after.approvals) < request.needs:
        return after, Turn.AGREED
    return replace(after, state=ApprovalState.APPROVED, due_at=now), Turn.APPROVED


def recorded_only(request: ApprovalRequest, why: str, now: datetime) -> ApprovalRequest:
    """An approved request that only a person carries out."""
    return replace(request, is_record_only=True, record_only_reason=why, due_at=None, closed_at=now)


def returned(request: ApprovalRequest, now_is: dict[str, str], differences: tuple[str, ...]) -> ApprovalRequest:
    """The request as it goes back because the order has changed: what was agreed to before counts no more."""
    return replace(request, version=request.version + 1, basis=now_is, differences=differences, decisions=())


def withdrawn(request: ApprovalRequest, person: Person, reason: str, now: datetime) -> ApprovalRequest:
    """The request once whoever asked has taken it back."""
    decision = Decision(person=person, verdict=Verdict.REJECT, reason=reason, at=now, version=request.version)
    return replace(
        request,
        decisions=(*request.decisions, decision),
        version=request.version + 1,
        state=ApprovalState.WITHDRAWN,
        closed_at=now,
        due_at=None,
    )


def _as_money(limit: Decimal, like: Money) -> str:
    try:
        return str(Money.parse(limit, like.currency))
    except ValueError:
        return f"{limit} {like.currency}"

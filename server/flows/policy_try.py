"""This file shows what would happen to a stored order now, by the policy that runs or by another one. It does nothing.

The order goes through exactly the code that judges it when an event comes, within a transaction that is then undone.
"""

from copy import copy
from datetime import datetime

from msgspec.structs import replace

from server.errors import BadInput, ConfigurationError, NotFound
from server.flows.judge import Judge
from server.flows.policy_tried import Silent, Tried, promise_text, tried_action, tried_issues, tried_signal
from server.flows.resolve import BY_NUMBER
from server.model import Assessment, Kind, OrderKey, OrderView
from server.rules.assess import assess
from server.rules.case import examine
from server.rules.identity import parse_query
from server.rules.policy import Policy
from server.rules.policy_reading import decode, parse_policy
from server.rules.timeline import view
from server.rules.watch import Watch
from server.store.contract import Reading, Store, Writing
from server.workspaces import Workspace, able

MOST_NAMED = 20


class _Undone(Exception):
    """Carries what was found out of a transaction that must not be kept."""

    def __init__(self, found: Tried) -> None:
        super().__init__("only tried")
        self.found = found


async def try_policy(
    store: Store, workspace: Workspace, order: str, now: datetime, *, shop: str = "", text: str | None = None
) -> Tried:
    """Judge a stored order by *text*, or by the policy that runs. Raises NotFound, BadInput, StoreUnavailable."""
    tried = copy(workspace)
    if text is not None:
        tried.policy = _read(text, workspace)
    key = await store.read(lambda tx: _find(tx, workspace.name, order, shop))

    def work(tx: Writing) -> None:
        raise _Undone(_try(tx, key, tried, now))

    try:
        await store.write(work)
    except _Undone as undone:
        return undone.found
    raise AssertionError("a trial always ends by being undone")


def _read(text: str, workspace: Workspace) -> Policy:
    try:
        return parse_policy(decode(text.encode()), workspace.timezone, able(workspace.connections))
    except ConfigurationError as error:
        raise BadInput(f"policy: {error}") from error


def _find(tx: Reading, workspace: str, text: str, shop: str) -> OrderKey:
    references = [reference for reference in parse_query(text) if reference.kind in BY_NUMBER]
    found = [key for key in tx.find(workspace, references) if not shop or key.shop == shop]
    if not found:
        raise NotFound(f"no stored order of workspace {workspace} matches {text!r}")
    if len(found) > 1:
        named = ", ".join(f"{key.order_id} ({key.shop})" for key in found[:MOST_NAMED])
        raise BadInput(f"order: {text!r} may mean any of {named}; expected an order id, or --shop")
    return found[0]


def _try(tx: Writing, key: OrderKey, workspace: Workspace, now: datetime) -> Tried:
    record = tx.record(key)
    if record is None:
        raise NotFound(f"the order {key} is gone")
    order, policy = view(record), workspace.policy
    assessment = assess(order, now, policy, workspace.learner.transit)
    issues, actions = tx.issues_of(key), tx.actions_of(key)
    Judge(tx, workspace, now).review(key)
    return Tried(
        workspace=workspace.name,
        order=key.order_id,
        name=order.order.name or key.order_id,
        shop=key.shop,
        at=now,
        facts=examine(order, policy, Watch(now)).facts,
        promise=promise_text(assessment),
        signals=[tried_signal(signal, policy, now) for signal in assessment.signals],
        silent=[*_silenced(assessment), *_left_out(order, assessment, workspace, now)],
        issues=tried_issues(issues, tx.issues_of(key)),
        actions=[tried_action(action) for action in tx.actions_of(key) if action not in actions],
        review_at=assessment.review_at,
    )


def _silenced(assessment: Assessment) -> list[Silent]:
    return [Silent(each.kind, f"{each.by} says more") for each in assessment.silenced]


def _left_out(order: OrderView, assessment: Assessment, workspace: Workspace, now: datetime) -> list[Silent]:
    """What would be found if every kind were switched on and had no condition."""
    policy = workspace.policy
    everything = {kind: replace(found, enabled=True, when=None) for kind, found in policy.detectors.items()}
    lenient = assess(order, now, replace(policy, detectors=everything), workspace.learner.transit)
    told = {signal.kind for signal in assessment.signals} | {each.kind for each in assessment.silenced}
    found = [signal.kind for signal in lenient.signals if signal.kind not in told]
    return [Silent(kind, why) for kind in found if (why := _why(kind, policy))]


def _why(kind: Kind, policy: Policy) -> str:
    detector = policy.detectors[kind]
    if not detector.enabled:
        return "it is switched off"
    return f"its condition is not met: {detector.when.text}" if detector.when is not None else ""

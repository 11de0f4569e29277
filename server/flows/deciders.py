"""This file says in words who decides a kind of request by the policy, so that an agent knows whom it waits for."""

from server.model import Role
from server.rules.policy import APPROVAL_KINDS, ApprovalPolicy, Colleague, Policy

MOST_NAMES = 3
_ANYBODY = "an approver"


def deciders(policy: Policy) -> dict[str, str]:
    """By kind: `Dana Lopez or Kim Novak`, `the team finance`, `an approver`."""
    return {kind: _in_words(policy.approvals.get(kind, ApprovalPolicy()), policy) for kind in APPROVAL_KINDS}


def _in_words(rule: ApprovalPolicy, policy: Policy) -> str:
    named = rule.approvers or tuple(name for name, found in policy.people.items() if found.role is not Role.AGENT)
    names = [_name(name, policy) for name in named]
    if not names:
        return _ANYBODY
    if len(names) > MOST_NAMES:
        return f"{', '.join(names[:MOST_NAMES])} or another approver"
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _name(name: str, policy: Policy) -> str:
    found: Colleague | None = policy.people.get(name)
    if found:
        return found.name or name
    return f"the team {name}" if name in policy.teams else name

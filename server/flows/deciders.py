"""This file says in words who decides a kind of request by the policy, so that an agent knows whom it waits for."""

from collections.abc import Collection, Mapping

from msgspec import Struct

from server.model import Role
from server.rules.policy import APPROVAL_KINDS, ApprovalPolicy, Colleague, Policy

MOST_NAMES = 3


class Deciders(Struct, frozen=True):
    """By kind: those who may decide it, the policy's name for each -> as people know them. Empty: it names nobody."""

    named: Mapping[str, Mapping[str, str]] = {}

    def of(self, kind: str, without: Collection[str] = ()) -> str:
        """`Dana Lopez or Kim Novak`, `the team finance`, `an approver`.

        *without* are ids of those who may not decide this one: whoever asked, and whoever has agreed already.
        """
        known = self.named.get(kind, {})
        names = [shown for name, shown in known.items() if name not in without]
        if not names:
            return "another approver" if known else "an approver"
        if len(names) > MOST_NAMES:
            return f"{', '.join(names[:MOST_NAMES])} or another approver"
        return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def deciders(policy: Policy) -> Deciders:
    """Who decides by this policy."""
    rules = {kind: policy.approvals.get(kind, ApprovalPolicy()) for kind in APPROVAL_KINDS}
    return Deciders({kind: {name: _shown(name, policy) for name in _who(rule, policy)} for kind, rule in rules.items()})


def _who(rule: ApprovalPolicy, policy: Policy) -> Collection[str]:
    return rule.approvers or [name for name, found in policy.people.items() if found.role is not Role.AGENT]


def _shown(name: str, policy: Policy) -> str:
    found: Colleague | None = policy.people.get(name)
    if found:
        return found.name or name
    return f"the team {name}" if name in policy.teams else name

"""This file is what Gorgias says of those who work there. Pure."""

from connectors.contract import HelpdeskUser
from connectors.gorgias import wire

MACHINES = frozenset({"bot", "gorgias-bot", "gorgias-support", "internal-agent", "automation"})
"""Roles of users who are nobody."""
ADMINS = frozenset({"admin", "super-admin"})


def is_machine(user: wire.User) -> bool:
    """Whether it is one of Gorgias' own."""
    return _role(user) in MACHINES


def person(user: wire.User) -> HelpdeskUser:
    """A user in our words. Gorgias does not say whether anybody has proved that an address is theirs."""
    role = _role(user)
    return HelpdeskUser(
        id=str(user.id),
        name=user.name or "",
        email=(user.email or "").strip().lower(),
        is_email_verified=False,
        role="end-user" if role in MACHINES else "admin" if role in ADMINS else "agent",
        is_active=user.active is not False,
    )


def _role(user: wire.User) -> str:
    return ((user.role.name if user.role else "") or "").lower()

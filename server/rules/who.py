"""This file compares the ways in which somebody can come with the people whom the policy names. Pure."""

import re

from msgspec import Struct

from server.approval_model import Person
from server.model import Principal, Role
from server.rules.policy import Colleague, Policy

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")


class Claims(Struct, frozen=True, kw_only=True):
    """What a principal says of a person."""

    identity: str
    """`desk:9001`, `chat:U02DANA`, `token:ops`, `email:dana@acme.test`."""
    user: str
    """What stands behind the colon."""
    email: str = ""
    """In lower case; empty where the way in names none by itself."""


def claims_of(principal: Principal) -> Claims:
    """Whom the principal is about. Sidebar sessions name the kind of helpdesk (`zendesk:9001`): the connection counts.

    A token is made by an operator for somebody; where that is an address, it is one of whoever has it.
    """
    if principal.via == "token":
        user = principal.user.strip()
        email = user.lower() if _EMAIL.fullmatch(user) else ""
        return Claims(identity=f"token:{user}", user=user, email=email)
    if principal.via == "sign_in":
        email = principal.user.removeprefix("email:").strip().lower()
        return Claims(identity=f"email:{email}", user=email, email=email)
    prefix, colon, rest = principal.user.partition(":")
    user = rest if colon else prefix
    return Claims(identity=f"{principal.via}:{user}", user=user)


def colleague_of(policy: Policy, identity: str, email: str, *, name: str = "") -> Colleague | None:
    """Whom the policy names for this way in: by the identity, then by *name* (a token's), then by the address."""
    people = policy.people.values()
    by_identity = next((found for found in people if identity in found.identities), None)
    if by_identity is not None:
        return by_identity
    if name and name in policy.people:
        return policy.people[name]
    return next((found for found in people if email and found.email.strip().lower() == email), None)


def may_be(person: Person, policy: Policy) -> list[Colleague]:
    """Whom of the policy it may be: the one whom it names, and those who have a way in in common with the person.

    What somebody may not do under the policy's name for them, they may not do by a way in that it does not know.
    """
    ids = {person.id, *person.also}
    return [found for found in policy.people.values() if not ids.isdisjoint(_ids_of(found))]


def _ids_of(colleague: Colleague) -> set[str]:
    address = colleague.email.strip().lower()
    return {colleague.id, *colleague.identities, *([f"email:{address}"] if address else [])}


def written_as(principal: Principal, policy: Policy) -> str:
    """The id under which the principal is written down, as far as it is known without asking anybody."""
    claims = claims_of(principal)
    name = claims.user if principal.via == "token" else ""
    found = colleague_of(policy, claims.identity, claims.email, name=name)
    return found.id if found else claims.identity


def role_from_helpdesk(role: str, policy: Policy) -> Role:
    """What somebody of the helpdesk's staff may do whom the policy does not name."""
    return Role.APPROVER if role == "admin" and policy.helpdesk_admins_approve else Role.AGENT


def lower_of(one: Role, other: Role) -> Role:
    """The role that allows less."""
    return min(one, other, key=lambda role: role.rank)

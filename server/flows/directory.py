"""This file finds out who somebody is: one person, whatever way they came in, and what they may do right now."""

from collections.abc import Awaitable, Callable, Hashable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from connectors.contract import ConnectorError, Helpdesk, HelpdeskUser, Missing, UserDirectory
from connectors.transport import Clock
from server.approval_model import Person
from server.errors import Forbidden, NotFound, NotNow
from server.model import Principal, Role
from server.rules.policy import Colleague
from server.rules.who import claims_of, colleague_of, lower_of, may_be, role_from_helpdesk
from server.workspaces import Workspace, Workspaces

T = TypeVar("T")

REMEMBERED = timedelta(seconds=60)
"""How long a helpdesk's answer about one of its users is used, except for decisions."""
_MOST_REMEMBERED = 2000

GONE = "{name} no longer works in {system}: an admin has to let them in again"
CUSTOMER = "{name} is a customer in {system}, not one of its agents"
UNSURE = (
    "Nothing was decided: {system} has to confirm who you are and what you may do, and cannot right now ({why}). "
    "Try again in a moment."
)
UNKNOWN = "{system} does not know {name} (any more)"
UNNAMED = "{name} of {system} is nobody whom the policy names: an admin adds `{identity}` to somebody under [people]"


class Directory:
    """Knows the people of all workspaces, by the policy's `[people]` and by what helpdesks say of their users.

    A person is whom the policy names for the way they came in (`identities`, then the verified e-mail address); else
    the helpdesk user with that address; else just that way in. What they may do:

    - named in the policy: the policy's role, as long as the helpdesk through which they came lets them work there;
    - named by nobody, but staff of a helpdesk: approver if admin there and the policy says that this is enough,
      else agent;
    - signed in on our own pages with an address of the allowed domains, and no more: agent;
    - with an API token: the token's role, and no more than the policy's for whom it names. Both have to agree, because
      a token may have been made for less, or before somebody was given less to do.
    """

    def __init__(self, workspaces: Workspaces, clock: Clock) -> None:
        self._workspaces = workspaces
        self._clock = clock
        self._remembered: dict[Hashable, tuple[HelpdeskUser | None, datetime]] = {}
        self._barred: dict[Hashable, str] = {}

    async def person(self, principal: Principal, *, is_fresh: bool = False) -> Person:
        """Who *principal* is. With *is_fresh* the helpdesk is asked now: whenever a person is written down (who asks,
        who decides), since one who is known by half could be taken for two.

        Raises Forbidden with a sentence for whoever may not (any longer) work here, and with *is_fresh* NotNow where
        the helpdesk cannot say. Otherwise a silent helpdesk leaves them what its signature proved: an agent.
        """
        key = (principal.workspace, principal.via, principal.user)
        try:
            found = await self._find(principal, is_fresh)
        except Forbidden as error:
            _keep(self._barred, key, str(error))
            raise
        self._barred.pop(key, None)
        role = found.role
        for colleague in may_be(found, self._workspaces[principal.workspace].policy):
            role = lower_of(role, colleague.role)
        return replace(found, role=role)

    def barred(self, principal: Principal) -> str:
        """Why they may do nothing any more, as far as it has been found out; empty where nothing is known. At once."""
        return self._barred.get((principal.workspace, principal.via, principal.user), "")

    async def _find(self, principal: Principal, is_fresh: bool) -> Person:
        workspace = self._workspaces.get(principal.workspace)
        if workspace is None:
            raise NotFound(f"there is no workspace {principal.workspace}")
        if principal.via == "token":
            return await self._by_token(workspace, principal, is_fresh)
        if principal.via == "sign_in":
            return await self._by_email(workspace, principal, Role.AGENT, is_fresh)
        return await self._by_connection(workspace, principal, is_fresh)

    async def _by_token(self, workspace: Workspace, principal: Principal, is_fresh: bool) -> Person:
        claims = claims_of(principal)
        named = colleague_of(workspace.policy, claims.identity, "", name=claims.user)
        if named is None and claims.email:
            found = await self._by_email(workspace, principal, principal.role, is_fresh)
            named = workspace.policy.people.get(found.id)
            return found if named is None else replace(found, role=lower_of(principal.role, named.role))
        role = lower_of(principal.role, named.role) if named else principal.role
        return _person(named, claims.identity, claims.user, role, claims.email, principal.via)

    async def _by_email(self, workspace: Workspace, principal: Principal, role: Role, is_fresh: bool) -> Person:
        """*role* is that of somebody who is neither in the policy nor in a helpdesk."""
        claims = claims_of(principal)
        named = colleague_of(workspace.policy, claims.identity, claims.email)
        if named is not None:
            return _person(named, claims.identity, claims.email, named.role, claims.email, principal.via)
        also: list[str] = []
        for name, desk in _directories(workspace).items():
            key = (workspace.name, name, "email", claims.email)
            user = await self._ask(desk, key, partial(desk.find_person, claims.email), is_fresh)
            if user is None:
                continue
            if user.is_email_verified:
                found = _staff(workspace, name, user, claims.email, principal.via, claims.identity)
                return found if principal.via == "sign_in" else replace(found, role=role)
            # Perhaps the same human being: enough not to be two, not enough to get the other's role.
            also.append(f"{name}:{user.id}")
        return _person(None, claims.identity, claims.email, role, claims.email, principal.via, also)

    async def _by_connection(self, workspace: Workspace, principal: Principal, is_fresh: bool) -> Person:
        claims = claims_of(principal)
        connector: object = workspace.connections.get(principal.via)
        if isinstance(connector, UserDirectory):
            key = (workspace.name, principal.via, "id", claims.user)
            user = await self._ask(connector, key, partial(connector.read_person, claims.user), is_fresh)
            if user is not None:
                email = user.email if user.is_email_verified else ""
                return _staff(workspace, principal.via, user, email, principal.via, claims.identity)
        named = colleague_of(workspace.policy, claims.identity, "")
        if named is not None:
            return _person(named, claims.identity, claims.user, named.role, named.email, principal.via)
        if not isinstance(connector, Helpdesk):
            # Whoever can press a button in a chat is not yet anybody who works here.
            system = getattr(connector, "system", principal.via)
            raise Forbidden(UNNAMED.format(name=claims.user, system=system, identity=claims.identity))
        return _person(None, claims.identity, claims.identity, Role.AGENT, "", principal.via)

    async def _ask(
        self,
        desk: UserDirectory,
        key: Hashable,
        question: Callable[[], Awaitable[HelpdeskUser | None]],
        is_fresh: bool,
    ) -> HelpdeskUser | None:
        """What the helpdesk says; None where it knows nobody, or is silent and this is no decision.

        Raises Forbidden, NotNow.
        """
        now = self._clock()
        known = self._remembered.get(key)
        if known is not None and not is_fresh and timedelta() <= now - known[1] < REMEMBERED:
            return known[0]
        system = getattr(desk, "system", "The helpdesk")
        try:
            found = await question()
        except Missing as error:
            self._remembered.pop(key, None)
            raise Forbidden(UNKNOWN.format(system=system, name="this user")) from error
        except ConnectorError as error:
            if is_fresh:
                raise NotNow(UNSURE.format(system=system, why=error.sentence)) from error
            return known[0] if known else None
        _keep(self._remembered, key, (found, now))
        return found


def _keep(known: dict[Hashable, T], key: Hashable, value: T) -> None:
    """The latest ones alone."""
    known.pop(key, None)
    while len(known) >= _MOST_REMEMBERED:
        del known[next(iter(known))]
    known[key] = value


def _directories(workspace: Workspace) -> dict[str, UserDirectory]:
    return {name: desk for name, desk in workspace.helpdesks.items() if isinstance(desk, UserDirectory)}


def _staff(workspace: Workspace, connection: str, user: HelpdeskUser, email: str, via: str, came_as: str) -> Person:
    """A helpdesk's user. Raises Forbidden for customers and for those who may no longer work there."""
    system = workspace.connections[connection].system
    name = user.name or f"User {user.id}"
    if not user.is_staff:
        raise Forbidden(CUSTOMER.format(name=name, system=system))
    if not user.is_active:
        raise Forbidden(GONE.format(name=name, system=system))
    identity = f"{connection}:{user.id}"
    named = colleague_of(workspace.policy, identity, email)
    role = named.role if named else role_from_helpdesk(user.role, workspace.policy)
    return _person(named, identity, name, role, email, via, [came_as, *([f"email:{user.email}"] if user.email else [])])


def _person(
    named: Colleague | None, identity: str, name: str, role: Role, email: str, via: str, also: Iterable[str] = ()
) -> Person:
    ids = [identity, *also, *([f"email:{email}"] if email else [])]
    if named is None:
        return Person(id=identity, name=name, role=role, email=email, via=via, also=_others(ids, identity))
    address = named.email.strip().lower()
    ids += [*named.identities, *([f"email:{address}"] if address else [])]
    return Person(
        id=named.id,
        name=named.name or named.id,
        role=role,
        email=email or address,
        via=via,
        also=_others(ids, named.id),
    )


def _others(ids: Iterable[str], own: str) -> tuple[str, ...]:
    return tuple(sorted(set(ids) - {own}))

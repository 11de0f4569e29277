"""This file is how Gorgias is asked: with credentials, page by page, within the account's budget."""

from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from typing import Protocol, TypeVar

from msgspec.structs import replace

from connectors.connection import Connection
from connectors.contract import Denied
from connectors.gorgias import wire
from connectors.gorgias.settings import Settings
from connectors.oauth import Access, FixedAccess, RefreshedToken
from connectors.transport import Answer, Transport

SYSTEM = "Gorgias"
SECONDS = 20.0
SHARE_OF_BUDGET = 0.8
"""The rest is for the merchant's other apps: the bucket is the account's."""
PAGE = "100"
MOST_PAGES_OF_USERS = 10


class Page(Protocol):
    """Gorgias turns pages by a cursor that it gives with each."""

    @property
    def meta(self) -> wire.Meta | None: ...


P = TypeVar("P", bound=Page)


class Api:
    """Authorised requests to one Gorgias account."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self.transport = connection.transport(
            SYSTEM,
            f"https://{settings.domain}.gorgias.com",
            limits=replace(connection.limits, requests=settings.bucket * SHARE_OF_BUDGET, per_seconds=SECONDS),
        )
        self._access = _access(settings, connection, self.transport)
        self._emails = [settings.sender, *([settings.email.lower()] if settings.email else [])]
        self._ours: tuple[wire.User, ...] = ()

    async def read(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """A question. Raises ConnectorError."""

        async def send(authorization: str) -> Answer:
            return await self.transport.read(path, params=params, headers={"authorization": authorization})

        return await self._access.authorized(send)

    async def write(self, method: str, path: str, body: bytes) -> Answer:
        """A change, sent once. Only a refused token is followed by a second try: nothing was done then."""

        async def send(authorization: str) -> Answer:
            headers = {"authorization": authorization, "content-type": "application/json"}
            return await self.transport.write(method, path, headers=headers, body=body)

        return await self._access.authorized(send)

    async def page(self, path: str, params: Mapping[str, str], kind: type[P], cursor: str = "") -> tuple[P, str]:
        """One page, and the cursor of the next; empty at the end."""
        asked = {"limit": PAGE, **params, **({"cursor": cursor} if cursor else {})}
        found = (await self.read(path, asked)).read(kind)
        return found, (found.meta.next_cursor if found.meta else None) or ""

    async def pages(self, path: str, params: Mapping[str, str], kind: type[P], most: int) -> AsyncIterator[P]:
        """Page after page, at most *most*."""
        cursor = ""
        for _ in range(most):
            found, cursor = await self.page(path, params, kind, cursor)
            yield found
            if not cursor:
                return

    async def us(self) -> wire.User:
        """The user whose name our notes carry, looked for once. Raises Denied where there is no such user."""
        return (await self.ours())[0]

    async def ours(self) -> tuple[wire.User, ...]:
        """All users that are us: the one whose name our notes carry, and the one whose key it is. Raises Denied."""
        if not self._ours:
            found = [await self._must_find(email) for email in dict.fromkeys(self._emails)]
            self._ours = tuple(found)
        return self._ours

    async def _must_find(self, email: str) -> wire.User:
        found = await self.find_user(email)
        if found is None:
            raise Denied(SYSTEM, f"no user has the address {email}: set user_email to that of a user")
        return found

    async def find_user(self, email: str) -> wire.User | None:
        """The user with exactly this address, in lower case."""
        # Whether the list is filtered by address is not documented for every account, so it is looked through.
        async for page in self.pages("/api/users", {"email": email}, wire.UserPage, MOST_PAGES_OF_USERS):
            for user in page.data:
                if (user.email or "").lower() == email:
                    return user
        return None


def _access(settings: Settings, connection: Connection, transport: Transport) -> Access:
    if settings.api_key:
        pair = b64encode(f"{settings.email}:{settings.api_key}".encode()).decode()
        return FixedAccess(f"Basic {pair}", clock=connection.clock)
    if settings.refresh_token:
        return RefreshedToken(
            transport,
            "/oauth/token",
            settings.client_id,
            settings.client_secret,
            settings.refresh_token,
            access_token=settings.access_token,
            clock=connection.clock,
        )
    return FixedAccess(f"Bearer {settings.access_token}", clock=connection.clock)

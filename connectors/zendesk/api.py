"""This file is how Zendesk is asked: with credentials, page by page, within the account's budget."""

from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Protocol, TypeVar

from msgspec.structs import replace

from connectors.connection import Connection
from connectors.contract import Denied
from connectors.oauth import Access, ClientCredentials, FixedAccess
from connectors.transport import Answer, Transport
from connectors.zendesk import wire
from connectors.zendesk.settings import Settings

SYSTEM = "Zendesk"
SHARE_OF_BUDGET = 0.8
"""The rest is for the merchant's other apps: the limit is the account's."""


class Page(Protocol):
    """Zendesk turns pages in two ways: by cursor, or by an address."""

    @property
    def meta(self) -> wire.Meta | None: ...
    @property
    def links(self) -> wire.Links | None: ...
    @property
    def next_page(self) -> str | None: ...


P = TypeVar("P", bound=Page)


class Api:
    """Authorised requests to one Zendesk account."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self.transport = connection.transport(
            SYSTEM,
            f"https://{settings.subdomain}.zendesk.com",
            limits=replace(
                connection.limits, requests=settings.requests_per_minute * SHARE_OF_BUDGET, per_seconds=60.0
            ),
            headers=settings.marketplace_headers,
        )
        self._access = _access(settings, connection, self.transport)
        self._us: int | None = None

    async def read(self, path: str, params: dict[str, str] | None = None) -> Answer:
        """A question. Raises ConnectorError."""

        async def send(authorization: str) -> Answer:
            return await self.transport.read(path, params=params, headers={"authorization": authorization})

        return await self._access.authorized(send)

    async def write(self, method: str, path: str, body: bytes, headers: dict[str, str] | None = None) -> Answer:
        """A change, sent once. Only a refused token is followed by a second try: nothing was done then."""

        async def send(authorization: str) -> Answer:
            together = {**(headers or {}), "authorization": authorization, "content-type": "application/json"}
            return await self.transport.write(method, path, headers=together, body=body)

        return await self._access.authorized(send)

    async def pages(self, path: str, params: dict[str, str], kind: type[P], most: int) -> AsyncIterator[P]:
        """Page after page, at most *most*. Never follows a link to another host."""
        page = (await self.read(path, params)).read(kind)
        yield page
        for _ in range(most - 1):
            link = page.links.next if page.meta and page.meta.has_more and page.links else page.next_page
            if not link:
                return
            page = (await self.read(self.transport.local_path(link))).read(kind)
            yield page

    async def me(self) -> wire.User:
        """The user whose credentials we have. Raises Denied for the anonymous one."""
        found = (await self.read("/api/v2/users/me")).read(wire.UserAnswer).user
        if found.id is None:
            # Zendesk answers 200 with nobody where the credentials are not looked at.
            raise Denied(SYSTEM, "the credentials are nobody's", status=401)
        return found

    async def us(self) -> int | None:
        """The id of that user, asked for once."""
        if self._us is None:
            self._us = (await self.me()).id
        return self._us


def _access(settings: Settings, connection: Connection, transport: Transport) -> Access:
    if settings.client_id:
        return ClientCredentials(
            transport,
            "/oauth/tokens",
            settings.client_id,
            settings.client_secret,
            clock=connection.clock,
            as_json=True,
            fields={"scope": "read write"},  # a ticket's audits need the global read scope
        )
    if settings.access_token:
        return FixedAccess(f"Bearer {settings.access_token}", clock=connection.clock)
    pair = f"{settings.email}/token:{settings.api_token}".encode()
    return FixedAccess(f"Basic {b64encode(pair).decode()}", clock=connection.clock)

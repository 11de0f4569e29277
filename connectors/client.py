"""This file is the HTTP client of one connection, and the wall between it and private addresses."""

import ipaddress
import socket
from collections.abc import Callable

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver
from httpx_aiohttp import AiohttpTransport

ClientFactory = Callable[[bool], httpx.AsyncClient]
"""Makes a connection's HTTP client; the argument says whether private addresses are allowed."""


def build_client(allow_private: bool) -> httpx.AsyncClient:
    """A connection's own HTTP client. Without *allow_private* a name that resolves to a private address is refused."""

    def session() -> aiohttp.ClientSession:
        resolver: AbstractResolver = DefaultResolver()
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=100, keepalive_timeout=30, resolver=resolver if allow_private else PublicResolver(resolver)
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )

    return httpx.AsyncClient(
        transport=AiohttpTransport(client=session),
        timeout=30,
        follow_redirects=False,
        event_hooks={"request": [] if allow_private else [_refuse_private]},
    )


async def _refuse_private(request: httpx.Request) -> None:
    """An address written as numbers is never resolved, so the resolver does not see it."""
    try:
        allowed = is_public(request.url.host)
    except ValueError:
        return
    if not allowed:
        raise httpx.ConnectError(f"{request.url.host} is not a public address", request=request)


class PublicResolver(AbstractResolver):
    """Resolves names, and refuses one of whose addresses is not public. What it returns is what is connected to."""

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if any(not is_public(result["host"]) for result in found):
            raise OSError(f"{host} resolves to an address that is not public")
        return found

    async def close(self) -> None:
        await self._resolver.close()


def is_public(address: str) -> bool:
    """Whether an IP address literal is one of the public internet."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_global

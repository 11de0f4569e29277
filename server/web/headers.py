"""This file adds the headers that every answer carries, whatever route or error it comes from."""

from collections.abc import Awaitable, Callable

from litestar.types import Message, Scope

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NO_FRAMES = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"x-frame-options", b"DENY"),
)
_NO_STORE = (b"cache-control", b"no-store")
_HSTS = (b"strict-transport-security", b"max-age=31536000")


def security_headers(public_url: str) -> Callable[[Message, Scope], Awaitable[None]]:
    """A hook for every answer. What a route says itself (its own policy for frames, its own caching) stands."""
    always = (*_ALWAYS, _HSTS) if public_url.startswith("https://") else _ALWAYS
    everything = [*always, *_NO_FRAMES, _NO_STORE]

    async def add_headers(message: Message, _: Scope) -> None:
        if message["type"] != "http.response.start":
            return
        headers = list(message["headers"])
        said = {name.lower() for name, _value in headers}
        if b"content-security-policy" in said:
            # Who may frame it is said there; X-Frame-Options cannot name several.
            said.add(b"x-frame-options")
        message["headers"] = headers + [header for header in everything if header[0] not in said]

    return add_headers

"""This file says what a page of ours may load, and who may frame it: the content security policies."""

from urllib.parse import urlsplit

from litestar import Response

NOBODY = "'none'"


def panel_policy(nonce: str, *, ancestor: str = NOBODY, sdk_url: str = "") -> str:
    """Of the page with the panel. *ancestor* is the one origin that may frame it."""
    parts = urlsplit(sdk_url)
    sdk = f" {parts.scheme}://{parts.netloc}" if parts.netloc else ""
    # Reloading the page posts its form again, so that must be allowed.
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'{sdk}; style-src 'self'; connect-src 'self'; "
        f"base-uri 'none'; form-action 'self'; object-src 'none'; frame-ancestors {ancestor}"
    )


def notice_policy(ancestor: str) -> str:
    """Of a page with nothing but a sentence."""
    return f"default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {ancestor}"


def framed(text: str, policy: str, *, status: int = 200) -> Response[str]:
    """An answer with *policy*."""
    return Response(
        text,
        status_code=status,
        media_type="text/html",
        headers={"content-security-policy": policy, "cache-control": "no-store"},
    )

"""This file knows who visits our own pages: by the cookie of their session, and for what changes something by the form.

The cookie is bound to this host and out of reach of scripts. A form that another site made is refused: it has not the
session's key, and the browser says where it comes from.
"""

import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, quote

from litestar import Request, Response
from litestar.datastructures import Cookie
from msgspec import Struct

from server.approval_model import Person
from server.errors import BadInput, BeforehandError, Forbidden, NotFound, Unauthenticated
from server.flows.hosted_sessions import HostedSession
from server.parts import Parts
from server.settings import SignInSettings

AnyRequest = Request[Any, Any, Any]

NO_SIGN_IN = (
    "Nobody can sign in here: there is no such workspace, or its [workspace.NAME.sign_in] is not configured. "
    "An admin of Beforehand can change that."
)
ENDED = "Your session has ended, so nothing was done. Sign in again, and repeat it."
OTHER_SITE = "The form did not come from a page of ours, so nothing was done. Open the page again, and repeat it."
_LARGEST_FORM = 64 * 1024


class Visitor(Struct, frozen=True, kw_only=True):
    """Somebody who is signed in, and who that is right now."""

    session: HostedSession
    person: Person


class NotSignedIn(Unauthenticated):
    """Nobody is, in this workspace: to look at a page, sign in first."""

    def __init__(self, workspace: str, path: str) -> None:
        super().__init__(ENDED)
        self.sign_in_path = sign_in_path(workspace, path)


class Cookies:
    """The two cookies of our own pages. Over https both are bound to this very host (`__Host-`)."""

    def __init__(self, public_url: str) -> None:
        self._is_secure = public_url.startswith("https://")
        # Plain http is for loopback alone, where a browser would not keep a `__Host-` cookie.
        prefix = "__Host-" if self._is_secure else ""
        self.session = f"{prefix}beforehand"
        self.attempt = f"{prefix}beforehand-sign-in"

    def make(self, name: str, value: str, seconds: int) -> Cookie:
        """A cookie for so long; zero takes it away. Lax: links from the helpdesk and the provider arrive with it."""
        # Its padding would have to be quoted, which not every proxy leaves alone.
        bare = value.rstrip("=")
        return Cookie(
            key=name, value=bare, max_age=seconds, path="/", secure=self._is_secure, httponly=True, samesite="lax"
        )

    def read(self, request: AnyRequest, name: str) -> str:
        """What `make` put in; empty where there is none."""
        bare = request.cookies.get(name, "")
        return bare + "=" * (-len(bare) % 4)


def provider_settings(parts: Parts, workspace: str) -> SignInSettings:
    """How people sign in to *workspace*. Raises NotFound, in the same words whatever there is not."""
    found = parts.settings.workspaces.get(workspace)
    if found is None or found.sign_in is None or workspace not in parts.workspaces:
        raise NotFound(NO_SIGN_IN)
    return found.sign_in


async def visitor(parts: Parts, request: AnyRequest, workspace: str) -> Visitor:
    """Who visits a page of *workspace*. Raises NotFound, NotSignedIn, Forbidden with a sentence."""
    domains = provider_settings(parts, workspace).allowed_domains
    session = session_of(parts, request)
    if session is None or session.workspace != workspace or session.email.rpartition("@")[2] not in domains:
        raise NotSignedIn(workspace, _address(request))
    return Visitor(session=session, person=await parts.directory.person(session.principal))


async def visitor_with_form(parts: Parts, request: AnyRequest, workspace: str) -> tuple[Visitor, Mapping[str, str]]:
    """The same for something that is to be changed, with the form's fields. Raises also BadInput, Forbidden."""
    provider_settings(parts, workspace)
    session = session_of(parts, request)
    if session is None or session.workspace != workspace:
        raise NotSignedIn(workspace, f"/app/{workspace}/approvals")
    form = await read_form(parts, request, session)
    return await visitor(parts, request, workspace), form


def session_of(parts: Parts, request: AnyRequest) -> HostedSession | None:
    """The session of the browser's cookie; None where there is none, or it is over."""
    cookies = Cookies(parts.settings.server.public_url)
    return parts.hosted_sessions.read(cookies.read(request, cookies.session), parts.clock())


@asynccontextmanager
async def noted(parts: Parts, request: AnyRequest, request_id: str) -> AsyncIterator[None]:
    """What is refused within, before the approvals themselves look at it, is in the audit log and raised again.

    As far as it is known whose attempt it is, also where their session is over.
    """
    try:
        yield
    except BeforehandError as error:
        cookies = Cookies(parts.settings.server.public_url)
        session = parts.hosted_sessions.opened(cookies.read(request, cookies.session))
        if session is not None and session.workspace in parts.workspaces:
            await parts.approvals.refused(session.principal, request_id, error)
        raise


async def read_form(parts: Parts, request: AnyRequest, session: HostedSession) -> Mapping[str, str]:
    """The fields of a form that this session's own page posted. Raises BadInput, Forbidden."""
    ours = parts.settings.server.public_url.rstrip("/")
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if (origin is not None and origin != ours) or (site is not None and site not in ("same-origin", "none")):
        raise Forbidden(OTHER_SITE)
    body = await request.body()
    if len(body) > _LARGEST_FORM or request.content_type[0] != "application/x-www-form-urlencoded":
        raise BadInput("Expected the form of this page")
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError as error:
        raise BadInput("The form cannot be read") from error
    form = {name: values[0] for name, values in fields.items() if len(values) == 1}
    if not hmac.compare_digest(form.get("form_key", "").encode(), session.form_key.encode()):
        raise Forbidden(OTHER_SITE)
    return form


def sign_in_path(workspace: str, path: str) -> str:
    """Where to sign in, to come back to *path* afterwards."""
    return f"/sign-in/{quote(workspace, safe='')}?return_to={quote(path, safe='')}"


def leads_to(path: str, *cookies: Cookie) -> Response[str]:
    """Go on to a path of ours, by GET."""
    return Response(
        "",
        status_code=303,
        media_type="text/plain",
        headers={"location": path, "cache-control": "no-store", "referrer-policy": "same-origin"},
        cookies=list(cookies),
    )


def _address(request: AnyRequest) -> str:
    """Path and query as they were asked for: never the host, which anybody may claim."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope["query_string"]
    path = raw.partition(b"?")[0]
    return (path + (b"?" + query if query else b"")).decode("ascii", "replace")

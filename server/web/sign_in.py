"""This file signs people in on our own pages, by OpenID Connect, and out again.

Where the provider sends the browser back to is fixed by `server.public_url`, never by what a request claims.
"""

from typing import Annotated, Any
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from connectors.contract import ConnectorError, Forged
from connectors.openid import OpenId, SignedIn
from connectors.reading import line
from server.approval_model import Person
from server.errors import BadInput, Forbidden, NotFound
from server.flows.sign_ins import Attempt
from server.model import Principal, Role
from server.parts import Parts
from server.web.hosted_answers import ERRORS_AS_PAGES, sentence
from server.web.sign_in_log import SignInLog
from server.web.visiting import (
    ENDED,
    NO_SIGN_IN,
    Cookies,
    leads_to,
    provider_settings,
    read_form,
    session_of,
    sign_in_path,
)
from sidebar.hosted import Link

_Asked = Request[Any, Any, Any]

FAILED = "You are not signed in"
_ANOTHER = "Sign in again"


def sign_in_routes(parts: Parts) -> list[HTTPRouteHandler]:
    """The routes."""
    signing = _Signing(parts)

    @get("/sign-in/{workspace:str}", include_in_schema=False, exception_handlers=ERRORS_AS_PAGES)
    async def begin(
        workspace: FromPath[str], return_to: Annotated[str | None, QueryParameter()] = None
    ) -> Response[str]:
        return await signing.begin(workspace, return_to or "")

    @get("/sign-in/{workspace:str}/callback", include_in_schema=False, exception_handlers=ERRORS_AS_PAGES)
    async def callback(request: _Asked, workspace: FromPath[str]) -> Response[str]:
        return await signing.finish(request, workspace)

    @post("/sign-out", include_in_schema=False, status_code=200, exception_handlers=ERRORS_AS_PAGES)
    async def sign_out(request: _Asked) -> Response[str]:
        return await signing.sign_out(request)

    return [begin, callback, sign_out]


class _Signing:
    """The steps."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._cookies = Cookies(parts.settings.server.public_url)
        self._log = SignInLog(parts)

    async def begin(self, workspace: str, return_to: str) -> Response[str]:
        """Off to the provider."""
        provider = self._provider(workspace)
        now = self._parts.clock()
        asked, cookie = self._parts.sign_ins.begin(workspace, return_to, now)
        try:
            address = await provider.address(asked, now)
        except ConnectorError as error:
            return await self._refuse(workspace, f"{error.sentence}. Try again in a moment.", str(error), status=503)
        return leads_to(address, self._cookies.make(self._cookies.attempt, cookie, 600))

    async def finish(self, request: _Asked, workspace: str) -> Response[str]:
        """Back from the provider."""
        provider = self._provider(workspace)
        now = self._parts.clock()
        cookie = self._cookies.read(request, self._cookies.attempt)
        try:
            attempt = self._parts.sign_ins.take(cookie, _one(request, "state"), workspace, now)
        except BadInput as error:
            text = "This sign-in could not be finished: it was begun elsewhere, took too long, or was used before."
            return await self._refuse(workspace, text, str(error), status=400)
        if (word := _one(request, "error")) is not None:
            return await self._refuse(
                workspace,
                "The sign-in provider did not let you in.",
                f"the provider said {line(word, 60)}",
                attempt,
                status=401,
            )
        try:
            code, issuer = _one(request, "code") or "", _one(request, "iss")
            found = await provider.redeem(code, issuer, attempt.asked, now)
        except Forged as error:
            return await self._refuse(
                workspace, f"You could not be signed in: {error}.", str(error), attempt, status=403
            )
        except ConnectorError as error:
            text = f"{error.sentence}. Try again in a moment."
            return await self._refuse(workspace, text, str(error), attempt, status=503)
        return await self._let_in(workspace, found, attempt)

    async def sign_out(self, request: _Asked) -> Response[str]:
        """Only by a form of ours: another site cannot sign anybody out."""
        session = session_of(self._parts, request)
        gone = (self._cookies.make(self._cookies.session, "", 0),)
        if session is None:
            return sentence("Signed out", ENDED, status=200, cookies=gone)
        await read_form(self._parts, request, session)
        self._parts.hosted_sessions.end(session, self._parts.clock())
        again = Link(text=_ANOTHER, path=f"/sign-in/{session.workspace}")
        return sentence("Signed out", "You have signed out of Beforehand.", again, cookies=gone)

    async def _let_in(self, workspace: str, found: SignedIn, attempt: Attempt) -> Response[str]:
        now = self._parts.clock()
        sessions = self._parts.hosted_sessions
        cookie = sessions.open(workspace, found.email, found.name, now)
        try:
            person = await self._person(workspace, found)
        except Forbidden as error:
            said = f"{str(error).rstrip('.')}."
            return await self._refuse(workspace, said, str(error), attempt, status=403, actor=f"email:{found.email}")
        await self._log.accepted(workspace, person.id)
        return leads_to(
            attempt.return_to,
            self._cookies.make(self._cookies.session, cookie, sessions.seconds),
            self._cookies.make(self._cookies.attempt, "", 0),
        )

    async def _person(self, workspace: str, found: SignedIn) -> Person:
        user = f"email:{found.email}"
        principal = Principal(workspace=workspace, user=user, role=Role.AGENT, via="sign_in")
        return await self._parts.directory.person(principal)

    async def _refuse(
        self,
        workspace: str,
        text: str,
        reason: str,
        attempt: Attempt | None = None,
        *,
        status: int,
        actor: str = "",
    ) -> Response[str]:
        await self._log.refused(workspace, reason, actor)
        path = sign_in_path(workspace, attempt.return_to) if attempt else f"/sign-in/{quote(workspace, safe='')}"
        gone = self._cookies.make(self._cookies.attempt, "", 0)
        return sentence(FAILED, text, Link(text=_ANOTHER, path=path), status=status, cookies=(gone,))

    def _provider(self, workspace: str) -> OpenId:
        provider_settings(self._parts, workspace)
        provider = self._parts.workspaces[workspace].sign_in
        if provider is None:
            raise NotFound(NO_SIGN_IN)
        return provider


def _one(request: _Asked, name: str) -> str | None:
    """A parameter of the address that stands there once."""
    found = request.query_params.getall(name, [])
    return found[0] if len(found) == 1 and isinstance(found[0], str) else None

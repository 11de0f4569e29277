"""This file opens the sidebar in Zendesk: the signed form post is checked, then the page comes with a session of ours.

The page works without cookies, which browsers refuse in other sites' frames.
"""

import base64
import secrets
from datetime import datetime
from typing import Annotated, Any, Protocol, runtime_checkable
from urllib.parse import parse_qs

import msgspec
import structlog
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from msgspec import Struct

from connectors.contract import Forged
from connectors.zendesk import SidebarUser
from server.parts import Parts
from server.web.assets import STATIC
from server.web.framing import NOBODY, framed, notice_policy, panel_policy
from server.web.replays import Replays, fingerprint
from server.web.signed_in import Refusals
from sidebar import html

log = structlog.get_logger()

REFUSED = (
    "Zendesk did not confirm who you are, so nothing is shown. Reload the Zendesk page; if that does not help, "
    "an admin must check the app's installation in Beforehand."
)
ANY_ZENDESK = "https://*.zendesk.com"
"""Who may frame the refusal where no installation of ours fits: it holds nothing but a sentence."""
ELSEWHERE = "This page opens inside Zendesk, in the sidebar of a ticket. There is nothing to see here."


@runtime_checkable
class _Vouching(Protocol):
    """A helpdesk that can say who opened the sidebar."""

    async def verify_sidebar(self, token: str, *, now: datetime) -> SidebarUser:
        """Raises Forged."""
        ...


class _Installation(Struct, frozen=True):
    """One installed sidebar, as our configuration knows it."""

    workspace: str
    connection: str
    desk: _Vouching
    origin: str
    """Who may frame the page: the helpdesk, or what stands in for it in a sandbox."""
    audience: str


class _Claims(Struct):
    """What of an unchecked token is looked at, to choose which installation is to check it."""

    aud: Any = None


def zendesk_routes(parts: Parts) -> list[HTTPRouteHandler]:
    """The page itself."""
    installations = _installations(parts)
    refusals, replays = Refusals(parts), Replays()

    @post("/sidebar/zendesk", include_in_schema=False, status_code=200)
    async def open_sidebar(
        request: Request[Any, Any, Any],
        workspace: Annotated[str | None, QueryParameter()] = None,
        connection: Annotated[str | None, QueryParameter()] = None,
    ) -> Response[str]:
        token = _form_token(await request.body())
        chosen = _choose(installations, workspace, connection, token)
        if chosen is None:
            return _refusal("no installation fits", ANY_ZENDESK)
        now = parts.clock()
        try:
            user = await chosen.desk.verify_sidebar(token, now=now)
            replays.check(f"{chosen.workspace}.{chosen.connection}", user, fingerprint(request), now)
        except Forged as error:
            await refusals.note(chosen.workspace, str(error), via=chosen.connection)
            return _refusal(str(error), chosen.origin)
        session = parts.sessions.open(chosen.workspace, chosen.connection, f"zendesk:{user.user_id}", now)
        nonce = secrets.token_urlsafe(16)
        sdk_url = parts.settings.server.zaf_sdk_url or f"{STATIC}/vendor/zaf_sdk.js"
        page = html.page(
            nonce=nonce, session={"token": session, "base": "/sidebar/zendesk"}, sdk_url=sdk_url, static=STATIC
        )
        return framed(page, panel_policy(nonce, ancestor=chosen.origin, sdk_url=sdk_url))

    @get("/sidebar/zendesk", include_in_schema=False)
    async def explain() -> Response[str]:
        return framed(html.notice(title="Beforehand", text=ELSEWHERE, static=STATIC), notice_policy(NOBODY))

    return [open_sidebar, explain]


def _refusal(reason: str, ancestor: str) -> Response[str]:
    """A sentence for the agent; the reason is for the log alone."""
    log.warning("sidebar_refused", reason=reason)
    page = html.notice(title="Beforehand could not be opened", text=REFUSED, static=STATIC)
    return framed(page, notice_policy(ancestor), status=401)


def _installations(parts: Parts) -> list[_Installation]:
    found: list[_Installation] = []
    for workspace in parts.settings.workspaces.values():
        for name, settings in workspace.connections.items():
            desk: object = parts.workspaces[workspace.name].connections[name]
            if settings.kind != "zendesk" or not isinstance(desk, _Vouching):
                continue
            host = f"https://{settings.values['subdomain']}.zendesk.com"
            installation = settings.values.get("installation_id", "")
            found.append(
                _Installation(
                    workspace=workspace.name,
                    connection=name,
                    desk=desk,
                    origin=settings.base_url or host,
                    audience=f"{host}/api/v2/apps/installations/{installation}.json",
                )
            )
    return found


def _choose(
    installations: list[_Installation], workspace: str | None, connection: str | None, token: str
) -> _Installation | None:
    """The installation that the address names; else the one that the token claims, which then has to prove it."""
    if workspace is not None or connection is not None:
        named = (found for found in installations if (found.workspace, found.connection) == (workspace, connection))
        return next(named, None)
    audience = _claimed_audience(token)
    return next((found for found in installations if found.audience == audience), None)


def _claimed_audience(token: str) -> str:
    payload = token.split(".", 2)[1] if token.count(".") == 2 and len(token) <= 8192 else ""
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=_Claims)
    except (ValueError, msgspec.DecodeError, RecursionError):
        return ""
    return claims.aud if isinstance(claims.aud, str) else ""


def _form_token(body: bytes) -> str:
    try:
        fields = parse_qs(body[:16_384].decode("ascii"), max_num_fields=10)
    except ValueError:
        return ""
    found = fields.get("token", [])
    return found[0] if len(found) == 1 else ""

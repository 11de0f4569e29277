"""This file turns whatever goes wrong into a problem document (RFC 9457), and nothing into a traceback."""

import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from traceback import walk_tb
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from connectors.contract import Forged
from server.errors import BadInput, BeforehandError, Conflict, Forbidden, Gone, NotFound, NotNow, Unauthenticated
from server.flows.resolve import Ambiguous, NotFoundNow
from server.store.contract import StoreUnavailable
from server.web.measure import Measurements

PROBLEM = "application/problem+json"
RETRY_AFTER = 5
"""Seconds after which to try again when storage or capacity is short."""
NOTHING_HERE = "Nothing here matches, or it is not yours to see"
"""The same words whether it does not exist or belongs to somebody else."""


class Problem(Struct, frozen=True):
    """What every error looks like (RFC 9457); some carry more members."""

    type: str
    title: str
    status: int
    detail: str
    instance: str


AnyRequest = Request[Any, Any, Any]
Handler = Callable[[AnyRequest, Any], Response[bytes]]

log = structlog.get_logger()


def handlers(measurements: Measurements) -> ExceptionHandlersMap:
    """For every route; problems are counted by their status."""

    def counted(handler: Handler) -> Handler:
        def handle(request: AnyRequest, error: Exception) -> Response[bytes]:
            answer = handler(request, error)
            measurements.problem(answer.status_code or 500)
            return answer

        return handle

    return {kind: counted(handler) for kind, handler in _HANDLERS.items()}


def documented(*statuses: int) -> dict[int, ResponseSpec]:
    """The problems that a route may answer, for the description of the API."""
    return {
        status: ResponseSpec(
            Problem, media_type=PROBLEM, description=HTTPStatus(status).phrase, generate_examples=False
        )
        for status in statuses
    }


def problem(
    request: AnyRequest,
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: object,
) -> Response[bytes]:
    """One problem document. *more* are extension members."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": place(request),
        **more,
    }
    return Response(msgspec.json.encode(document), status_code=status, media_type=PROBLEM, headers=dict(headers or {}))


def place(request: AnyRequest) -> str:
    """Where it happened: the route without what was asked for, so that no two 404s of a route can be told apart."""
    template: str = request.scope.get("path_template") or ""
    return template.partition("/{")[0] or "/"


def _unauthenticated(request: AnyRequest, error: Unauthenticated) -> Response[bytes]:
    return problem(request, 401, str(error), headers={"www-authenticate": 'Bearer realm="beforehand"'})


def _forged(request: AnyRequest, _: Forged) -> Response[bytes]:
    # What exactly is wrong with a signature helps only whoever is trying to make one.
    return problem(request, 401, "The signature does not hold for this connection")


def _not_found(request: AnyRequest, error: NotFound) -> Response[bytes]:
    # The command line, which alone gets past the secret of /control, is told what does not exist.
    return problem(request, 404, str(error) if place(request) == "/control" else NOTHING_HERE)


def _not_found_now(request: AnyRequest, error: NotFoundNow) -> Response[bytes]:
    return problem(request, 404, str(error), sources=error.sources)


def _ambiguous(request: AnyRequest, error: Ambiguous) -> Response[bytes]:
    return problem(request, 409, str(error), candidates=error.candidates)


def _conflict(request: AnyRequest, error: Conflict) -> Response[bytes]:
    if error.version is None:
        return problem(request, 409, str(error))
    return problem(request, 409, str(error), differences=list(error.differences), version=error.version)


def _unavailable(request: AnyRequest, error: StoreUnavailable) -> Response[bytes]:
    log.warning("store_unavailable", reason=str(error), place=place(request))
    detail = "Storage is not available right now: try again"
    return problem(request, 503, detail, headers={"retry-after": str(RETRY_AFTER)})


def _not_now(request: AnyRequest, error: NotNow) -> Response[bytes]:
    return problem(request, 503, str(error), headers={"retry-after": str(RETRY_AFTER)})


def _by_status(status: int) -> Handler:
    def handle(request: AnyRequest, error: Exception) -> Response[bytes]:
        return problem(request, status, str(error))

    return handle


def _of_framework(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """What the framework itself refuses: unknown routes, methods, parameters, bodies."""
    status = error.status_code
    if status >= 500:
        return _unexpected(request, error)
    headers = {name.lower(): value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return problem(request, status, NOTHING_HERE if status == 404 else _said(error), headers=headers)


def _unexpected(request: AnyRequest, error: Exception) -> Response[bytes]:
    """A mistake of ours: its traceback goes to the log, under the number that the client is given."""
    if _is_in_reading(error):
        return problem(request, 400, "The body cannot be read: it is not UTF-8, or nested too deeply")
    if isinstance(error, HTTPException) and "disconnected" in error.detail:
        # Nobody reads this; it only must not be logged as a mistake.
        return problem(request, 400, "The connection ended before the request was complete")
    incident = secrets.token_hex(8)
    log.error("unexpected", incident=incident, method=request.method, place=place(request), exc_info=error)
    detail = f"Something went wrong on our side. The log has it as incident {incident}"
    return problem(request, 500, detail, incident=incident)


def _said(error: HTTPException) -> str:
    if isinstance(error.extra, list):
        found = [f"{item.get('key', 'body')}: {item.get('message')}" for item in error.extra if isinstance(item, dict)]
        if found:
            return "; ".join(found)
    return error.detail or HTTPStatus(error.status_code).phrase


def _is_in_reading(error: Exception) -> bool:
    """Whether the framework failed while decoding what was sent; it lets these two through as they are."""
    if not isinstance(error, RecursionError | UnicodeDecodeError):
        return False
    modules = (str(frame.f_globals.get("__name__", "")) for frame, _ in walk_tb(error.__traceback__))
    return any(name.startswith("litestar.serialization") for name in modules)


_HANDLERS: Mapping[type[Exception], Handler] = {
    BadInput: _by_status(400),
    Unauthenticated: _unauthenticated,
    Forged: _forged,
    Forbidden: _by_status(403),
    Conflict: _conflict,
    Gone: _by_status(410),
    NotNow: _not_now,
    NotFound: _not_found,
    NotFoundNow: _not_found_now,
    Ambiguous: _ambiguous,
    BeforehandError: _by_status(400),
    StoreUnavailable: _unavailable,
    HTTPException: _of_framework,
    Exception: _unexpected,
}

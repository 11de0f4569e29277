"""This file is how our own pages answer: strict headers, and every error as a page with a sentence."""

from collections.abc import Mapping

import structlog
from litestar import Response
from litestar.datastructures import Cookie
from litestar.types import ExceptionHandlersMap

from server.approval_model import Person
from server.errors import BadInput, BeforehandError, Conflict, Forbidden, Gone, NotFound, NotNow, Unauthenticated
from server.store.contract import StoreUnavailable
from server.web.assets import STATIC
from server.web.panel_bodies import LONGEST_REASON
from server.web.problems import RETRY_AFTER
from server.web.visiting import AnyRequest, NotSignedIn, Visitor, leads_to
from sidebar import hosted
from sidebar.hosted import Frame, Link, Sentence

log = structlog.get_logger()

POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; "
    "frame-ancestors 'none'"
)
"""No script at all: these pages are links and forms."""
TROUBLE = "Beforehand has trouble of its own right now. Try again in a moment."
_STATUS: Mapping[type[BeforehandError], int] = {
    BadInput: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Gone: 410,
    NotNow: 503,
}
_TITLES = {
    400: "That did not work",
    401: "Sign in again",
    403: "Not allowed",
    404: "Nothing here",
    409: "It has changed",
    410: "Too late",
    503: "Not right now",
}


def page(text: str, *, status: int = 200, cookies: tuple[Cookie, ...] = (), policy: str = POLICY) -> Response[str]:
    """A page of ours. `same-origin`: a form's origin is told to ourselves, and nobody else learns anything."""
    headers = {
        "content-security-policy": policy,
        "cache-control": "no-store",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
    }
    if status == 503:
        headers["retry-after"] = str(RETRY_AFTER)
    return Response(text, status_code=status, media_type="text/html", headers=headers, cookies=list(cookies))


def sentence(title: str, text: str, *links: Link, status: int = 200, cookies: tuple[Cookie, ...] = ()) -> Response[str]:
    """A page with a sentence, for whoever it is."""
    view = Sentence(frame=Frame(title=title, static=STATIC), text=text, links=links)
    return page(hosted.sentence(view), status=status, cookies=cookies)


def frame_for(visitor: Visitor, title: str, error: BeforehandError | None = None, message: str = "") -> Frame:
    """What stands around a page of somebody who is signed in; *error* is why something did not happen."""
    return Frame(
        title=title,
        static=STATIC,
        workspace=visitor.session.workspace,
        who=_name(visitor.session.name, visitor.person),
        form_key=visitor.session.form_key,
        message=str(error) if error else message,
        is_trouble=error is not None,
        differences=error.differences if isinstance(error, Conflict) else (),
        longest_reason=LONGEST_REASON,
    )


def status_of(error: BeforehandError) -> int:
    """The status of an answer that says *error*."""
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 400)


def _name(said: str, person: Person) -> str:
    """The policy's or the helpdesk's name for them, else the provider's."""
    name = person.name if person.name != person.email else said or person.name
    return f"{name}, {person.role}"


def _refused(request: AnyRequest, error: BeforehandError) -> Response[str]:
    if isinstance(error, NotSignedIn):
        if request.method == "GET":
            return leads_to(error.sign_in_path)
        return sentence(_TITLES[401], str(error), Link(text="Sign in", path=error.sign_in_path), status=401)
    status = status_of(error)
    return sentence(_TITLES[status], _as_sentence(str(error)), status=status)


def _unavailable(_: AnyRequest, error: StoreUnavailable) -> Response[str]:
    log.warning("store_unavailable", reason=str(error), place="hosted")
    return sentence(_TITLES[503], TROUBLE, status=503)


def _as_sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


ERRORS_AS_PAGES: ExceptionHandlersMap = {
    **dict.fromkeys((BeforehandError, *_STATUS), _refused),
    StoreUnavailable: _unavailable,
}
"""Every error by its own type: the application has handlers of the same types, and the nearest type wins."""

"""This file draws a panel as HTML: a page to begin with, then sections to put into it as sources answer."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sidebar.panel import Candidate, Panel

SECTIONS = (
    "header",
    "picture",
    "requests",
    "actions",
    "troubles",
    "promise",
    "shipments",
    "payments",
    "contacts",
    "history",
    "sources",
)
"""In the order in which they stand on the page."""
RESERVED = ("header", "picture", "promise", "shipments", "payments")
"""Those that keep a place for what has not arrived."""
LONGEST_TEXT = 2000
"""Characters of any one text that are shown; nobody reads more of a carrier's message."""
# What HTML cannot hold, and what would turn the text around it about (U+202E and its kin).
_UNSHOWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069]")


MODULES = ("actions.js", "forms.js", "place.js", "talk.js", "view.js", "vendor/eventsource_parser.js")
"""What the page's script imports on every host: fetched beside it, and not one after the other."""
HOST_MODULES = ("host_hosted.js", "host_zendesk.js")


def page(
    *,
    nonce: str,
    session: Mapping[str, str],
    static: str,
    sdk_url: str = "",
    host: str = "zendesk",
    title: str = "Beforehand",
) -> str:
    """The page that shows one ticket's or one order's panel. *nonce* is that of the content security policy.

    *session* reaches the script as data: `token` (a session of ours, kept in memory only) and `base`, under which the
    panel's routes answer (`/sidebar/zendesk`, `/panel`). What it shows depends on *host*:

    - `zendesk` frames it: *sdk_url* is the framework's SDK, and the ticket comes from there.
    - `hosted` is our own page: no SDK; `session` says what to show, `order` (a reference) with `shop` (may be empty),
      or `ticket` (of the session's own connection). Example, with the routes of `panel_routes(parts, "/panel")`:

          html.page(nonce=nonce, host="hosted", static=STATIC, title="Order #48219",
                    session={"token": token, "base": "/panel", "order": "5820", "shop": "shop"})

      sent with `panel_policy(nonce)` of `server/web/framing.py`, which nobody may frame.
    """
    return str(
        _template("page.html").render(
            nonce=nonce,
            session={**session, "host": host},
            sdk_url=sdk_url,
            static=static,
            sections=SECTIONS,
            reserved=RESERVED,
            title=title,
            modules=(*MODULES, *HOST_MODULES),
        )
    )


def notice(*, title: str, text: str, static: str) -> str:
    """A page with nothing but a sentence."""
    return str(_template("notice.html").render(title=title, text=text, static=static))


def sections(panel: Panel) -> dict[str, str]:
    """Every section's HTML, in the order of the page; empty where there is nothing to show."""
    template = _template("sections.html").module
    return {name: str(getattr(template, name)(panel)).strip() for name in SECTIONS}


def candidates(panel: Panel) -> str:
    """The orders that a search found."""
    return str(_template("sections.html").module.candidates(panel)).strip()


def others(found: Sequence[Candidate], *, is_choice: bool = False) -> str:
    """Several orders, closed: status before detail; opening one streams it. A choice needs no heading of its own."""
    return str(_template("sections.html").module.others(found, is_choice)).strip()


def safe_link(url: str) -> str:
    """*url* where a browser may follow it, else nothing: a vendor's text must not become a script."""
    found = url.strip()
    try:
        parts = urlsplit(found)
    except ValueError:
        return ""
    return found if parts.scheme in ("http", "https") and parts.netloc and len(found) <= LONGEST_TEXT else ""


def showable(value: Any) -> Any:
    """A text as it may stand on a page: cleaned and not endless. What is HTML of ours stays as it is."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    text = value if len(value) <= LONGEST_TEXT else value[:LONGEST_TEXT] + "…"
    return _UNSHOWABLE.sub("", text)


def _template(name: str) -> Any:
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("sidebar"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=showable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["link"] = safe_link
    environment.policies["json.dumps_kwargs"] = {"sort_keys": True}
    return environment

"""This file draws a panel as HTML: a page to begin with, then sections to put into it as sources answer."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sidebar.panel import Panel

SECTIONS = (
    "header",
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
LONGEST_TEXT = 2000
"""Characters of any one text that are shown; nobody reads more of a carrier's message."""
# What HTML cannot hold, and what would turn the text around it about (U+202E and its kin).
_UNSHOWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def page(*, nonce: str, session: Mapping[str, str], sdk_url: str, static: str) -> str:
    """The page that the helpdesk frames. *session* reaches the script as data; *nonce* is the policy's."""
    return str(
        _template("page.html").render(
            nonce=nonce, session=dict(session), sdk_url=sdk_url, static=static, sections=SECTIONS
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

"""This file draws a panel as HTML: a page to begin with, then sections to put into it as sources answer."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from sidebar.panel import Panel

SECTIONS = ("header", "actions", "troubles", "promise", "shipments", "payments", "contacts", "sources")
"""In the order in which they stand on the page."""


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
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    return url.strip() if parts.scheme in ("http", "https") and parts.netloc else ""


def _template(name: str) -> Any:
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("sidebar"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["link"] = safe_link
    environment.policies["json.dumps_kwargs"] = {"sort_keys": True}
    return environment

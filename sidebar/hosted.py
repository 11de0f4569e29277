"""This file draws our own pages: the queue of approval requests, one request, and sentences that stand alone.

They work without any script: links, and forms that post and lead back. Views are typed; all text is escaped here.
"""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from msgspec import Struct

from sidebar.asking import Requested
from sidebar.html import safe_link, showable


class Link(Struct, frozen=True, kw_only=True):
    """A way to another page of ours, by its path."""

    text: str
    path: str
    is_current: bool = False


class Frame(Struct, frozen=True, kw_only=True):
    """What stands around every page."""

    title: str
    static: str
    """Where style sheets are."""
    workspace: str = ""
    who: str = ""
    """`Dana Cole, approver`; empty while nobody has signed in."""
    form_key: str = ""
    """Goes with every form (CSRF)."""
    message: str = ""
    """What has just happened, or why it did not."""
    is_trouble: bool = False
    """Whether *message* says why something did not happen."""
    differences: tuple[str, ...] = ()
    """What has changed meanwhile, below *message*."""
    longest_reason: int = 1000


class Entry(Struct, frozen=True, kw_only=True):
    """One request on a page: what it is, where it leads, and for how long it has waited."""

    request: Requested
    path: str
    """Of its own page."""
    order: Link
    waited: str = ""
    """`Waiting for 3 h`; empty once it is over."""
    ticket: Link | None = None
    """Beside which it was asked for."""


class Queue(Struct, frozen=True, kw_only=True):
    """The requests of one workspace."""

    frame: Frame
    views: tuple[Link, ...]
    """By state."""
    waiting: tuple[Entry, ...]
    over: tuple[Entry, ...]
    empty: str = ""
    """What to say where there is none."""
    more: str = ""
    """That there are more than are shown."""


class One(Struct, frozen=True, kw_only=True):
    """One request on a page of its own."""

    frame: Frame
    entry: Entry
    back: Link


class Sentence(Struct, frozen=True, kw_only=True):
    """A page with a sentence, and where to go from there."""

    frame: Frame
    text: str
    links: tuple[Link, ...] = ()


def queue(view: Queue) -> str:
    """The page with the queue."""
    return _render("hosted_queue.html", view)


def one(view: One) -> str:
    """The page of one request."""
    return _render("hosted_one.html", view)


def sentence(view: Sentence) -> str:
    """The page with a sentence."""
    return _render("hosted_sentence.html", view)


def _render(name: str, view: Struct) -> str:
    return str(_environment().get_template(name).render(view=view))


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
    return environment

"""This file is how requests that have something done are named, marked and refused, whatever they do."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from connectors.contract import Collided, Rejected, Unavailable
from connectors.reading import line
from connectors.shopify import wire_actions as wire

SYSTEM = "Shopify"
_ID = re.compile(r"[1-9]\d{0,19}", re.ASCII)
_LONGEST_NOTE = 255
"""As the schema says for `orderCancel(staffNote:)`; the other notes have no bound there."""
_TROUBLE = "INTERNAL_ERROR"
_SAME_KEY = re.compile(r"idempotency key|idempotent|currently in progress", re.IGNORECASE)
"""`refundCreate` has no error codes: in the words of https://shopify.dev/docs/api/usage/implementing-idempotency."""


def gid(kind: str, number: str) -> str:
    """How GraphQL names it. Raises Rejected where *number* is none of Shopify's ids."""
    if not _ID.fullmatch(number):
        raise Rejected(SYSTEM, f"{number[:40]!r} is not an id of Shopify's")
    return f"gid://shopify/{kind}/{number}"


def short(name: str | None) -> str:
    """The number in GraphQL's name, for people."""
    return line((name or "").rpartition("/")[2].partition("?")[0], 40)


def note(reason: str, key: str) -> str:
    """What staff read beside it. It ends with the key, by which it is found again, whatever the reason says."""
    mark = f"[{key}]"
    return f"{line(reason, _LONGEST_NOTE - len(mark) - 1)} {mark}".strip()


def is_marked(text: str | None, key: str) -> bool:
    """Whether a note is ours, and of this very request."""
    return (text or "").rstrip().endswith(f"[{key}]")


def body(name: str, document: str, variables: dict[str, Any]) -> bytes:
    """The request as it is sent."""
    return msgspec.json.encode({"query": document, "operationName": name, "variables": variables})


def with_before(document: str, before: str) -> str:
    """A document that says, in a comment, how things were when it was written: GraphQL reads over it."""
    return f"# before: {before}\n{document}"


def before_of(request: wire.Request) -> str:
    """How things were when the request was written."""
    first, _, _ = request.query.partition("\n")
    return first.removeprefix("# before: ") if first.startswith("# before: ") else ""


def request_of(sent: bytes) -> wire.Request:
    """A request of ours, read back. Raises Rejected where it is none."""
    try:
        return msgspec.json.decode(sent, type=wire.Request)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected(SYSTEM, "the stored request is none of ours") from error


def refuse(problems: Sequence[wire.Problem]) -> None:
    """Raise what a mutation says is wrong: Rejected, but where the same is under way already or it had trouble."""
    if not problems:
        return
    said = in_words(problems)
    if any(problem.code == _TROUBLE for problem in problems):
        raise Unavailable(SYSTEM, said)
    if _SAME_KEY.search(said):
        # Either way something went out under this key: what became of it has to be looked up.
        raise Collided(SYSTEM, said)
    raise Rejected(SYSTEM, said)


def in_words(problems: Sequence[wire.Problem]) -> str:
    """What is wrong, as Shopify says it, on one line."""
    said = "; ".join(dict.fromkeys(line(problem.message).rstrip(".") for problem in problems))
    return line(said, 400) or "it gave no reason"

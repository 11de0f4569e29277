"""This file is how Shopify's GraphQL API is asked: its budget, its refusals, and answers that hold a part only."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from connectors.contract import Denied, Garbled, Rejected, Throttled, Unavailable
from connectors.oauth import Access
from connectors.shopify.documents import DOCUMENTS, VERSION
from connectors.shopify.wire_graphql import Cost, GraphError, Reply
from connectors.transport import Answer, Clock, Transport

T = TypeVar("T")

PATH = f"/admin/api/{VERSION}/graphql.json"
LONGEST_PAUSE = 60.0
_SHORTEST_PAUSE = 1.0
_REFUSED = ("ACCESS_DENIED", "SHOP_INACTIVE")
_TROUBLE = ("INTERNAL_SERVER_ERROR", "TIMEOUT")


class Found(Struct, frozen=True):
    """An answer, and the fields that we may not see, as paths such as `("order", "customer")`."""

    data: Any
    denied: tuple[tuple[str, ...], ...] = ()
    reason: str = ""
    """What Shopify says about the denied fields."""


class GraphQL:
    """All queries of one shop, which share its budget of points."""

    def __init__(self, transport: Transport, access: Access, clock: Clock) -> None:
        self._transport = transport
        self._access = access
        self._clock = clock
        self._not_before: datetime | None = None

    async def ask(self, name: str, kind: type[T], variables: Mapping[str, Any]) -> Found:
        """Send the document called *name*; `Found.data` is a *kind*.

        Raises Throttled, Denied, Unavailable, Rejected, Garbled, and whatever the transport raises. Fields that are
        denied are no error as long as there is anything else.
        """
        self._stop_while_throttled()
        body = msgspec.json.encode({"query": DOCUMENTS[name], "operationName": name, "variables": dict(variables)})
        answer = await self._access.authorized(lambda authorization: self._send(authorization, body))
        reply: Reply[T] = answer.read(Reply[kind])  # type: ignore[valid-type]
        return self._judge(reply)

    async def change(self, body: bytes, kind: type[T]) -> T:
        """Send a request that changes something, once, byte by byte; its answer is a *kind*.

        Raises what `ask` raises. Where errors came along with anything else it may have been carried out all the same.
        """
        self._stop_while_throttled()
        answer = await self._access.authorized(lambda authorization: self._send_change(authorization, body))
        reply: Reply[T] = answer.read(Reply[kind])  # type: ignore[valid-type]
        self._judge_change(reply)
        if reply.data is None:
            raise Garbled(self._transport.system, "the answer holds neither data nor errors")
        return reply.data

    async def _send(self, authorization: str, body: bytes) -> Answer:
        return await self._transport.read(PATH, method="POST", headers=_headers(authorization), body=body)

    async def _send_change(self, authorization: str, body: bytes) -> Answer:
        return await self._transport.write("POST", PATH, headers=_headers(authorization), body=body)

    def _stop_while_throttled(self) -> None:
        now = self._clock()
        if self._not_before is not None and now < self._not_before:
            wait = (self._not_before - now).total_seconds()
            raise Throttled(self._transport.system, "the shop's budget of points is used up", retry_after=wait)

    def _judge(self, reply: Reply[T]) -> Found:
        system = self._transport.system
        errors = self._errors(reply)
        denied = [error for error in errors if error.code in _REFUSED]
        others = [error for error in errors if error.code not in _REFUSED]
        if others:
            raise _error_of(others)(system, _messages(others))
        if reply.data is None:
            if denied:
                raise Denied(system, _messages(denied), status=403)
            raise Garbled(system, "the answer holds neither data nor errors")
        return Found(reply.data, tuple(_path(error) for error in denied), _messages(denied))

    def _judge_change(self, reply: Reply[T]) -> None:
        """Errors about what was asked for (a denied or unknown field) keep all of it from being carried out.

        An error below the root may be about a part of the answer alone: then nobody knows.
        """
        system = self._transport.system
        errors = self._errors(reply)
        if not errors:
            return
        if any(error.code in _TROUBLE for error in errors) or any(len(error.path or ()) > 1 for error in errors):
            raise Unavailable(system, _messages(errors))
        if all(error.code in _REFUSED for error in errors):
            raise Denied(system, _messages(errors), status=403)
        raise Rejected(system, _messages(errors))

    def _errors(self, reply: Reply[T]) -> list[GraphError]:
        """What went wrong. Raises Rejected where it was not even read, and Throttled."""
        system = self._transport.system
        if isinstance(reply.errors, str):
            raise Rejected(system, reply.errors[:300])
        errors = reply.errors or []
        if any(error.code == "THROTTLED" or error.message == "Throttled" for error in errors):
            pause = pause_for(reply.extensions.cost if reply.extensions else None)
            self._not_before = self._clock() + timedelta(seconds=pause)
            raise Throttled(system, "the shop's budget of points is used up", retry_after=pause)
        return errors


def _headers(authorization: str) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "x-shopify-access-token": authorization.removeprefix("Bearer "),
    }


def pause_for(cost: Cost | None) -> float:
    """Seconds until the shop's bucket holds enough points for what was asked."""
    if cost is None or cost.throttle_status is None or cost.throttle_status.restore_rate <= 0:
        return _SHORTEST_PAUSE
    lacking = cost.requested_query_cost - cost.throttle_status.currently_available
    return min(max(lacking / cost.throttle_status.restore_rate, _SHORTEST_PAUSE), LONGEST_PAUSE)


def _error_of(errors: list[GraphError]) -> Callable[[str, str], Exception]:
    return Unavailable if any(error.code in _TROUBLE for error in errors) else Rejected


def _path(error: GraphError) -> tuple[str, ...]:
    """Without the positions in lists."""
    return tuple(part for part in error.path or () if isinstance(part, str))


def _messages(errors: list[GraphError]) -> str:
    return "; ".join(dict.fromkeys(error.message for error in errors))[:500]

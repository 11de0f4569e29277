"""This file carries out what people have agreed to by printing it, once for each key, as long as the process lives."""

from collections.abc import Callable

import msgspec

from connectors.contract import Rejected
from connectors.order_actions import ActionReceipt, OrderAction, OrderActionKind
from connectors.transport import Clock

SYSTEM = "Console"
OFF = "the console only prints: with carries_out = true it stands for a system that carries this out"
FOR_PEOPLE = "only a person can do this"


class PrintedActions:
    """Implements `ActionDesk`, where *is_on*: else a real order would seem to be refunded that is only printed."""

    def __init__(self, clock: Clock, write: Callable[[OrderAction, ActionReceipt], object], *, is_on: bool) -> None:
        self._clock = clock
        self._write = write
        self._is_on = is_on
        self._done: dict[str, tuple[bytes, ActionReceipt]] = {}

    def objection(self, action: OrderAction) -> str:
        """Whether it was switched on, and this is more than words."""
        if not self._is_on:
            return OFF
        return FOR_PEOPLE if action.kind is OrderActionKind.OTHER else ""

    def render(self, action: OrderAction) -> bytes:
        """The action as JSON. Raises Rejected where there is an objection."""
        if objection := self.objection(action):
            raise Rejected(SYSTEM, objection)
        return msgspec.json.encode(action, order="deterministic")

    def carry_out(self, request: bytes, key: str) -> ActionReceipt:
        """Print it, or give the receipt of the same request. Raises Rejected for another one with its key."""
        if key in self._done:
            before, receipt = self._done[key]
            if before != request:
                raise Rejected(SYSTEM, "another request has the same idempotency key")
            return receipt
        try:
            action = msgspec.json.decode(request, type=OrderAction)
        except msgspec.DecodeError as error:
            raise Rejected(SYSTEM, f"not a request: {error}") from error
        name = f"printed-{len(self._done) + 1}"
        receipt = ActionReceipt(id=name, text=f"Printed {_what(action)} ({name})", at=self._clock())
        self._done[key] = (request, receipt)
        self._write(action, receipt)
        return receipt

    def find(self, key: str) -> ActionReceipt | None:
        """The receipt, where this process has printed it."""
        found = self._done.get(key)
        return found[1] if found else None


def _what(action: OrderAction) -> str:
    amount = f" of {action.amount}" if action.amount else ""
    return f"{action.kind.replace('_', ' ')}{amount} for order {action.order_name or action.order_id}"

"""This file is how the simulated Stripe gives money back: once for each idempotency key, never more than was taken.

https://docs.stripe.com/api/refunds, https://docs.stripe.com/api/idempotent_requests. What a key's first request led to
is answered again to every further one, refusals included; a request that was never begun (a wrong parameter) is not.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

from litestar import Response

from connectors.transport import Clock
from server.demo.fake import answer
from server.demo.orders import Attempt, WorldOrder

KNOWN = {"amount", "charge", "payment_intent", "reason"}
REASONS = ("duplicate", "fraudulent", "requested_by_customer")
LONGEST_KEY = 255
_METADATA = re.compile(r"metadata\[([^\]]{1,40})\]")
_DONE = ("failed", "canceled")

Find = Callable[[str, str], tuple[WorldOrder, Attempt] | None]
"""The order and the charge that worked, by a payment intent's id or a charge's."""


class _Refused(Exception):
    def __init__(self, status: int, message: str, **more: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": "invalid_request_error", "message": message, **more}}


class Refunds:
    """All refunds of one account, newest first."""

    def __init__(self, clock: Clock, find: Find) -> None:
        self.all: list[dict[str, Any]] = []
        self.next_status = "succeeded"
        """What becomes of refunds that are made from now on: succeeded, pending, requires_action or failed."""
        self.next_failure = ""
        self.on_change: Callable[[str, dict[str, Any]], None] = lambda kind, refund: None
        """Told of every event, such as `refund.created`, with the refund."""
        self._clock = clock
        self._find = find
        self._answers: dict[str, tuple[dict[str, str], int, dict[str, Any]]] = {}

    def create(self, headers: dict[str, str], body: bytes) -> Response[Any]:
        """`POST /v1/refunds`."""
        try:
            form = _form(headers, body)
            key = headers.get("idempotency-key", "")
            if key in self._answers:
                return self._replay(key, form)
            _check(form)
        except _Refused as refused:
            return answer(refused.body, refused.status)
        try:
            status, content = 200, self._make(form)
        except _Refused as refused:
            status, content = refused.status, refused.body
        if key:
            self._answers[key] = (form, status, content)
        return answer(content, status)

    def page(self, wanted: dict[str, str]) -> Response[Any]:
        """`GET /v1/refunds`, a page of them."""
        most, after = int(wanted.get("limit", "10")), wanted.get("starting_after")
        if not 1 <= most <= 100:
            return answer(_Refused(400, "This value must be between 1 and 100.", param="limit").body, 400)
        found = [
            refund
            for refund in self.all
            if wanted.get("payment_intent") in (None, refund["payment_intent"])
            and wanted.get("charge") in (None, refund["charge"])
        ]
        if after is not None:
            names = [refund["id"] for refund in found]
            if after not in names:
                return answer(_Refused(400, f"No such refund: '{after}'", code="resource_missing").body, 400)
            found = found[names.index(after) + 1 :]
        return answer({"object": "list", "url": "/v1/refunds", "has_more": len(found) > most, "data": found[:most]})

    def of(self, charge_id: str) -> list[dict[str, Any]]:
        """Those of one charge."""
        return [refund for refund in self.all if refund["charge"] == charge_id]

    def settle(self, refund_id: str, status: str, failure: str = "") -> dict[str, Any]:
        """What becomes of a refund in the end. One that fails gives the money back to the account."""
        refund = next(refund for refund in self.all if refund["id"] == refund_id)
        if status in _DONE and refund["status"] not in _DONE:
            found = self._find("charge", refund["charge"])
            assert found is not None  # noqa: S101
            found[0].intent.refunded -= refund["amount"]
        refund["status"] = status
        if failure:
            refund["failure_reason"] = failure
        self.on_change("refund.failed" if status == "failed" else "refund.updated", refund)
        return refund

    def _replay(self, key: str, form: dict[str, str]) -> Response[Any]:
        before, status, content = self._answers[key]
        if before != form:
            refused = _Refused(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request.",
                type="idempotency_error",
            )
            return answer(refused.body, refused.status)
        return answer(content, status, idempotent_replayed="true")

    def _make(self, form: dict[str, str]) -> dict[str, Any]:
        parameter = "charge" if "charge" in form else "payment_intent"
        found = self._find(parameter, form[parameter])
        if found is None:
            what = parameter.replace("_", " ")
            raise _Refused(404, f"No such {what}: '{form[parameter]}'", code="resource_missing", param=parameter)
        order, attempt = found
        amount = _allowed(order, attempt, int(form["amount"]) if "amount" in form else None)
        now = self._clock()
        refund = {
            "id": f"re_3Demo{len(self.all) + 1:06d}",
            "object": "refund",
            "amount": amount,
            "balance_transaction": None,
            "charge": attempt.charge_id,
            "created": int(now.timestamp()),
            "currency": "usd",
            "metadata": {match[1]: value for name, value in form.items() if (match := _METADATA.fullmatch(name))},
            "payment_intent": order.intent.id,
            "reason": form.get("reason"),
            "receipt_number": None,
            "status": self.next_status,
        }
        if self.next_status == "failed":
            refund["failure_reason"] = self.next_failure or "unknown"
        else:
            order.intent.refunded += amount
        self.all.insert(0, refund)
        self.on_change("refund.created", refund)
        return dict(refund)


def _form(headers: dict[str, str], body: bytes) -> dict[str, str]:
    kind = headers.get("content-type", "").partition(";")[0].strip()
    if body and kind != "application/x-www-form-urlencoded":
        raise _Refused(400, "Invalid request (check that your POST content type is application/x-www-form-urlencoded).")
    if len(headers.get("idempotency-key", "")) > LONGEST_KEY:
        raise _Refused(400, f"Idempotency keys may be at most {LONGEST_KEY} characters")
    pairs = parse_qsl(body.decode(), keep_blank_values=True)
    for name in _repeated(name for name, _ in pairs):
        raise _Refused(400, f"Invalid request: {name} was sent twice", param=name)
    return dict(pairs)


def _repeated(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]


def _check(form: dict[str, str]) -> None:
    """What is wrong with the parameters, before anything is begun."""
    for name in form:
        if name not in KNOWN and not _METADATA.fullmatch(name):
            raise _Refused(400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
    if "charge" not in form and "payment_intent" not in form:
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise _Refused(400, message, code="parameter_missing")
    if "charge" in form and "payment_intent" in form:
        raise _Refused(400, "You may only specify one of these parameters: charge, payment_intent.")
    if "amount" in form and not re.fullmatch(r"[0-9]{1,12}", form["amount"]):
        raise _Refused(400, f"Invalid integer: {form['amount']}", code="parameter_invalid_integer", param="amount")
    if "amount" in form and int(form["amount"]) < 1:
        raise _Refused(
            400, "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount"
        )
    if form.get("reason", REASONS[0]) not in REASONS:
        raise _Refused(400, f"Invalid reason: must be one of {', '.join(REASONS[:-1])}, or {REASONS[-1]}")


def _allowed(order: WorldOrder, attempt: Attempt, wanted: int | None) -> int:
    """How much is given back. Raises _Refused."""
    intent = order.intent
    if attempt.decline_code or not intent.is_paid:
        raise _Refused(400, f"This PaymentIntent ({intent.id}) does not have a successful charge to refund.")
    if intent.disputed_at is not None:
        message = f"Charge {attempt.charge_id} has been charged back; cannot issue a refund."
        raise _Refused(400, message, code="charge_disputed")
    left = intent.amount - intent.refunded
    if left <= 0:
        message = f"Charge {attempt.charge_id} has already been refunded."
        raise _Refused(400, message, code="charge_already_refunded")
    if wanted is not None and wanted > left:
        # Stripe names no code for this one, only the parameter.
        message = (
            f"Refund amount (${wanted / 100:,.2f}) is greater than unrefunded amount on charge (${left / 100:,.2f})"
        )
        raise _Refused(400, message, param="amount")
    return left if wanted is None else wanted

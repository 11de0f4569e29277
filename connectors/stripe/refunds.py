"""This file gives money back through Stripe, once for each request, and finds out what became of a lost answer.

https://docs.stripe.com/api/refunds and https://docs.stripe.com/api/idempotent_requests. A request is the form that is
posted. Stripe answers the same key with the same answer for at least 24 hours, refusals and 500s included; after that
a refund is known by the request's key in its metadata.
"""

from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlencode

import msgspec
from msgspec import Struct

from connectors.connection import Connection
from connectors.contract import CameToNothing, Collided, ConnectorError, Denied, Garbled, Missing, Rejected
from connectors.model import Payment
from connectors.money import Money
from connectors.oauth import FixedAccess
from connectors.order_actions import ActionReceipt, OrderAction, OrderActionKind
from connectors.reading import answer_of, line
from connectors.stripe import translate, wire
from connectors.stripe.words import REFUND_FAILURES, REFUSALS
from connectors.transport import Answer, Transport

SYSTEM = "Stripe"
MARK = "beforehand_request"
"""Metadata of a refund that names the request it was made for."""
NOT_ALLOWED = 'this key may not make refunds: in Stripe, give it the permission to write "Charges and Refunds"'
REMEMBERED_FOR = timedelta(hours=1)
"""How long a key that was refused is taken to be refused still, for those who ask for something new."""
PAGE, MOST_PAGES = 100, 10
_FORM = "application/x-www-form-urlencoded"


class _Target(Struct, frozen=True):
    """Which payment it is: the parameter's name, and the id."""

    parameter: str
    id: str


class RefundDesk:
    """Implements `ActionDesk`, for refunds alone."""

    def __init__(self, transport: Transport, access: FixedAccess, connection: Connection) -> None:
        self._transport = transport
        self._access = access
        self._clock = connection.clock
        self._refused_at: datetime | None = None

    def objection(self, action: OrderAction) -> str:
        """Anything but a refund of an amount of one known payment; and for a while, a key that may not refund."""
        if action.kind is not OrderActionKind.REFUND:
            return f"{SYSTEM} takes payments: it can give money back, and nothing else"
        if action.items and action.amount is None:
            return f"{SYSTEM} does not know the items of an order: the refund needs an amount"
        if _target(action) is None:
            return f"no payment in {SYSTEM} is known for this order"
        if self._refused_at is not None and self._clock() < self._refused_at + REMEMBERED_FOR:
            return f"{SYSTEM}: {NOT_ALLOWED}"
        return ""

    async def render(self, action: OrderAction) -> bytes:
        """The form, after a look at what of the payment can still be given back. Raises ConnectorError."""
        target = _target(action)
        if target is None or action.kind is not OrderActionKind.REFUND:
            raise Rejected(SYSTEM, self.objection(action))
        left = _left(await self._payment(target))
        amount = _checked(action.amount or left, left)
        fields: dict[str, str] = {
            target.parameter: target.id,
            "amount": str(_minor(amount)),
            "reason": "requested_by_customer",
            f"metadata[{MARK}]": action.key,
        }
        return urlencode(fields).encode()

    async def carry_out(self, request: bytes, key: str) -> ActionReceipt:
        """Make the refund. Raises ConnectorError; CameToNothing where it failed at once."""

        async def send(authorization: str) -> Answer:
            headers = {"authorization": authorization, "content-type": _FORM, "idempotency-key": key}
            return await self._transport.write("POST", "/v1/refunds", headers=headers, body=request)

        try:
            answer = await self._access.authorized(send)
        except ConnectorError as error:
            if isinstance(error, Denied) and error.status == 403:
                self._refused_at = self._clock()
            raise _explained(error) from error
        self._refused_at = None
        return receipt(answer.read(wire.Refund))

    async def find(self, request: bytes, key: str) -> ActionReceipt | None:
        """The refund that was made for *key*. Lists are always up to date; only the search is late."""
        form = parse_qs(request.decode())
        wanted: dict[str, str] = {name: form[name][0] for name in ("payment_intent", "charge") if name in form}
        if not wanted:
            raise Rejected(SYSTEM, "the stored request names no payment")
        params: dict[str, str] = {**wanted, "limit": str(PAGE)}
        for _ in range(MOST_PAGES):
            page = (await self._get("/v1/refunds", params)).read(wire.RefundList)
            for refund in page.data:
                if (refund.metadata or {}).get(MARK) == key:
                    return receipt(refund)
            if not page.has_more or not page.data:
                return None
            params["starting_after"] = page.data[-1].id
        raise Garbled(SYSTEM, f"the payment has more than {PAGE * MOST_PAGES} refunds")

    async def _payment(self, target: _Target) -> Payment:
        """The payment as it is now. Raises Rejected where Stripe does not know it."""
        try:
            if target.parameter == "charge":
                found = await self._get(f"/v1/charges/{target.id}", {})
                with answer_of(SYSTEM):
                    return translate.charge(found.read(wire.Charge), "charge")
            found = await self._get(f"/v1/payment_intents/{target.id}", {"expand[]": "latest_charge"})
            with answer_of(SYSTEM):
                return translate.intent(found.read(wire.PaymentIntent), "payment_intent")
        except Missing as error:
            raise Rejected(SYSTEM, f"the payment {target.id} is not known in this account") from error

    async def _get(self, path: str, params: dict[str, str]) -> Answer:
        async def send(authorization: str) -> Answer:
            return await self._transport.read(path, params=params or None, headers={"authorization": authorization})

        return await self._access.authorized(send)


def receipt(refund: wire.Refund) -> ActionReceipt:
    """What a refund says of itself. Raises CameToNothing where it failed or was stopped, Garbled.

    https://docs.stripe.com/refunds#refund-status: pending until the money is on its way, requires_action while the
    customer has to say where it should go.
    """
    with answer_of(SYSTEM):
        name = translate.checked(refund.id, "refund.id")
        amount = translate.amount(refund.amount, refund.currency, "refund.amount")
        at = translate.created(refund, "refund")
    if refund.status == "failed":
        reason = REFUND_FAILURES.get(refund.failure_reason or "") or line(
            (refund.failure_reason or "").replace("_", " ")
        )
        why = f": {reason}" if reason else ""
        raise CameToNothing(SYSTEM, f"the refund of {amount} failed{why}. The money is still with you ({name})")
    if refund.status == "canceled":
        raise CameToNothing(SYSTEM, f"the refund of {amount} was stopped in Stripe ({name})")
    texts = {
        "pending": f"Stripe is on the way to refund {amount} ({name})",
        "requires_action": f"Stripe waits for the customer to say where {amount} should go ({name})",
    }
    text = texts.get(refund.status or "", f"Refunded {amount} ({name})")
    return ActionReceipt(id=name, text=text, at=at, is_final=refund.status not in texts)


def _target(action: OrderAction) -> _Target | None:
    names = [name.removeprefix("stripe:") for name in (action.payment, *action.payment_references)]
    for name in names:
        if translate.is_intent(name):
            return _Target("payment_intent", name)
    return next((_Target("charge", name) for name in names if translate.is_charge(name)), None)


def _left(payment: Payment) -> Money:
    """What can still be given back. Raises Rejected where that is nothing."""
    left = payment.refundable
    if left is None:
        raise Rejected(SYSTEM, "no money was taken with this payment, so nothing can be refunded")
    if left.amount <= 0:
        raise Rejected(SYSTEM, "the payment has already been refunded in full")
    return left


def _checked(amount: Money, left: Money) -> Money:
    if amount.currency != left.currency:
        raise Rejected(SYSTEM, f"the payment is in {left.currency}, and not in {amount.currency}")
    if amount.amount <= 0:
        raise Rejected(SYSTEM, "a refund needs an amount above zero")
    if amount.amount > left.amount:
        raise Rejected(SYSTEM, f"only {left} of this payment can still be refunded")
    return amount


def _minor(amount: Money) -> int:
    try:
        return translate.minor(amount)
    except ValueError as error:
        raise Rejected(SYSTEM, str(error)) from error


def _explained(error: ConnectorError) -> ConnectorError:
    """The same trouble in plain words, where Stripe said which it is."""
    if isinstance(error, Denied) and error.status == 403:
        return Denied(SYSTEM, NOT_ALLOWED)
    if not isinstance(error, Rejected | Missing):
        return error
    said = _error_of(error)
    if said.type == "idempotency_error":
        # Something else went out under this key, so nobody knows yet what was carried out.
        return Collided(SYSTEM, error.detail, status=error.status, answer=error.answer)
    why = REFUSALS.get(said.code or "") or line(said.message).rstrip(".")
    return Rejected(SYSTEM, why or error.detail)


def _error_of(error: ConnectorError) -> wire.ErrorDetails:
    try:
        return msgspec.json.decode(error.answer, type=wire.ErrorAnswer).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return wire.ErrorDetails()

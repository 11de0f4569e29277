"""This file sends what was rendered, once, and finds out what became of it after a lost answer:

refund            by its note, which ends with the key; `@idempotent` keeps a repeat from becoming a second one
cancel            by the staff note of the cancellation, and by its job as long as we know its id
address_change    by the address as it is now
hold              by the hold's handle, which is the key
release, fraud_override   by the holds that are gone
compensation      by a credit of the same amount after the last one that was there before
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from connectors.contract import CameToNothing, Denied, Garbled, Missing
from connectors.order_actions import ActionReceipt
from connectors.shopify import action_changes as changes
from connectors.shopify import action_holds as holds
from connectors.shopify import action_refunds as refunds
from connectors.shopify import wire_actions as wire
from connectors.shopify.action_words import SYSTEM, before_of, is_marked, refuse
from connectors.shopify.graphql import GraphQL

T = TypeVar("T")

_MOST_REFUNDS = 25
"""As many as `ReadRefunds` asks for."""
_MOST_JOBS = 1000

_Parts = dict[str, wire.PartChange | None]


class Sender:
    """Sends the requests of one shop, and looks for them."""

    def __init__(self, graphql: GraphQL) -> None:
        self._graphql = graphql
        self._jobs: dict[str, str] = {}
        """Of cancellations that are under way, by key, as long as this process lives."""
        self._sends: Mapping[str, Callable[[bytes, wire.Request, str], Awaitable[ActionReceipt]]] = {
            "RefundOrder": self._send_refund,
            "CancelOrder": self._send_cancellation,
            "ChangeAddress": self._send_address,
            "HoldOrder": self._send_hold,
            "ReleaseOrder": self._send_release,
            "OverrideFraudHold": self._send_release,
            "CreditCustomer": self._send_credit,
        }
        self._finds: Mapping[str, Callable[[wire.Request, str, datetime], Awaitable[ActionReceipt | None]]] = {
            "RefundOrder": self._find_refund,
            "CancelOrder": self._find_cancellation,
            "ChangeAddress": self._find_address,
            "HoldOrder": self._find_hold,
            "ReleaseOrder": self._find_release,
            "OverrideFraudHold": self._find_release,
            "CreditCustomer": self._find_credit,
        }

    async def send(self, request: bytes, asked: wire.Request, key: str) -> ActionReceipt:
        """Send it byte by byte. Raises ConnectorError."""
        return await self._sends[asked.operation_name](request, asked, key)

    async def find(self, asked: wire.Request, key: str, since: datetime) -> ActionReceipt | None:
        """What became of it; None: surely not carried out. Raises CameToNothing, and any other ConnectorError."""
        return await self._finds[asked.operation_name](asked, key, since)

    async def _send_refund(self, request: bytes, _: wire.Request, key: str) -> ActionReceipt:
        del key  # it is in the request
        made = (await self._graphql.change(request, wire.RefundOrder)).refund_create
        refuse(made.user_errors if made else ())
        if made is None or made.refund is None:
            raise _silent()
        return refunds.receipt(made.refund)

    async def _send_cancellation(self, request: bytes, asked: wire.Request, key: str) -> ActionReceipt:
        made = (await self._graphql.change(request, wire.CancelOrder)).order_cancel
        refuse(made.order_cancel_user_errors if made else ())
        if made is None or made.job_result is None:
            raise _silent()
        if len(self._jobs) >= _MOST_JOBS:
            self._jobs.pop(next(iter(self._jobs)))
        self._jobs[key] = made.job_result.id
        return changes.cancelling(made.job_result, asked.variables)

    async def _send_address(self, request: bytes, asked: wire.Request, _: str) -> ActionReceipt:
        made = (await self._graphql.change(request, wire.ChangeAddress)).order_update
        refuse(made.user_errors if made else ())
        if made is None or made.order is None:
            raise _silent()
        return changes.addressed(made.order, asked.variables)

    async def _send_hold(self, request: bytes, asked: wire.Request, _: str) -> ActionReceipt:
        return holds.held(await self._graphql.change(request, _Parts), asked.variables)

    async def _send_release(self, request: bytes, asked: wire.Request, _: str) -> ActionReceipt:
        return holds.released(asked.operation_name, await self._graphql.change(request, _Parts), asked.variables)

    async def _send_credit(self, request: bytes, _: wire.Request, key: str) -> ActionReceipt:
        del key  # Shopify takes none for this
        made = (await self._graphql.change(request, wire.CreditCustomer)).store_credit_account_credit
        refuse(made.user_errors if made else ())
        if made is None or made.store_credit_account_transaction is None:
            raise _silent()
        return changes.credited(made.store_credit_account_transaction)

    # --- what became of it --------------------------------------------------------------------------------------------

    async def _find_refund(self, asked: wire.Request, key: str, _: datetime) -> ActionReceipt | None:
        order_id = asked.variables["input"]["orderId"]
        order = _there((await self._ask("ReadRefunds", wire.RefundsData, order_id)).order, order_id)
        if order.refunds is None:
            raise Denied(SYSTEM, "the refunds are withheld", status=403)
        ours = next((refund for refund in order.refunds if is_marked(refund.note, key)), None)
        if ours is None and len(order.refunds) >= _MOST_REFUNDS:
            raise Garbled(SYSTEM, f"the order has {_MOST_REFUNDS} refunds or more")
        return refunds.receipt(ours) if ours else None

    async def _find_cancellation(self, asked: wire.Request, key: str, _: datetime) -> ActionReceipt | None:
        order_id = asked.variables["id"]
        order = _there((await self._ask("ReadCancellation", wire.CancellationData, order_id)).order, order_id)
        job_id = self._jobs.get(key)
        if order.cancelled_at is None:
            return await self._cancel_job(job_id, asked.variables) if job_id else None
        self._jobs.pop(key, None)
        if not is_marked(order.cancellation.staff_note if order.cancellation else None, key):
            raise CameToNothing(SYSTEM, "somebody else cancelled the order, in another way")
        return changes.cancelled(asked.variables, order.cancelled_at)

    async def _cancel_job(self, job_id: str, variables: dict[str, Any]) -> ActionReceipt | None:
        job = (await self._ask("ReadCancelJob", wire.JobData, job_id)).node
        return changes.cancelling(job, variables) if job else None

    async def _find_address(self, asked: wire.Request, _: str, since: datetime) -> ActionReceipt | None:
        del since
        wanted = asked.variables["input"]
        order = _there((await self._ask("ReadAddress", wire.AddressData, wanted["id"])).order, wanted["id"])
        if changes.has_address(order, wanted["shippingAddress"]):
            return changes.addressed(order, asked.variables)
        if changes.fingerprint(order.shipping_address) != before_of(asked):
            raise CameToNothing(
                SYSTEM, "the order goes neither to the old address nor to the new one: look at it there"
            )
        return None

    async def _find_hold(self, asked: wire.Request, _: str, since: datetime) -> ActionReceipt | None:
        del since
        parts = await self._parts(asked)
        return holds.hold_receipt(asked.variables) if holds.is_held(parts, asked.variables) else None

    async def _find_release(self, asked: wire.Request, _: str, since: datetime) -> ActionReceipt | None:
        del since
        if not holds.is_released(await self._parts(asked), asked.variables):
            return None
        return holds.release_receipt(asked.operation_name, asked.variables)

    async def _find_credit(self, asked: wire.Request, _: str, since: datetime) -> ActionReceipt | None:
        found = await self._ask("ReadCredits", wire.CreditsData, asked.variables["id"])
        if found.customer is None or found.customer.store_credit_accounts is None:
            raise Denied(SYSTEM, "the customer's store credit is withheld", status=403)
        return changes.find_credit(found.customer, asked.variables, before_of(asked), since)

    async def _ask(self, name: str, kind: type[T], node_id: str) -> T:
        data: T = (await self._graphql.ask(name, kind, {"id": node_id})).data
        return data

    async def _parts(self, asked: wire.Request) -> list[wire.Part]:
        ids = [value for name, value in asked.variables.items() if name.startswith("id")]
        found = await self._graphql.ask("ReadParts", wire.PartsData, {"ids": ids})
        if found.denied:
            raise Denied(SYSTEM, found.reason)
        return [part for part in found.data.nodes if part is not None and part.id]


def _there(order: T | None, order_id: str) -> T:
    if order is None:
        raise Missing(SYSTEM, f"there is no order {order_id}")
    return order


def _silent() -> Garbled:
    """It may have been carried out all the same."""
    return Garbled(SYSTEM, "the answer does not say what became of it")

"""This file tells refunds, cancellations and store credit in the shape of Shopify's GraphQL Admin API (2026-10)."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from server.demo.shopify_bodies import stamp
from server.demo.shopify_books import CancelJob, Credit, ShopRefund


def usd(amount: Decimal) -> dict[str, Any]:
    """An amount as it stands in a money bag."""
    return {"shopMoney": {"amount": str(amount), "currencyCode": "USD"}}


def nodes(found: list[dict[str, Any]]) -> dict[str, Any]:
    """A connection that holds all there is."""
    return {"nodes": found, "edges": [{"node": node} for node in found], "pageInfo": {"hasNextPage": False}}


def graphql_refund(refund: ShopRefund) -> dict[str, Any]:
    """Money given back through the shop."""
    move = {
        "id": f"gid://shopify/OrderTransaction/{refund.transaction_id}",
        "kind": "REFUND",
        "status": "SUCCESS",
        "errorCode": None,
        "amountSet": usd(refund.amount),
    }
    return {
        "__typename": "Refund",
        "id": f"gid://shopify/Refund/{refund.id}",
        "note": refund.note,
        "createdAt": stamp(refund.at),
        "totalRefundedSet": usd(refund.amount),
        "transactions": nodes([move] if refund.amount else []),
    }


def graphql_job(job: CancelJob) -> dict[str, Any]:
    """How far a cancellation is."""
    status = "SUCCEEDED" if job.is_done else "STARTED"
    return {"__typename": "OrderCancelJobResult", "id": job.id, "done": job.is_done, "status": status, "errors": []}


def graphql_credit(credit: Credit) -> dict[str, Any]:
    """A movement of a customer's store credit."""
    return {
        "__typename": "StoreCreditAccountCreditTransaction",
        "id": f"gid://shopify/StoreCreditAccountCreditTransaction/{credit.id}",
        "createdAt": stamp(credit.at),
        "event": "ADJUSTMENT",
        "amount": {"amount": str(credit.amount), "currencyCode": credit.currency},
    }


def graphql_customer(number: int, given: Sequence[Credit]) -> dict[str, Any]:
    """A customer with their store credit, of which there is one account for each currency."""
    accounts = [
        _account(number, currency, [credit for credit in given if credit.currency == currency])
        for currency in dict.fromkeys(credit.currency for credit in given)
    ]
    return {
        "__typename": "Customer",
        "id": f"gid://shopify/Customer/{number}",
        "storeCreditAccounts": lambda first: nodes(accounts[: int(first)]),
    }


def _account(number: int, currency: str, given: Sequence[Credit]) -> dict[str, Any]:
    def transactions(first: str, sortKey: str = "CREATED_AT", reverse: bool = False) -> dict[str, Any]:  # noqa: N803
        del sortKey
        ordered = list(reversed(given)) if reverse else list(given)
        most = int(first)
        page = {"hasNextPage": len(ordered) > most}
        return nodes([graphql_credit(credit) for credit in ordered[:most]]) | {"pageInfo": page}

    total = sum((credit.amount for credit in given), Decimal(0))
    return {
        "id": f"gid://shopify/StoreCreditAccount/{number}",
        "balance": {"amount": str(total), "currencyCode": currency},
        "transactions": transactions,
    }

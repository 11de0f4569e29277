"""The vendors' own recorded payloads through the real server: posted, stored, folded, and answered as context.

Signatures are made by independent code: the vendor's SDK where there is one.
"""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import easypost
import stripe
import yaml

from server.demo import carriers, shopify
from server.demo import stripe as demo_stripe
from server.demo.shopify_bodies import SHOP
from server.store.contract import InboxState

ORDER = "450789469"


def recorded(specs: Path, name: str) -> Any:
    return json.loads((specs / "shopify/rest_samples" / f"{name}.json").read_text("utf-8"))


async def post(server: Any, connection: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    answer = await server.client.post(f"/webhooks/acme.{connection}", content=body, headers=headers)
    return answer.status_code, answer.json().get("status", "")


async def post_shopify(server: Any, topic: str, resource: Any, event: str) -> tuple[int, str]:
    body = json.dumps(resource).encode()
    digest = base64.b64encode(hmac.digest(shopify.SECRET.encode(), body, hashlib.sha256)).decode()
    headers = {
        "x-shopify-topic": topic,
        "x-shopify-hmac-sha256": digest,
        "x-shopify-shop-domain": SHOP,
        "x-shopify-event-id": event,
    }
    return await post(server, "shop", body, headers)


async def post_stripe(server: Any, kind: str, subject: dict[str, Any], event: str) -> tuple[int, str]:
    now = int(server.clock().timestamp())
    told = {"id": event, "object": "event", "type": kind, "created": now, "data": {"object": subject}}
    body = json.dumps(told)
    signature = stripe.WebhookSignature._compute_signature(f"{now}.{body}", demo_stripe.SECRET)
    return await post(server, "payments", body.encode(), {"stripe-signature": f"t={now},v1={signature}"})


def tracker(specs: Path) -> dict[str, Any]:
    cassette = yaml.safe_load((specs / "easypost/test_tracker_retrieve.yaml").read_text("utf-8"))
    return json.loads(cassette["interactions"][0]["response"]["body"]["string"])


async def post_easypost(server: Any, found: dict[str, Any], event: str) -> tuple[int, str]:
    body = json.dumps({"id": event, "object": "Event", "description": "tracker.updated", "result": found}).encode()
    digest = hmac.new(carriers.EASYPOST_SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-hmac-signature": f"hmac-sha256-hex={digest}"}
    # EasyPost's own library agrees that this is how it signs.
    assert easypost.util.validate_webhook(
        body, {"X-Hmac-Signature": headers["x-hmac-signature"]}, carriers.EASYPOST_SECRET
    )
    return await post(server, "tracking", body, headers)


async def test_shopifys_samples_become_one_order(server, specs) -> None:
    order = recorded(specs, "order")["order"]
    deliveries = [
        ("orders/updated", order),
        ("fulfillments/update", recorded(specs, "fulfillment")["fulfillments"][0]),
        ("fulfillment_events/create", recorded(specs, "fulfillment_event")["fulfillment_events"][0]),
        ("refunds/create", recorded(specs, "refund")["refunds"][0]),
        *(("order_transactions/create", found) for found in recorded(specs, "transaction")["transactions"]),
    ]
    for index, (topic, resource) in enumerate(reversed(deliveries)):
        assert await post_shopify(server, topic, resource, f"e{index}") == (202, "accepted")
        # The same again under the same id, and under a fresh unsigned one, is the same word.
        assert await post_shopify(server, topic, resource, f"e{index}") == (202, "duplicate")
        assert await post_shopify(server, topic, resource, f"fresh{index}") == (202, "duplicate")
    await server.engine.settle()
    found = (await server.get("/v1/orders/acme/1001/context?live=false")).json()
    assert (found["order"]["id"], found["order"]["name"], found["order"]["total"], found["order"]["currency"]) == (
        ORDER,
        "#1001",
        "598.94",
        "USD",
    )
    assert found["customer"]["email"] == "bob.norman@mail.example.com"
    assert found["order"]["cancelled_at"] == "2025-07-02T16:31:21Z"
    assert [(s["carrier"], s["tracking_number"]) for s in found["shipments"]] == [("usps", "1Z1234512345123456")]
    assert found["payments"][0]["captured"] == "250.94"
    assert (await server.get("/v1/orders/acme/%231001/context?live=false")).json()["order"]["id"] == ORDER
    by_parcel = await server.get("/v1/orders/acme/1Z1234512345123456/context?live=false")
    assert by_parcel.json()["order"]["id"] == ORDER
    dead = await server.parts.store.read(lambda tx: tx.inbox([InboxState.DEAD], 10))
    assert dead == ()


async def test_a_stripe_payment_waits_for_its_order_and_joins_it(server, specs) -> None:
    sample = json.loads((specs / "stripe/fixtures3.json").read_text("utf-8"))["resources"]
    charge = {
        **sample["charge"],
        "metadata": {"order_id": ORDER},
        "status": "failed",
        "paid": False,
        "failure_code": "card_declined",
        "outcome": {"reason": "insufficient_funds", "type": "issuer_declined"},
    }
    assert await post_stripe(server, "charge.failed", charge, "evt_1") == (202, "accepted")
    await server.engine.settle()
    assert (await server.parts.store.read(lambda tx: tx.counts())).inbox.get("waiting") == 1
    order = {**recorded(specs, "order")["order"], "financial_status": "pending", "cancelled_at": None}
    assert await post_shopify(server, "orders/create", order, "e1") == (202, "accepted")
    await server.engine.settle()
    found = (await server.get(f"/v1/orders/acme/{ORDER}/context?live=false")).json()
    [payment] = [p for p in found["payments"] if p["processor"] == "stripe"]
    assert (payment["state"], payment["amount"]) == ("failed", "1.00")
    assert payment["failure"]["message"]
    assert (await server.parts.store.read(lambda tx: tx.counts())).inbox.get("waiting", 0) == 0


async def test_an_easypost_tracker_joins_by_number_and_carrier_only(server, specs) -> None:
    found = tracker(specs)
    assert await post_easypost(server, found, "evt_1") == (202, "accepted")
    assert await post_easypost(server, {**found, "carrier": "FedEx"}, "evt_2") == (202, "accepted")
    order = recorded(specs, "order")["order"]
    parcel = {**order["fulfillments"][0], "tracking_number": found["tracking_code"]}
    parcel["tracking_numbers"] = [found["tracking_code"]]
    await post_shopify(server, "orders/updated", {**order, "fulfillments": [parcel]}, "e1")
    await server.engine.settle()
    context = (await server.get(f"/v1/orders/acme/{ORDER}/context?live=false")).json()
    [shipment] = context["shipments"]
    assert (shipment["carrier"], len(shipment["scans"]), "tracking" in shipment["sources"]) == ("usps", 2, True)
    # FedEx's parcel of the same number is somebody else's, and goes on waiting.
    assert (await server.parts.store.read(lambda tx: tx.counts())).inbox.get("waiting") == 1


async def test_what_two_orders_could_mean_is_refused_and_listed(server, specs) -> None:
    order = recorded(specs, "order")["order"]
    for number in (1, 2):
        twin = {**order, "id": int(ORDER) + number, "name": f"#{2000 + number}"}
        await post_shopify(server, "orders/updated", twin, f"e{number}")
    await server.engine.settle()
    found = {**tracker(specs), "tracking_code": "1Z1234512345123456"}
    assert await post_easypost(server, found, "evt_1") == (202, "accepted")
    await server.engine.settle()
    [refused] = await server.parts.store.read(lambda tx: tx.inbox([InboxState.REFUSED], 10))
    assert "#2001" in refused.reason
    assert "#2002" in refused.reason

"""This file makes what the measurements need: many orders, and a server's configuration."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from server.demo import shopify, zendesk_sidebar
from server.demo.orders import Attempt, Intent, Item, Parcel, Person, WorldOrder, WorldScan
from server.demo.shopify_bodies import SHOP, order_body

FIRST = 5_000_000_000_000
KEY = "bench-key-bench-key-bench-key-bench-key"


def make_order(number: int, *, cancelled: bool = False) -> WorldOrder:
    """One order with a UPS and a USPS parcel on their way."""
    now = datetime.now(UTC).replace(microsecond=0)
    person = Person(number, "Ada Byrne", f"ada{number}@example.com", "Portland", "OR", 3, Decimal("120.00"))
    item = Item(FIRST + number * 10, "Trail mug", f"SKU-{number}", 2, Decimal("28.00"))
    placed = now - timedelta(hours=30)
    order = WorldOrder(FIRST + number, 100_000 + number, person, (item,), placed, Intent(f"pi_{number}", 5600, placed))
    order.intent.attempts.append(Attempt(f"ch_{number}", placed))
    for offset, (carrier, tracking) in enumerate((("UPS", f"1Z{number:016d}"), ("USPS", f"9400{number:018d}"))):
        parcel = Parcel(carrier, tracking, FIRST + number * 10 + offset, placed + timedelta(hours=5))
        parcel.scans = [
            WorldScan(placed + timedelta(hours=6 + 4 * n), "in_transit", f"Departed facility {n}", "Denver", "CO")
            for n in range(6)
        ]
        order.parcels.append(parcel)
    order.updated_at = now
    if cancelled:
        order.cancelled_at = now
    return order


def webhook(order: WorldOrder, topic: str, *, size: int = 8192) -> tuple[bytes, dict[str, str]]:
    """A signed Shopify order webhook of about *size* bytes, as body and headers."""
    content = order_body(order)
    content["note"] = "x" * max(0, size - len(json.dumps(content)) - 12)
    body = json.dumps(content).encode()
    digest = base64.b64encode(hmac.digest(shopify.SECRET.encode(), body, hashlib.sha256)).decode()
    return body, {
        "content-type": "application/json",
        "x-shopify-topic": topic,
        "x-shopify-hmac-sha256": digest,
        "x-shopify-shop-domain": SHOP,
        "x-shopify-event-id": f"{order.id}-{topic}",
        "x-shopify-triggered-at": datetime.now(UTC).isoformat(),
    }


def write_configuration(folder: Path, port: int, stub: str) -> Path:
    """A server whose five connections all lead to *stub*."""

    def table(name: str, **values: Any) -> str:
        lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        return "\n".join([f"[workspace.acme.connections.{name}]", *lines, f'base_url = "{stub}"', ""])

    text = f"""
[server]
public_url = "http://127.0.0.1:{port}"
bind = "127.0.0.1:{port}"
database = "sqlite:///{folder}/bench.db"
secret_keys = ["{KEY}"]
allow_private_base_urls = true

[workspace.acme]
"""
    text += table(
        "shop", kind="shopify", shop=SHOP, client_id="x", client_secret=shopify.SECRET, access_token=shopify.TOKEN
    )
    text += table("payments", kind="stripe", api_key="rk_live_bench", webhook_secret="whsec_bench")
    text += table("tracking", kind="easypost", api_key="EZAKbench", webhook_secret="bench")
    text += table("ups", kind="ups", client_id="x", client_secret="x")
    text += table(
        "desk",
        kind="zendesk",
        subdomain=zendesk_sidebar.SUBDOMAIN,
        access_token="x",
        requests_per_minute=100_000,
    )
    path = folder / "beforehand.toml"
    path.write_text(text, "utf-8")
    return path

"""This file tests who sent a webhook to a Shopify connection, and what makes it the same one again."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors import shopify
from connectors.contract import Envelope, EventSource, Forged, OrderSource, Topical

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECRET = "hush"
SHOP = "acme.myshopify.com"


def sign(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def test_connector_is_what_it_should_be(shop: shopify.Shopify) -> None:
    assert isinstance(shop, EventSource)
    assert isinstance(shop, OrderSource)
    assert isinstance(shop, Topical)


def test_good_signature_holds_for_any_bytes(shop: shopify.Shopify, envelope: Any) -> None:
    for body in (b"", b"\xff\xfe", b"\xef\xbb\xbf{}", b'{"a":1}\r\n', b"x" * 100_000):
        shop.verify(envelope("orders/paid", body))


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        "é",
        "\ud800",
        "A" * 65536,
        sign(b"{}").rstrip("="),
        sign(b"{}") + " ",
        sign(b"{}") + ", " + sign(b"{}"),
        hmac.new(SECRET.encode(), b"{}", hashlib.sha256).hexdigest(),
        base64.b64encode(hmac.new(SECRET.encode(), b"{}", hashlib.sha1).digest()).decode(),
        sign(b"{}", "another secret"),
        sign(b"{} "),
    ],
)
def test_any_other_signature_is_forged(shop: shopify.Shopify, envelope: Any, header: str) -> None:
    with pytest.raises(Forged):
        shop.verify(envelope("orders/paid", b"{}", x_shopify_hmac_sha256=header))


def test_webhook_of_another_shop_is_forged_although_the_app_secret_signed_it(
    shop: shopify.Shopify, envelope: Any
) -> None:
    with pytest.raises(Forged, match=r"evil\.myshopify\.com"):
        shop.verify(envelope("orders/paid", b"{}", x_shopify_shop_domain="evil.myshopify.com"))
    shop.verify(envelope("orders/paid", b"{}", x_shopify_shop_domain="ACME.myshopify.com"))


def test_one_event_sent_as_two_topics_is_two_deliveries(shop: shopify.Shopify, envelope: Any) -> None:
    keys = [shop.delivery_key(envelope(topic, b"{}")) for topic in ("orders/paid", "orders/updated", "orders/paid")]
    assert keys == ["orders/paid|e-1", "orders/updated|e-1", "orders/paid|e-1"]
    assert shop.delivery_key(Envelope({}, b"", NOON)) == ""
    assert shop.delivery_key(envelope("orders/paid", b"{}", x_shopify_event_id="x" * 301)) == ""


@pytest.mark.parametrize(
    "domain",
    [
        "",
        "acme.myshopify.com\n",
        "acme.myshopify.com.evil.com",
        "evil.com/acme.myshopify.com",
        "evil.com#.myshopify.com",
        "acme.myshopify.com@evil.com",
        "acme.myshopify.com:8443",
        "acme.myshopify.com/",
        "a.b.myshopify.com",
        "-acme.myshopify.com",
        "аcme.myshopify.com",  # noqa: RUF001 - a Cyrillic letter
        "acme%00.myshopify.com",
        "https://acme.myshopify.com",
    ],
)
def test_shop_must_be_a_shopify_domain(domain: str) -> None:
    with pytest.raises(ValueError, match="expected shop as in"):
        shopify.Settings(shop=domain, client_secret=SECRET)


def test_settings_need_the_secret_that_signs() -> None:
    with pytest.raises(ValueError, match="client_secret"):
        shopify.Settings(shop=SHOP, client_secret="")

"""This file is Stripe: payments, refunds and disputes, by webhook and live; and refunds that were approved."""

import asyncio
import hmac
import re
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from connectors.connection import Connection
from connectors.contract import Denied, Envelope, Forged, Missing, Permanent
from connectors.model import Dispute, Observation, Payment, References
from connectors.oauth import FixedAccess
from connectors.order_actions import ActionReceipt, OrderAction
from connectors.reading import answer_of, digest, webhook
from connectors.signing import sha256_hmac, unix_time_is_fresh
from connectors.stripe import events, translate, wire
from connectors.stripe.refunds import RefundDesk
from connectors.transport import Answer

ORIGIN = "https://api.stripe.com"
VERSION = "2026-10-28.endive"
"""The API version whose objects `wire.py` is written for. Webhooks come in the version of their endpoint."""
LIVE_REQUESTS_PER_SECOND, TEST_REQUESTS_PER_SECOND = 80.0, 20.0
"""Below Stripe's own bounds (100 a second in live mode, 25 in test mode): the rest is for the merchant's other apps."""
MOST_PAYMENTS = 5
MOST_SEARCHES = 3
_MOST_SIGNATURES = 10
_EVENT_ID = re.compile(r"\w{1,255}", re.ASCII)
_EXPAND = "expand[]=latest_charge&expand[]=latest_charge.refunds"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`api_key` may be a restricted key that reads payment intents, charges and disputes.

    Without the permission to write charges and refunds, refunds that were approved wait for a person or for access.
    """

    api_key: str
    webhook_secret: str

    def __post_init__(self) -> None:
        if not self.api_key:
            raise ValueError("expected api_key: a secret or restricted key, sk_... or rk_...")
        if not self.webhook_secret.strip():
            raise ValueError("expected webhook_secret: the endpoint's signing secret, whsec_...")

    def __repr__(self) -> str:
        return "Settings(...)"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return []


class Stripe:
    """Implements `EventSource`, `PaymentSource`, `ActionDesk` and `Checkable`."""

    system = "Stripe"

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self._name = connection.name
        self._secret = settings.webhook_secret
        self._window = timedelta(seconds=connection.signature_window_seconds)
        self._clock = connection.clock
        is_live = settings.api_key.startswith(("sk_live_", "rk_live_"))
        rate = LIVE_REQUESTS_PER_SECOND if is_live else TEST_REQUESTS_PER_SECOND
        limits = replace(connection.limits, requests=rate, per_seconds=1.0)
        self._transport = connection.transport(self.system, ORIGIN, limits=limits, headers={"stripe-version": VERSION})
        self._access = FixedAccess(f"Bearer {settings.api_key}", clock=connection.clock)
        self._refunds = RefundDesk(self._transport, self._access, connection)

    def verify(self, envelope: Envelope) -> None:
        """Raise Forged unless one `v1` of `Stripe-Signature` is right and its time is within the window.

        During a rotation of the secret there are several. The window holds in both directions.
        """
        moment, signatures = signature_parts(envelope.headers.get("stripe-signature", ""))
        if not unix_time_is_fresh(moment, envelope.received_at, self._window):
            raise Forged(f"Stripe-Signature: t is not within {self._window.total_seconds():.0f} s of now")
        expected = sha256_hmac(self._secret, moment.encode() + b"." + envelope.body).hex().encode()
        matches = [hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected) for given in signatures]
        if not any(matches):
            raise Forged("Stripe-Signature: no v1 is the signature of this body")

    def delivery_key(self, envelope: Envelope) -> str:
        """The event's id, which every retry repeats."""
        try:
            found = msgspec.json.decode(envelope.body, type=wire.EventId).id
        except (ValueError, RecursionError):
            return ""
        return found if _EVENT_ID.fullmatch(found) else ""

    def read(self, envelope: Envelope) -> tuple[Observation, ...]:
        """The event's object as of the event. Raises Unreadable."""
        with webhook():
            return events.observations(envelope.body, self._name, envelope.received_at)

    async def read_payments(self, about: References) -> tuple[Observation, ...]:
        """Payments by Stripe ids in *about*; where it has none, by the order ids in their metadata.

        The search is late: what was paid within the last minute may not be found yet.
        """
        names = [name.removeprefix("stripe:") for name in about.payments]
        intents = list(dict.fromkeys(name for name in names if translate.is_intent(name)))
        charges = list(dict.fromkeys(name for name in names if translate.is_charge(name)))
        at = self._clock()
        if intents:
            return await self._by_intents(intents[:MOST_PAYMENTS], at)
        if charges:
            return await self._by_charges(charges[:MOST_PAYMENTS], at)
        found = await asyncio.gather(
            *(self._search(order_id) for order_id in dict.fromkeys(about.order_ids[:MOST_SEARCHES]))
        )
        unique = {intent.id: intent for each in found for intent in each}
        return tuple([await self._look(intent, at) for intent in list(unique.values())[:MOST_PAYMENTS]])

    def objection(self, action: OrderAction) -> str:
        """Why this cannot be done here: only refunds of known payments can."""
        return self._refunds.objection(action)

    async def render_action(self, action: OrderAction) -> bytes:
        """The form that makes the refund. Raises Rejected where the payment does not allow it (any more)."""
        return await self._refunds.render(action)

    async def carry_out(self, request: bytes, key: str) -> ActionReceipt:
        """Make the refund, once for each key. Raises ConnectorError."""
        return await self._refunds.carry_out(request, key)

    async def find_action(self, request: bytes, key: str, since: datetime) -> ActionReceipt | None:
        """The refund made for *key*, however long ago. Raises CameToNothing where it failed."""
        del since  # the payment's refunds are few, and no clock has to agree with Stripe's
        return await self._refunds.find(request, key)

    async def check(self) -> str:
        """Which account the key opens."""
        try:
            account = (await self._get("/v1/account")).read(wire.Account)
        except Denied as error:
            if error.status != 403:
                raise
            # A restricted key need not be allowed to read the account.
            await self._get("/v1/payment_intents?limit=1")
            return "Stripe accepts the restricted key"
        name = (account.business_profile.name if account.business_profile else None) or account.id
        return f"Stripe account {name} ({account.id})"

    async def close(self) -> None:
        """Close network connections."""
        await self._transport.close()

    async def _by_intents(self, names: list[str], at: datetime) -> tuple[Observation, ...]:
        found = await asyncio.gather(*(self._intent(name) for name in names))
        return tuple([await self._look(intent, at) for intent in found if intent is not None])

    async def _by_charges(self, names: list[str], at: datetime) -> tuple[Observation, ...]:
        """A charge may be a failed try of a payment that went through: its intent knows."""
        charges = [each for each in await asyncio.gather(*(self._charge(name) for name in names)) if each is not None]
        with answer_of(self.system):
            parents = [translate.linked(each.payment_intent, "payment_intent") for each in charges]
        alone = [self._charge_look(each, at) for each, parent in zip(charges, parents, strict=True) if not parent]
        intents = list(dict.fromkeys(parent for parent in parents if parent))
        return (*alone, *(await self._by_intents(intents, at)))

    async def _intent(self, name: str) -> wire.PaymentIntent | None:
        try:
            return (await self._get(f"/v1/payment_intents/{name}?{_EXPAND}")).read(wire.PaymentIntent)
        except Missing:
            return None

    async def _charge(self, name: str) -> wire.Charge | None:
        try:
            return (await self._get(f"/v1/charges/{name}")).read(wire.Charge)
        except Missing:
            return None

    async def _search(self, order_id: str) -> list[wire.PaymentIntent]:
        query = f"metadata['order_id']:{quoted(order_id)}"
        params = {"query": query, "limit": "10", "expand[]": "data.latest_charge"}
        answer = await self._get("/v1/payment_intents/search", params)
        with answer_of(self.system):
            found = answer.read(wire.PaymentIntents).data
            # The search ignores case; an order id does not.
            return [
                each
                for each in found
                if order_id in translate.about(translate.payment_of(each.id, ""), each.metadata).order_ids
            ]

    async def _look(self, found: wire.PaymentIntent, at: datetime) -> Observation:
        with answer_of(self.system):
            payment = translate.intent(found, "payment_intent")
        latest = found.latest_charge
        if isinstance(latest, wire.Charge) and latest.disputed:
            payment = replace(payment, dispute=await self._dispute(found.id))
        return self._observe(payment, translate.about(payment, found.metadata), at)

    def _charge_look(self, found: wire.Charge, at: datetime) -> Observation:
        with answer_of(self.system):
            payment = translate.charge(found, "charge")
        return self._observe(payment, translate.about(payment, found.metadata), at)

    async def _dispute(self, intent: str) -> Dispute | None:
        try:
            found = (await self._get("/v1/disputes", {"payment_intent": intent, "limit": "1"})).read(wire.Disputes)
        except Permanent:
            # A restricted key may lack disputes alone; the payment is worth showing without.
            return None
        with answer_of(self.system):
            return translate.dispute(found.data[0], "dispute") if found.data else None

    def _observe(self, payment: Payment, about: References, at: datetime) -> Observation:
        return Observation(
            source=self._name,
            kind="payment.read",
            identity=f"look:{digest(payment)}",
            at=at,
            about=about,
            payments=(payment,),
        )

    async def _get(self, path: str, params: dict[str, str] | None = None) -> Answer:
        async def send(authorization: str) -> Answer:
            return await self._transport.read(path, params=params, headers={"authorization": authorization})

        return await self._access.authorized(send)


def signature_parts(header: str) -> tuple[str, list[str]]:
    """The time and the `v1` signatures of a Stripe-Signature. Raises Forged unless there is exactly one time."""
    pairs = [part.strip().partition("=") for part in header.split(",")]
    moments = [value for name, _, value in pairs if name == "t"]
    signatures = [value for name, _, value in pairs if name == "v1"]
    if len(moments) != 1 or not signatures:
        raise Forged("expected a header Stripe-Signature with one t and at least one v1")
    return moments[0], signatures[:_MOST_SIGNATURES]


def quoted(text: str) -> str:
    """A value in Stripe's search language, in which a backslash precedes a quotation mark."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def connect(settings: Settings, connection: Connection) -> Stripe:
    """Make the connector. No I/O."""
    return Stripe(settings, connection)

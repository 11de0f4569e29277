"""The whole application over fakes, driven by the framework's own client."""

from types import SimpleNamespace

import pytest
from litestar.testing import AsyncTestClient

from connectors.model import Shipment
from server.app import Parts, create_app
from server.flows import tokens
from server.model import Role


@pytest.fixture
def parts(fakes):
    """Workspaces `acme` (shop, stripe, ups, desk) and `other`; acme's order #1001 is stored."""
    shop, stripe, ups, desk = fakes.Shop(), fakes.Payments(), fakes.Tracker("UPS", {"ups"}), fakes.Desk()
    seen = fakes.order_seen(shipments=(Shipment(carrier="ups", tracking_number="1Z00001"),))
    shop.orders["5001"] = seen
    stripe.by_name["5001"] = (fakes.payment_seen(order_ids=("5001",)),)
    ups.parcels["1Z00001"] = fakes.parcel_seen("1Z00001")
    store = fakes.Store()
    store.keep(seen)
    store.keep(fakes.order_seen("8888", "#8888"), workspace="other")
    return Parts(
        settings=fakes.settings(source_seconds=0.2),
        store=store,
        workspaces={
            "acme": fakes.workspace("acme", shop=shop, stripe=stripe, ups=ups, desk=desk),
            "other": fakes.workspace("other", shop=fakes.Shop()),
        },
        engine=fakes.Engine(),
        clock=fakes.Clock(),
    )


@pytest.fixture
async def client(parts):
    async with AsyncTestClient(create_app(parts, control_secret="secret"), raise_server_exceptions=False) as found:
        yield found


@pytest.fixture
async def bearer(parts):
    """Authorization headers by role, of acme, and `other`: an admin of the other workspace."""

    async def header(workspace, role):
        token = await tokens.create(parts.store, parts.clock, workspace, role, f"{role}@{workspace}")
        return {"authorization": f"Bearer {token}"}

    return SimpleNamespace(
        agent=await header("acme", Role.AGENT),
        admin=await header("acme", Role.ADMIN),
        other=await header("other", Role.ADMIN),
    )

"""The whole way of a refund: agreed to, made in the simulated Stripe, told to the order's history; once."""

from msgspec.structs import replace

from connectors import stripe
from connectors.connection import Connection
from connectors.model import Payment, PaymentState, References
from connectors.money import Money
from connectors.transport import Limits
from server.demo.fake import DOWN, LOST
from server.demo.orders import Attempt, Intent, WorldOrder
from server.demo.stripe import KEY as API_KEY
from server.demo.world import World
from server.flows.process import record_looks
from tests.server.desk import NOW, FakeShop, order_seen
from tests.server.executing import approved


async def prepared(executions):
    """An order whose shop carries nothing out itself, paid through Stripe."""
    world = World(executions.clock)
    intent = Intent("pi_1", 5000, NOW, [Attempt("ch_1", NOW)])
    world.add(WorldOrder(id=5001, number=1001, customer=None, items=(), placed_at=NOW, intent=intent))
    connection = Connection(
        workspace="acme",
        name="pay",
        base_url="http://payments.world.test",
        clock=executions.clock,
        clients=world.clients,
        # The breaker goes by real time, which does not pass here.
        limits=Limits(failures_before_pause=10_000),
    )
    executions.shop = FakeShop()
    executions.connections["pay"] = stripe.connect(stripe.Settings(api_key=API_KEY, webhook_secret="w"), connection)
    executions.executor = executions.make_executor()
    paid = Payment(
        id="stripe:pi_1", processor="stripe", state=PaymentState.PAID, amount=Money(5000, "USD"), references=("pi_1",)
    )
    seen = replace(order_seen(), source="pay", order=None, payments=(paid,), about=References(order_ids=("5001",)))
    await executions.know_order()
    await record_looks(executions.store, executions.clock, "acme", (seen,))
    await executions.process()
    return world.stripe


async def test_a_refund_goes_through_the_one_who_has_the_money(executions):
    fake = await prepared(executions)
    await executions.put(approved(details={"payment": "stripe:pi_1"}))
    await executions.turn()
    request = await executions.request()
    assert (request.state, request.execution.connection, request.receipt.id) == (
        "executed",
        "pay",
        fake.refunds.all[0]["id"],
    )
    assert (await executions.lines()).count("Refund of $12.00 approved by Dana, asked by Sam") == 1
    record = await executions.store.read(lambda tx: tx.record(request.order))
    assert record.payments["stripe:pi_1"]["pay"].facts.refunded == Money(1200, "USD"), "it was not read again"


async def test_a_lost_answer_is_one_refund(executions):
    fake = await prepared(executions)
    fake.misbehaves = _once("/v1/refunds", "POST", LOST)
    await executions.put(approved(details={"payment": "stripe:pi_1"}))
    await executions.run(hours=1)
    assert (await executions.state(), len(fake.refunds.all)) == ("executed", 1)


async def test_an_outage_is_waited_out(executions):
    fake = await prepared(executions)
    fake.standing_mishap = DOWN
    await executions.put(approved(details={"payment": "stripe:pi_1"}))
    await executions.run(minutes=30)
    assert await executions.state() == "approved"
    fake.standing_mishap = None
    await executions.run(hours=1)
    assert (await executions.state(), len(fake.refunds.all)) == ("executed", 1)


def _once(path, method, mishap):
    left = [mishap]
    return lambda call: left.pop() if left and (call.path, call.method) == (path, method) else None

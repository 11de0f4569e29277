"""One order, requests about it that were approved, and a shop that carries them out as strictly as a vendor does."""

import asyncio
from collections import Counter, defaultdict
from datetime import timedelta

import msgspec

from connectors.contract import Missing, Rejected
from connectors.money import Money
from connectors.order_actions import ActionReceipt, OrderAction, OrderActionKind
from server.approval_model import ApprovalRequest, ApprovalState, Decision, Person, Verdict
from server.flows import intake
from server.flows.execute import Executor
from server.flows.process import process_inbox
from server.model import OrderKey, Role
from tests.server.desk import NOW, FakeShop, body_of, make_workspace, order_seen

KEY = OrderKey("acme", "shop", "5001")
SAM = Person(id="sam", name="Sam", role=Role.AGENT)
DANA = Person(id="dana", name="Dana", role=Role.APPROVER)
LEE = Person(id="lee", name="Lee", role=Role.APPROVER)


class ActingShop(FakeShop):
    """Implements `ActionDesk` too. It has no idempotency keys of its own, so that every repeat would be seen in
    `effects`; `trouble` is what happens instead of an answer, as in `FakeHelpdesk`.
    """

    system = "Shop"

    def __init__(self):
        self.effects = Counter()
        """How often something was really done, by its key."""
        self.sent = []
        """Bytes and key of every request that arrived."""
        self.calls = Counter()
        self.trouble = defaultdict(list)
        self.objections = {}
        self.receipts = {}
        """What `find_action` says instead of that it is done."""
        self.gate = None
        self.at_once = Counter()
        self.most_at_once = 0
        self.rendered = 0
        self.orders_read = []

    async def read_order(self, order_id):
        self.orders_read.append(order_id)
        if order_id == "gone":
            raise Missing(self.system, order_id)
        return order_seen(order_id, at=NOW + timedelta(minutes=1), kind="order.read", financial_state="refunded")

    def objection(self, action):
        return self.objections.get(action.kind, "")

    async def render_action(self, action):
        # Every rendering is another one, as it is where something is read for it.
        self.rendered += 1
        return await self._answer("render", lambda: msgspec.json.encode((action, self.rendered)))

    async def carry_out(self, request, key):
        self.at_once[key] += 1
        self.most_at_once = max(self.most_at_once, self.at_once[key])
        self.sent.append((request, key))
        try:
            return await self._answer("carry_out", lambda: self._do(request, key))
        finally:
            self.at_once[key] -= 1

    def _do(self, request, key):
        action, _ = msgspec.json.decode(request, type=tuple[OrderAction, int])
        assert action.key == key
        self.effects[key] += 1
        return self._receipt(key)

    async def find_action(self, request, key, since):
        return await self._answer("find", lambda: self._receipt(key) if self.effects[key] else None)

    def _receipt(self, key):
        return self.receipts.get(key, ActionReceipt(id="re_1", text="Refunded $12.00 (re_1)"))

    async def _answer(self, name, do):
        self.calls[name] += 1
        await asyncio.sleep(0)
        if self.gate:
            await self.gate.wait()
        mode, error = self.trouble[name].pop(0) if self.trouble[name] else ("", None)
        if mode == "before":
            raise error.with_traceback(None)
        answer = do()
        if mode == "after":
            raise error.with_traceback(None)
        return answer


def asked(request_id="r1", *, state=ApprovalState.PENDING, **facts):
    """A refund of $12.00 that Sam asks for."""
    facts = {
        "order": KEY,
        "kind": OrderActionKind.REFUND,
        "amount": Money(1200, "USD"),
        "expires_at": NOW + timedelta(days=7),
        **facts,
    }
    return ApprovalRequest(
        id=request_id,
        workspace=facts["order"].workspace,
        order_name="#1001",
        reason="It arrived broken",
        requester=SAM,
        created_at=NOW - timedelta(hours=1),
        state=state,
        **{"due_at": NOW, **facts},
    )


def approved(request_id="r1", *people, at=NOW, **facts):
    """The same, agreed to."""
    by = people or (DANA,)
    decisions = tuple(Decision(person=p, verdict=Verdict.APPROVE, reason="Fine", at=at, version=1) for p in by)
    return asked(request_id, **{"state": ApprovalState.APPROVED, "decisions": decisions, "version": 2, **facts})


def rejecting(sentence="nothing is left to refund"):
    return Rejected("Shop", sentence)


class Executions:
    """A store, a shop, an order, and an executor whose clock stands still."""

    def __init__(self, store, clock):
        self.store = store
        self.clock = clock
        self.shop = ActingShop()
        self.policy = {}
        self.connections = {}
        self.executor = self.make_executor()

    def make_executor(self, store=None):
        """A new one, as after a restart or in another process."""
        self.workspaces = {"acme": make_workspace("acme", self.policy, shop=self.shop, **self.connections)}
        return Executor(self.workspaces, store or self.store, self.clock, pause_after_trouble=0)

    async def put(self, *requests):
        def work(tx):
            for request in requests:
                tx.put_approval(request)

        await self.store.write(work)

    async def know_order(self):
        await intake.accept(
            self.workspaces, self.store, self.clock, "acme.shop", {"x-signature": "good"}, body_of(order_seen())
        )
        await self.process()

    async def process(self):
        while await process_inbox(self.workspaces, self.store, self.clock):
            pass

    async def turn(self, executor=None):
        """One turn of the engine, and all that it began to its end. How much that was."""
        executor = executor or self.executor
        done = await executor.run_due()
        await asyncio.gather(*executor.under_way)
        return done

    async def run(self, **time):
        """Turns until the given time has passed, each at the moment for which something is due."""
        until, turns = self.clock.now + timedelta(**time), 0
        while (due := await self.store.read(lambda tx: tx.next_due_at())) is not None and due <= until:
            self.clock.now = max(self.clock.now, due)
            await self.turn()
            turns += 1
            assert turns < 2000, "it goes round in circles"
        self.clock.now = until
        return turns

    async def request(self, request_id="r1"):
        return await self.store.read(lambda tx: tx.approval(request_id))

    async def state(self, request_id="r1"):
        return (await self.request(request_id)).state

    async def events(self):
        """What the audit log has been told."""
        return [entry.fact.event for entry in await self.store.read(lambda tx: tx.audit("acme", 0, 1000))]

    async def lines(self):
        """The order's history."""
        await self.process()
        record = await self.store.read(lambda tx: tx.record(KEY))
        return [line.text for line in sorted(record.timeline.values())] if record else []

    @property
    def effects(self):
        """How often something was really done."""
        return self.shop.effects.total()

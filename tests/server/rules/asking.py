"""Requests for approval about one order, built from a few words, for tests."""

from datetime import timedelta

from connectors.model import Customer, LineItem, Payment, PaymentState
from connectors.money import Money
from connectors.order_actions import OrderActionKind
from server.approval_model import ApprovalRequest, ApprovalState, Decision, Person, Verdict
from server.model import OrderKey, Role
from server.rules.approval_asking import Wanted, make_request

KEY = OrderKey("acme", "shop", "1")
SAM = Person(id="sam", name="Sam", role=Role.AGENT, email="sam@acme.test", via="desk")
DANA = Person(id="dana", name="Dana", role=Role.APPROVER, email="dana@acme.test", via="desk")
KIM = Person(id="kim", name="Kim", role=Role.APPROVER, via="token")
LEE = Person(id="desk:77", name="Lee", role=Role.ADMIN, via="desk")

REFUND = OrderActionKind.REFUND


def usd(cents):
    return Money(cents, "USD")


def payment(payment_id="pi_1", captured=10_000, **facts):
    """A payment that was taken."""
    facts = {"state": PaymentState.PAID, "amount": usd(captured), "captured": usd(captured), **facts}
    return Payment(id=payment_id, processor="stripe", **facts)


def paid_order(build, *payments, **facts):
    """An order of two lamps at $20.00 each and one book at $60.00."""
    lines = (
        LineItem(id="l1", title="Lamp", quantity=2, price=usd(2000), unfulfilled=2),
        LineItem(id="l2", title="Book", quantity=1, price=usd(6000), unfulfilled=1),
    )
    return build.order(payments=payments or (payment(),), line_items=lines, **facts)


def vip(view):
    """The same order of a customer with the tag that the policy's default knows."""
    from msgspec.structs import replace

    return replace(view, order=replace(view.order, customer=Customer(name="Ada", tags=("vip",))))


def ask(
    view, policy, now, *, requests=(), request_id="r1", requester=SAM, kind=REFUND, reason="arrived broken", **facts
):
    """What `make_request` makes of it."""
    wanted = Wanted(kind=OrderActionKind(kind), reason=reason, **facts)
    return make_request(wanted, view, tuple(requests), policy, now, request_id=request_id, requester=requester)


def request(request_id="r1", cents=1200, now=None, **facts):
    """A refund of so much, as it is stored."""
    from tests.server.rules.conftest import MONDAY

    now = now or MONDAY
    facts = {
        "order": KEY,
        "kind": REFUND,
        "details": {"payment": "pi_1"},
        "requester": SAM,
        "expires_at": now + timedelta(days=7),
        **facts,
    }
    return ApprovalRequest(
        id=request_id,
        workspace="acme",
        order_name="#48219",
        amount=None if cents is None else usd(cents),
        reason="arrived broken",
        created_at=now,
        **facts,
    )


def said(person, at, verdict=Verdict.APPROVE, version=1):
    return Decision(person=person, verdict=verdict, reason="fine", at=at, version=version)


def agreed(request_id, cents, at, by=DANA, **facts):
    """A refund that somebody has agreed to."""
    facts = {"state": ApprovalState.APPROVED, "decisions": (said(by, at),), **facts}
    return request(request_id, cents, at, **facts)

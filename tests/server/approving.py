"""An approval request, the people around it, and a policy that says who is told."""

from datetime import timedelta

from msgspec.structs import replace

from connectors.money import Money
from connectors.order_actions import ActionReceipt, OrderActionKind
from server.approval_model import ApprovalRequest, ApprovalState, Decision, Person, TicketPlace, Verdict
from server.model import OrderKey, Role
from tests.server.desk import NOW

KEY = OrderKey("acme", "shop", "5001")
SAM = Person(id="desk:1", name="Sam", role=Role.AGENT, via="desk")
DANA = Person(id="dana", name="Dana", role=Role.APPROVER, via="chat")
KIM = Person(id="kim", name="Kim", role=Role.APPROVER, via="desk")
TABLES = {
    "teams": {"finance": {"slack": "#payments"}, "office": {"email": "office@shop.example"}},
    "people": {
        "dana": {"name": "Dana", "role": "approver", "identities": ["chat:U02DANA"]},
        "kim": {"name": "Kim", "role": "approver", "identities": ["chat:U03KIM"]},
        "sam": {"name": "Sam", "identities": ["desk:1", "chat:U01SAM"]},
    },
    "approvals": {"refund": {"notify": ["finance", "office"]}},
}


def request(**facts):
    return ApprovalRequest(
        order=KEY,
        workspace="acme",
        **{
            "id": "r1",
            "order_name": "#1001",
            "kind": OrderActionKind.REFUND,
            "amount": Money(1200, "USD"),
            "reason": "arrived broken",
            "requester": SAM,
            "created_at": NOW,
            "expires_at": NOW + timedelta(days=7),
            "ticket": TicketPlace(connection="desk", ticket_id="900"),
            **facts,
        },
    )


def decision(person=DANA, verdict=Verdict.APPROVE, reason="fair", version=1):
    return Decision(person=person, verdict=verdict, reason=reason, at=NOW, version=version)


def approved(**facts):
    return request(**{"state": ApprovalState.APPROVED, "version": 2, "decisions": (decision(),), **facts})


def executed(**facts):
    receipt = ActionReceipt(id="re_1", text="Refunded $12.00 (re_1)", at=NOW)
    return replace(approved(), state=ApprovalState.EXECUTED, version=4, receipt=receipt, **facts)

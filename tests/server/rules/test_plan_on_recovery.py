"""What becomes of a ticket when its trouble is over is the policy's word."""

import pytest

from server.model import ActionKind, IssueState, Kind
from tests.server.rules.test_plan import Life

LATER = "has arrived somewhere"


@pytest.mark.parametrize(("on_recovery", "state"), [("solve", "solved"), ("note", "")])
def test_a_ticket_is_solved_or_left_to_a_person(build, on_recovery: str, state: str) -> None:
    life = Life(build, detectors={"tracking_stalled": {"on_recovery": on_recovery}})
    life.see(build.order(build.shipment(build.scan(1))), 50)
    life.deliver(50)
    assert life.open() == [Kind.TRACKING_STALLED]
    (action,) = life.see(build.order(build.shipment(build.scan(1), build.scan(51, text=LATER))), 52)
    assert action.kind is ActionKind.SOLVE_TICKET
    assert action.change.state == state
    assert LATER in action.change.note
    assert [issue.state for issue in life.issues.values()] == [IssueState.SOLVED]


def test_one_kind_that_is_left_to_a_person_keeps_the_whole_ticket_open(build) -> None:
    life = Life(
        build,
        detectors={
            "tracking_stalled": {"on_recovery": "note"},
            "delivery_attempt_failed": {"on_recovery": "solve"},
        },
    )
    stalled, failed = build.scan(1), build.scan(51, "delivery_failed", "Nobody home")
    life.see(build.order(build.shipment(stalled)), 50)
    life.deliver(50)
    life.see(build.order(build.shipment(stalled, failed)), 52)
    life.deliver(53)
    assert life.open() == [Kind.DELIVERY_ATTEMPT_FAILED]
    delivered = build.scan(60, "delivered", "Delivered")
    (action,) = life.see(build.order(build.shipment(stalled, failed, delivered)), 61)
    assert (action.kind, action.change.state) == (ActionKind.SOLVE_TICKET, "")

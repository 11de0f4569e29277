"""What time alone does to a request: reminders, and an end at one exact moment."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from server.approval_model import ApprovalState, Turn
from server.rules.approval_clock import due_at, tick
from tests.server.rules.asking import request


def test_it_ends_exactly_when_it_says(build):
    policy, asked = build.policy(approvals={"refund": {"remind_after": "0s"}}), request()
    before, turn = tick(asked, policy, asked.expires_at - timedelta(microseconds=1))
    assert (before.state, turn, before.due_at) == (ApprovalState.PENDING, None, asked.expires_at)
    after, turn = tick(asked, policy, asked.expires_at)
    assert (after.state, turn, after.version, after.due_at) == (ApprovalState.EXPIRED, Turn.EXPIRED, 2, None)
    assert tick(after, policy, asked.expires_at + timedelta(days=9)) == (after, None)


@given(looks=st.lists(st.integers(0, 60), max_size=40), every=st.integers(1, 30))
def test_reminders_never_come_more_often_than_the_policy_says_and_never_after_the_end(build, looks, every):
    policy = build.policy(approvals={"refund": {"remind_after": f"{every}h"}})
    found, now, times = request(), build.at(0), []
    for hours in looks:
        now += timedelta(hours=hours)
        found, turn = tick(found, policy, now)
        if turn is Turn.REMINDED:
            times.append(now)
        if found.state is ApprovalState.PENDING:
            assert found.due_at == due_at(found, policy)
            assert now < found.due_at <= found.expires_at
        else:
            assert (found.state, found.due_at, now >= found.expires_at) == (ApprovalState.EXPIRED, None, True)
    gaps = [after - before for before, after in zip([build.at(0), *times], times, strict=False)]
    assert all(gap >= timedelta(hours=every) for gap in gaps)
    assert all(moment < found.expires_at for moment in times)


def test_following_what_is_due_reminds_until_it_ends(build):
    policy = build.policy(approvals={"refund": {"remind_after": "1d"}})
    found, turns = request(), []
    found = replace(found, due_at=due_at(found, policy))
    while found.due_at is not None:
        found, turn = tick(found, policy, found.due_at)
        turns.append(turn)
    assert turns == [Turn.REMINDED] * 6 + [Turn.EXPIRED]


def test_what_is_decided_is_left_alone(build):
    done = request(state=ApprovalState.APPROVED, due_at=build.at(1))
    assert tick(done, build.policy(), build.at(10_000)) == (done, None)

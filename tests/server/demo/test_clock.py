"""Clocks of the demo: moved forward, never back."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from server.demo.clock import MovableClock, StoppedClock

START = datetime(2026, 11, 10, 14, 0, tzinfo=UTC)


def test_a_movable_clock_runs_at_real_pace_from_where_it_was_moved_to():
    with time_machine.travel(datetime(2026, 12, 1, tzinfo=UTC), tick=False) as real:
        clock = MovableClock(START)
        assert clock() == START
        clock.advance(timedelta(hours=30))
        real.shift(timedelta(seconds=5))
        assert clock() == START + timedelta(hours=30, seconds=5)


def test_a_stopped_clock_stands_still_between_moves():
    clock = StoppedClock(START)
    clock.advance(timedelta(minutes=1))
    assert [clock(), clock()] == [START + timedelta(minutes=1)] * 2


@pytest.mark.parametrize("kind", [MovableClock, StoppedClock])
def test_time_never_goes_back(kind):
    with pytest.raises(ValueError, match="forward"):
        kind(START).advance(timedelta(seconds=-1))

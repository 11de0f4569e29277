"""What is learnt from deliveries, and the chances that follow: known ways, thin data, silence, drift, repeats."""

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.rules.transit import FEWEST, GRID_FROM, GRID_STEP, LOST, Curve, Leg, Way
from server.rules.transit_clock import TransitClock, transit_clock
from server.rules.transit_learning import TransitLearner

BRAZIL = ZoneInfo("America/Sao_Paulo")
MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
NEAR, FAR = Way(origin="SP", destination="SP", seller="s1"), Way(origin="SP", destination="BA", seller="s2")


@pytest.fixture(scope="module")
def clock() -> TransitClock:
    return transit_clock(BRAZIL)


def leg(way: Way, number: int, *, transit: float, handover: float = 1.0, promise: float = 20.0) -> Leg:
    """A delivery; lengths in days by the wall clock, one every three hours."""
    ready = MONDAY + timedelta(hours=3 * number)
    handed_over = ready + timedelta(days=handover)
    return Leg(
        way=way,
        ready_at=ready,
        handed_over_at=handed_over,
        delivered_at=handed_over + timedelta(days=transit),
        promised_by=ready + timedelta(days=promise),
    )


def known(clock: TransitClock, slowness: float = 1.0) -> TransitLearner:
    """A hundred near parcels that took about three days, and a hundred far ones that took about ten."""
    learner = TransitLearner(clock)
    spread = [0.6 + 0.8 * n / 99 for n in range(100)]
    learner.learn_all(leg(NEAR, n, transit=3 * slowness * spread[n * 37 % 100]) for n in range(100))
    learner.learn_all(leg(FAR, n, transit=10 * slowness * spread[n * 37 % 100], handover=3) for n in range(100))
    return learner


def test_nothing_is_said_before_enough_has_been_learnt(clock) -> None:
    learner = TransitLearner(clock)
    for number in range(FEWEST - 1):
        learner.learn(leg(NEAR, number, transit=3))
        assert not learner.transit.is_learnt
    learner.learn(leg(NEAR, FEWEST, transit=3))
    assert learner.transit.is_learnt


def test_the_far_way_is_the_likelier_to_miss_and_later_hand_over_too(clock) -> None:
    transit = known(clock).transit
    ready = clock.at(MONDAY)
    promised = clock.at(MONDAY + timedelta(days=8))
    at = clock.at(MONDAY + timedelta(days=1))
    near, far = (transit.in_transit(way, ready, at, promised).risk(at) for way in (NEAR, FAR))
    assert near < 0.1 < 0.5 < far
    waiting = [transit.not_handed_over(way, ready, promised).risk(at) for way in (NEAR, FAR)]
    assert near < waiting[0] < waiting[1]


def test_a_way_nobody_has_gone_is_judged_as_those_like_it(clock) -> None:
    transit = known(clock).transit
    unknown = transit.transit.of(Way(origin="RS", destination="AM"))
    assert unknown == pytest.approx(transit.transit.mean)
    assert transit.transit.of(NEAR) < transit.transit.of(Way(origin="RS", destination="SP")) < unknown
    assert unknown < transit.transit.of(Way(origin="RS", destination="BA")) < transit.transit.of(FAR)


def test_one_slow_parcel_does_not_make_its_way_slow(clock) -> None:
    learner, way = known(clock), Way(origin="SP", destination="RR")
    learner.learn(leg(way, 50, transit=60))
    learner.reckon()
    once = learner.transit.transit.of(way)
    for number in range(30):
        learner.learn(leg(way, 51 + number, transit=60))
    learner.reckon()
    assert once < math.log(15) < learner.transit.transit.of(way)


def test_slower_weeks_are_noticed_before_everything_is_reckoned_anew(clock) -> None:
    learner = known(clock)
    reckoned = learner.transit
    for number in range(8):
        learner.learn(leg(NEAR, 300 + number, transit=12))
    assert learner.transit.curve is reckoned.curve
    assert learner.transit.drift > reckoned.drift
    assert learner.transit.drifts["SP"] > reckoned.drifts["SP"]


def test_a_parcel_delivered_before_it_was_handed_over_teaches_nothing(clock) -> None:
    learner = known(clock)
    before = learner.transit
    learner.learn(leg(NEAR, 400, transit=-1))
    assert learner.transit is before


LEGS = st.builds(
    lambda way, number, transit, handover: leg(way, number, transit=transit, handover=handover),
    st.sampled_from([NEAR, FAR, Way(destination="RJ", carrier="ups")]),
    st.integers(0, 500),
    st.floats(0.01, 60),
    st.floats(0, 20),
)


@given(st.lists(LEGS, min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_the_sequence_of_what_is_learnt_together_does_not_matter(legs, random) -> None:
    clock = transit_clock(BRAZIL)
    shuffled = list(legs)
    random.shuffle(shuffled)
    first, second = TransitLearner(clock), TransitLearner(clock)
    first.learn_all(legs)
    second.learn_all(shuffled)
    second.reckon()
    assert first.transit == second.transit


@given(
    st.lists(LEGS, min_size=FEWEST, max_size=90),
    st.sampled_from([NEAR, FAR, Way()]),
    st.floats(0.5, 40),
    st.floats(0, 20),
    st.lists(st.floats(0, 60), min_size=2, max_size=8),
    st.floats(0.02, 0.98),
)
def test_the_chance_only_rises_in_silence_and_says_when_it_reaches_a_share(
    legs, way, promise, handover, days, share
) -> None:
    clock = transit_clock(BRAZIL)
    learner = TransitLearner(clock)
    learner.learn_all(legs)
    ready, begun = clock.at(MONDAY), clock.at(MONDAY + timedelta(days=handover))
    promised = clock.at(MONDAY + timedelta(days=promise))
    courses = [learner.transit.not_handed_over(way, ready, promised)]
    if promised > begun:
        courses.append(learner.transit.in_transit(way, ready, begun, promised))
    for course in courses:
        moments = sorted(course.starts + day for day in days)
        risks = [course.risk(moment) for moment in moments]
        assert risks == sorted(risks)
        assert all(0 <= risk <= 1 for risk in risks)
        reached = course.reaches(share)
        for moment, risk in zip(moments, risks, strict=True):
            if risk >= share + 1e-9:
                assert reached is not None
                assert moment >= reached - 1e-6
            if reached is not None and moment >= reached + 1e-6:
                assert risk >= share - 1e-6


@given(st.floats(0.0, 1.0))
def test_a_curve_is_the_inverse_of_itself(share) -> None:
    curve = Curve([LOST + (1 - LOST) * (1 - n / 40) for n in range(41)])
    point = curve.where(share)
    if share < LOST:
        assert point is None
    elif point is None or math.isinf(point):
        assert share >= 1
    else:
        assert curve.at(point) == pytest.approx(max(share, LOST))
        assert GRID_FROM <= point <= GRID_FROM + 41 * GRID_STEP

"""Drift: what came of late counts, what is long ago does not, and few deliveries say little."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.rules.transit_drift import MOST_DOUBLINGS, Drift

SCATTER = st.lists(st.tuples(st.sampled_from("abc"), st.floats(-2, 2), st.floats(0, 60)), min_size=1, max_size=40)


def drift(*told: tuple[str, float, float]) -> Drift:
    """Half fades in 20 days; 10 deliveries without drift are assumed everywhere, 5 in a group."""
    found = Drift(20, 10, 5)
    for group, scatter, day in told:
        found.add(group, scatter, day)
    return found


def test_few_slow_deliveries_are_hardly_a_drift_and_many_are() -> None:
    few, _ = drift(("a", 1.0, 0)).found()
    many, own = drift(*[("a", 1.0, 0)] * 90).found()
    assert few == pytest.approx(1 / 11)
    assert many == pytest.approx(0.9)
    assert own["a"] == pytest.approx(0.1 * 90 / 95)


def test_a_group_that_is_slower_than_the_others_has_its_own_drift() -> None:
    everywhere, own = drift(*[("a", 0.0, 0), ("b", 1.0, 0)] * 50).found()
    assert 0.4 < everywhere < 0.5
    assert own["a"] < -0.3 < 0.3 < own["b"]


def test_what_is_long_ago_fades() -> None:
    slow = [("a", 1.0, 0.0)] * 20
    before, _ = drift(*slow).found()
    after, _ = drift(*slow, *[("a", 0.0, 40.0)] * 20).found()
    assert before == pytest.approx(2 / 3)
    assert after == pytest.approx(5 / 35)


def test_years_go_by_and_the_numbers_stay_numbers() -> None:
    found = drift(("a", 1.0, 0.0), *[("a", 1.0, 20 * MOST_DOUBLINGS * turn) for turn in (0.7, 1.4, 2.1, 9.0)])
    everywhere, own = found.found()
    assert everywhere == pytest.approx(1 / 11)
    assert own["a"] == pytest.approx((1 - 1 / 11) / 6)


@given(SCATTER, st.randoms(use_true_random=False))
def test_neither_the_sequence_matters_nor_whether_it_came_at_once(told, random) -> None:
    one_by_one = drift(*told).found()
    shuffled = list(told)
    random.shuffle(shuffled)
    everywhere, own = drift(*shuffled).found()
    at_once = Drift(20, 10, 5)
    at_once.begin(
        np.array([scatter for _, scatter, _ in told]),
        "abc",
        np.array(["abc".index(group) for group, _, _ in told]),
        np.array([day for _, _, day in told]),
    )
    for found in (everywhere, at_once.found()[0]):
        assert found == pytest.approx(one_by_one[0], abs=1e-9)
    for group, value in one_by_one[1].items():
        assert (own[group], at_once.found()[1][group]) == (pytest.approx(value), pytest.approx(value))

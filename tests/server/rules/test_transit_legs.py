"""What is learnt from is kept in columns: the newest of it, in one sequence however it came."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.rules.transit import Leg, Way
from server.rules.transit_legs import DELIVERED, PROMISED, READY, Legs

MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
GROUPS = ("destination", "lane", "seller")
WAYS = [Way("SP", "BA", seller="s1"), Way("SP", "BA", seller="s2"), Way("SP", "RJ", seller="s1"), Way()]


def leg(way: Way, day: int, *, ready: int = 0, promised: bool = False) -> Leg:
    return Leg(
        way=way,
        ready_at=MONDAY + timedelta(hours=ready),
        handed_over_at=MONDAY + timedelta(days=1),
        delivered_at=MONDAY + timedelta(days=2 + day),
        promised_by=MONDAY + timedelta(days=9) if promised else None,
    )


def kept(*legs: Leg, most: int = 100) -> tuple[Legs, list[list[float]], list[Way]]:
    found = Legs(GROUPS)
    for each in legs:
        found.add(each)
    moments, went = found.sort(most)
    return found, moments.tolist(), [found.ways.all[number] for number in went.tolist()]


def test_the_newest_are_kept_and_the_ways_that_only_others_went_forgotten() -> None:
    found, moments, ways = kept(*(leg(WAYS[n % 2], n) for n in (4, 1, 3, 0, 2)), leg(WAYS[2], -1), most=2)
    assert len(found) == 2
    assert ways == [WAYS[1], WAYS[0]]
    assert [row[DELIVERED] for row in moments] == [(MONDAY + timedelta(days=2 + n)).timestamp() for n in (3, 4)]
    assert found.ways.names == {"destination": {"BA": 0}, "lane": {"SP>BA": 0}, "seller": {"s2": 0, "s1": 1}}
    found.add(leg(WAYS[2], 9, promised=True))
    moments_after, went = found.sort(100)
    assert moments_after[-1, PROMISED] == (MONDAY + timedelta(days=9)).timestamp()
    assert found.ways.members("destination")[went].tolist() == [0, 0, 1]


def test_a_way_has_one_number() -> None:
    found, _, _ = kept(*(leg(WAYS[n % 4], n) for n in range(40)))
    assert len(found.ways.all) == 4
    assert [found.ways.number(way) for way in found.ways.all] == [0, 1, 2, 3]


_some = st.builds(leg, st.sampled_from(WAYS), st.integers(0, 3), ready=st.integers(0, 1), promised=st.booleans())


@given(st.lists(_some, min_size=1, max_size=30), st.randoms(use_true_random=False), st.integers(1, 30))
def test_the_sequence_they_came_in_does_not_matter(legs, random, most) -> None:
    shuffled = list(legs)
    random.shuffle(shuffled)
    _, moments, ways = kept(*legs, most=most)
    assert (moments, ways) == kept(*shuffled, most=most)[1:]
    assert len(moments) == min(most, len(legs))
    assert all(row[READY] <= row[DELIVERED] for row in moments)

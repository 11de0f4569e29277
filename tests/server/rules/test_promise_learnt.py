"""The promise once other orders have taught something; what the carrier says of this one stays on top."""

import re
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.model import Place, ShipmentState
from server.model import Assessment, Kind, Level, OrderView
from server.rules.assess import assess
from server.rules.transit import UNLEARNED, Transit
from tests.server.rules.any_order import learnt

PROMISED = 24 * 8
"""Tuesday a week later, in hours. Handed over on Monday evening, most parcels take 40 to 130 hours, some 260."""


@pytest.fixture
def transit(build) -> Transit:
    return learnt(build)


def on_its_way(build, *, handed_over: float = 6, destination: str = "BC") -> OrderView:
    """A parcel without scans since, so that only the time that it takes speaks."""
    parcel = build.shipment(state=ShipmentState.IN_TRANSIT, shipped_at=build.at(handed_over))
    return build.order(parcel, promise=PROMISED, origin=Place(region="NJ"), destination=Place(region=destination))


def is_warned(found: Assessment) -> bool:
    return any(signal.kind is Kind.PROMISE_AT_RISK for signal in found.signals)


def life(build, order: OrderView, transit: Transit, **tables: object) -> list[Assessment]:
    """As it is judged at the beginning and at each review, until a day after the promise."""
    policy, now, found = build.policy(**tables), build.at(7), []
    while now < build.at(PROMISED + 24):
        found.append(assess(order, now, policy, transit))
        if found[-1].review_at is None:
            break
        now = max(found[-1].review_at, now + timedelta(seconds=1))
    return found


def test_a_parcel_in_good_time_is_on_track_and_one_that_takes_long_at_risk_with_its_numbers(build, transit) -> None:
    near, far = on_its_way(build, destination="NJ"), on_its_way(build)
    risks = [assess(order, build.at(7), build.policy(), transit).promise for order in (near, far)]
    assert [found.level for found in risks] == [Level.ON_TRACK, Level.WATCH]
    risks += [assess(far, build.at(hours), build.policy(), transit).promise for hours in (60, 165)]
    assert [found.level for found in risks[2:]] == [Level.WATCH, Level.AT_RISK]
    assert [found.risk for found in risks] == sorted(found.risk for found in risks)
    assert re.fullmatch(
        r"\d+% of parcels NJ to BC that were still in transit after 6 days miss a promise \d+ hours away; n=150",
        risks[-1].reasons[0],
    )


def test_an_order_that_is_not_handed_over_is_judged_by_how_long_that_takes_others(build, transit) -> None:
    order = build.order(promise=PROMISED, origin=Place(region="NJ"), destination=Place(region="BC"))
    early, late = (assess(order, build.at(hours), build.policy(), transit).promise for hours in (7, 80))
    assert early.risk < 0.4 < 0.9 < late.risk
    assert "not handed over 3 days after payment miss a promise" in late.reasons[0]


@pytest.mark.parametrize(
    ("facts", "risk"),
    [({"state": "exception"}, 0.7), ({"state": "returning"}, 0.95), ({"estimate": PROMISED + 5}, 0.9)],
)
def test_what_the_carrier_says_of_this_parcel_counts_more(build, transit, facts: dict, risk: float) -> None:
    given = {**facts, "estimate": build.at(facts["estimate"])} if "estimate" in facts else facts
    scans = [build.scan(6), build.scan(7, given.pop("state", "in_transit"))]
    order = build.order(build.shipment(*scans, **given), promise=PROMISED, destination=Place(region="BC"))
    assert assess(order, build.at(8), build.policy(), transit).promise.risk == pytest.approx(risk)


def test_a_carriers_estimate_that_keeps_the_promise_lowers_the_risk_and_the_reason_says_so(build, transit) -> None:
    scans = [build.scan(6), build.scan(150)]
    without, trusted = (
        assess(
            build.order(build.shipment(*scans, estimate=estimate), promise=PROMISED, destination=Place(region="BC")),
            build.at(155),
            build.policy(),
            transit,
        ).promise
        for estimate in (None, build.at(PROMISED - 5))
    )
    assert trusted.risk == pytest.approx(0.4 * without.risk)
    assert trusted.reasons[0].endswith("though its own estimate still keeps the date")


def test_the_mere_end_of_the_time_warns_nobody_but_late_news_does(build, transit) -> None:
    almost = on_its_way(build, handed_over=60)
    sure = {"detectors": {"promise_at_risk": {"threshold": 0.9}}}
    last = assess(almost, build.at(PROMISED - 1), build.policy(**sure), transit)
    assert last.promise.risk > 0.9 > last.promise.warned
    assert not is_warned(last)
    news = on_its_way(build, handed_over=PROMISED - 12)
    assert is_warned(assess(news, build.at(PROMISED - 11), build.policy(**sure), transit))
    at_once = {**sure, "promise": {"notice": "0s"}}
    assert is_warned(assess(almost, build.at(PROMISED - 1), build.policy(**at_once), transit))


def test_once_the_promise_has_passed_only_the_miss_is_told(build, transit) -> None:
    found = assess(on_its_way(build), build.at(PROMISED + 1), build.policy(), transit)
    assert found.promise.level is Level.MISSED
    kinds = [signal.kind for signal in found.signals]
    assert Kind.PROMISE_MISSED in kinds
    assert Kind.PROMISE_AT_RISK not in kinds


def test_before_enough_is_learnt_the_stated_rule_speaks(build) -> None:
    found = assess(on_its_way(build), build.at(PROMISED - 5), build.policy(), UNLEARNED).promise
    assert found.reasons == ("Still on its way with 5 hours left",)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0.05, 0.9), st.booleans(), st.integers(7, 60))
def test_every_threshold_is_noticed_when_it_is_reached_and_few_reviews_are_needed(
    build, transit, share, is_sent, handed_over
) -> None:
    order = on_its_way(build, handed_over=handed_over) if is_sent else build.order(promise=PROMISED)
    tables = {"detectors": {"promise_at_risk": {"threshold": share}}}
    found = life(build, order, transit, **tables)
    assert len(found) <= 20
    last = assess(order, build.at(PROMISED - 24), build.policy(**tables), transit)
    assert is_warned(last) == any(is_warned(each) for each in found)
    if last.promise.warned >= share:
        assert is_warned(last)
        first = next(each for each in found if is_warned(each))
        assert first is found[0] or first.promise.risk == pytest.approx(share, abs=0.05) or not is_sent

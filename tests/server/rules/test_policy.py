"""A policy is read as a whole or refused with the place of the mistake."""

import tomllib
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from connectors.money import Money
from server.errors import ConfigurationError
from server.model import Kind, Severity
from server.rules.policy import DEFAULT_POLICY_TOML, load_policy, parse_policy

ZONE = ZoneInfo("Europe/Berlin")


def test_the_file_that_init_writes_says_the_defaults() -> None:
    assert parse_policy(tomllib.loads(DEFAULT_POLICY_TOML), ZONE) == parse_policy({}, ZONE)


def test_what_a_table_leaves_out_keeps_its_default() -> None:
    found = parse_policy({"detectors": {"payment_failed": {"wait": "2h", "severity": "urgent"}}}, ZONE)
    detector = found.detectors[Kind.PAYMENT_FAILED]
    assert (detector.wait, detector.severity, detector.enabled) == (timedelta(hours=2), Severity.URGENT, True)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"detector": {}}, "Object contains unknown field `detector`"),
        ({"detectors": {"payment_fail": {}}}, "detectors.payment_fail: no such kind; expected one of"),
        ({"detectors": {"payment_failed": {"wiat": "1h"}}}, "unknown field `wiat`"),
        ({"detectors": {"payment_failed": {"wait": "1 week"}}}, "detectors.payment_failed.wait: expected a duration"),
        ({"detectors": {"payment_failed": {"threshold": "1h"}}}, "payment_failed.threshold: this kind has no"),
        ({"detectors": {"tracking_stalled": {"threshold": 48}}}, "tracking_stalled.threshold: expected a duration"),
        ({"detectors": {"promise_at_risk": {"threshold": 60}}}, "promise_at_risk.threshold: expected a number above"),
        ({"detectors": {"promise_at_risk": {"when": "order.value >"}}}, "promise_at_risk.when: expected a CEL"),
        ({"detectors": {"payment_failed": {"severity": "huge"}}}, "invalid enum value 'huge'"),
        ({"calendar": {"working_days": ["mon", "Tuesday"]}}, "calendar.working_days[1]: expected one of mon"),
        ({"calendar": {"holidays": "Atlantis"}}, "calendar.holidays: expected a country such as US"),
        ({"calendar": {"opens": "9:00"}}, "calendar.opens: expected a time of day"),
        ({"calendar": {"opens": "18:00", "closes": "09:00"}}, "calendar.closes: expected a time after 18:00"),
        ({"high_value": {"amount": "1e9"}}, "high_value.amount: expected an amount"),
        ({"high_value": {"currency": "dollars"}}, "high_value.currency: expected a currency code"),
        ({"promise": {"business_days": 0}}, "promise.business_days: expected 1 to 60, got 0"),
        ({"tickets": {"note_every": "9999d"}}, "tickets.note_every: expected at most 366 days"),
    ],
)
def test_a_mistake_is_named_with_its_place(document: dict, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        parse_policy(document, ZONE)
    assert message in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("[detectors")
    with pytest.raises(ConfigurationError, match=r"policy\.toml: Expected"):
        load_policy(path, ZONE)
    with pytest.raises(ConfigurationError, match="No such file"):
        load_policy(tmp_path / "none.toml", ZONE)


def test_high_value_compares_only_the_policys_currency() -> None:
    policy = parse_policy({"high_value": {"amount": "100", "currency": "eur"}}, ZONE)
    assert [policy.is_high_value(m) for m in (Money(10000, "EUR"), Money(9999, "EUR"), Money(99999, "USD"), None)] == [
        True,
        False,
        False,
        False,
    ]

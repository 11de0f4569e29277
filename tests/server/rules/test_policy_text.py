"""The file that `init` writes says every key with its default, and what it shows as a comment is right as well."""

import re
import tomllib
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from server.model import Kind
from server.rules.policy import DetectorPolicy
from server.rules.policy_detectors import read_detectors
from server.rules.policy_names import Names
from server.rules.policy_reading import parse_policy
from server.rules.policy_table import Table
from server.rules.policy_text import DEFAULT_POLICY_TOML, duration_text

ZONE = ZoneInfo("Europe/Berlin")


def test_it_says_the_defaults() -> None:
    assert parse_policy(tomllib.loads(DEFAULT_POLICY_TOML), ZONE) == parse_policy({}, ZONE)


def test_it_says_every_key_of_every_kind() -> None:
    written = tomllib.loads(DEFAULT_POLICY_TOML)["detectors"]
    for kind, detector in parse_policy({}, ZONE).detectors.items():
        left_out = {"threshold": detector.threshold is None, "within": not detector.within}
        keys = {name for name in DetectorPolicy.__struct_fields__ if not left_out.get(name)}
        assert set(written[kind]) == keys, kind


def test_every_key_that_may_be_there_is_there_or_shown() -> None:
    """A wrong key is answered with those that exist: the file must know all of them."""
    for path in ("", "calendar", "promise", "high_value", "vip", "tickets", "quiet_hours"):
        document = {"wrong": 1} if not path else {path: {"wrong": 1}}
        with pytest.raises(Exception, match="expected one of") as error:
            parse_policy(document, ZONE)
        known = re.search(r"expected one of ([\w, ]+)", str(error.value))
        assert known is not None
        for key in known[1].split(", "):
            assert re.search(rf"^(# )?\[?{key}\b", DEFAULT_POLICY_TOML, re.MULTILINE), f"{path}.{key}"


def test_what_it_shows_as_comments_can_be_taken_as_it_is() -> None:
    text = re.sub(r"^# (\[|\w+ += )", r"\1", DEFAULT_POLICY_TOML, flags=re.MULTILINE)
    policy = parse_policy(tomllib.loads(text), ZONE)
    assert (policy.promise_business_days, policy.vip_orders) == (5, 10)
    assert policy.teams["logistics"].slack == "#logistics"
    assert policy.messages["delay"].via == "helpdesk"
    assert policy.approvals["refund"].expires_after == timedelta(days=7)


@pytest.mark.parametrize("text", ["0s", "90s", "45m", "90m", "1h", "24h", "48h", "72h", "7d", "120d"])
def test_a_duration_is_written_as_it_is_read(text: str) -> None:
    table = Table({"x": text}, "", [])
    assert duration_text(table.duration("x", timedelta())) == text


def test_a_table_without_keys_is_the_default_too() -> None:
    mistakes: list = []
    empty = Table({"detectors": {kind.value: {} for kind in Kind}}, "", mistakes)
    assert read_detectors(empty, Names()) == parse_policy({}, ZONE).detectors
    assert not mistakes

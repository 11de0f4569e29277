"""The merchants' reference says what the code does."""

import re
import tomllib
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from server.rules.condition_facts import CUSTOMER_FACTS, ORDER_FACTS
from server.rules.kinds import SUMMARY
from server.rules.placeholders import PLACEHOLDERS
from server.rules.policy import APPROVAL_KINDS, DEFAULT_DETECTORS, DetectorPolicy, Occasion
from server.rules.policy_reading import parse_policy
from server.rules.policy_text import DEFAULT_POLICY_TOML, duration_text, threshold_text

DOCS = (Path(__file__).parents[3] / "docs/policy.md").read_text("utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", DOCS, re.DOTALL)


@pytest.mark.parametrize("kind", DEFAULT_DETECTORS)
def test_every_kind_is_there_with_its_defaults(kind) -> None:
    detector, summary = DEFAULT_DETECTORS[kind], SUMMARY[kind]
    threshold = ""
    if detector.threshold is not None:
        threshold = f"{threshold_text(detector).strip(chr(34))} {summary.threshold}"
    if detector.within:
        threshold += f", within {duration_text(detector.within)}"
    row = f"| `{kind}` | {summary.trigger} | {threshold} | {detector.severity} | {duration_text(detector.wait)} |"
    assert row in DOCS


def test_every_fact_placeholder_key_and_occasion_is_there() -> None:
    rows = [f"| `order.{name}` | {text} |" for name, text in ORDER_FACTS.items()]
    rows += [f"| `customer.{name}` | {text} |" for name, text in CUSTOMER_FACTS.items()]
    rows += [f"| `{{{name}}}` | {found.meaning} | {found.otherwise} |" for name, found in PLACEHOLDERS.items()]
    rows += [f"| `{key}` |" for key in DetectorPolicy.__struct_fields__]
    rows += [f"`{word}`" for word in (*Occasion, *APPROVAL_KINDS)]
    assert [row for row in rows if row not in DOCS] == []


def test_every_key_of_the_other_tables_is_there() -> None:
    for name, table in tomllib.loads(DEFAULT_POLICY_TOML).items():
        if name != "detectors":
            assert f"`[{name}] " in DOCS
            assert [key for key in table if key not in DOCS] == [], name


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_good_policy(example: str) -> None:
    teams = "" if "notify" not in example else '[teams.logistics]\nslack = "#logistics"\n'
    parse_policy(tomllib.loads(teams + example), ZoneInfo("UTC"))

"""A policy is read as a whole, or refused as a whole with the place of every mistake."""

import re
from datetime import time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import ConfigurationError
from server.model import Kind, Severity
from server.rules.policy import Message, NoticeRule, Occasion, QuietHours, Recovery, Team
from server.rules.policy_names import Connections
from server.rules.policy_reading import LARGEST, PolicyRefused, load_policy, parse_policy

ZONE = ZoneInfo("Europe/Berlin")
CONNECTIONS = Connections(
    names=frozenset({"shop", "desk", "mail", "wms"}),
    helpdesks=frozenset({"desk"}),
    mailers=frozenset({"mail"}),
    sinks=frozenset({"wms"}),
    listeners=frozenset({"wms"}),
)


def failed(**keys: object) -> dict:
    return {"detectors": {"payment_failed": keys}}


def mistakes_of(document: dict, connections: Connections | None = None) -> list[str]:
    with pytest.raises(PolicyRefused) as error:
        parse_policy(document, ZONE, connections)
    return [str(mistake) for mistake in error.value.mistakes]


def test_what_a_table_leaves_out_keeps_its_default() -> None:
    found = parse_policy(failed(wait="2h", severity="urgent"), ZONE)
    detector = found.detectors[Kind.PAYMENT_FAILED]
    assert (detector.wait, detector.severity, detector.enabled) == (timedelta(hours=2), Severity.URGENT, True)


def test_everything_that_can_be_said_of_a_kind() -> None:
    document = {
        "teams": {"finance": {"group": 36, "email": "finance@example.com"}},
        "messages": {"declined": {"subject": "{order}", "body": "Dear {name}", "via": "mail"}},
        "detectors": {
            "repeated_contact": {
                "enabled": False,
                "dry_run": True,
                "wait": "0s",
                "threshold": 4,
                "within": "2d",
                "when": "customer.vip",
                "severity": "low",
                "owner": "finance",
                "notify": ["finance", {"who": "#x", "when": ["deadline", "opened"], "after": "30m"}],
                "customer_message": "declined",
                "customer_wait": "1h",
                "on_recovery": "note",
                "log_back": ["wms"],
            }
        },
    }
    policy = parse_policy(document, ZONE, CONNECTIONS)
    found = policy.detectors[Kind.REPEATED_CONTACT]
    assert (found.enabled, found.dry_run, found.wait, found.count) == (False, True, timedelta(), 4)
    assert (found.within, found.when.text, found.severity) == (timedelta(days=2), "customer.vip", Severity.LOW)
    rule = NoticeRule("#x", (Occasion.DEADLINE, Occasion.OPENED), timedelta(minutes=30))
    assert (found.owner, found.notify) == ("finance", (NoticeRule("finance"), rule))
    assert (found.customer_message, found.customer_wait) == ("declined", timedelta(hours=1))
    assert (found.on_recovery, found.log_back) == (Recovery.NOTE, ("wms",))
    assert policy.teams == {"finance": Team(name="finance", group="36", email="finance@example.com")}
    assert policy.messages["declined"] == Message(name="declined", subject="{order}", body="Dear {name}", via="mail")


def test_everything_that_can_be_said_of_tickets_quiet_hours_and_approvals() -> None:
    policy = parse_policy(
        {
            "tickets": {
                "escalate_before": "6h",
                "most_reopenings": 0,
                "customer_told_within": "2d",
                "helpdesk": "desk",
            },
            "quiet_hours": {"begins": "22:00", "ends": time(7)},
            "approvals": {
                "refund": {"approvers": ["dana"], "max_amount": 500, "second_above": 99.95, "expires_after": "1d"},
                "cancel": {},
            },
        },
        ZONE,
        CONNECTIONS,
    )
    assert (policy.escalate_before, policy.most_reopenings) == (timedelta(hours=6), 0)
    assert (policy.customer_told_within, policy.helpdesk) == (timedelta(days=2), "desk")
    assert policy.quiet_hours == QuietHours(begins=time(22), ends=time(7))
    refund = policy.approvals["refund"]
    assert (refund.approvers, refund.max_amount, refund.second_above) == (("dana",), Decimal(500), Decimal("99.95"))
    assert (refund.expires_after, policy.approvals["cancel"].max_amount) == (timedelta(days=1), None)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"detector": {}}, "detector: no such key; expected one of approvals, calendar, detectors"),
        ({"detector": {}}, "did you mean detectors?"),
        ({"payment_failed": {}}, "did you mean detectors.payment_failed?"),
        ({"detectors": []}, "detectors: expected a table [detectors], got []"),
        ({"detectors": {"payment_failed": 1}}, "detectors.payment_failed: expected a table"),
        ({"detectors": {"payment_fail": {}}}, "detectors.payment_fail: no such kind; expected one of"),
        ({"detectors": {"payment_fail": {}}}, "did you mean payment_failed?"),
        (failed(wiat="1h"), "detectors.payment_failed.wiat: no such key; expected one of"),
        (failed(wiat="1h"), "did you mean wait?"),
        (failed(wait="1 week"), 'wait: expected a duration such as "45m", "48h" or "2d", got \'1 week\''),
        (failed(wait="٣h"), "detectors.payment_failed.wait: expected a duration"),
        (failed(wait=45), "detectors.payment_failed.wait: expected a duration"),
        (failed(enabled="yes"), "detectors.payment_failed.enabled: expected true or false, got 'yes'"),
        (failed(dry_run=1), "detectors.payment_failed.dry_run: expected true or false, got 1"),
        (failed(threshold="1h"), "payment_failed.threshold: this kind has no threshold"),
        (failed(within="1h"), "payment_failed.within: this kind counts nothing"),
        (failed(severity="huge"), "payment_failed.severity: expected one of low, normal, high, urgent, got 'huge'"),
        (failed(on_recovery="close"), "payment_failed.on_recovery: expected one of solve, note"),
        (failed(notify="#x"), 'payment_failed.notify: expected a list such as ["logistics", "#alerts"]'),
        (failed(notify=[1]), "payment_failed.notify[0]: expected a name, or a table"),
        (failed(notify=["#x", "#"]), "payment_failed.notify[1]: expected a team, a channel"),
        (failed(notify=[{"who": "#x", "when": "never"}]), "payment_failed.notify[0].when: expected one or a list of"),
        (failed(notify=[{"who": "#x", "hwen": "opened"}]), "payment_failed.notify[0].hwen: no such key"),
        (failed(notify=[{"when": "opened"}]), "payment_failed.notify[0].who: expected a team"),
        (
            failed(notify=[{"who": "#x", "when": "solved", "after": "1h"}]),
            "payment_failed.notify[0].after: an issue that is solved is told of at once",
        ),
        (failed(customer_message="sorry"), "customer_message: no message is called 'sorry'; there are none"),
        (failed(log_back=[""]), "payment_failed.log_back[0]: expected a connection's name"),
        ({"detectors": {"tracking_stalled": {"threshold": 48}}}, "tracking_stalled.threshold: expected a duration"),
        ({"detectors": {"promise_at_risk": {"threshold": 60}}}, "promise_at_risk.threshold: expected a number above"),
        ({"detectors": {"promise_at_risk": {"threshold": float("nan")}}}, "threshold: expected a number above"),
        ({"detectors": {"promise_at_risk": {"threshold": "60%"}}}, "threshold: expected a number above"),
        ({"detectors": {"promise_at_risk": {"threshold": True}}}, "threshold: expected a number above"),
        ({"detectors": {"incident": {"threshold": 2.5}}}, "incident.threshold: expected 1 to 100000, got 2.5"),
        ({"detectors": {"incident": {"within": "0s"}}}, "incident.within: expected more than 0s"),
        ({"detectors": {"promise_at_risk": {"when": "order.value >"}}}, "promise_at_risk.when: expected a CEL"),
        ({"calendar": {"working_days": ["mon", "Tuesday"]}}, "calendar.working_days[1]: expected one of mon"),
        ({"calendar": {"working_days": []}}, "calendar.working_days: expected at least one day"),
        ({"calendar": {"holidays": "Atlantis"}}, "calendar.holidays: expected a country such as US"),
        ({"calendar": {"opens": "9:00"}}, "calendar.opens: expected a time of day"),
        ({"calendar": {"opens": "18:00", "closes": "09:00"}}, "calendar.closes: expected a time after 18:00"),
        ({"high_value": {"amount": "1e9"}}, "high_value.amount: expected an amount"),
        ({"high_value": {"amount": 10**5000}}, "high_value.amount: expected an amount such as"),
        ({"high_value": {"currency": "dollars"}}, "high_value.currency: expected a currency code"),
        ({"vip": {"tags": "vip"}}, "vip.tags: expected a list of texts"),
        ({"promise": {"business_days": 0}}, "promise.business_days: expected 1 to 60, got 0"),
        ({"tickets": {"note_every": "9999d"}}, "tickets.note_every: expected at most 366 days"),
        ({"tickets": {"most_reopenings": -1}}, "tickets.most_reopenings: expected 0 to 100, got -1"),
        ({"quiet_hours": {"begins": "25:00"}}, "quiet_hours.begins: expected a time of day such as 09:00"),
        ({"quiet_hours": {"from": "22:00"}}, "quiet_hours.from: no such key; expected one of begins, ends"),
        ({"teams": {"#x": {}}}, 'teams."#x": expected a name of letters'),
        ({"teams": {"ops": {"slack": "general chat"}}}, "teams.ops.slack: expected a channel such as #logistics"),
        ({"teams": {"ops": {"email": "ops"}}}, "teams.ops.email: expected an address such as"),
        ({"messages": {"m": {"subject": "Hi"}}}, "messages.m.body: expected a text for the customer"),
        ({"messages": {"m": {"subject": "", "body": "b"}}}, "messages.m.subject: expected a text for the customer"),
        ({"messages": {"m": {"subject": "s", "body": "{oder}"}}}, "messages.m.body: no such placeholder {oder}"),
        ({"approvals": {"refunds": {}}}, "approvals.refunds: no such kind of approval; expected one of address_change"),
        ({"approvals": {"refund": {"max_amount": -5}}}, "approvals.refund.max_amount: expected an amount"),
        (
            {"approvals": {"refund": {"max_amount": "100", "second_above": "100"}}},
            "approvals.refund.second_above: expected less than max_amount, which is 100",
        ),
        ({"approvals": {"refund": {"approver": ["x"]}}}, "approvals.refund.approver: no such key"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_was_expected(document: dict, message: str) -> None:
    (mistake,) = mistakes_of(document)
    assert message in mistake


def test_every_mistake_is_named_at_once() -> None:
    document = {**failed(wait="soon", owner=3), "vip": {"tag": ["gold"]}, "teams": {}}
    found = mistakes_of(document)
    assert {line.split(":")[0] for line in found} == {
        "detectors.payment_failed.owner",
        "detectors.payment_failed.wait",
        "vip.tag",
    }
    with pytest.raises(ConfigurationError, match=r"^3 mistakes\n  "):
        parse_policy(document, ZONE)


# --- names ------------------------------------------------------------------------------------------------------------

TEAMS = {"teams": {"logistics": {"slack": "#logistics"}, "back office": {"group": "7"}}}


def test_without_a_table_of_teams_owners_and_listeners_are_free_names() -> None:
    found = parse_policy(failed(owner="Versand", notify=["Lager", "#x"]), ZONE).detectors[Kind.PAYMENT_FAILED]
    assert (found.owner, [rule.who for rule in found.notify]) == ("Versand", ["Lager", "#x"])


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"owner": "logistic"},
            "payment_failed.owner: no such team: 'logistic'; expected one of back office, logistics",
        ),
        ({"owner": "logistic"}, "did you mean logistics?"),
        ({"notify": ["nobody"]}, "payment_failed.notify[0]: no such team: 'nobody'; expected one of"),
        ({"notify": [{"who": "nobody"}]}, "payment_failed.notify[0].who: no such team: 'nobody'"),
        ({"notify": ["back office"]}, "notify[0]: team 'back office' has neither slack nor email"),
    ],
)
def test_once_there_are_teams_only_they_are_known(keys: dict, message: str) -> None:
    (mistake,) = mistakes_of({**TEAMS, **failed(**keys)})
    assert message in mistake


def test_an_empty_table_of_teams_knows_nobody() -> None:
    (mistake,) = mistakes_of({"teams": {}, **failed(owner="x")})
    assert mistake == "detectors.payment_failed.owner: no such team: 'x'; there are none"


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({**TEAMS, **failed(notify=["nobody"])}, "no such team or connection: 'nobody'"),
        ({**TEAMS, **failed(notify=["shop"])}, "connection 'shop' cannot do this; expected one of wms"),
        (
            failed(log_back=["wms", "wmss"]),
            "log_back[1]: 'wmss' is no connection; expected one of wms; did you mean wms?",
        ),
        (failed(log_back=["desk"]), "log_back[0]: connection 'desk' cannot do this"),
        ({"messages": {"m": {"subject": "s", "body": "b", "via": "wms"}}}, "messages.m.via: connection 'wms' cannot"),
        ({"tickets": {"helpdesk": "dsek"}}, "tickets.helpdesk: 'dsek' is no connection; expected one of desk"),
    ],
)
def test_with_a_configuration_names_of_connections_are_checked(document: dict, message: str) -> None:
    assert message in mistakes_of(document, CONNECTIONS)[0]


def test_a_connection_can_be_notified_beside_teams() -> None:
    found = parse_policy({**TEAMS, **failed(notify=["wms", "logistics"], log_back=["wms"])}, ZONE, CONNECTIONS)
    assert [rule.who for rule in found.detectors[Kind.PAYMENT_FAILED].notify] == ["wms", "logistics"]


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[detectors", r"policy\.toml: Expected"),
        (b"[vip]\ntags = [\xff]", r"policy\.toml: .*utf-8"),
        (b"x = " + b"9" * 5000, r"policy\.toml: "),
        (b"x = " + b"[" * 100_000, r"policy\.toml: "),
        (b"#" * (LARGEST + 1), "expected at most"),
        (b"[detectors.payment_failed]\nwait = 45\n", r"policy\.toml: detectors\.payment_failed\.wait: expected a dur"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, content: bytes, message: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        load_policy(path, ZONE)


def test_a_file_that_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        load_policy(tmp_path / "none.toml", ZONE)


# --- whatever is thrown at it -----------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(
        ["45m", "0s", "400d", "#x", "logistics", "opened", "solve", "mon", "09:00", "order.value > 1", "{name}"]
    )
    | st.text(max_size=8)
    | st.times(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["who", "when", "after", "x"]), inner),
    max_leaves=4,
)
KEYS = [
    "enabled dry_run wait threshold within when severity owner notify customer_message customer_wait on_recovery",
    "log_back tags amount currency begins ends group slack email subject body via approvers max_amount second_above",
    "expires_after working_days opens closes holidays business_days notice orders_count wiat",
]
TABLES = st.dictionaries(st.sampled_from(" ".join(KEYS).split()), VALUES, max_size=6)
SECTIONS = ["detectors", "teams", "messages", "approvals"]
NAMES = st.sampled_from(["payment_failed", "incident", "refund", "logistics", "a.b", "ü", ""])
DOCUMENTS = st.dictionaries(
    st.sampled_from([*SECTIONS, "calendar", "promise", "high_value", "vip", "tickets", "quiet_hours", "nonsense"]),
    TABLES | st.dictionaries(NAMES, TABLES | VALUES, max_size=3) | VALUES,
    max_size=5,
)
_STEP = re.compile(r'\.?(?:"((?:[^"\\]|\\.)*)"|([A-Za-z0-9_-]+)|\[(\d+)\])')


def found_at(document: object, path: str) -> tuple[bool, bool]:
    """Whether a path leads to something, and whether the table that it should be in is there."""
    steps = [
        int(index) if index else quoted.encode().decode("unicode_escape") if quoted or not bare else bare
        for quoted, bare, index in _STEP.findall(path)
    ]
    for position, step in enumerate(steps):
        try:
            document = document[step]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return False, position == len(steps) - 1
    return True, True


@given(DOCUMENTS, st.sampled_from([None, CONNECTIONS]))
def test_any_document_is_read_or_refused_with_places_that_exist(document, connections) -> None:
    try:
        parse_policy(document, ZONE, connections)
    except PolicyRefused as refused:
        for mistake in refused.mistakes:
            is_there, table_is_there = found_at(document, mistake.path)
            is_missing = mistake.message.startswith("expected a t") and table_is_there
            assert is_there or is_missing, mistake
            assert len(mistake.message) < 2000

"""Checking a policy file says what is wrong with it, and what is allowed in it but reaches nobody."""

from zoneinfo import ZoneInfo

from server.flows.policy_check import check_file, check_workspaces, remarks
from server.rules.policy_names import Connections
from server.rules.policy_reading import parse_policy
from tests.server.desk import FakeHelpdesk, make_workspace

ZONE = ZoneInfo("UTC")


def remarks_on(document, **able):
    connections = Connections(names=frozenset({"wms"}), listeners=frozenset({"wms"}), **able)
    return remarks(parse_policy(document, ZONE, connections), connections)


def test_a_good_file_is_good(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text("[vip]\ntags = ['gold']\n")
    found = check_file(path, ZONE, "acme", Connections())
    assert (found.ok, found.mistakes, found.remarks, found.path) == (True, [], [], str(path))


def test_mistakes_are_told_with_their_paths(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text("[vip]\ntag = 'gold'\n[tickets]\nnote_every = 5\n")
    found = check_file(path, ZONE)
    assert not found.ok
    assert {mistake.path for mistake in found.mistakes} == {"vip.tag", "tickets.note_every"}
    path.write_text("[vip")
    (mistake,) = check_file(path, ZONE).mistakes
    assert "Expected" in mistake.message
    (mistake,) = check_file(tmp_path / "none.toml", ZONE).mistakes
    assert "No such file" in mistake.message


def test_without_a_configuration_that_is_said(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text("")
    assert check_file(path, ZONE).remarks == ["names of connections were not checked: no configuration was read"]


def test_whom_nothing_reaches_is_remarked():
    failed = {"detectors": {"payment_failed": {"notify": ["Lager", "#x", "wms"]}}}
    assert remarks_on(failed) == [
        "detectors.payment_failed.notify[0]: 'Lager' is no connection, and there are no [teams]: it reaches nobody",
        "detectors.payment_failed.notify[1]: no connection reaches #x",
    ]
    teams = {
        "teams": {"ops": {"slack": "#ops", "email": "ops@example.com"}},
        "detectors": {"payment_failed": {"notify": ["ops"]}},
    }
    assert remarks_on(teams, reaches_channels=True) == [
        "detectors.payment_failed.notify[0]: no connection reaches ops@example.com"
    ]
    assert remarks_on(teams, reaches_channels=True, reaches_emails=True) == []


def test_a_message_that_nobody_is_sent_is_remarked():
    assert remarks_on({"messages": {"late": {"subject": "s", "body": "b"}}}) == ["messages.late: no kind sends it"]


def test_every_workspace_is_checked_against_its_own_connections(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text("[tickets]\nhelpdesk = 'desk'\n")
    workspaces = {name: make_workspace(name) for name in ("acme", "globex", "initech")}
    workspaces["acme"].connections["desk"] = FakeHelpdesk()
    workspaces["acme"].policy_path = workspaces["globex"].policy_path = path
    found = check_workspaces(workspaces, "", None)
    assert [(each.workspace, each.ok) for each in found] == [("acme", True), ("globex", False)]
    assert [each.workspace for each in check_workspaces(workspaces, "globex", None)] == ["globex"]
    assert [each.path for each in check_workspaces(workspaces, "initech", path)] == [str(path)]

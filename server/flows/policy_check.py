"""This file checks policy files against the configuration, and says what is allowed in them but will not do much."""

from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct

from server.errors import ConfigurationError
from server.model import Kind
from server.rules import routing
from server.rules.policy import NoticeRule, Policy
from server.rules.policy_names import Connections
from server.rules.policy_reading import PolicyRefused, parse_policy, read_document
from server.rules.policy_table import Mistake
from server.workspaces import Workspaces, able


class Checked(Struct, frozen=True, kw_only=True):
    """What a policy file is worth."""

    path: str
    workspace: str
    """Whose connections it was checked against; empty: nobody's."""
    ok: bool
    mistakes: list[Mistake] = []
    remarks: list[str] = []


def check_file(path: Path, timezone: ZoneInfo, workspace: str = "", connections: Connections | None = None) -> Checked:
    """Read one file. Whatever is wrong with it is in the answer."""
    try:
        policy = parse_policy(read_document(path), timezone, connections)
    except PolicyRefused as refused:
        return Checked(path=str(path), workspace=workspace, ok=False, mistakes=list(refused.mistakes))
    except ConfigurationError as error:
        return Checked(path=str(path), workspace=workspace, ok=False, mistakes=[Mistake("", str(error))])
    return Checked(path=str(path), workspace=workspace, ok=True, remarks=remarks(policy, connections))


def check_workspaces(workspaces: Workspaces, only: str, path: Path | None) -> list[Checked]:
    """The policy of every workspace, or of *only* one; *path* in place of its own file."""
    found = []
    for workspace in workspaces.values():
        chosen = path or workspace.policy_path
        if chosen is not None and only in ("", workspace.name):
            found.append(check_file(chosen, workspace.timezone, workspace.name, able(workspace.connections)))
    return found


def remarks(policy: Policy, connections: Connections | None) -> list[str]:
    """What is no mistake, but hardly meant: names that reach nobody, messages that nobody is sent."""
    found = [] if connections is not None else ["names of connections were not checked: no configuration was read"]
    for kind, detector in policy.detectors.items():
        for index, rule in enumerate(detector.notify):
            if why := _reaches_nobody(rule, policy, connections):
                found.append(f"detectors.{kind}.notify[{index}]: {why}")
    sent = {policy.detectors[kind].customer_message for kind in Kind}
    found += [f"messages.{name}: no kind sends it" for name in policy.messages if name not in sent]
    return found


def _reaches_nobody(rule: NoticeRule, policy: Policy, connections: Connections | None) -> str:
    if connections is None:
        return ""
    for recipient in routing.recipients_of(rule, policy):
        if recipient.connection and recipient.connection not in connections.names:
            return f"{rule.who!r} is no connection, and there are no [teams]: it reaches nobody"
        if recipient.slack and not connections.reaches_channels:
            return f"no connection reaches {recipient.slack}"
        if recipient.email and not connections.reaches_emails:
            return f"no connection reaches {recipient.email}"
    return ""

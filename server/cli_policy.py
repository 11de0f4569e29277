"""This file is the commands about the policy: check it, explain it, try it on an order, have it read again."""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer

from server import administration, settings
from server.errors import BadInput, ConfigurationError
from server.flows.policy_check import Checked, check_file, check_workspaces
from server.model import JsonObject
from server.rules.explain import explain
from server.rules.policy import Policy
from server.rules.policy_names import ANY_CONNECTION
from server.rules.policy_reading import load_policy
from server.settings import Settings
from server.terminal import DEFAULT_CONFIG, AsJson, Config, ask, out, print_json, problems
from server.terminal_policy import show_answers, show_checked, show_news, show_tried
from server.workspaces import connect_all

policy_app = typer.Typer(help="When tickets open, and who is told.", no_args_is_help=True)

WorkspaceName = Annotated[str, typer.Option(help="Whose policy; needed where there are several workspaces.")]
PolicyPath = Annotated[Path | None, typer.Option("--policy", help="Another policy file than the workspace's own.")]


@policy_app.command("check")
def check(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Without it, every workspace's own.")] = None,
    workspace: WorkspaceName = "",
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Say whether policy files are good, and where not. Exit code 2 where one is not. Changes nothing."""
    checked = _checked(file, workspace, config)
    if as_json:
        print_json({"policies": msgspec.to_builtins(checked)})
    else:
        for each in checked:
            show_checked(each)
    if not all(each.ok for each in checked):
        raise typer.Exit(2)


def _checked(file: Path | None, workspace: str, config: Path) -> list[Checked]:
    try:
        found = settings.load(config)
    except ConfigurationError as error:
        if file is None or workspace:
            raise
        problems.print(f"checked without a configuration: {error}", highlight=False, soft_wrap=True, markup=False)
        return [check_file(file, ZoneInfo("UTC"))]
    if workspace:
        _known(found, workspace)
    if file is not None and not workspace:
        owners = [each for each in found.workspaces.values() if _is_same(each.policy_path, file)]
        if len(found.workspaces) > 1 and len(owners) != 1:
            raise BadInput(f"--workspace: expected one of {', '.join(found.workspaces)}, whose connections it may name")
        workspace = (owners or list(found.workspaces.values()))[0].name
    checked = check_workspaces(connect_all(found, read_policy=administration.defaults_only), workspace, file)
    if not checked:
        out.print("there is no policy file in the configuration: every default applies")
    return checked


@policy_app.command("explain")
def explain_policy(
    workspace: WorkspaceName = "",
    policy: PolicyPath = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Answer for every kind: whose it is, what triggers it, who is told, the customer, later scans, what is logged."""
    answers = explain(_policy(workspace, policy, config))
    if as_json:
        print_json({"kinds": msgspec.to_builtins(answers)})
    else:
        show_answers(answers)


@policy_app.command("try")
def try_policy(
    order: Annotated[str, typer.Option(help="An order that is stored: its id, its name (1001), a tracking number.")],
    workspace: WorkspaceName = "",
    shop: Annotated[str, typer.Option(help="The shop's connection, where several have such an order.")] = "",
    policy: PolicyPath = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Show what would happen to an order now, by the policy that runs or by another file, and why. Does nothing."""
    name = _known(settings.load(config), workspace)
    arguments: JsonObject = {"workspace": name, "order": order, "shop": shop, "policy": _text(policy)}
    tried = ask(config, "policy_try", arguments)["try"]
    if as_json:
        print_json(tried)
    else:
        show_tried(tried)


@policy_app.command("reload")
def reload(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Have a running server read its policy files now. It does so by itself within seconds of a change."""
    answer = ask(config, "policy_reload", {})
    if as_json:
        print_json(answer)
    else:
        show_news(answer)
    if any(each["outcome"] == "refused" for each in answer["policies"]):
        raise typer.Exit(2)


def _policy(workspace: str, policy: Path | None, config: Path) -> Policy:
    """The policy to explain; a file that is named needs no configuration."""
    if policy is not None and not config.exists():
        return load_policy(policy, ZoneInfo("UTC"), ANY_CONNECTION)
    found = settings.load(config)
    name = _known(found, workspace)
    if policy is None:
        return connect_all(found)[name].policy
    return load_policy(policy, found.workspaces[name].timezone, ANY_CONNECTION)


def _known(found: Settings, workspace: str) -> str:
    """The workspace that is meant: the one that is named, else the only one."""
    names = list(found.workspaces)
    if not workspace and len(names) == 1:
        return names[0]
    if workspace not in names:
        raise BadInput(f"--workspace: expected one of {', '.join(names)}, got {workspace!r}")
    return workspace


def _text(policy: Path | None) -> str | None:
    if policy is None:
        return None
    try:
        return policy.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{policy}: {error}") from error


def _is_same(one: Path | None, other: Path) -> bool:
    return one is not None and one.resolve() == other.resolve()

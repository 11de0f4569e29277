"""This file is the commands that read an order history: `import history` and `replay`."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import typer

from server import administration, settings
from server.errors import BadInput, ConfigurationError
from server.flows import learn_history
from server.flows import replay as replaying
from server.flows.history import HistoryFile
from server.flows.replay import Stage
from server.reports import replay as report
from server.rules.history import HistoryRow
from server.rules.policy import Policy
from server.rules.policy_names import ANY_CONNECTION
from server.rules.policy_reading import load_policy
from server.settings import Settings
from server.terminal import DEFAULT_CONFIG, AsJson, Config, out, print_json, problems, progress
from server.terminal_replay import show_circumstances, show_file, show_replay

import_app = typer.Typer(help="Learn from what is past.", no_args_is_help=True)

HistoryPath = Annotated[
    Path, typer.Argument(metavar="FILE", help="Order history: CSV with the columns of docs/proof.md.")
]
Timezone = Annotated[
    str | None, typer.Option(help="Of times without an offset, such as Europe/Berlin; otherwise the workspace's.")
]
Workspace = Annotated[str | None, typer.Option(help="Whose time zone and policy; needed where there are several.")]


@import_app.command("history")
def import_history(
    file: HistoryPath,
    workspace: Workspace = None,
    timezone: Timezone = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Learn hand-over and transit times from an order history. Importing a file twice learns it once."""
    found = settings.load(config)
    name = _workspace(found, workspace)
    owner = found.workspaces[name]
    policy = load_policy(owner.policy_path, owner.timezone, ANY_CONNECTION)
    with progress() as stage:
        history, rows = replaying.read_history(file, _zone(timezone) or owner.timezone, stage)
        deliveries, learnt = asyncio.run(_import(found, name, rows, policy, stage))
    if as_json:
        print_json({"file": _file(history), "deliveries": deliveries, "learnt": learnt})
        return
    show_file(history)
    out.print(f"{deliveries:,} deliveries, of which {learnt:,} were new to workspace {name}", highlight=False)


async def _import(
    found: Settings, workspace: str, rows: Sequence[HistoryRow], policy: Policy, stage: Stage
) -> tuple[int, int]:
    """How many deliveries there were, and how many of them were new."""
    deliveries = learnt = 0
    advance = stage("learning", len(rows))
    async with administration.reach(found) as run:
        for count, legs in learn_history.batches(rows, policy):
            answer = await run("history_learn", {"workspace": workspace, "legs": msgspec.to_builtins(legs)})
            deliveries += len(legs)
            learnt += answer["learnt"]
            advance(count)
        await run("history_learn", {"workspace": workspace, "legs": [], "last": True})
    return deliveries, learnt


def replay(
    file: HistoryPath,
    learn: Annotated[
        Path | None, typer.Option(help="Another history, known from the start as far as it was known by then.")
    ] = None,
    policy: Annotated[Path | None, typer.Option(help="The policy to replay; otherwise the workspace's.")] = None,
    risk_at: Annotated[
        float | None, typer.Option(help="From which risk `promise_at_risk` opens, 0 to 1, whatever the policy says.")
    ] = None,
    alerts_to: Annotated[
        Path | None, typer.Option("--out", help="Write every alert here, a JSON object a line.")
    ] = None,
    report_to: Annotated[Path | None, typer.Option("--report", help="Write an HTML report with charts here.")] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Show what --policy changes, compared with the policy before.")
    ] = False,
    policy_before: Annotated[
        Path | None, typer.Option(help="The policy to compare with; otherwise the workspace's.")
    ] = None,
    timezone: Timezone = None,
    workspace: Workspace = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Walk an order history through time with the code that runs live, and say how good its alerts are."""
    owner = _owner(config, workspace)
    zone = _zone(timezone) or (owner.timezone if owner else ZoneInfo("UTC"))
    own = owner.policy_path if owner else None
    chosen = load_policy(policy or own, zone, ANY_CONNECTION)
    if risk_at is not None:
        chosen = replaying.at_risk_from(chosen, risk_at)
    before = load_policy(policy_before or own, zone, ANY_CONNECTION) if compare else None
    with progress() as stage:
        history, rows = replaying.read_history(file, zone, stage)
        earlier = replaying.read_history(learn, zone, stage) if learn is not None else None
        found = replaying.replay(rows, chosen, stage, learn=earlier[1] if earlier else (), before=before)
    if alerts_to is not None:
        replaying.write_alerts(alerts_to, found.alerts)
    if report_to is not None:
        replaying.write_file(report_to, report.render(found, file.name, zone).encode())
    if as_json:
        read = {"file": _file(history), "learn": _file(earlier[0]) if earlier else None}
        print_json({**read, **replaying.as_json(found)})
        return
    show_file(history)
    if earlier is not None:
        show_file(earlier[0])
    show_circumstances(str(policy or own or "the defaults"), zone)
    show_replay(found, zone)
    for path, what in ((alerts_to, f"{len(found.alerts):,} alerts"), (report_to, "the report")):
        if path is not None:
            problems.print(f"wrote {what} to {path}", highlight=False, markup=False)


def _file(history: HistoryFile) -> dict[str, object]:
    return {
        "path": str(history.path),
        "used": history.used,
        "left_out": history.left_out,
        "repeated": history.repeated,
        "ignored_columns": list(history.ignored),
        "mistakes": [msgspec.to_builtins(mistake) for mistake in history.mistakes],
    }


def _owner(config: Path, workspace: str | None) -> settings.WorkspaceSettings | None:
    """The workspace whose time zone and policy count: the one named, else the only one of a configuration."""
    if workspace is not None:
        found = settings.load(config)
        return found.workspaces[_workspace(found, workspace)]
    try:
        workspaces = settings.load(config).workspaces if config.exists() else {}
    except ConfigurationError as error:
        # Its secrets need not be at hand to look at the past.
        problems.print(f"{error}; going on without it", highlight=False, markup=False, soft_wrap=True)
        return None
    return next(iter(workspaces.values())) if len(workspaces) == 1 else None


def _workspace(found: Settings, name: str | None) -> str:
    if name is None and len(found.workspaces) == 1:
        return next(iter(found.workspaces))
    if name not in found.workspaces:
        raise BadInput(f"--workspace: expected one of {', '.join(found.workspaces)}, got {name or 'nothing'}")
    return name


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput(f"--timezone: expected a time zone such as America/New_York, got {name!r}") from error

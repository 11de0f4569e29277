"""This file is the commands about what was to be sent and was not: list it, try it again."""

from typing import Annotated

import typer

from server.terminal import DEFAULT_CONFIG, AsJson, Config, ask, out, show

actions_app = typer.Typer(help="Tickets, messages and tasks that could not be delivered.", no_args_is_help=True)

Workspace = Annotated[str, typer.Option(help="Only of this workspace.")]


@actions_app.command("list")
def list_actions(
    workspace: Workspace = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 100,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """List what was refused for good (failed), and what nobody knows to have arrived (uncertain), and why."""
    show(
        ask(config, "actions_list", {"workspace": workspace, "limit": limit}),
        "actions",
        ("id", "workspace", "order", "connection", "kind", "to", "state", "at", "reason"),
        as_json=as_json,
    )


@actions_app.command("retry")
def retry_actions(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids as `actions list` shows them.")] = None,
    all_of_them: Annotated[bool, typer.Option("--all", help="All that failed; uncertain ones only by id.")] = False,
    workspace: Workspace = "",
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Try them again, for example after a channel was made or a mailbox mended. An uncertain one may arrive twice."""
    answer = ask(config, "actions_retry", {"ids": ids or [], "all": all_of_them, "workspace": workspace})
    left = f", {answer['over']} left alone because the trouble is over" if answer["over"] else ""
    out.print(f"{answer['retried']} will be tried again{left}")

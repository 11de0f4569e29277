"""This file is the commands of `beforehand audit`."""

import asyncio
import json
from typing import Annotated

import typer

from server import administration, settings
from server.model import JsonObject
from server.terminal import DEFAULT_CONFIG, AsJson, Config, ask, harmless, out, print_json, show

audit_app = typer.Typer(help="The audit log of requests, decisions and refused attempts.", no_args_is_help=True)

Workspace = Annotated[str, typer.Option(help="Only of this workspace.")]
OneWorkspace = Annotated[str, typer.Option(help="Whose log.")]
PAGE = 1000


@audit_app.command("verify")
def verify(
    workspace: Workspace = "",
    head: Annotated[str, typer.Option(help="COUNT:HASH, kept earlier: shows whether the end was cut off.")] = "",
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Check that no entry was changed, removed or moved. Exit code 1 where one was, with the first that is wrong."""
    logs = ask(config, "audit_verify", {"workspace": workspace, "head": head})["logs"]
    if as_json:
        print_json({"logs": logs})
    else:
        for log in logs:
            out.print(_in_words(log), highlight=False, soft_wrap=True)
    if not all(log["sound"] for log in logs):
        raise typer.Exit(1)


@audit_app.command("head")
def head(workspace: Workspace = "", config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Print COUNT:HASH of each log, to be kept where whoever can change the database cannot reach it."""
    show(ask(config, "audit_head", {"workspace": workspace}), "heads", ("workspace", "head"), as_json=as_json)


@audit_app.command("list")
def list_entries(
    workspace: OneWorkspace,
    after: Annotated[int, typer.Option(min=0, help="From the entry after this number on; else the newest.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=PAGE)] = 100,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """List entries, oldest first."""
    show(
        ask(config, "audit_list", {"workspace": workspace, "after": after, "limit": limit}),
        "entries",
        ("number", "at", "event", "actor", "via", "subject", "details"),
        as_json=as_json,
    )


@audit_app.command("export")
def export(
    workspace: OneWorkspace,
    after: Annotated[int, typer.Option(min=0, help="From the entry after this number on.")] = 0,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Print the log as it is stored, one line of JSON an entry (docs/audit.md says how to check it)."""
    asyncio.run(_export(settings.load(config), workspace, after))


async def _export(found: settings.Settings, workspace: str, after: int) -> None:
    async with administration.reach(found) as run:
        while True:
            page = await run("audit_export", {"workspace": workspace, "after": after, "limit": PAGE})
            for line in page["lines"]:
                typer.echo(line if "\n" not in line else json.dumps(line))
            if len(page["lines"]) < PAGE:
                return
            after = page["last"]


def _in_words(log: JsonObject) -> str:
    name = harmless(log["workspace"])
    if log["sound"]:
        entries = "1 entry" if log["entries"] == 1 else f"{log['entries']} entries"
        return f"{name}: sound, {entries}, head {log['entries']}:{log['hash']}"
    return f"[bold red]{name}: NOT SOUND: entry {log['bad']}: {harmless(log['reason'])}[/]"

"""This file is the command line. It reads arguments and prints answers; the work is done elsewhere."""

import asyncio
import logging
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer

from server import (
    administration,
    cli_actions,
    cli_approvals,
    cli_audit,
    cli_gorgias,
    cli_history,
    cli_policy,
    log,
    settings,
    starter,
)
from server.errors import BeforehandError
from server.model import Role
from server.store.contract import StoreUnavailable
from server.terminal import DEFAULT_CONFIG, AsJson, Config, ask, out, print_json, print_table, problems, show

T = TypeVar("T")

app = typer.Typer(
    name="beforehand",
    help="Order context inside the helpdesk, and the ticket that starts before the complaint.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
token_app = typer.Typer(help="Tokens for the API.", no_args_is_help=True)
dead_letters_app = typer.Typer(help="Events that could not be processed.", no_args_is_help=True)
app.add_typer(token_app, name="token")
app.add_typer(dead_letters_app, name="dead-letters")
app.add_typer(cli_history.import_app, name="import")
app.add_typer(cli_policy.policy_app, name="policy")
app.add_typer(cli_actions.actions_app, name="actions")
app.add_typer(cli_approvals.approvals_app, name="approvals")
app.add_typer(cli_audit.audit_app, name="audit")
app.add_typer(cli_gorgias.gorgias_app, name="gorgias")
app.command()(cli_history.replay)


@app.command()
def serve(config: Config = DEFAULT_CONFIG) -> None:
    """Run the web server and the worker."""
    found = settings.load(config)
    log.configure(found.server.log_format)
    _finish(administration.serve(found))


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Where the server listens; the simulated world takes 9100 to 9108.")] = 8080,
    folder: Annotated[Path | None, typer.Option(help="Keep the files of the demo here.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Play every story and end.")] = False,
) -> None:
    """Play the whole thing on this machine, with a simulated outside world."""
    from server.demo.run import demonstrate  # only the demo needs its world

    log.configure("console", logging.ERROR)  # the stories include trouble; they tell of it themselves
    _finish(demonstrate(port=port, folder=folder, keep_running=not once))


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write the files.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
) -> None:
    """Write a commented beforehand.toml, policy.toml and a secret key."""
    for path in starter.write(folder, force=force):
        out.print(f"wrote {path}")
    where = f"cd {folder} && " if folder != Path() else ""
    out.print(
        "\nNext: uncomment your connections in beforehand.toml, put their secrets into beforehand.env, then\n"
        f"  {where}set -a && . ./beforehand.env && set +a\n"
        "  beforehand doctor\n"
        "  beforehand serve",
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def doctor(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Check the configuration, this machine, and every connection. Changes nothing."""
    findings = asyncio.run(administration.examine(settings.load(config)))
    if as_json:
        print_json({"findings": msgspec.to_builtins(findings)})
    else:
        print_table(
            ("", "what", "finding"),
            [({"ok": "ok", "warning": "look", "error": "WRONG"}[f.status], f.what, f.text) for f in findings],
        )
    if any(finding.status == "error" for finding in findings):
        raise typer.Exit(1)


@app.command()
def reconcile(
    workspace: Annotated[str, typer.Option(help="Only of this workspace.")] = "",
    connection: Annotated[str, typer.Option(help="Only this connection.")] = "",
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Read connections back now, and take in what their webhooks have not told. The server does it by itself, too."""
    answer = ask(config, "reconcile", {"workspace": workspace, "connection": connection})
    show(answer, "connections", ("workspace", "connection", "pages", "found", "trouble"), as_json=as_json)


@token_app.command("create")
def token_create(
    workspace: Annotated[str, typer.Option(help="The workspace it is good for.")],
    role: Annotated[Role, typer.Option(help="agent asks, approver decides, admin configures.")],
    user: Annotated[str, typer.Option(help="Who will hold it.")],
    days: Annotated[int | None, typer.Option(help="For how long; without it, until it is revoked.")] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Make a token. It is shown once."""
    answer = ask(config, "token_create", {"workspace": workspace, "role": role.value, "user": user, "days": days})
    if as_json:
        print_json(answer)
    else:
        typer.echo(answer["token"])


@token_app.command("list")
def token_list(
    workspace: Annotated[str, typer.Option(help="Whose tokens.")],
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """List tokens, without their secret part."""
    show(
        ask(config, "token_list", {"workspace": workspace}),
        "tokens",
        ("id", "user", "role", "created_at", "expires_at", "revoked_at"),
        as_json=as_json,
    )


@token_app.command("revoke")
def token_revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As `token list` shows it.")],
    workspace: Annotated[str, typer.Option(help="Whose token.")],
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Stop a token from working, at once."""
    answer = ask(config, "token_revoke", {"workspace": workspace, "id": token_id})
    out.print(f"token {answer['id']} of {answer['user']} no longer works")


@dead_letters_app.command("list")
def dead_letters_list(
    workspace: Annotated[str, typer.Option(help="Only of this workspace.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 100,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """List events that could not be read (dead) or that fit several orders (refused), and why."""
    show(
        ask(config, "dead_letters_list", {"workspace": workspace, "limit": limit}),
        "dead_letters",
        ("id", "workspace", "connection", "state", "received_at", "attempts", "reason"),
        as_json=as_json,
    )


@dead_letters_app.command("replay")
def dead_letters_replay(
    ids: Annotated[list[int] | None, typer.Argument(help="Numbers as `dead-letters list` shows them.")] = None,
    all_of_them: Annotated[bool, typer.Option("--all", help="All that are listed.")] = False,
    workspace: Annotated[str, typer.Option(help="Only of this workspace.")] = "",
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Try them again from the start, for example after an update that can read them."""
    answer = ask(config, "dead_letters_replay", {"ids": ids or [], "all": all_of_them, "workspace": workspace})
    out.print(f"{answer['replayed']} put back")


def main() -> None:
    """Run a command; what goes wrong is said in one sentence, with exit code 2."""
    # To the error stream: what a command prints may be read by a program.
    log.configure("console", logging.WARNING)
    try:
        app()
    except (BeforehandError, StoreUnavailable) as error:
        problems.print(str(error), style="bold red", highlight=False, soft_wrap=True, markup=False)
        sys.exit(2)


def _finish(work: Coroutine[Any, Any, object]) -> None:
    """Run until it ends or is interrupted, with the fast event loop where there is one."""
    if os.name == "nt":
        loop_factory = None
    else:
        import uvloop

        loop_factory = uvloop.new_event_loop
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(work)
    except KeyboardInterrupt:
        problems.print("stopped")

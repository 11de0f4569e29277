"""This file is the commands of `beforehand gorgias`: set an account up, and see whether it still is."""

from typing import Annotated

import typer

from server.terminal import DEFAULT_CONFIG, AsJson, Config, ask, out, print_json, print_table

gorgias_app = typer.Typer(help="Set a Gorgias account up.", no_args_is_help=True)

Workspace = Annotated[str, typer.Option(help="Whose account.")]
Connection = Annotated[str, typer.Option(help="The connection of kind gorgias.")]


@gorgias_app.command("install")
def install(
    workspace: Workspace, connection: Connection, config: Config = DEFAULT_CONFIG, as_json: AsJson = False
) -> None:
    """Make the webhook, the question for the order and the widget, or bring them up to date."""
    answer = ask(config, "gorgias_install", {"workspace": workspace, "connection": connection})
    if as_json:
        print_json(answer)
    else:
        print_table(("what", "id", ""), [(row["what"], str(row["id"]), row["change"]) for row in answer["installed"]])


@gorgias_app.command("check")
def check(
    workspace: Workspace, connection: Connection, config: Config = DEFAULT_CONFIG, as_json: AsJson = False
) -> None:
    """Say what is missing, or was changed since. Exit code 1 where anything is."""
    answer = ask(config, "gorgias_check", {"workspace": workspace, "connection": connection})
    if as_json:
        print_json(answer)
    elif not answer["missing"]:
        out.print("everything is there")
    for text in [] if as_json else answer["missing"]:
        out.print(text, markup=False)
    if answer["missing"]:
        raise typer.Exit(1)

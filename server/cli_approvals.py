"""This file is the commands of `beforehand approvals`."""

import typer

approvals_app = typer.Typer(
    help="Requests for approval: who asked for what, and what became of it.", no_args_is_help=True
)

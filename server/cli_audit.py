"""This file is the commands of `beforehand audit`."""

import typer

audit_app = typer.Typer(help="The audit log of requests, decisions and refused attempts.", no_args_is_help=True)

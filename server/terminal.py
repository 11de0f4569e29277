"""This file is how the command line talks: tables for people, JSON for programs, problems on the error stream."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from server import administration, settings
from server.model import JsonObject

out = Console()
problems = Console(stderr=True)

Config = Annotated[
    Path, typer.Option("--config", envvar="BEFOREHAND_CONFIG", help="The configuration file.", show_default=True)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
DEFAULT_CONFIG = Path(settings.DEFAULT_PATH)


def ask(config: Path, command: str, arguments: JsonObject) -> JsonObject:
    """Run a command on the database, or in the server that holds it."""
    return asyncio.run(administration.ask(settings.load(config), command, arguments))


@contextmanager
def progress() -> Iterator[Callable[[str, int], Callable[[int], None]]]:
    """Bars on the error stream: name a piece of work and its length, and tell of each advance."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=problems, transient=True) as bars:

        def stage(name: str, total: int) -> Callable[[int], None]:
            task = bars.add_task(harmless(name), total=max(total, 1))
            return lambda count: bars.advance(task, count)

        yield stage


def show(answer: JsonObject, name: str, columns: tuple[str, ...], *, as_json: bool) -> None:
    """The list *name* of an answer."""
    if as_json:
        print_json(answer)
    elif answer[name]:
        print_table(columns, [tuple(str(row[column] or "") for column in columns) for row in answer[name]])
    else:
        out.print("none")


def print_table(columns: tuple[str, ...], rows: list[tuple[str, ...]], *, names: bool = False) -> None:
    """A table; with *names* the first column is never broken."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column.replace("_", " "), overflow="fold", no_wrap=names and number == 0)
    for row in rows:
        # Reasons hold what vendors and customers wrote: never let it style or steer the terminal.
        table.add_row(*(harmless(cell) for cell in row))
    out.print(table)


def harmless(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text).replace("[", r"\[")


def print_json(answer: JsonObject) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())

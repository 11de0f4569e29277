"""This file is the commands of `beforehand approvals`."""

from pathlib import Path
from typing import Annotated

import typer

from server.approval_model import Verdict
from server.terminal import DEFAULT_CONFIG, AsJson, Config, ask, out, print_json, print_table, show

approvals_app = typer.Typer(
    help="Requests for approval: who asked for what, and what became of it.", no_args_is_help=True
)

Workspace = Annotated[str, typer.Option(help="Whose requests.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="As `approvals list` shows it.")]
As = Annotated[str, typer.Option("--as", metavar="NAME", help="Who decides: a name of the policy's [people].")]
Reason = Annotated[str, typer.Option(help="For whoever asked, and for the log.")]


@approvals_app.command("list")
def list_approvals(
    workspace: Workspace,
    state: Annotated[str, typer.Option(help="Separated by commas; without it, those that wait for a decision.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 100,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """List requests, newest first."""
    answer = ask(config, "approvals_list", {"workspace": workspace, "states": state, "limit": limit})
    columns = ("id", "order", "kind", "amount", "state", "asked by", "reason", "created_at", "expires_at")
    show(answer, "approvals", columns, as_json=as_json)


@approvals_app.command("show")
def show_approval(
    request_id: Id, workspace: Workspace, config: Config = DEFAULT_CONFIG, as_json: AsJson = False
) -> None:
    """Show one request with who decided what, and what came of it."""
    found = ask(config, "approvals_show", {"workspace": workspace, "id": request_id})["approval"]
    if as_json:
        print_json({"approval": found})
        return
    plain = {
        key: value for key, value in found.items() if not isinstance(value, list | dict) and value not in (None, "")
    }
    rows: list[tuple[str, ...]] = [(key.replace("_", " "), str(value)) for key, value in plain.items()]
    rows += [("asked by", found["requester"]["name"])]
    rows += [(d["decision"], f"{d['person']['name']}, {d['at']}: {d['reason']}") for d in found["decisions"]]
    rows += [("has changed", text) for text in found["differences"]]
    print_table(("", ""), rows)


@approvals_app.command("approve")
def approve(
    request_id: Id,
    workspace: Workspace,
    person: As,
    reason: Reason,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Agree to a request, after the server has read the order again."""
    _decide(config, request_id, workspace, person, reason, Verdict.APPROVE, as_json=as_json)


@approvals_app.command("reject")
def reject(
    request_id: Id,
    workspace: Workspace,
    person: As,
    reason: Reason,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Turn a request down."""
    _decide(config, request_id, workspace, person, reason, Verdict.REJECT, as_json=as_json)


def _decide(
    config: Path, request_id: str, workspace: str, person: str, reason: str, decision: Verdict, *, as_json: bool
) -> None:
    arguments = {
        "workspace": workspace,
        "id": request_id,
        "decision": decision.value,
        "reason": reason,
        "person": person,
    }
    after = ask(config, "approvals_decide", arguments)["approval"]
    if as_json:
        print_json({"approval": after})
    else:
        out.print(f"{after['kind']} for {after['order']} is {after['state']}", markup=False)

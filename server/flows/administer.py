"""This file is what an operator may ask for: the same commands whether a server runs or not.

`server/cli.py` calls them on the database directly when no server holds it, and through the server otherwise
(`server/control.py`), because exactly one process may have the file open.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import Struct

from server.errors import BadInput, NotFound
from server.flows import (
    administer_approvals,
    administer_audit,
    administer_connections,
    dead_letters,
    learn_history,
    policy_try,
    stopped_actions,
    tokens,
)
from server.flows.desk import Desk
from server.flows.learn import load_transit
from server.model import JsonObject, Role
from server.rules.transit import Leg


class TokenCreate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    workspace: str
    role: Role
    user: str
    days: int | None = None


class InWorkspace(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    workspace: str


class TokenRevoke(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    workspace: str
    id: str


class HistoryLearn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Deliveries of an order history, by order. With the *last* of them everything is reckoned anew."""

    workspace: str
    legs: tuple[tuple[str, Leg], ...]
    last: bool = False


class DeadLettersList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    workspace: str = ""
    limit: int = 100


class DeadLettersReplay(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which to try again: those named, or all of a workspace (of every workspace where it is empty)."""

    ids: tuple[int, ...] = ()
    all: bool = False
    workspace: str = ""


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class PolicyTry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """*policy* is the text of another policy; None: the one that runs."""

    workspace: str
    order: str
    shop: str = ""
    policy: str | None = None


class ActionsList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    workspace: str = ""
    limit: int = 100


class ActionsRetry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which to try again: those named, or all that failed."""

    ids: tuple[str, ...] = ()
    all: bool = False
    workspace: str = ""


async def create_token(desk: Desk, wanted: TokenCreate) -> JsonObject:
    """Make an API token. It can be read from this answer only."""
    _known(desk, wanted.workspace)
    if wanted.days is not None and not 0 < wanted.days <= 3650:
        raise BadInput(f"days: expected 1 to 3650, got {wanted.days}")
    expires_in = timedelta(days=wanted.days) if wanted.days is not None else None
    token = await tokens.create(desk.store, desk.clock, wanted.workspace, wanted.role, wanted.user, expires_in)
    return {"token": token}


async def list_tokens(desk: Desk, wanted: InWorkspace) -> JsonObject:
    """The tokens of a workspace, without the secret part."""
    _known(desk, wanted.workspace)
    rows = await tokens.list_tokens(desk.store, wanted.workspace)
    shown = ("id", "user", "role", "created_at", "expires_at", "revoked_at")
    return {"tokens": [{name: getattr(row, name) for name in shown} for row in rows]}


async def revoke_token(desk: Desk, wanted: TokenRevoke) -> JsonObject:
    """Stop a token from working."""
    row = await tokens.revoke(desk.store, desk.clock, wanted.workspace, wanted.id)
    return {"id": row.id, "user": row.user, "revoked_at": row.revoked_at}


async def list_dead_letters(desk: Desk, wanted: DeadLettersList) -> JsonObject:
    """Events that could not be read, kept failing, or fit several orders."""
    if wanted.workspace:
        _known(desk, wanted.workspace)
    rows = await desk.store.read(lambda tx: dead_letters.listed(tx, wanted.workspace, wanted.limit))
    return {
        "dead_letters": [
            {
                "id": row.id,
                "workspace": row.item.workspace,
                "connection": row.item.connection,
                "state": row.state,
                "received_at": row.item.received_at,
                "attempts": row.attempts,
                "bytes": len(row.item.body),
                "reason": row.reason,
            }
            for row in rows
        ]
    }


async def replay_dead_letters(desk: Desk, wanted: DeadLettersReplay) -> JsonObject:
    """Put dead letters back at the start of their way."""
    if wanted.all == bool(wanted.ids):
        raise BadInput("ids: expected the numbers of dead letters, or --all")
    count = await dead_letters.replay(desk.store, None if wanted.all else wanted.ids, workspace=wanted.workspace)
    desk.wake()
    return {"replayed": count}


async def list_actions(desk: Desk, wanted: ActionsList) -> JsonObject:
    """What could not be delivered, newest first."""
    if wanted.workspace:
        _known(desk, wanted.workspace)
    found = await desk.store.read(lambda tx: stopped_actions.listed(tx, wanted.workspace, wanted.limit))
    return {
        "actions": [
            {
                "id": action.key,
                "workspace": action.order.workspace,
                "order": action.order.order_id,
                "connection": action.connection,
                "kind": action.kind,
                "to": action.audience or action.ticket_id or action.target,
                "state": action.state,
                "at": action.finished_at,
                "attempts": action.attempts,
                "reason": action.error,
            }
            for action in found
        ]
    }


async def retry_actions(desk: Desk, wanted: ActionsRetry) -> JsonObject:
    """Have what could not be delivered tried again."""
    if wanted.all == bool(wanted.ids):
        raise BadInput("ids: expected the ids of actions, or --all")
    keys = None if wanted.all else wanted.ids
    retried, over = await stopped_actions.retry(desk.store, keys, desk.clock(), workspace=wanted.workspace)
    desk.wake()
    return {"retried": retried, "over": over}


async def learn(desk: Desk, wanted: HistoryLearn) -> JsonObject:
    """Take in deliveries of an order history, each once however often it is imported."""
    _known(desk, wanted.workspace)
    workspace = desk.workspaces[wanted.workspace]
    return {"learnt": await learn_history.learn(desk.store, workspace, wanted.legs, last=wanted.last)}


async def reload_policies(desk: Desk, wanted: Nothing) -> JsonObject:
    """Read every policy file at once."""
    news = [] if desk.policies is None else await desk.policies.look(again=True)
    desk.wake()
    return {"running": desk.policies is not None, "policies": news}


async def try_policy(desk: Desk, wanted: PolicyTry) -> JsonObject:
    """What would happen to a stored order now, by the policy that runs or by another one."""
    _known(desk, wanted.workspace)
    workspace = desk.workspaces[wanted.workspace]
    if desk.policies is None:
        await load_transit({workspace.name: workspace}, desk.store)  # no server has done it
    found = await policy_try.try_policy(
        desk.store, workspace, wanted.order, desk.clock(), shop=wanted.shop, text=wanted.policy
    )
    return {"try": found}


def _known(desk: Desk, workspace: str) -> None:
    if workspace not in desk.workspaces:
        raise NotFound(f"there is no workspace {workspace!r}; the configuration has {', '.join(desk.workspaces)}")


Command = Callable[[Desk, Any], Awaitable[JsonObject]]
COMMANDS: Mapping[str, tuple[type[Struct], Command]] = {
    "token_create": (TokenCreate, create_token),
    "token_list": (InWorkspace, list_tokens),
    "token_revoke": (TokenRevoke, revoke_token),
    "dead_letters_list": (DeadLettersList, list_dead_letters),
    "dead_letters_replay": (DeadLettersReplay, replay_dead_letters),
    "actions_list": (ActionsList, list_actions),
    "actions_retry": (ActionsRetry, retry_actions),
    "history_learn": (HistoryLearn, learn),
    "policy_reload": (Nothing, reload_policies),
    "policy_try": (PolicyTry, try_policy),
    **administer_approvals.COMMANDS,
    **administer_audit.COMMANDS,
    **administer_connections.COMMANDS,
}


async def run(desk: Desk, command: str, arguments: JsonObject) -> JsonObject:
    """Run a command by name; answers and arguments are plain JSON. Raises NotFound, BadInput, StoreUnavailable."""
    if command not in COMMANDS:
        raise NotFound(f"there is no command {command!r}")
    kind, function = COMMANDS[command]
    try:
        wanted = msgspec.convert(arguments, kind)
    except msgspec.ValidationError as error:
        raise BadInput(str(error)) from error
    answer: JsonObject = msgspec.to_builtins(await function(desk, wanted))
    return answer

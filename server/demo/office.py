"""This file is the people who work for the simulated merchant: they ask and decide through the API, as programs do."""

from typing import Any

import httpx

from connectors.transport import Clock
from server.flows import tokens
from server.model import Role
from server.store.contract import Store

PEOPLE = {"robin": Role.AGENT, "dana": Role.APPROVER, "kim": Role.APPROVER}
"""Names of the demo's policy, and what their tokens are good for."""


class Office:
    """Everybody has a token. *client* reaches the server."""

    def __init__(self, client: httpx.AsyncClient, workspace: str, held: dict[str, str]) -> None:
        self._client = client
        self._workspace = workspace
        self._tokens = held
        self._asked: dict[str, dict[str, Any]] = {}
        """The last request about each order."""

    @classmethod
    async def open(cls, client: httpx.AsyncClient, store: Store, clock: Clock, workspace: str) -> "Office":
        """Give everybody a token."""
        held = {name: await tokens.create(store, clock, workspace, role, name) for name, role in PEOPLE.items()}
        return cls(client, workspace, held)

    async def ask(self, person: str, order: int, kind: str, reason: str, **facts: Any) -> None:
        """Ask for something to be done to an order. Raises RuntimeError where it is refused."""
        body = {"order": str(order), "kind": kind, "reason": reason, **facts}
        key = f"{person}-{order}-{kind}"
        self._asked[str(order)] = await self._post(person, "", body, 201, key)

    async def decide(self, person: str, order: int, decision: str, reason: str) -> None:
        """Decide what was asked for last about an order. Raises RuntimeError where it is refused."""
        request = self._asked[str(order)]
        body = {"decision": decision, "reason": reason, "version": request["version"]}
        self._asked[str(order)] = await self._post(person, f"/{request['id']}/decision", body, 200)

    async def _post(self, person: str, path: str, body: dict[str, Any], status: int, key: str = "") -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self._tokens[person]}", **({"Idempotency-Key": key} if key else {})}
        answer = await self._client.post(f"/v1/approvals/{self._workspace}{path}", json=body, headers=headers)
        if answer.status_code != status:
            raise RuntimeError(f"{person} was refused: {answer.status_code} {answer.text[:300]}")
        found: dict[str, Any] = answer.json()
        return found

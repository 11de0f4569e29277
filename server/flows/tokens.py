"""This file makes API tokens and tells who holds one. Only digests are stored: a token is shown once."""

import re
import secrets
from datetime import timedelta
from hashlib import sha256

import msgspec

from connectors.transport import Clock
from server.errors import BadInput, NotFound, Unauthenticated
from server.model import Principal, Role
from server.store.contract import Store, TokenRow, Writing

PREFIX = "bh_"
_TOKEN = re.compile(r"bh_[A-Za-z0-9_-]{43}", re.ASCII)
_LONGEST_USER = 200


async def create(
    store: Store, clock: Clock, workspace: str, role: Role, user: str, expires_in: timedelta | None = None
) -> str:
    """Make a token for *user*. Raises BadInput. The answer is the only place where it can ever be read."""
    name = user.strip()
    if not name or len(name) > _LONGEST_USER or not name.isprintable():
        raise BadInput(f"user: expected a name of 1 to {_LONGEST_USER} printable characters")
    if expires_in is not None and expires_in <= timedelta(0):
        raise BadInput("expires_in: expected a time ahead")
    token = PREFIX + secrets.token_urlsafe(32)
    now = clock()
    row = TokenRow(
        id=secrets.token_hex(6),
        digest=_digest(token),
        workspace=workspace,
        role=role,
        user=name,
        created_at=now,
        expires_at=None if expires_in is None else now + expires_in,
    )
    await store.write(lambda tx: tx.put_token(row))
    return token


async def authenticate(store: Store, clock: Clock, header: str | None) -> Principal:
    """Who sent this `Authorization` header. Raises Unauthenticated, in the same words whatever is wrong with it."""
    principal = await holder(store, clock, bearer(header))
    if principal is None:
        raise Unauthenticated("expected a valid token in the header `Authorization: Bearer TOKEN`")
    return principal


def bearer(header: str | None) -> str:
    """The credential in an `Authorization` header; empty where there is none."""
    scheme, _, credential = (header or "").strip().partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else ""


async def holder(store: Store, clock: Clock, token: str) -> Principal | None:
    """Who holds an API token; None where it is none of ours, expired or revoked."""
    row = await _row(store, token)
    if row is None or row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= clock()):
        return None
    return _principal(row)


async def former_holder(store: Store, token: str) -> Principal | None:
    """Whose a token is or was, also where it no longer works: for the audit log. It lets nobody in."""
    row = await _row(store, token)
    return _principal(row) if row is not None else None


async def list_tokens(store: Store, workspace: str) -> tuple[TokenRow, ...]:
    """All tokens of a workspace, also those that no longer work."""
    return await store.read(lambda tx: tx.tokens(workspace))


async def revoke(store: Store, clock: Clock, workspace: str, token_id: str) -> TokenRow:
    """Stop a token from working, at once. Raises NotFound. Revoking twice keeps the first time."""
    now = clock()

    def work(tx: Writing) -> TokenRow:
        found = next((row for row in tx.tokens(workspace) if row.id == token_id), None)
        if found is None:
            raise NotFound(f"workspace {workspace} has no token {token_id}")
        if found.revoked_at is not None:
            return found
        revoked = msgspec.structs.replace(found, revoked_at=now)
        tx.put_token(revoked)
        return revoked

    return await store.write(work)


async def _row(store: Store, token: str) -> TokenRow | None:
    if not _TOKEN.fullmatch(token):
        return None
    digest = _digest(token)
    return await store.read(lambda tx: tx.token(digest))


def _principal(row: TokenRow) -> Principal:
    return Principal(workspace=row.workspace, user=row.user, role=row.role, via="token")


def _digest(token: str) -> bytes:
    # A plain hash is enough: a token has 256 random bits, there is nothing to guess.
    return sha256(token.encode()).digest()

"""Tokens are shown once, kept as digests, and stop working at once."""

from datetime import timedelta

import pytest

from server.errors import BadInput, NotFound, Unauthenticated
from server.flows import tokens
from server.model import Principal, Role


@pytest.fixture
def store(fakes):
    return fakes.Store()


@pytest.fixture
def clock(fakes):
    return fakes.Clock()


async def test_a_token_says_who_holds_it(store, clock):
    token = await tokens.create(store, clock, "acme", Role.APPROVER, " Ann ")
    assert token.startswith("bh_")
    assert len(token) == 46
    found = await tokens.authenticate(store, clock, f"Bearer {token}")
    assert found == Principal(workspace="acme", user="Ann", role=Role.APPROVER, via="token")
    assert await tokens.authenticate(store, clock, f"bearer   {token} ") == found


async def test_the_store_never_sees_the_token(store, clock):
    token = await tokens.create(store, clock, "acme", Role.AGENT, "Ann")
    [row] = await tokens.list_tokens(store, "acme")
    assert token not in repr(row)
    assert token.removeprefix("bh_").encode() not in row.digest


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer bh_short", "Bearer bh_" + "é" * 43, "Bearer bh_" + "a" * 43],
)
async def test_no_good_token_is_refused_in_the_same_words(store, clock, header):
    with pytest.raises(Unauthenticated) as caught:
        await tokens.authenticate(store, clock, header)
    assert str(caught.value) == "expected a valid token in the header `Authorization: Bearer TOKEN`"


async def test_an_expired_token_is_refused_from_that_very_moment(store, clock):
    token = await tokens.create(store, clock, "acme", Role.AGENT, "Ann", timedelta(hours=1))
    clock.pass_(minutes=59)
    await tokens.authenticate(store, clock, f"Bearer {token}")
    clock.pass_(minutes=1)
    with pytest.raises(Unauthenticated):
        await tokens.authenticate(store, clock, f"Bearer {token}")


async def test_a_revoked_token_is_refused_and_keeps_the_first_time(store, clock, fakes):
    token = await tokens.create(store, clock, "acme", Role.AGENT, "Ann")
    [row] = await tokens.list_tokens(store, "acme")
    assert (await tokens.revoke(store, clock, "acme", row.id)).revoked_at == fakes.NOW
    with pytest.raises(Unauthenticated):
        await tokens.authenticate(store, clock, f"Bearer {token}")
    clock.pass_(hours=1)
    assert (await tokens.revoke(store, clock, "acme", row.id)).revoked_at == fakes.NOW


async def test_a_token_of_another_workspace_cannot_be_revoked(store, clock):
    await tokens.create(store, clock, "acme", Role.AGENT, "Ann")
    [row] = await tokens.list_tokens(store, "acme")
    with pytest.raises(NotFound):
        await tokens.revoke(store, clock, "other", row.id)


@pytest.mark.parametrize("user", ["", "  ", "a" * 201, "a\nb", "a\x1b[31m"])
async def test_a_user_needs_a_printable_name(store, clock, user):
    with pytest.raises(BadInput):
        await tokens.create(store, clock, "acme", Role.AGENT, user)


async def test_a_token_cannot_expire_before_it_is_made(store, clock):
    with pytest.raises(BadInput):
        await tokens.create(store, clock, "acme", Role.AGENT, "Ann", timedelta(0))

"""Whom Zendesk knows: what of a user counts when it is asked who somebody is."""

import json
from datetime import UTC, datetime

import httpx
import pytest
import respx

from connectors.connection import Connection
from connectors.contract import HelpdeskUser, Missing, UserDirectory
from connectors.zendesk import Settings, connect, wire

ROOT = "https://acme.zendesk.com/api/v2"


def user(number=5, **changes):
    """As the API gives a user, with the fields that matter here."""
    return {
        "id": number,
        "name": "Dana Lopez",
        "email": "Dana@Acme.test",
        "role": "agent",
        "verified": True,
        "suspended": False,
        "active": True,
        **changes,
    }


@pytest.fixture
async def zendesk():
    router = respx.Router(assert_all_called=False)
    connection = Connection(
        workspace="acme",
        name="desk",
        clock=lambda: datetime(2026, 11, 23, 12, tzinfo=UTC),
        clients=lambda _: httpx.AsyncClient(transport=httpx.MockTransport(router.async_handler)),
    )
    made = connect(Settings(subdomain="acme", access_token="t"), connection)
    made.router = router
    yield made
    await made.close()


def knows(zendesk, *users, found=None):
    for known in users:
        zendesk.router.get(f"{ROOT}/users/{known['id']}").respond(json={"user": known})
    rows = users if found is None else found
    return zendesk.router.get(f"{ROOT}/users/search").respond(json={"users": list(rows)})


async def test_a_user_is_read(zendesk):
    knows(zendesk, user())
    assert isinstance(zendesk, UserDirectory)
    assert await zendesk.read_person("5") == HelpdeskUser(
        id="5", name="Dana Lopez", email="dana@acme.test", is_email_verified=True, role="agent", is_active=True
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"suspended": True}, {"is_active": False}),
        ({"active": False}, {"is_active": False}),
        ({"active": None, "suspended": None}, {"is_active": True}),
        ({"verified": False}, {"is_email_verified": False}),
        ({"verified": None}, {"is_email_verified": False}),
        ({"role": "end-user"}, {"is_staff": False}),
        ({"role": None}, {"is_staff": False}),
        ({"role": "owner"}, {"is_staff": False}),
        ({"role": "admin"}, {"is_staff": True}),
        ({"email": None}, {"email": ""}),
    ],
    ids=str,
)
async def test_what_counts(zendesk, change, expected):
    knows(zendesk, user(**change))
    found = await zendesk.read_person("5")
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize("number", ["", "me", "5/../6", "-1", "٣", "1" * 21])
async def test_what_is_no_id_is_not_asked_for(zendesk, number):
    with pytest.raises(Missing):
        await zendesk.read_person(number)
    assert not zendesk.router.calls


async def test_a_colleague_is_found_by_address_and_read_anew(zendesk):
    """The search is minutes late: what it says of somebody's role is not believed."""
    demoted = user(role="end-user")
    knows(zendesk, demoted, found=[user()])
    assert await zendesk.find_person("dana@acme.test") is None
    knows(zendesk, user(suspended=True), found=[user()])
    assert not (await zendesk.find_person("Dana@acme.test")).is_active


async def test_only_staff_with_this_very_address_are_found(zendesk):
    search = knows(
        zendesk,
        user(6, email="dana@acme.test.evil.com"),
        user(7, role="end-user"),
        user(8),
    )
    assert (await zendesk.find_person("dana@acme.test")).id == "8"
    assert search.calls.last.request.url.params["query"] == 'email:"dana@acme.test"'


@pytest.mark.parametrize(
    "email", ["", "dana", 'x" role:admin "@acme.test', "dana@acme.test type:user", "*@acme.test\\"]
)
async def test_what_could_mean_more_than_an_address_is_not_searched_for(zendesk, email):
    assert await zendesk.find_person(email) is None
    assert not zendesk.router.calls


def test_the_vendor_s_own_schema_has_the_fields(specs):
    schemas = json.loads((specs / "zendesk" / "python-zendesk-0.3.1.schemas.json").read_text("utf-8"))["schemas"]
    properties = schemas["UserResponse"]["$defs"]["UserObjectUsers"]["properties"]
    assert set(wire.User.__struct_fields__) <= properties.keys()
    kinds = {
        name: {kind.get("type") for kind in properties[name].get("anyOf", [properties[name]])} for name in properties
    }
    for name in ("verified", "suspended", "active"):
        assert "boolean" in kinds[name]

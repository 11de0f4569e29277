"""The whole simulated world: who knows what, and how it is reached without a socket."""

import httpx
import pytest

from server.demo.fake import LOST
from server.demo.world import configuration


async def test_a_host_that_is_not_there_cannot_be_reached(client):
    with pytest.raises(httpx.ConnectError):
        await client.get("http://elsewhere.test/")


async def test_a_lost_answer_is_a_broken_connection(client, world):
    world.zendesk.next_answers(LOST)
    with pytest.raises(httpx.ReadError):
        await client.get("http://desk.world.test/api/v2/users/me")


def test_each_parcel_is_known_to_whoever_follows_its_carrier(world, new_parcel):
    ups, usps = new_parcel("UPS"), new_parcel("USPS")
    assert (list(world.ups.parcels), list(world.easypost.parcels)) == ([ups.number], [usps.number])


def test_every_connection_of_the_configuration_has_a_stand_in(world):
    addresses = {name: f"http://{name}.world.test" for name in world.fakes}
    document = configuration(public_url="", bind="", database="x.db", addresses=addresses)
    connections = document["workspace"]["acme"]["connections"]
    del addresses["people"]  # the sign-in provider is no connection
    assert {name: values["base_url"] for name, values in connections.items()} == addresses

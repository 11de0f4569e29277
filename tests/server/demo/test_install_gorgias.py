"""A Gorgias account is set up by its API, as often as one likes, and found wanting where somebody has changed it."""

import json
from pathlib import Path

import pytest

from connectors.gorgias.integration import events_integration
from server.errors import BadInput
from server.flows import install_gorgias
from server.flows.install_gorgias import widget_template
from sidebar.fields import FIELDS

MANIFESTS = Path(__file__).parents[3] / "manifests" / "gorgias"


@pytest.fixture
def acme(server):
    return server.parts.workspaces["acme"]


def rows(server):
    return [found for found in server.world.gorgias.http.integrations.values() if "sidebar" in str(found)]


async def test_everything_is_made_once_and_then_left_as_it_is(server, acme):
    first = await install_gorgias.install(acme, "inbox")
    assert [found.change for found in first].count("made") >= 2
    again = await install_gorgias.install(acme, "inbox")
    assert {found.change for found in again} == {"as it was"}
    assert [found.id for found in again] == [found.id for found in first]
    assert len(rows(server)) == 1
    assert await install_gorgias.check(acme, "inbox") == []


async def test_what_is_missing_or_was_changed_is_named_and_mended(server, acme):
    assert any("missing" in text for text in await install_gorgias.check(acme, "inbox"))
    await install_gorgias.install(acme, "inbox")
    acme.public_url = "https://moved.example"
    assert any("set up otherwise" in text for text in await install_gorgias.check(acme, "inbox"))
    assert "changed" in {found.change for found in await install_gorgias.install(acme, "inbox")}
    assert await install_gorgias.check(acme, "inbox") == []


async def test_an_integration_that_was_switched_off_is_named_and_switched_on(server, acme):
    await install_gorgias.install(acme, "inbox")
    (found,) = rows(server)
    found.deactivated_at = server.clock()
    assert any("switched off" in text for text in await install_gorgias.check(acme, "inbox"))
    assert "changed" in {placed.change for placed in await install_gorgias.install(acme, "inbox")}
    assert await install_gorgias.check(acme, "inbox") == []


async def test_each_of_the_two_widgets_is_missed(server, acme):
    await install_gorgias.install(acme, "inbox")
    widgets = server.world.gorgias.http.widgets
    assert len(widgets) == 2
    del widgets[max(widgets)]
    assert any("widget" in text for text in await install_gorgias.check(acme, "inbox"))


async def test_only_a_gorgias_connection_can_be_set_up(acme):
    with pytest.raises(BadInput, match="kind gorgias"):
        await install_gorgias.install(acme, "desk")


def test_the_widget_shows_every_field_under_the_name_that_we_answer_with():
    (card,) = widget_template()["widgets"]
    assert card["path"] == "beforehand"
    assert [(row["path"], row["title"]) for row in card["widgets"]] == list(FIELDS.items())


@pytest.mark.usefixtures("specs")
def test_the_widget_has_the_shape_of_the_vendors_example(specs):
    example = json.loads((specs / "gorgias" / "docs" / "widget_example.json").read_text())["template"]

    def shape(found):
        return {"type": found["type"], "keys": set(found) - {"widgets"}, "inner": found.get("widgets", [None])[0]}

    ours, theirs = shape(widget_template()), shape(example)
    while ours["inner"] or theirs["inner"]:
        assert (ours["type"], ours["keys"]) == (theirs["type"], theirs["keys"])
        ours, theirs = shape(ours["inner"]), shape(theirs["inner"])
    assert (ours["type"], ours["keys"]) == (theirs["type"], theirs["keys"])


def test_the_manifests_are_what_the_command_sends():
    widget = json.loads((MANIFESTS / "widget.json").read_text())
    assert widget == {"type": "http", "context": "ticket", "order": 0, "template": widget_template()}
    events, asked = json.loads((MANIFESTS / "integrations.json").read_text())
    place = "WORKSPACE.CONNECTION"
    assert events == events_integration(url=f"https://YOUR-SERVER/webhooks/{place}", secret="YOUR-SECRET")
    url = f"https://YOUR-SERVER/sidebar/gorgias/{place}"
    assert asked == install_gorgias.rows_integration(url=url, secret="YOUR-SECRET")

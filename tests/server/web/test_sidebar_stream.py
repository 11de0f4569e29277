"""What the page asks for once it is open: the stream of sections, and the search."""

import asyncio
import json
from datetime import timedelta

import pytest

from connectors.contract import TimedOut, Unavailable
from connectors.model import Customer, Shipment, ShipmentState
from server.flows import tokens
from server.model import Role
from sidebar.html import SECTIONS


@pytest.fixture
def bearer(parts):
    def header(workspace="acme", connection="desk"):
        token = parts.sessions.open(workspace, connection, "zendesk:901", parts.clock())
        return {"authorization": f"Bearer {token}"}

    return header


@pytest.fixture
def desk(parts):
    return parts.workspaces["acme"].connections["desk"]


def events(answer):
    """The stream as (event, data)."""
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in answer.text.replace("\r\n", "\n").strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((fields["event"], json.loads(fields["data"])))
    return found


async def stream(client, headers, **query):
    return await client.get("/sidebar/zendesk/stream", params=query, headers=headers)


async def test_the_stored_order_comes_first_and_the_end_last(client, bearer, desk):
    desk.hold("7", subject="Where is #1001?")
    found = events(await stream(client, bearer(), ticket="7"))
    names = [name for name, _ in found]
    assert names == ["panel"] * (len(names) - 1) + ["done"]
    assert len(names) >= 4
    first = found[0][1]
    assert tuple(first["sections"]) == SECTIONS
    assert "Order #1001" in first["sections"]["header"]
    assert 'data-ask="cancel"' in first["sections"]["actions"]
    assert first["order"] == {"order": "5001", "shop": "shop"}
    assert sorted(first["waiting"]) == ["Shopify", "Stripe", "UPS", "Zendesk"]
    assert "is being asked" in first["sections"]["sources"]
    last = found[-2][1]
    assert last["waiting"] == []
    assert last["as_of"] == "07:00"
    assert found[-1][1] == {}


async def test_only_what_changed_is_sent_again(client, bearer, desk):
    desk.hold("7", subject="Where is #1001?")
    found = events(await stream(client, bearer(), ticket="7"))
    shown = {}
    for name, data in found:
        if name == "panel":
            assert all(shown.get(key) != text for key, text in data["sections"].items())
            shown |= data["sections"]
    assert "Stripe</strong>" in shown["payments"]
    assert "Arrived at facility" in shown["shipments"]
    assert shown["sources"].count('class="good"') == 4


async def test_a_failing_source_is_said_and_the_rest_is_shown(client, bearer, desk, parts):
    desk.hold("7", subject="Where is #1001?")
    parts.workspaces["acme"].connections["ups"].error = TimedOut("UPS", "too slow")
    parts.workspaces["acme"].connections["stripe"].error = Unavailable("Stripe", "503")
    found = events(await stream(client, bearer(), ticket="7"))
    sources = [data["sections"]["sources"] for name, data in found if name == "panel" and "sources" in data["sections"]]
    assert "<strong>UPS</strong> did not answer in time" in sources[-1]
    assert "<strong>Stripe</strong> has trouble of its own right now" in sources[-1]
    assert "<strong>Shopify</strong> as of 07:00" in sources[-1]


async def test_a_ticket_of_nothing_gets_a_way_out(client, bearer, desk):
    desk.hold("8", subject="Hello")
    found = events(await stream(client, bearer(), ticket="8"))
    assert [name for name, _ in found] == ["panel", "panel", "done"]
    assert found[0][1]["message"].startswith("No order was found for this ticket.")
    assert found[0][1]["sections"]["header"] == ""


async def test_an_unknown_ticket_is_said(client, bearer):
    assert events(await stream(client, bearer(), ticket="404")) == [
        ("failed", {"message": "Zendesk has no ticket 404."}),
        ("done", {}),
    ]


async def test_several_orders_are_offered(client, bearer, desk, parts, fakes):
    parts.store.keep(fakes.order_seen("6001", "#6001"))
    parts.store.keep(fakes.order_seen("6002", "#6002"))
    desk.hold("9", subject="Hello", requester_email="jane@example.com")
    found = events(await stream(client, bearer(), ticket="9"))
    assert found[0][1]["message"] == "Several orders may be meant. Open the right one:"
    assert found[1][0] == "others"
    text = found[1][1]["html"]
    assert text.count('<span class="pill plain">Not fulfilled</span>') == 3  # status before detail
    assert [f'data-order="{number}" data-shop="shop"' in text for number in (5001, 6001, 6002)] == [True] * 3


async def test_a_chosen_order_is_streamed(client, bearer):
    found = events(await stream(client, bearer(), order="5001", shop="shop"))
    assert "Order #1001" in found[0][1]["sections"]["header"]
    assert found[-1] == ("done", {})


async def test_an_order_number_of_two_shops_is_offered(client, bearer, parts, fakes):
    parts.store.keep(fakes.order_seen("7001", "#7"))
    parts.store.keep(fakes.order_seen("7002", "#7"))
    found = events(await stream(client, bearer(), order="#7"))
    assert found[0][0] == "panel"
    assert found[0][1]["others"].count("<details") == 2
    assert found[0][1]["sections"] == {}
    assert found[-1] == ("done", {})


async def test_text_from_outside_stays_text(client, bearer, desk, parts, fakes):
    evil = "</p><script>__xss(1)</script>\ud800"
    parcel = Shipment(
        carrier="ups",
        tracking_number="1Z2",
        tracking_url="javascript:__xss(2)",
        state=ShipmentState.EXCEPTION,
        exception=evil,
    )
    customer = Customer(name=evil)
    parts.store.keep(fakes.order_seen("6666", evil, customer=customer, shipments=(parcel,)))
    found = events(await stream(client, bearer(), order="6666"))
    sections = {}
    for name, data in found:
        if name == "panel":
            sections |= data["sections"]
    assert "&lt;/p&gt;&lt;script&gt;__xss(1)&lt;/script&gt;" in sections["header"]
    assert "&lt;script&gt;" in sections["shipments"]
    assert "<script" not in "".join(sections.values())
    assert "href" not in sections["shipments"]


@pytest.mark.parametrize("query", [{}, {"ticket": "1", "order": "2"}, {"ticket": ""}, {"order": "x" * 300}])
async def test_a_stream_of_nothing_is_a_bad_request(client, bearer, query):
    answer = await stream(client, bearer(), **query)
    assert answer.status_code == 400
    assert answer.json()["status"] == 400


async def test_trouble_with_storage_is_a_sentence(client, bearer, parts):
    parts.store.broken = True
    found = events(await stream(client, bearer(), order="5001"))
    assert found == [
        ("failed", {"message": "Beforehand has trouble of its own right now. Try again in a moment."}),
        ("done", {}),
    ]


async def test_a_mistake_of_ours_is_a_sentence_and_in_the_log(client, bearer, parts, monkeypatch):
    monkeypatch.setattr(parts.store, "read", None)
    found = events(await stream(client, bearer(), order="5001"))
    assert [name for name, _ in found] == ["failed", "done"]
    assert "NoneType" not in found[0][1]["message"]


async def test_whoever_leaves_asks_nobody_any_further(client, bearer, desk, parts):
    ups = parts.workspaces["acme"].connections["ups"]
    ups.gate = asyncio.Event()
    contexts = parts.gathering.stream_order("acme", "5001")
    await anext(contexts)
    await asyncio.sleep(0)
    await contexts.aclose()
    await parts.gathering.close()
    assert len(ups.asked) == ups.cancelled


# --- who --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["stream?ticket=7", "search?q=1001"])
async def test_nobody_is_turned_away_with_a_sentence(client, path):
    for headers in ({}, {"authorization": "Bearer nonsense"}, {"authorization": "Basic YTpi"}):
        answer = await client.get(f"/sidebar/zendesk/{path}", headers=headers)
        assert answer.status_code == 401
        assert answer.json()["detail"] == "Session ended. Reload the app to go on."


async def test_a_session_ends(client, bearer, parts):
    headers = bearer()
    parts.clock.pass_(minutes=29)
    assert (await stream(client, headers, order="5001")).status_code == 200
    parts.clock.pass_(minutes=1)
    assert (await stream(client, headers, order="5001")).status_code == 401


async def test_a_session_is_no_api_token_nor_the_other_way_round(client, parts, bearer):
    assert (await client.get("/v1/orders/acme?q=1001", headers=bearer())).status_code == 401
    token = await tokens.create(parts.store, parts.clock, "acme", Role.ADMIN, "ada")
    headers = {"authorization": f"Bearer {token}"}
    assert (await stream(client, headers, order="5001")).status_code == 401


async def test_a_session_sees_its_own_workspace_only(client, bearer):
    here = events(await stream(client, bearer("acme"), order="8888"))
    assert here[0][0] == "failed"
    there = events(await stream(client, bearer("other"), order="8888", workspace="acme"))
    assert "#8888" in there[0][1]["sections"]["header"]


async def test_a_session_of_a_workspace_that_is_gone_has_ended(client, parts):
    token = parts.sessions.open("gone", "desk", "zendesk:901", parts.clock() + timedelta(minutes=1))
    answer = await stream(client, {"authorization": f"Bearer {token}"}, order="5001")
    assert answer.status_code == 401


# --- search -----------------------------------------------------------------------------------------------------------


async def test_search_offers_what_it_finds(client, bearer):
    answer = await client.get("/sidebar/zendesk/search", params={"q": "#1001"}, headers=bearer())
    found = answer.json()
    assert found["message"] == ""
    assert 'data-order="5001"' in found["candidates"]
    assert "Found by order number" in found["candidates"]


async def test_search_says_when_nothing_matches(client, bearer):
    answer = await client.get("/sidebar/zendesk/search", params={"q": "#9999"}, headers=bearer())
    assert answer.json() == {
        "message": "Nothing matches. Try the order number, the customer's e-mail address, a phone or tracking number.",
        "candidates": "",
    }


async def test_search_says_who_could_not_be_asked(client, bearer, parts):
    parts.workspaces["acme"].connections["shop"].error = TimedOut("Shopify", "too slow")
    answer = await client.get("/sidebar/zendesk/search", params={"q": "#9999"}, headers=bearer())
    assert answer.json()["message"].endswith("Shopify did not answer in time")


async def test_search_for_nothing_is_a_bad_request(client, bearer):
    assert (await client.get("/sidebar/zendesk/search?q=", headers=bearer())).status_code == 400


async def test_one_source_alone_is_asked_again(client, bearer, desk, parts):
    desk.hold("7", subject="Where is #1001?")
    await stream(client, bearer(), ticket="7")
    found = events(await stream(client, bearer(), ticket="7", source="ups"))
    panels = [data for name, data in found if name == "panel"]
    assert panels[0]["waiting"] == ["UPS"]
    shown = {}
    for data in panels:
        shown |= data["sections"]
    assert "<strong>UPS</strong> as of 07:00" in shown["sources"]
    assert "<strong>Stripe</strong> not asked yet" in shown["sources"]
    assert [name for name, _ in found if name == "others"] == []


async def test_sections_say_whom_they_wait_for(client, bearer, desk):
    desk.hold("7", subject="Where is #1001?")
    first = events(await stream(client, bearer(), ticket="7"))[0][1]["sections"]
    assert "asking Shopify" in first["header"]
    assert "asking Stripe" in first["payments"]
    assert "asking UPS" in first["shipments"]


async def test_other_orders_of_the_customer_come_after_the_first_panel(client, bearer, parts, fakes):
    parts.store.keep(fakes.order_seen("6001", "#6001"))
    found = events(await stream(client, bearer(), order="5001", shop="shop"))
    assert [name for name, _ in found][:2] == ["panel", "others"]
    assert 'data-order="6001"' in found[1][1]["html"]
    assert 'data-order="5001"' not in found[1][1]["html"]
    alone = events(await stream(client, bearer(), order="5001", shop="shop", alone="1"))
    assert "others" not in [name for name, _ in alone]


async def test_the_panel_answers_on_our_own_pages_too(client, bearer):
    answer = await client.get("/panel/stream", params={"order": "5001"}, headers=bearer(connection=""))
    assert "Order #1001" in events(answer)[0][1]["sections"]["header"]
    assert (await client.get("/panel/stream", params={"order": "5001"})).status_code == 401
    assert (await client.get("/panel/search", params={"q": "#1001"}, headers=bearer())).status_code == 200

"""The API answers what DESIGN promises, to whom it may, and says what is wrong in problem documents."""

import asyncio

import pytest

from connectors.contract import Unavailable
from server.model import Issue, IssueState, Kind, Principal, Role, Severity, TicketLink
from server.rules.policy_reading import parse_policy

CONTEXT = "/v1/orders/acme/1001/context"


@pytest.mark.parametrize("reference", ["5001", "%231001", "1001", "1Z00001", "%20%231001", "1z%2000001"])
async def test_an_order_is_reached_by_any_of_its_names(client, bearer, reference):
    answer = await client.get(f"/v1/orders/acme/{reference}/context?live=false", headers=bearer.agent)
    assert answer.status_code == 200
    assert answer.json()["order"]["id"] == "5001"


@pytest.mark.parametrize("name", ["A/1", "A/1/context", "Bestellung-Ä7", "50%", "a?b", "..x", "a+b c"])
async def test_a_name_may_hold_any_character(client, parts, bearer, fakes, name):
    from urllib.parse import quote

    parts.store.keep(fakes.order_seen("6001", name))
    answer = await client.get(f"/v1/orders/acme/{quote(name, safe='')}/context?live=false", headers=bearer.agent)
    assert answer.status_code == 200
    assert answer.json()["order"]["name"] == name


async def test_the_live_context_has_every_part(client, bearer):
    answer = await client.get(CONTEXT, headers=bearer.agent)
    found = answer.json()
    assert found["order"]["total"] == "50.00"
    assert found["order"]["currency"] == "USD"
    assert [payment["captured"] for payment in found["payments"]] == ["50.00"]
    assert [scan["text"] for scan in found["shipments"][0]["scans"]] == ["Arrived at facility"]
    assert {source["connection"]: source["status"] for source in found["sources"]} == {
        "shop": "ok",
        "stripe": "ok",
        "ups": "ok",
        "desk": "ok",
    }
    parts_of_it = {"customer", "promise", "signals", "issues", "contacts", "notifications", "approvals", "actions"}
    assert parts_of_it <= set(found)
    assert answer.headers["cache-control"] == "no-store"


async def test_a_failing_source_is_a_200_that_says_so(client, parts, bearer):
    parts.workspaces["acme"].connections["stripe"].error = Unavailable("Stripe", "500")
    answer = await client.get(CONTEXT, headers=bearer.agent)
    assert answer.status_code == 200
    [stripe] = [source for source in answer.json()["sources"] if source["connection"] == "stripe"]
    assert (stripe["status"], stripe["error"]) == ("error", "Stripe has trouble of its own right now")


@pytest.mark.parametrize("wait", ["nan", "NaN", "inf", "-1", "-0.1", "abc", "", "1e999", "٣", "0x10"])
async def test_a_wait_that_is_no_time_is_a_400(client, bearer, wait):
    answer = await client.get(CONTEXT, params={"wait": wait}, headers=bearer.agent)
    assert answer.status_code == 400
    assert answer.json() == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "wait: expected a number of seconds from 0 to 10",
        "instance": "/v1/orders",
    }


@pytest.mark.parametrize("wait", ["0", "0.5", "10", "99", "1e3"])
async def test_a_wait_is_taken_and_capped(client, bearer, wait):
    answer = await client.get(CONTEXT, params={"wait": wait}, headers=bearer.agent)
    assert answer.status_code == 200


@pytest.mark.parametrize("live", ["maybe", "", "2", "nein"])
async def test_live_is_true_or_false(client, bearer, live):
    answer = await client.get(CONTEXT, params={"live": live}, headers=bearer.agent)
    assert (answer.status_code, answer.json()["detail"]) == (400, "live: expected true or false")


@pytest.mark.parametrize(
    "path",
    [
        CONTEXT,
        "/v1/orders/acme?q=1001",
        "/v1/tickets/acme/desk/77/context",
        "/v1/issues/acme",
        "/v1/signals/acme",
        "/v1/orders/nowhere/1001/context",
    ],
)
async def test_every_route_wants_a_token(client, path):
    for headers in ({}, {"authorization": "Bearer nonsense"}, {"authorization": "Basic YTpi"}):
        answer = await client.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"


async def test_what_is_not_ours_cannot_be_told_from_what_does_not_exist(client, bearer):
    foreign_order = await client.get("/v1/orders/acme/8888/context", headers=bearer.agent)
    unknown_order = await client.get("/v1/orders/acme/9999/context", headers=bearer.agent)
    foreign_workspace = await client.get("/v1/orders/other/8888/context", headers=bearer.agent)
    unknown_workspace = await client.get("/v1/orders/nowhere/8888/context", headers=bearer.agent)
    ours_for_them = await client.get(CONTEXT, headers=bearer.other)
    answers = [foreign_order, unknown_order, foreign_workspace, unknown_workspace, ours_for_them]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1


@pytest.mark.parametrize("path", ["/v1/orders/other?q=a", "/v1/issues/other", "/v1/signals/other"])
async def test_lists_of_another_workspace_are_not_there(client, bearer, path):
    answer = await client.get(path, headers=bearer.agent)
    assert answer.status_code == 404
    assert answer.json()["detail"] == "Nothing here matches, or it is not yours to see"


async def test_a_session_of_the_sidebar_is_taken_too(client, parts):
    async def sessions(credential):
        if credential == "session":
            return Principal(workspace="acme", user="Ann", role=Role.AGENT, via="desk")
        return None

    parts.authenticators.append(sessions)
    answer = await client.get(CONTEXT, headers={"authorization": "Bearer session"})
    assert answer.status_code == 200
    answer = await client.get(CONTEXT, headers={"authorization": "Bearer other"})
    assert answer.status_code == 401


async def test_a_ticket_leads_to_its_order(client, parts, bearer):
    parts.workspaces["acme"].connections["desk"].hold("77", subject="#1001", requester_email="jane@example.com")
    answer = await client.get("/v1/tickets/acme/desk/77/context", headers=bearer.agent)
    found = answer.json()
    assert (found["order"]["id"], found["matched_by"]) == ("5001", "order number in the subject")


async def test_an_unknown_ticket_is_a_404(client, bearer):
    answer = await client.get("/v1/tickets/acme/desk/404/context", headers=bearer.agent)
    assert answer.status_code == 404


async def test_search_finds_and_says_by_what(client, bearer):
    answer = await client.get("/v1/orders/acme", params={"q": "Jane@Example.com"}, headers=bearer.agent)
    assert answer.status_code == 200
    assert [(o["order_id"], o["match"]) for o in answer.json()["orders"]] == [("5001", "e-mail")]
    assert answer.json()["sources"] == []


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20", "?q=" + "a" * 201])
async def test_search_wants_something_to_look_for(client, bearer, query):
    answer = await client.get(f"/v1/orders/acme{query}", headers=bearer.agent)
    assert (answer.status_code, answer.json()["detail"]) == (400, "q: expected 1 to 200 characters")


async def test_two_orders_of_one_name_are_a_409_with_candidates(client, parts, bearer, fakes):
    parts.store.keep(fakes.order_seen("7001", "#1001", source="shop"), shop="shop")
    answer = await client.get(CONTEXT, headers=bearer.agent)
    assert answer.status_code == 409
    assert {candidate["order_id"] for candidate in answer.json()["candidates"]} == {"5001", "7001"}


async def test_an_unknown_order_with_a_silent_shop_says_that_the_shop_was_not_heard(client, parts, bearer):
    parts.workspaces["acme"].connections["shop"].gate = asyncio.Event()
    answer = await client.get("/v1/orders/acme/4711/context?wait=0.02", headers=bearer.agent)
    assert answer.status_code == 404
    assert "Shopify did not answer in time" in answer.json()["detail"]
    assert [source["status"] for source in answer.json()["sources"]] == ["timeout"]


async def test_issues_are_listed_open_ones_first_of_all(client, parts, bearer, fakes):
    [key] = parts.store.find("acme", parts.store.names[next(iter(parts.store.names))])
    common = {
        "order": key,
        "kind": Kind.TRACKING_STALLED,
        "severity": Severity.HIGH,
        "headline": "has had no carrier scan for 48 hours",
        "since": fakes.NOW,
        "opened_at": fakes.NOW,
    }
    link = TicketLink(connection="desk", ticket_id="77", url="https://acme.zendesk.com/agent/tickets/77")
    parts.store.issue_list += [
        Issue(id="a", state=IssueState.OPEN, ticket=link, **common),
        Issue(id="b", state=IssueState.SOLVED, solved_at=fakes.NOW, **common),
    ]
    open_ones = (await client.get("/v1/issues/acme", headers=bearer.agent)).json()["issues"]
    assert open_ones == [
        {
            "id": "a",
            "kind": "tracking_stalled",
            "state": "open",
            "severity": "high",
            "headline": "has had no carrier scan for 48 hours",
            "reasons": [],
            "since": "2026-11-23T12:00:00Z",
            "deadline": None,
            "opened_at": "2026-11-23T12:00:00Z",
            "solved_at": None,
            "order": "5001",
            "ticket": {
                "connection": "desk",
                "id": "77",
                "url": "https://acme.zendesk.com/agent/tickets/77",
                "is_ours": True,
            },
            "dry_run": False,
            "incident": "",
            "owner": "",
            "team": None,
            "outcome": None,
        }
    ]
    every = (await client.get("/v1/issues/acme?state=all", headers=bearer.agent)).json()["issues"]
    assert [found["id"] for found in every] == ["a", "b"]
    few = (await client.get("/v1/issues/acme?state=all&limit=1", headers=bearer.agent)).json()["issues"]
    assert [found["id"] for found in few] == ["a"]


async def test_issues_and_signals_say_whose_they_are(client, parts, bearer, fakes):
    parts.workspaces["acme"].policy = parse_policy(
        {
            "teams": {"logistics": {"group": "36", "slack": "#logistics"}},
            "detectors": {"tracking_stalled": {"owner": "logistics"}},
        },
        parts.workspaces["acme"].timezone,
    )
    stalled = fakes.parcel_seen(at=fakes.NOW)
    parts.clock.pass_(days=20)
    key = parts.store.keep(stalled_order(fakes), stalled)
    parts.store.due = (key,)
    parts.store.issue_list.append(
        Issue(
            id="a",
            state=IssueState.OPEN,
            order=key,
            kind=Kind.TRACKING_STALLED,
            severity=Severity.HIGH,
            headline="has had no carrier scan",
            since=fakes.NOW,
            opened_at=fakes.NOW,
        )
    )
    team = {"name": "logistics", "group": "36", "slack": "#logistics", "email": ""}
    (issue,) = (await client.get("/v1/issues/acme", headers=bearer.agent)).json()["issues"]
    assert (issue["owner"], issue["team"]) == ("logistics", team)
    signals = [s["signal"] for s in (await client.get("/v1/signals/acme", headers=bearer.agent)).json()["signals"]]
    assert {s["kind"]: (s["owner"], s["team"]) for s in signals}["tracking_stalled"] == ("logistics", team)
    context = (await client.get("/v1/orders/acme/1001/context?live=false", headers=bearer.agent)).json()
    assert [found["owner"] for found in context["issues"]] == ["logistics"]


@pytest.mark.parametrize("query", ["state=closed", "limit=0", "limit=-1", "limit=x", "limit=1000000000"])
async def test_a_list_refuses_what_it_does_not_know(client, bearer, query):
    answer = await client.get(f"/v1/issues/acme?{query}", headers=bearer.agent)
    assert answer.status_code == 400


async def test_signals_are_those_of_orders_that_are_due_as_they_stand(client, parts, bearer, fakes):
    stalled = fakes.parcel_seen(at=fakes.NOW)
    parts.clock.pass_(days=20)
    key = parts.store.keep(stalled_order(fakes), stalled)
    parts.store.due = (key,)
    answer = await client.get("/v1/signals/acme", headers=bearer.agent)
    [found] = [s for s in answer.json()["signals"] if s["signal"]["kind"] == "tracking_stalled"]
    assert (found["order"], found["order_name"], found["shop"]) == ("5001", "#1001", "shop")


def stalled_order(fakes):
    return fakes.order_seen(fulfillment_state="fulfilled")

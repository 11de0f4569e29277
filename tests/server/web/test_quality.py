"""`GET /v1/quality/{workspace}`: who may read it, what it asks for, what it answers."""

from datetime import timedelta

import pytest

from server.model import Issue, IssueState, Kind, OrderKey, Outcome, PromiseEnd, Severity

KINDS = {
    "kind": "tracking_stalled",
    "opened": 1,
    "open": 0,
    "known": 1,
    "precision": 1.0,
    "median_lead_hours": 48.0,
    "median_lead_before_contact_hours": 24.0,
    "contacts": 1,
    "contacts_preceded": 1.0,
    "solved_untouched": 1.0,
    "dry_run": 1,
    "dry_run_precision": None,
}


@pytest.fixture
def two_issues(parts, fakes):
    """One that was right, one of a dry run; both opened ten days ago."""
    opened_at = fakes.NOW - timedelta(days=10)
    common = {
        "order": OrderKey("acme", "shop", "5001"),
        "kind": Kind.TRACKING_STALLED,
        "severity": Severity.NORMAL,
        "headline": "has had no carrier scan for 48 hours",
        "since": opened_at,
        "opened_at": opened_at,
    }
    outcome = Outcome(
        promise=PromiseEnd.MISSED,
        promised_by=opened_at + timedelta(days=2),
        came_true=True,
        customer_wrote_at=opened_at + timedelta(days=1),
        by_person=False,
    )
    parts.store.issue_list += [
        Issue(id="a", state=IssueState.SOLVED, solved_at=fakes.NOW, outcome=outcome, **common),
        Issue(id="b", state=IssueState.OPEN, dry_run=True, **common),
    ]


@pytest.mark.usefixtures("two_issues")
async def test_an_agent_reads_the_quality_by_kind_and_in_total(client, bearer):
    answer = await client.get("/v1/quality/acme", headers=bearer.agent)
    assert answer.status_code == 200
    assert answer.json() == {
        "since": "2026-08-25T12:00:00Z",
        "until": "2026-11-23T12:00:00Z",
        "total": KINDS | {"kind": ""},
        "kinds": [KINDS],
    }


@pytest.mark.usefixtures("two_issues")
async def test_the_period_may_be_chosen(client, bearer):
    answer = await client.get("/v1/quality/acme?days=9", headers=bearer.agent)
    assert (answer.json()["total"]["opened"], answer.json()["kinds"]) == (0, [])


@pytest.mark.parametrize("days", ["0", "-1", "731", "x", "1.5", ""])
async def test_a_period_that_cannot_be_is_refused_with_what_was_expected(client, bearer, days):
    answer = await client.get(f"/v1/quality/acme?days={days}", headers=bearer.agent)
    assert answer.status_code == 400
    assert answer.json()["detail"] == "days: expected a whole number from 1 to 730"


async def test_it_is_for_the_workspace_only(client, bearer):
    assert (await client.get("/v1/quality/acme")).status_code == 401
    assert (await client.get("/v1/quality/acme", headers=bearer.other)).status_code == 404
    assert (await client.get("/v1/quality/nowhere", headers=bearer.agent)).status_code == 404


async def test_a_store_in_trouble_is_said_as_such(client, parts, bearer):
    headers = bearer.agent
    parts.store.broken = True
    answer = await client.get("/v1/quality/acme", headers=headers)
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)


@pytest.mark.usefixtures("two_issues")
async def test_issues_tell_of_dry_runs_and_how_they_ended(client, bearer):
    found = (await client.get("/v1/issues/acme?state=all", headers=bearer.agent)).json()["issues"]
    assert [(issue["dry_run"], issue["outcome"]) for issue in found] == [
        (
            False,
            {
                "promise": "missed",
                "came_true": True,
                "customer_wrote": "after",
                "customer_wrote_at": "2026-11-14T12:00:00Z",
                "solved_by": "nobody",
            },
        ),
        (True, None),
    ]


async def test_it_is_described_for_machines(client):
    described = (await client.get("/schema/openapi.json")).json()
    operation = described["paths"]["/v1/quality/{workspace}"]["get"]
    assert {parameter["name"] for parameter in operation["parameters"]} == {"workspace", "days"}
    assert {"200", "400", "401", "404", "503"} <= operation["responses"].keys()
    assert {"precision", "contacts_preceded", "solved_untouched"} <= described["components"]["schemas"]["KindQuality"][
        "properties"
    ].keys()

"""Who looks at a panel, and what they may decide: found out beside the order, never before it."""

import asyncio
from zoneinfo import ZoneInfo

import msgspec
import pytest

from server.approval_model import Person
from server.errors import Forbidden, NotFound
from server.flows.viewing import UNKNOWN, Viewing
from server.model import Principal, Role
from server.rules.policy_reading import load_policy
from tests.server.flows.drawing import changed, context
from tests.server.flows.test_draw_approvals import REQUEST

ROBIN = Principal(workspace="acme", user="zendesk:901", role=Role.AGENT, via="desk")


class Directory:
    def __init__(self, person="robin", error=None):
        self.found = Person(id=person, name=person, role=Role.AGENT)
        self.error = error

    async def person(self, principal, *, is_fresh=False):
        if self.error:
            raise self.error
        return self.found


class Asked(msgspec.Struct):
    id: str
    version: int
    requester: Person


class Approvals:
    def __init__(self, reason="", error=None, gate=None):
        self.reason, self.error, self.gate, self.reads = reason, error, gate, 0

    async def read(self, principal, request_id):
        self.reads += 1
        if self.gate:
            await self.gate.wait()
        if self.error:
            raise self.error
        return Asked(request_id, 3, Person(id="robin", name="Robin", role=Role.AGENT))

    async def why_not(self, principal, request):
        return self.reason


@pytest.fixture
def viewing():
    made = []

    def make(approvals, directory=None):
        policy = load_policy(None, ZoneInfo("UTC"), None)
        made.append(Viewing(approvals, directory or Directory(), policy, ROBIN))
        return made[-1]

    yield make
    for one in made:
        one.cancel()


async def seen(found, **facts):
    found.look_at(context(approvals=[changed(REQUEST, **facts)]))
    await found.settle(1)
    return found.viewer


async def test_whoever_asked_is_told_apart_from_whoever_may_decide(viewing):
    own = await seen(viewing(Approvals("Somebody else has to decide.")))
    assert own.own == {"r1"}
    assert own.why_not == {("r1", 3): "Somebody else has to decide."}
    other = await seen(viewing(Approvals(), Directory("dana")))
    assert (other.own, other.why_not) == (frozenset(), {("r1", 3): ""})


async def test_nobody_is_asked_about_what_is_over_or_twice(viewing):
    approvals = Approvals()
    found = viewing(approvals)
    await seen(found, state="executed")
    assert approvals.reads == 0
    await seen(found)
    await seen(found)
    assert approvals.reads == 1


async def test_a_slow_answer_is_not_waited_for(viewing):
    gate = asyncio.Event()
    found = viewing(Approvals(gate=gate))
    found.look_at(context(approvals=[REQUEST]))
    await found.settle(0.01)
    assert found.viewer.why_not == {}
    gate.set()
    await found.settle(1)
    assert found.viewer.why_not == {("r1", 3): ""}


@pytest.mark.parametrize(
    ("error", "said"), [(NotFound("no such request"), "no such request"), (RuntimeError("x"), UNKNOWN)]
)
async def test_what_cannot_be_found_out_lets_nobody_decide(viewing, error, said):
    assert (await seen(viewing(Approvals(error=error)))).why_not == {("r1", 3): said}


@pytest.mark.parametrize("error", [Forbidden("They no longer work here"), RuntimeError("x")])
async def test_somebody_unknown_owns_nothing(viewing, error):
    assert (await seen(viewing(Approvals("No."), Directory(error=error)))).own == frozenset()

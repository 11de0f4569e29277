"""Who somebody is: one person, whatever way they came; never more than they may; and what is said when it is unsure."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from connectors.contract import Denied, HelpdeskUser, Missing, TimedOut, UserDirectory
from server.approval_model import Person
from server.demo.clock import StoppedClock
from server.demo.world import World
from server.demo.world import configuration as world_configuration
from server.errors import Forbidden, NotFound, NotNow
from server.flows.directory import REMEMBERED, Directory
from server.model import Principal, Role
from server.rules.policy import Colleague
from server.settings import parse
from server.workspaces import connect_all
from tests.server.conftest import FakeDesk, FakeSource, make_workspace

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DANA = Colleague(
    id="dana", name="Dana Cole", email="Dana@Acme.test", role=Role.APPROVER, identities=("desk:9001", "chat:U02DANA")
)


class Desk(FakeDesk):
    """A helpdesk that says who its users are."""

    def __init__(self, *users):
        super().__init__("Zendesk")
        self.users = {user.id: user for user in users}

    async def read_person(self, user_id):
        await self._answer(("person", user_id))
        if user_id not in self.users:
            raise Missing(self.system, "no such user")
        return self.users[user_id]

    async def find_person(self, email):
        await self._answer(("email", email))
        return next((user for user in self.users.values() if user.email == email and user.is_staff), None)


def user(number="9001", email="dana@acme.test", role="agent", **facts):
    facts = {"name": f"User of {email}", "is_email_verified": True, **facts}
    return HelpdeskUser(id=number, email=email, role=role, **facts)


def directory(desk=None, people=(), *, clock=None, **policy):
    workspace = make_workspace("acme", desk=desk or Desk(), chat=FakeSource("Slack"), inbox=FakeDesk("Gorgias"))
    people = {person.id: person for person in people}
    workspace.policy = msgspec.structs.replace(workspace.policy, people=people, **policy)
    return Directory({"acme": workspace}, clock or StoppedClock(NOW))


def by_desk(number="9001"):
    return Principal(workspace="acme", user=f"zendesk:{number}", role=Role.AGENT, via="desk")


def by_sign_in(email="dana@acme.test"):
    return Principal(workspace="acme", user=f"email:{email}", role=Role.AGENT, via="sign_in")


def by_token(name="dana", role=Role.ADMIN):
    return Principal(workspace="acme", user=name, role=role, via="token")


def by_chat(member="U02DANA"):
    return Principal(workspace="acme", user=f"slack:{member}", role=Role.AGENT, via="chat")


# --- whom the policy names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "principal",
    [
        by_desk(),
        by_desk("42"),
        by_sign_in(),
        by_sign_in("DANA@acme.test"),
        by_chat(),
        by_token(),
        by_token("dana@acme.test"),
    ],
)
async def test_every_way_in_leads_to_the_same_person(principal):
    found = await directory(Desk(user(), user("42")), [DANA]).person(principal, is_fresh=True)
    assert (found.id, found.name, found.role, found.via) == ("dana", "Dana Cole", Role.APPROVER, principal.via)


@pytest.mark.parametrize(
    ("token", "policy", "expected"),
    [
        (Role.ADMIN, Role.APPROVER, Role.APPROVER),
        (Role.AGENT, Role.APPROVER, Role.AGENT),
        (Role.APPROVER, Role.ADMIN, Role.APPROVER),
        (Role.ADMIN, Role.AGENT, Role.AGENT),
    ],
)
@pytest.mark.parametrize("name", ["dana", "dana@acme.test", "robot"])
async def test_a_token_gives_the_lower_of_both_roles(token, policy, expected, name):
    people = [msgspec.structs.replace(DANA, role=policy, identities=("token:robot",))]
    found = await directory(people=people).person(by_token(name, token), is_fresh=True)
    assert (found.id, found.role) == ("dana", expected)


async def test_a_token_of_nobody_in_the_policy_keeps_its_role():
    found = await directory(people=[DANA]).person(by_token("ops", Role.ADMIN), is_fresh=True)
    assert found == Person(id="token:ops", name="ops", role=Role.ADMIN, via="token")


async def test_an_address_that_the_helpdesk_has_not_verified_gives_no_role_but_is_not_a_second_person():
    unsure = user("42", is_email_verified=False)
    made = directory(Desk(unsure), [DANA])
    in_the_sidebar, signed_in = await made.person(by_desk("42")), await made.person(by_sign_in())
    assert (in_the_sidebar.id, in_the_sidebar.role, in_the_sidebar.email) == ("desk:42", Role.AGENT, "")
    assert signed_in.role is Role.APPROVER
    assert in_the_sidebar.is_same_as(signed_in)


@pytest.mark.parametrize("principal", [by_desk("42"), by_token("dana@acme.test")])
async def test_a_way_in_that_the_policy_does_not_know_gives_nobody_more_than_the_policy(principal):
    """An admin of the helpdesk, or a token, of somebody who may only ask by the policy."""
    dana = msgspec.structs.replace(DANA, role=Role.AGENT, email="", identities=("desk:42x", "email:dana@acme.test"))
    unsure = user("42", role="admin", is_email_verified=False)
    assert (await directory(Desk(unsure), []).person(principal)).role.rank >= Role.APPROVER.rank
    assert (await directory(Desk(unsure), [dana]).person(principal)).role is Role.AGENT


async def test_somebody_of_a_chat_must_be_named():
    with pytest.raises(Forbidden, match=r"U99 of Slack is nobody whom the policy names.*`chat:U99`"):
        await directory(people=[DANA]).person(by_chat("U99"))


async def test_what_was_written_down_before_the_policy_named_them_is_still_theirs():
    desk = Desk(user("9001", email="other@acme.test"))
    before = await directory(desk).person(by_desk(), is_fresh=True)
    after = await directory(desk, [DANA]).person(by_chat(), is_fresh=True)
    assert (before.id, after.id) == ("desk:9001", "dana")
    assert before.is_same_as(after)
    assert after.is_same_as(before)


# --- whom only the helpdesk knows -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "admins_approve", "expected"),
    [("admin", True, Role.APPROVER), ("admin", False, Role.AGENT), ("agent", True, Role.AGENT)],
)
@pytest.mark.parametrize("principal", [by_desk(), by_sign_in()])
async def test_what_helpdesk_staff_may_do(role, admins_approve, expected, principal):
    made = directory(Desk(user(role=role)), helpdesk_admins_approve=admins_approve)
    found = await made.person(principal, is_fresh=True)
    assert (found.id, found.role, found.email) == ("desk:9001", expected, "dana@acme.test")


async def test_the_policy_s_role_counts_for_whom_it_names():
    people = [msgspec.structs.replace(DANA, role=Role.AGENT)]
    assert (await directory(Desk(user(role="admin")), people).person(by_desk())).role is Role.AGENT


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (user(role="end-user"), "is a customer in Zendesk"),
        (user(role=""), "is a customer in Zendesk"),
        (user(role="admin", is_active=False), "no longer works in Zendesk"),
    ],
)
@pytest.mark.parametrize("people", [[], [DANA]])
@pytest.mark.parametrize("is_fresh", [True, False])
async def test_customers_and_those_who_were_suspended_may_do_nothing(found, said, people, is_fresh):
    with pytest.raises(Forbidden, match=said):
        await directory(Desk(found), people).person(by_desk(), is_fresh=is_fresh)


async def test_a_suspended_agent_does_not_come_in_by_our_own_pages():
    with pytest.raises(Forbidden, match="no longer works in Zendesk"):
        await directory(Desk(user(is_active=False))).person(by_sign_in())


async def test_who_is_out_is_remembered_until_they_are_in_again():
    desk = Desk(user())
    made = directory(desk)
    await made.person(by_desk())
    assert made.barred(by_desk()) == ""
    desk.users["9001"] = user(is_active=False)
    with pytest.raises(Forbidden):
        await made.person(by_desk(), is_fresh=True)
    assert "no longer works in Zendesk" in made.barred(by_desk())
    assert made.barred(by_sign_in()) == made.barred(by_desk("9002")) == ""
    desk.users["9001"] = user()
    await made.person(by_desk(), is_fresh=True)
    assert made.barred(by_desk()) == ""


async def test_whom_the_helpdesk_does_not_know_may_do_nothing():
    with pytest.raises(Forbidden, match="Zendesk does not know this user"):
        await directory(Desk()).person(by_desk("7"))


async def test_an_address_of_nobody_in_particular_is_an_agent():
    customer = user(role="end-user", email="sam@acme.test")
    found = await directory(Desk(customer)).person(by_sign_in("sam@acme.test"), is_fresh=True)
    assert found == Person(
        id="email:sam@acme.test", name="sam@acme.test", role=Role.AGENT, email="sam@acme.test", via="sign_in"
    )


async def test_a_helpdesk_that_tells_nothing_of_its_users_vouches_for_agents():
    principal = Principal(workspace="acme", user="gorgias:12", role=Role.ADMIN, via="inbox")
    assert await directory().person(principal) == Person(id="inbox:12", name="inbox:12", role=Role.AGENT, via="inbox")


async def test_nobody_is_in_a_workspace_that_is_not_there():
    with pytest.raises(NotFound):
        await directory().person(msgspec.structs.replace(by_desk(), workspace="other"))


# --- when the helpdesk is asked ---------------------------------------------------------------------------------------


async def test_a_role_that_was_taken_away_is_seen_at_the_decision():
    desk = Desk(user(role="admin"))
    made = directory(desk)
    assert (await made.person(by_desk())).role is Role.APPROVER
    desk.users["9001"] = user(role="agent")
    assert (await made.person(by_desk())).role is Role.APPROVER
    assert (await made.person(by_desk(), is_fresh=True)).role is Role.AGENT
    assert (await made.person(by_desk())).role is Role.AGENT


async def test_an_answer_is_used_for_a_minute():
    desk, clock = Desk(user()), StoppedClock(NOW)
    made = directory(desk, clock=clock)
    for _ in range(5):
        await made.person(by_desk())
    assert len(desk.asked) == 1
    clock.advance(REMEMBERED)
    await made.person(by_desk())
    assert len(desk.asked) == 2


@pytest.mark.parametrize("error", [TimedOut("Zendesk", "slow"), Denied("Zendesk", "401")])
@pytest.mark.parametrize("principal", [by_desk(), by_sign_in("sam@acme.test")])
async def test_at_a_decision_a_silent_helpdesk_stops_it(error, principal):
    desk = Desk(user())
    made = directory(desk, [DANA])
    await made.person(principal)
    desk.error = error
    with pytest.raises(NotNow, match=r"Nothing was decided: Zendesk has to confirm .* \(.*\)\. Try again"):
        await made.person(principal, is_fresh=True)


async def test_while_looking_a_silent_helpdesk_leaves_an_agent():
    desk, clock = Desk(user(role="admin")), StoppedClock(NOW)
    desk.error = TimedOut("Zendesk", "slow")
    made = directory(desk, clock=clock)
    assert (await made.person(by_desk())).role is Role.AGENT
    desk.error = None
    assert (await made.person(by_desk())).role is Role.APPROVER
    desk.error = TimedOut("Zendesk", "slow")
    clock.advance(timedelta(hours=1))
    assert (await made.person(by_desk())).role is Role.APPROVER


async def test_with_the_real_connector(tmp_path):
    world = World(StoppedClock(NOW))
    document = world_configuration(
        public_url="http://127.0.0.1:8080",
        bind="127.0.0.1:8080",
        database=tmp_path / "b.db",
        addresses={name: f"http://{name}.world.test" for name in world.fakes},
    )
    (tmp_path / "policy.toml").write_text("", "utf-8")
    workspaces = connect_all(parse(document, tmp_path, {}), clock=world.clock, clients=world.clients)
    made = Directory(workspaces, world.clock)
    robin = world.zendesk.desk.users[901]
    assert isinstance(workspaces["acme"].connections["desk"], UserDirectory)
    found = await made.person(by_desk("901"), is_fresh=True)
    assert (found.id, found.name, found.role, found.email) == ("desk:901", robin.name, Role.AGENT, robin.email)
    signed_in = await made.person(by_sign_in(robin.email), is_fresh=True)
    assert signed_in.id == "desk:901"
    world.zendesk.desk.users[901] = replace(robin, role="admin")
    assert (await made.person(by_sign_in(robin.email), is_fresh=True)).role is Role.APPROVER
    world.zendesk.desk.users[901] = replace(robin, verified=False)
    assert (await made.person(by_desk("901"), is_fresh=True)).email == ""
    world.zendesk.desk.users[901] = replace(robin, suspended=True)
    for principal in (by_desk("901"), by_sign_in(robin.email)):
        with pytest.raises(Forbidden, match="no longer works in Zendesk"):
            await made.person(principal, is_fresh=True)
    for workspace in workspaces.values():
        await workspace.close()


# --- two ways in never make two people --------------------------------------------------------------------------------


@dataclass
class Human:
    """One human being, with the ways in that they have; *clues* is what connects them, by our own reckoning."""

    number: int
    works_in_helpdesk: bool
    helpdesk_email: str
    is_verified: bool
    role: str
    named: bool
    listed: frozenset
    policy_email: str
    ways: list = field(default_factory=list)

    def user(self):
        facts = {"email": self.helpdesk_email, "role": self.role, "is_email_verified": self.is_verified}
        return HelpdeskUser(id=str(self.number), name=f"H{self.number}", **facts)

    def colleague(self):
        named = f"person{self.number}"
        return Colleague(id=named, email=self.policy_email, role=Role.APPROVER, identities=tuple(sorted(self.listed)))


@some.composite
def humans(draw):
    found = []
    for number in range(1, draw(some.integers(1, 3)) + 1):
        addresses = [f"h{number}@acme.test", f"second{number}@acme.test"]
        listed = some.frozensets(some.sampled_from([f"desk:{number}", f"chat:U{number}", f"token:robot{number}"]))
        found.append(
            Human(
                number=number,
                works_in_helpdesk=draw(some.booleans()),
                helpdesk_email=draw(some.sampled_from(["", *addresses])),
                is_verified=draw(some.booleans()),
                role=draw(some.sampled_from(["agent", "admin"])),
                named=draw(some.booleans()),
                listed=draw(listed),
                policy_email=draw(some.sampled_from(["", addresses[0], addresses[1].upper()])),
            )
        )
    return found


def ways(human):
    """Every principal by which they can come, with the clues that it carries by itself."""
    for address in (f"h{human.number}@acme.test", f"second{human.number}@acme.test"):
        yield by_sign_in(address), {f"email:{address}"}
        yield by_token(address), {f"token:{address}", f"email:{address}"}
    yield by_token(f"robot{human.number}"), {f"token:robot{human.number}"}
    yield by_token(f"person{human.number}"), {f"token:person{human.number}"}
    if human.works_in_helpdesk:
        yield by_desk(str(human.number)), {f"desk:{human.number}"}
    if human.named and f"chat:U{human.number}" in human.listed:
        yield by_chat(f"U{human.number}"), {f"chat:U{human.number}"}


def connections(human):
    """What belongs together by what helpdesk and policy say."""
    if human.works_in_helpdesk:
        yield {f"desk:{human.number}", *([f"email:{human.helpdesk_email}"] if human.helpdesk_email else [])}
    if human.named:
        email = human.policy_email.lower()
        yield {*human.listed, f"token:person{human.number}", *([f"email:{email}"] if email else [])}


def joined(sets):
    """Sets that share something, put together."""
    groups = []
    for found in map(set, sets):
        touching = [group for group in groups if group & found]
        groups = [group for group in groups if not group & found] + [found.union(*touching)]
    return groups


@given(humans())
async def test_two_ways_in_never_make_two_people(humans):
    desk = Desk(*(human.user() for human in humans if human.works_in_helpdesk))
    made = directory(desk, [human.colleague() for human in humans if human.named])
    came = [(await made.person(way, is_fresh=True), clues) for human in humans for way, clues in ways(human)]
    groups = joined([*(clues for _, clues in came), *(found for human in humans for found in connections(human))])

    def group_of(clues):
        return next(place for place, group in enumerate(groups) if group & clues)

    for (one, its), (other, others) in combinations(came, 2):
        assert one.is_same_as(other) == (group_of(its) == group_of(others)), (one, other)
        assert one.is_same_as(other) == other.is_same_as(one)

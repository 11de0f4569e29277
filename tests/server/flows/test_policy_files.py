"""A policy file that changes is taken up as a whole or not at all, and the orders it may matter to are looked at."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from connectors.contract import Arrival
from server.flows.policy_files import TOGETHER, PolicyFiles, in_words
from server.model import Kind, OrderKey
from server.rules.policy_reading import load_policy
from server.store.contract import StoreUnavailable
from server.workspaces import Workspace
from tests.server.desk import NOW, Clock, FakeHelpdesk, FakeShop
from tests.server.storing import put

ZONE = ZoneInfo("America/New_York")
LATER = NOW + timedelta(days=3)


class Sink:
    """Implements `TaskSink`."""

    system = "Webhook"

    def render_task(self, task):
        return b""

    async def send(self, request, key):
        return ""

    async def arrival(self, request, key, since):
        return Arrival.UNKNOWN

    async def close(self):
        pass


@pytest.fixture
def path(tmp_path):
    found = tmp_path / "policy.toml"
    found.write_text('[detectors.payment_failed]\nwait = "1h"\n')
    return found


@pytest.fixture
def workspace(path):
    connections = {"shop": FakeShop(), "desk": FakeHelpdesk(), "wms": Sink()}
    return Workspace("acme", ZONE, load_policy(path, ZONE), connections, path)


@pytest.fixture
def files(workspace, store):
    return PolicyFiles({"acme": workspace}, store, Clock())


def wait_of(workspace):
    return workspace.policy.detectors[Kind.PAYMENT_FAILED].wait


async def due(store):
    return len(await store.read(lambda tx: tx.due_orders(NOW, 10_000)))


async def keep(store, count):
    """So many orders that are looked at again only in days."""

    def work(tx):
        for number in range(count):
            put(tx, OrderKey("acme", "shop", f"{number:05}"), review_at=LATER)

    await store.write(work)


async def test_at_the_first_start_there_is_nothing_new(files, workspace, store):
    await keep(store, 3)
    (news,) = await files.look()
    assert (news.outcome, await files.review_some(), await due(store)) == ("unchanged", 0, 0)
    assert wait_of(workspace) == timedelta(hours=1)
    assert await files.look() == [], "a file that looks the same is not read"


async def test_a_changed_file_is_taken_up_and_every_open_order_is_looked_at_again(files, workspace, store, path):
    await keep(store, TOGETHER + 50)
    await files.look()
    path.write_text('[detectors.payment_failed]\nwait = "90m"\n')
    (news,) = await files.look()
    assert (news.outcome, news.path) == ("taken up", str(path))
    assert wait_of(workspace) == timedelta(minutes=90)
    assert (await files.review_some(), await due(store)) == (1, TOGETHER), "no more than that at once"
    assert (await files.review_some(), await due(store)) == (0, TOGETHER + 50)
    assert await files.review_some() == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[detectors.payment_failed]\nwiat = '90m'\n", "detectors.payment_failed.wiat: no such key"),
        ("[detectors", "Expected"),
        ("[detectors.payment_failed]\nlog_back = ['desk']\n", "log_back[0]: connection 'desk' cannot do this"),
        ("[detectors.payment_failed]\nwait = '2h'\nwhen = 'order.value >'\n", "when: expected a CEL expression"),
    ],
)
async def test_a_file_with_a_mistake_changes_nothing_and_is_said(files, workspace, store, path, text, message):
    await keep(store, 3)
    await files.look()
    path.write_text(text)
    (news,) = await files.look()
    assert news.outcome == "refused"
    assert message in news.message
    assert message in files.troubles["acme"]
    assert wait_of(workspace) == timedelta(hours=1)
    assert (await files.review_some(), await due(store)) == (0, 0)
    assert await files.look() == [], "it is said once"
    path.write_text("")
    (news,) = await files.look()
    assert (news.outcome, files.troubles, wait_of(workspace)) == ("taken up", {}, timedelta(minutes=45))


async def test_names_of_connections_are_checked_against_those_there_are(files, workspace, path):
    await files.look()
    path.write_text("[detectors.payment_failed]\nlog_back = ['wms']\n")
    assert [news.outcome for news in await files.look()] == ["taken up"]
    assert workspace.policy.detectors[Kind.PAYMENT_FAILED].log_back == ("wms",)


async def test_a_file_that_disappears_leaves_the_policy_that_runs(files, workspace, path):
    await files.look()
    path.unlink()
    (news,) = await files.look()
    assert (news.outcome, wait_of(workspace)) == ("refused", timedelta(hours=1))
    path.write_text('[detectors.payment_failed]\nwait = "1h"\n')
    (news,) = await files.look()
    assert (news.outcome, files.troubles) == ("unchanged", {}), "it is what ran all the time"


async def test_a_restart_goes_on_where_it_stopped(files, workspace, store, path):
    await keep(store, TOGETHER + 50)
    await files.look()
    path.write_text('[detectors.payment_failed]\nwait = "90m"\n')
    await files.look()
    await files.review_some()
    again = PolicyFiles({"acme": workspace}, store, Clock())
    await again.look()
    assert (await again.review_some(), await due(store)) == (0, TOGETHER + 50)


async def test_a_file_that_changed_while_nothing_ran_is_noticed_at_the_next_start(files, workspace, store, path):
    await keep(store, 3)
    await files.look()
    path.write_text('[detectors.payment_failed]\nwait = "90m"\n')
    restarted = Workspace("acme", ZONE, load_policy(path, ZONE), workspace.connections, path)
    again = PolicyFiles({"acme": restarted}, store, Clock())
    (news,) = await again.look()
    assert (news.outcome, await again.review_some(), await due(store)) == ("taken up", 0, 3)


async def test_a_second_change_during_the_first_starts_over(files, store, path):
    await keep(store, TOGETHER + 50)
    await files.look()
    path.write_text('[detectors.payment_failed]\nwait = "90m"\n')
    await files.look()
    await files.review_some()
    path.write_text('[detectors.payment_failed]\nwait = "2h"\n')
    await files.look()
    await store.write(lambda tx: tx.set_review(OrderKey("acme", "shop", "00000"), LATER))
    assert await files.review_some() == 1
    assert await store.read(lambda tx: OrderKey("acme", "shop", "00000") in tx.due_orders(NOW, 10_000))


async def test_while_storage_fails_nothing_is_taken_up_and_nothing_is_forgotten(files, workspace, store, path):
    await files.look()
    path.write_text('[detectors.payment_failed]\nwait = "90m"\n')
    write = store.write

    async def fails(work):
        raise StoreUnavailable("full")

    store.write = fails
    with pytest.raises(StoreUnavailable):
        await files.look()
    assert wait_of(workspace) == timedelta(hours=1)
    store.write = write
    assert [news.outcome for news in await files.look()] == ["taken up"]


async def test_other_holidays_teach_transit_times_anew(files, workspace, path):
    await files.look()
    before = workspace.learner
    path.write_text('[calendar]\nholidays = "US"\n')
    await files.look()
    assert workspace.learner is not before
    assert workspace.policy.calendar.country == "US"


async def test_what_everybody_may_read_names_workspaces_and_nothing_of_their_files():
    assert in_words({}) == "ok"
    assert "of acme, globex has a mistake" in in_words({"globex": "secret", "acme": "secret"})
    assert "secret" not in in_words({"acme": "secret"})

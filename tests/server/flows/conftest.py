"""The bench for deliveries and the one for events."""

import pytest

from server.store.sqlite import SqliteStore
from tests.server.delivering import Deliveries
from tests.server.desk import Clock
from tests.server.executing import Executions
from tests.server.processing import Events


@pytest.fixture
async def store(tmp_path):
    opened = await SqliteStore.open(tmp_path / "beforehand.db", clock=Clock())
    yield opened
    await opened.close()


@pytest.fixture
def deliveries(store):
    return Deliveries(store, Clock())


@pytest.fixture
def events(store):
    return Events(store, Clock())


@pytest.fixture
def executions(store):
    return Executions(store, Clock())

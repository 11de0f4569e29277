"""Every store that is to keep the contract, and stores in SQLite that can be made to fail."""

import pytest

from server.store.opening import open_writer
from server.store.sqlite import SqliteStore
from tests.server.desk import NOW

IMPLEMENTATIONS = {"sqlite": lambda folder: SqliteStore.open(folder / "beforehand.db", clock=lambda: NOW)}


@pytest.fixture(params=IMPLEMENTATIONS)
async def store(request, tmp_path):
    opened = await IMPLEMENTATIONS[request.param](tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "beforehand.db"


@pytest.fixture
async def opened(path):
    """Opens stores, and closes them in the end."""
    stores = []

    async def open_store(connect=open_writer):
        store = await SqliteStore.open(path, clock=lambda: NOW, connect=connect)
        stores.append(store)
        return store

    yield open_store
    for store in stores:
        await store.close()

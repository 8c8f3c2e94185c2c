"""What the tests of the shared store have in common: a Redis server of their own, and a connector to hurry with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.copies import copied
from tests.shared.redis_server import RedisServer

from connector_runtime import Connector, load, store

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The server of all these tests."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.close()


@pytest.fixture
def shared(server: RedisServer) -> RedisServer:
    """The server, with nothing in it."""
    server.client.flushall()
    return server


@pytest.fixture(scope="session")
def scaled_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the connector's files, for an API whose window is 2 s."""
    return copied(tmp_path_factory.mktemp("scaled"), ("window: 30", "window: 2"))


@pytest.fixture(scope="session")
def scaled(scaled_folder: Path) -> Connector:
    """The connector, for an API whose window is 2 s."""
    return load(scaled_folder)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is out of reach is left alone for a moment only."""
    monkeypatch.setattr(store, "_LEFT_ALONE", 0.3)

"""What several tests share: the repository's root, and a sandbox to call, in process or on a port."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector_runtime import Connector, load
from greenhouse_sandbox import Sandbox, Server

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def connector() -> Connector:
    """The connector of this repository."""
    return load(ROOT)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The samples' organisation, fresh."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def served(sandbox: Sandbox) -> Iterator[Server]:
    """The sandbox of a test, on a port."""
    with sandbox.serve(0) as server:
        yield server

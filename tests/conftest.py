"""What several tests share: the repository's root, and a sandbox to call."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector_runtime import Connector, load
from greenhouse_sandbox import Sandbox

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

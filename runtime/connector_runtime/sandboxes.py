"""Finds the sandbox of a connector among the installed packages: an emulator of its API, for use without an account."""

from __future__ import annotations

from importlib.metadata import entry_points
from os import PathLike
from types import TracebackType
from typing import Any, Protocol, Self

GROUP = "connector_runtime.sandboxes"


class SandboxServer(Protocol):
    """A sandbox that listens on a port."""

    base_url: str
    token_url: str

    def wait(self) -> None:
        """Serve until the process is interrupted."""

    def close(self) -> None:
        """Stop listening."""


class Sandbox(Protocol):
    """An emulator of a connector's API, in process: what a package registers under the entry point group."""

    base_url: str
    token_url: str
    credentials: dict[str, Any]

    def __init__(self, database: str | PathLike[str] | None = None, *, size: int = 0) -> None:
        """Open the emulator: its rows in memory or a file, its first organisation or a generated one of `size`."""

    def transport(self) -> Any:
        """Give an httpx transport that answers in process."""

    def configure(self, **settings: Any) -> None:
        """Change settings by name; None gives the default back. Raises ValueError for a wrong one."""

    def declare(self, faults: str) -> Any:
        """Plan faults, declared in text. Raises ValueError that says what would do."""

    def serve(self, port: int) -> SandboxServer:
        """Listen on 127.0.0.1. Raises OSError when the port is taken."""

    def __enter__(self) -> Self:
        """Open it."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close it."""


def sandbox_of(connector: str) -> type[Sandbox] | None:
    """Give the sandbox registered under a connector's name, or None."""
    found = entry_points(group=GROUP, name=connector)
    sandbox: type[Sandbox] | None = next(iter(found)).load() if found else None
    return sandbox

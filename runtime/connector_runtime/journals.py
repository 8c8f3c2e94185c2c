"""A file that holds a call's resume token, so that not even the end of the process loses it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EAGAIN
from pathlib import Path
from tempfile import NamedTemporaryFile

from .errors import ConnectorError, OutcomeUnknown


class JournalFile:
    """Keeps the token of the call that is being made; there is no file when nothing is to be gone on from.

    Two processes that go on from one token would both write what is missing: a lock beside it (`FILE.lock`, which ends
    with its process, and stays as an empty file) keeps the second out.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it against every other process. Raises BlockingIOError when one has it, OSError when it can't be."""
        from filelock import FileLock, Timeout  # noqa: PLC0415 - only who keeps a journal has to load it

        # The lock would make a folder that is not there; whoever mistyped its name would never learn.
        self.path.parent.stat()
        lock = FileLock(f"{self.path}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise BlockingIOError(EAGAIN, "another process is using it; wait until that has ended") from None
        try:
            yield
        finally:
            lock.release()

    def read(self) -> str | None:
        """Give the token of a call that did not come to its end. Raises OSError, ValueError."""
        try:
            return self.path.read_text("ascii").strip()
        except FileNotFoundError:
            return None

    def keep(self, token: str) -> None:
        """Write a token, whole or not at all, and to the disk before it returns. Raises OSError."""
        with NamedTemporaryFile("w", encoding="ascii", dir=self.path.parent, delete=False) as file:
            try:
                file.write(f"{token}\n")
                file.flush()
                os.fsync(file.fileno())
                file.close()
                Path(file.name).replace(self.path)
            except BaseException:
                file.close()
                Path(file.name).unlink(missing_ok=True)
                raise

    def settle(self, error: ConnectorError | None) -> None:
        """End the call: keep what its error says to go on from, or nothing when it is done or never began."""
        if error is not None and error.resume_token is not None:
            self.keep(error.resume_token)
        elif not isinstance(error, OutcomeUnknown):
            with suppress(FileNotFoundError):
                self.path.unlink()

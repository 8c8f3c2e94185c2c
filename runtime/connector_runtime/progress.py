"""Tells on stderr what is going on, once something takes more than a second."""

from __future__ import annotations

import sys
import time
from threading import Event, Thread
from types import TracebackType
from typing import Any


class Progress:
    """Reports every second, from the first second on, until left: what, how many requests, how long."""

    def __init__(self, what: str, every: float = 1.0) -> None:
        self._what = what
        self._every = every
        self._requests = 0
        self._done = Event()
        self._thread = Thread(target=self._report, daemon=True)

    def watch(self, *_: Any) -> None:
        """Count a request."""
        self._requests += 1

    def _report(self) -> None:
        start, live, shown = time.monotonic(), sys.stderr.isatty(), False
        while not self._done.wait(self._every):
            requests = f", {self._requests} requests" if self._requests else ""
            line = f"{self._what}: {time.monotonic() - start:.0f} s{requests} …"
            print(f"\r\x1b[2K{line}" if live else line, end="" if live else "\n", file=sys.stderr, flush=True)
            shown = live
        if shown:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._done.set()
        self._thread.join()

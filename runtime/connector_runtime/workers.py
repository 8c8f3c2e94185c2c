"""Threads for blocking work: started when needed, ended when idle, and never what keeps a process from ending."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock, Thread

Job = Callable[[], None]

_IDLE = 10.0


class Workers:
    """At most `most` threads; a job that finds all of them busy waits. Jobs must not raise.

    The standard library's pool is not used because the interpreter waits for its threads when it ends, and one of them
    may be reading from a server that never finishes its answer.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._lock = Lock()
        self._threads = 0
        self._unfinished = 0

    def start(self, job: Job) -> None:
        """Have a job done."""
        with self._lock:
            self._unfinished += 1
            needed = self._threads < min(self._most, self._unfinished)
            self._threads += needed
        self._jobs.put(job)
        if needed:
            Thread(target=self._work, name="connector", daemon=True).start()

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=_IDLE)
            except Empty:
                with self._lock:
                    # A job may have come in after all: then this thread is needed.
                    if self._threads > self._unfinished:
                        self._threads -= 1
                        return
                continue
            job()
            del job
            with self._lock:
                self._unfinished -= 1

"""Threads for blocking work: started when needed, ended when idle, and never what keeps a process from ending."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock, Thread

Job = Callable[[], None]

_IDLE = 10.0


class Workers:
    """At most `most` threads; a job that finds all of them busy waits. Jobs must not raise.

    A thread ends after `idle` seconds without a job. The standard library's pool is not used because the interpreter
    waits for its threads when it ends, and one of them may be reading from a server that never finishes its answer.
    """

    def __init__(self, most: int, idle: float = _IDLE) -> None:
        self._most = most
        self._idle = idle
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = Lock()
        self._threads = 0
        self._unfinished = 0

    def start(self, job: Job) -> None:
        """Have a job done. Raises RuntimeError where there can't be a thread for it; then it is never done."""
        with self._lock:
            if self._threads < min(self._most, self._unfinished + 1):
                Thread(target=self._work, name="connector", daemon=True).start()
                self._threads += 1
            self._unfinished += 1
            self._jobs.put(job)

    def close(self) -> None:
        """Let the threads end at once that have nothing to do, the others after their job."""
        with self._lock:
            for _ in range(self._threads):
                self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            job()
            del job
            with self._lock:
                self._unfinished -= 1

    def _next(self) -> Job | None:
        while True:
            with suppress(Empty):
                job = self._jobs.get(timeout=self._idle)
                if job is not None:
                    return job
            with self._lock:
                # A job may have come in after all: then this thread is needed.
                if self._threads > self._unfinished:
                    self._threads -= 1
                    return None

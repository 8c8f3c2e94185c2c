"""What was asked and what was answered: the last requests, and counts of all."""

import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from .api import Request

REMEMBERED_REQUESTS = 10_000


@dataclass(frozen=True, slots=True)
class Record:
    """One request; of a repeated query parameter the last value. Status 0: the connection was lost.

    `at` is the Unix time of its answer in seconds, `fault` the kind of fault it met.
    """

    method: str
    path: str
    query: dict[str, str]
    status: int
    at: float
    fault: str | None


class Log:
    """Remembers the last requests and counts all of them. Safe to use from many threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.requests: deque[Record] = deque(maxlen=REMEMBERED_REQUESTS)
        self._clock = clock
        self._lock = threading.Lock()
        self.forget()

    def add(self, request: Request, status: int, fault: str | None) -> None:
        """Remembers a request."""
        query = dict(parse_qsl(request.query, True))
        record = Record(request.method, request.path, query, status, self._clock(), fault)
        with self._lock:
            self.requests.append(record)
            self._total += 1
            self._throttled += status == HTTPStatus.TOO_MANY_REQUESTS
            if fault:
                self._faults[fault] += 1

    def counts(self) -> dict[str, Any]:
        """How many requests there were, how many were answered 429, how many met which kind of fault."""
        with self._lock:
            return {"requests": self._total, "throttled": self._throttled, "faults": dict(self._faults)}

    def forget(self) -> None:
        """Starts anew."""
        with self._lock:
            self.requests.clear()
            self._total = self._throttled = 0
            self._faults: Counter[str] = Counter()

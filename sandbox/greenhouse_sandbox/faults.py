"""Trouble on demand: replies that a test plans ahead, and the API's rate limit (facts: section 4)."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

from .wire import ApiError, Reply

WINDOW = 30


@dataclass
class Fault:
    """What happens to the next `times` requests of this method and path (None: any).

    `reply` None loses the connection. With `done` the request is carried out all the same, so that its outcome
    is what the caller cannot know.
    """

    reply: Reply | None
    method: str | None
    path: str | None
    times: int
    done: bool

    def meets(self, method: str, path: str) -> bool:
        return self.times > 0 and self.method in (None, method) and self.path in (None, path)


class Faults:
    """Planned faults; each request meets the first one that is meant for it."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []
        self._lock = threading.Lock()

    def plan(self, fault: Fault) -> None:
        with self._lock:
            self._planned.append(fault)

    def take(self, method: str, path: str) -> Fault | None:
        with self._lock:
            fault = next((one for one in self._planned if one.meets(method, path)), None)
            if fault:
                fault.times -= 1
            return fault


class RateLimit:
    """At most `limit` requests in each fixed window of 30 seconds."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._clock = clock
        self._window = 0
        self._spent = 0
        self._lock = threading.Lock()

    def spend(self) -> dict[str, str]:
        """Counts one request and returns the headers that go with its reply.

        Raises ApiError 429 with `Retry-After` in whole seconds (its body is INFERRED).
        """
        with self._lock:
            now = self._clock()
            window = int(now // WINDOW)
            self._spent = self._spent + 1 if window == self._window else 1
            self._window = window
            reset = (window + 1) * WINDOW
            headers = {
                "x-ratelimit-limit": str(self._limit),
                "x-ratelimit-remaining": str(max(0, self._limit - self._spent)),
                "x-ratelimit-reset": str(reset),
            }
            if self._spent > self._limit:
                wait = {"retry-after": str(math.ceil(reset - now))}
                raise ApiError(429, {"message": "Too Many Requests"}, headers | wait)
            return headers

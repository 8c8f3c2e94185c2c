"""What can be set about a sandbox, and the rate limit that follows from it (facts: section 4)."""

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .declared import flag, read, whole
from .wire import ApiError

KEYS = {
    "rate_limit": whole("requests", 1),
    "window": whole("seconds", 1, 30),
    "one_live_token": flag(),
    "token_lifetime": whole("seconds", 1, 3600),
}


@dataclass
class Settings:
    """`rate_limit` requests in `window` seconds (None: no limit, and no headers about one); tokens live
    `token_lifetime` seconds, or until the next one is issued when there is `one_live_token`.
    """

    rate_limit: int | None = None
    window: int = 30
    one_live_token: bool = False
    token_lifetime: int = 3600

    def change(self, changes: Mapping[str, Any]) -> None:
        """Sets some of them, all or none; None gives the default back. Raises ValueError."""
        values = read("the settings", KEYS, changes)
        for name in changes:
            setattr(self, name, values[name])

    def record(self) -> dict[str, Any]:
        """All of them by name."""
        return asdict(self)


class RateLimit:
    """Counts requests in fixed windows, and refuses those beyond the limit when there is one."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._end = 0
        self._spent = 0
        self._peak = 0
        self._lock = threading.Lock()

    @property
    def peak(self) -> int:
        """The most requests that were counted in one window, refused ones included."""
        return self._peak

    def forget(self) -> None:
        """Starts the peak anew, with the requests of the window that is under way."""
        with self._lock:
            self._peak = 0

    def spend(self) -> dict[str, str]:
        """Counts one request and returns the headers that go with its reply.

        Raises ApiError 429 with `Retry-After` in whole seconds (its body is INFERRED).
        """
        with self._lock:
            limit, window, now = self._settings.rate_limit, self._settings.window, self._clock()
            end = int(now // window + 1) * window
            self._spent = self._spent + 1 if end == self._end else 1
            self._end, self._peak = end, max(self._peak, self._spent)
            if limit is None:
                return {}
            headers = {
                "x-ratelimit-limit": str(limit),
                "x-ratelimit-remaining": str(max(0, limit - self._spent)),
                "x-ratelimit-reset": str(end),
            }
            if self._spent > limit:
                wait = {"retry-after": str(math.ceil(end - now))}
                raise ApiError(429, {"message": "Too Many Requests"}, headers | wait)
            return headers

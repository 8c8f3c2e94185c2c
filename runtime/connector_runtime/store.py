"""What processes share of a credential by way of a store: what is asked of it, and what its answers mean. Pure.

Within a process `turns` says whose turn it is; with a store, one unit of the budget is then taken from there before a
request is sent. The store counts by the rules of `turns.Window`, in its own time. What a process took and never gave
back, because it ended, comes back by itself. Of the tokens, one process at a time gets one for each acting user.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from secrets import token_hex
from threading import Lock
from typing import Any, Literal

from .exchange import Response
from .replies import retry_after, server_time
from .tokens import Token
from .turns import Lane, LimitHeaders

_log = logging.getLogger(__package__)

Script = Literal["take", "learn", "look", "keep", "release"]

# Seconds: how long a store that is out of reach is left alone; how long one process may take to get a token before
# others try; the span for which things are kept where the API tells no window.
_LEFT_ALONE = 5.0
_LEASE = 10.0
_NO_WINDOW = 60.0


class Outage:
    """Whether a store is out of reach: then it is left alone for some seconds, which is logged once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._again: float | None = None

    def may_ask(self, now: float) -> bool:
        """Tell whether the store is to be asked; while it is out of reach, one who asks now and then is enough."""
        with self._lock:
            if self._again is None:
                return True
            if now < self._again:
                return False
            self._again = now + _LEFT_ALONE
            return True

    def failed(self, error: Exception, now: float) -> None:
        """Note that the store gave no answer. The error's own text may hold an address: its kind must do."""
        with self._lock:
            known, self._again = self._again is not None, now + _LEFT_ALONE
        if not known:
            what = "the shared store gives no answer (%s): calls go on with what this process knows by itself"
            _log.warning(what, type(error).__name__)

    def answered(self) -> None:
        """Note that the store gave an answer."""
        with self._lock:
            known, self._again = self._again is not None, None
        if known:
            _log.info("the shared store answers again")


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """A Redis server by which processes share the budget of requests and the access tokens of their credentials.

    `at` is its URL (redis://, rediss://, unix://), or a ready redis-py client: one of `redis.asyncio` for
    asyncio, which must belong to the running event loop. With a URL each connection has a client of its own, and waits
    at most `timeout` seconds for an answer; a ready client is shared, brings its own time-outs, and stays open.
    `prefix` begins the names of all keys. Whoever can read the server can act with the tokens in it.
    """

    at: Any = field(repr=False)
    prefix: str = "connector"
    timeout: float = 1.0
    outage: Outage = field(default_factory=Outage, init=False, repr=False)

    @classmethod
    def of(cls, given: Any) -> Store | None:
        """Take what a host gave: a store, a URL, a ready client or None."""
        return given if given is None or isinstance(given, cls) else cls(given)


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to the store: one of its scripts, with keys and arguments, of which one may be a token."""

    script: Script
    keys: tuple[str, ...] = field(repr=False)
    arguments: tuple[str | int, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the store answered. It may hold a token."""

    values: Sequence[Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Held:
    """The shared budget has no room for a request for so many seconds."""

    seconds: float


class Ledger:
    """A credential's part of a store. `credential` tells it from others, `cold` is how many requests may be under way
    before the first answer."""

    def __init__(self, prefix: str, credential: Hashable, headers: LimitHeaders | None, cold: int) -> None:
        self._prefix = prefix
        self._credential = _digest(credential)
        self._headers = headers
        self._window = headers.window if headers else _NO_WINDOW
        self._budget = (self._key(self._credential, "window"), self._key(self._credential, "out"))
        self._fixed = (_milliseconds(self._window), cold, int(headers is None))
        self._owner = token_hex(8)

    def take(self, lane: Lane, left: float) -> Ask:
        """Ask for a unit of the budget, for a request that has so many seconds left."""
        # A request counts when it arrives, and that is long before two windows have passed.
        lasts = _milliseconds(min(left, 2 * self._window))
        return Ask("take", self._budget, (*self._fixed, int(lane == "bulk"), token_hex(8), lasts))

    def taken(self, reply: Reply | None) -> str | Held:
        """Read the unit that was taken; it has no name where the store gave no answer."""
        if reply is None:
            return ""
        unit, wait = reply.values
        return unit or Held(wait / 1000)

    def learn(self, unit: str, response: Response | None, utc: datetime) -> Ask:
        """Give a unit back after use, with what the answer tells, if there was one."""
        told: tuple[int | str, ...] = ("", 0, "", 0)
        wait = 0.0
        if response is not None and self._headers is not None:
            read = self._headers.read(response)
            if read is not None:
                limit, remaining, reset = read
                lasts = self._headers.lasts(reset - server_time(response, utc).timestamp())
                told = (limit, remaining, repr(reset), _milliseconds(lasts))
        if response is not None and response.status == 429:
            wait = retry_after(response, utc) or 0.0
        return Ask("learn", self._budget, (*self._fixed, unit, int(response is not None), *told, _milliseconds(wait)))

    def look(self, subject: str | None, refused: Token | None) -> Ask:
        """Ask for an acting user's token, or for the right to get one; `refused` is forgotten if it is still kept."""
        return Ask(
            "look",
            self._tokens(subject),
            (refused.value if refused else "", self._owner, _milliseconds(_LEASE)),
        )

    def found(self, reply: Reply | None, now: float) -> Token | Held | None:
        """Read a token; Held: another process is getting one. None: get one, also where the store gave no answer."""
        if reply is None or reply.values[0] == "yours":
            return None
        # The store tells how long a token is still good for, so that no two clocks are compared.
        kind, value, lasts = reply.values
        return Token(value, now + lasts / 1000) if kind == "token" else Held(lasts / 1000)

    def keep(self, subject: str | None, token: Token, now: float) -> Ask:
        """Have a new token kept for as long as it is good, and end the right to get one."""
        return Ask("keep", self._tokens(subject), (token.value, _milliseconds(token.renew_at - now), self._owner))

    def release(self, subject: str | None) -> Ask:
        """End the right to get a token: none was got."""
        return Ask("release", self._tokens(subject), (self._owner,))

    def _tokens(self, subject: str | None) -> tuple[str, ...]:
        digest = _digest((self._credential, subject))
        return self._key(digest, "token"), self._key(digest, "lease")

    def _key(self, digest: str, what: str) -> str:
        # In braces: the keys of one script belong on one node of a cluster.
        return f"{self._prefix}:{{{digest}}}:{what}"


def _digest(value: Hashable) -> str:
    return sha256(repr(value).encode()).hexdigest()[:32]


def _milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1000))

"""Who may send next: one credential's budget of requests, shared by every call that uses it.

The API counts requests in windows and tells with each answer how many are left and when the window ends. A call that
wants to send takes a turn. Interactive calls go before bulk ones, calls of a lane in rotation; who waits is told when
there is a turn, or wakes when the window ends. No I/O and no clock: moments come in as values. Safe across threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from threading import Lock
from typing import Literal

from .exchange import Response
from .replies import retry_after, server_time

Lane = Literal["interactive", "bulk"]

# Of five turns one is for bulk calls, so that interactive ones can't starve them.
_INTERACTIVE_IN_A_ROW = 4
# By so many seconds clocks may differ before a request goes out in a window that has not ended yet.
_GRACE = 1.0


@dataclass(frozen=True, slots=True)
class LimitHeaders:
    """How the API tells its limit (connector.yaml, `api.limits`): names of headers, and the window in seconds.

    `limit`: requests a window; `remaining`: requests left in it; `reset`: its end in seconds since 1970.
    """

    limit: str
    remaining: str
    reset: str
    window: float

    def read(self, response: Response) -> tuple[int, int, float] | None:
        """Give limit, remaining and reset of an answer; None where one is missing or makes no sense."""
        try:
            limit, remaining = int(response.headers[self.limit]), int(response.headers[self.remaining])
            reset = float(response.headers[self.reset])
        except (KeyError, ValueError):
            return None
        return (limit, remaining, reset) if limit > 0 and 0 < reset < inf else None

    def lasts(self, seconds: float) -> float:
        """Give how long the window lasts, by what its end and the answer's own time say."""
        # Clocks that disagree and an answer that does not say its own time: then a whole window is the safe guess.
        # Dates are cut to the second, so that it may seem to last for one more.
        fits = -self.window < seconds <= self.window + 1 + _GRACE
        return (seconds if fits else self.window) + _GRACE


@dataclass(slots=True)
class Room:
    """How many more requests a connection may have under way."""

    free: int


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """The right to send one request, given in a certain window."""

    room: Room
    window: int


@dataclass(slots=True, eq=False)
class Caller:
    """A running call: what it waits for, what it was given, how to tell it, and when it looks again by itself."""

    lane: Lane
    room: Room
    notify: Callable[[], None]
    wanted: int = 0
    given: deque[Turn] = field(default_factory=deque)
    wakes: float = 0.0


class Window:
    """What is known of the API's present window. `out` are the turns whose answers are still to come.

    A request that is under way when a window ends counts for the next one too, until its answer tells: the budget is
    kept even where the ends are known only by the second.
    """

    def __init__(self, headers: LimitHeaders | None, cold: int) -> None:
        self._headers = headers
        self._cold = cold
        self._heard = headers is None
        self._limit: int | None = None
        self._reset = 0.0
        self._ends = inf
        self._guessed = False
        self._number = 0
        self._spent = 0
        self._others = 0
        self._shut_until = 0.0
        self._out: set[Turn] = set()

    def left(self, lane: Lane, now: float) -> float:
        """Tell how many turns a lane may still have; bulk calls leave a tenth for interactive ones."""
        if now >= self._ends:
            self._begin(now + self._length, guessed=True)
        if now < self._shut_until:
            return 0
        if self._limit is None:
            return inf if self._heard else self._cold - len(self._out)
        kept = 0 if lane == "interactive" else self._limit // 10
        return self._limit - self._spent - self._others - kept

    def opens(self, now: float) -> float:
        """Give the moment at which time alone may bring new turns."""
        return self._shut_until if now < self._shut_until else self._ends

    def spend(self, room: Room) -> Turn:
        """Give a turn."""
        turn = Turn(room, self._number)
        self._spent += 1
        self._out.add(turn)
        return turn

    def unspent(self, turn: Turn) -> None:
        """Take back a turn that was not used."""
        self._out.discard(turn)
        self._spent -= 1

    def answered(self, turn: Turn, response: Response | None, now: float, utc: datetime) -> None:
        """Learn from the answer to a turn's request, None when there was none."""
        if response is not None:
            self._heard = True
            told = self._headers.read(response) if self._headers else None
            if told is not None and self._headers is not None:
                self._learn(turn, told, now + self._headers.lasts(told[2] - server_time(response, utc).timestamp()))
            if response.status == 429:
                self._shut_until = max(self._shut_until, now + (retry_after(response, utc) or 0))
        self._out.discard(turn)

    @property
    def _length(self) -> float:
        return self._headers.window if self._headers else inf

    def _begin(self, ends: float, *, guessed: bool) -> None:
        self._number += 1
        self._spent, self._others = len(self._out), 0
        self._ends, self._guessed = ends, guessed

    def _learn(self, turn: Turn, told: tuple[int, int, float], ends: float) -> None:
        limit, remaining, reset = told
        if reset < self._reset:
            # The answer of a request that was counted in the window before: it takes nothing of this one.
            self._spent -= turn.window < self._number
            return
        if reset > self._reset and not self._guessed:
            self._begin(ends, guessed=False)
        # Every answer tells an end that is late by its own time on the way: the earliest is the nearest to the truth.
        known = reset == self._reset and not self._guessed
        self._limit, self._reset, self._guessed = limit, reset, False
        self._ends = min(self._ends, ends) if known else ends
        # What the API counted beyond everything sent from here was sent by others with this credential.
        self._others = max(self._others, limit - remaining - self._spent)


class Turns:
    """Hands out the turns of one credential."""

    def __init__(self, headers: LimitHeaders | None, cold: int) -> None:
        self._lock = Lock()
        self._window = Window(headers, cold)
        self._waiting: dict[Lane, deque[Caller]] = {"interactive": deque(), "bulk": deque()}
        self._held: dict[Lane, float] = {"interactive": 0.0, "bulk": 0.0}
        self._in_a_row = 0

    def want(self, caller: Caller, now: float, *, first: bool = False) -> None:
        """Ask for one more turn, `first` of all in the lane; `taken` gives it, at once or after a notification."""
        with self._lock:
            lane = self._waiting[caller.lane]
            if first and caller.wanted:
                lane.remove(caller)
            if first:
                lane.appendleft(caller)
            elif not caller.wanted:
                lane.append(caller)
            caller.wanted += 1
            told = self._deal(now)
        _notify(told - {caller})

    def taken(self, caller: Caller, now: float) -> list[Turn]:
        """Take the turns that the caller was given."""
        with self._lock:
            told = self._deal(now) if caller.wanted else set()
            turns = list(caller.given)
            caller.given.clear()
        _notify(told - {caller})
        return turns

    def opens(self, caller: Caller, now: float) -> float:
        """Give the moment at which a waiting caller is to look again by itself; infinity: it will be told."""
        with self._lock:
            opens = self._opens(caller.lane, now) if caller.wanted else None
            caller.wakes = inf if opens is None else opens
            return caller.wakes

    def answered(self, turn: Turn, response: Response | None, now: float, utc: datetime) -> None:
        """Give a turn back after use, with the API's answer where there was one."""
        with self._lock:
            turn.room.free += 1
            self._window.answered(turn, response, now, utc)
            told = self._deal(now)
        _notify(told)

    def hold(self, turn: Turn, lane: Lane, until: float, now: float) -> None:
        """Take back a turn that was not used: the budget that processes share has none for its lane until then."""
        with self._lock:
            turn.room.free += 1
            self._window.unspent(turn)
            self._held[lane] = until
            told = self._deal(now)
        _notify(told)

    def leave(self, caller: Caller, now: float) -> None:
        """End a caller's waiting; turns it did not take go to others."""
        with self._lock:
            if caller.wanted:
                caller.wanted = 0
                self._waiting[caller.lane].remove(caller)
            for turn in caller.given:
                turn.room.free += 1
                self._window.unspent(turn)
            caller.given.clear()
            told = self._deal(now)
        _notify(told)

    def _deal(self, now: float) -> set[Caller]:
        told: set[Caller] = set()
        while (caller := self._next(now)) is not None:
            caller.wanted -= 1
            caller.room.free -= 1
            caller.given.append(self._window.spend(caller.room))
            lane = self._waiting[caller.lane]
            lane.remove(caller)
            if caller.wanted:
                lane.append(caller)
            bulk = bool(self._waiting["bulk"])
            self._in_a_row = self._in_a_row + 1 if caller.lane == "interactive" and bulk else 0
            told.add(caller)
        return told | self._oversleeping(now)

    def _oversleeping(self, now: float) -> set[Caller]:
        """Give those who wait for the window's end and don't know when that is: they are told, once, to look."""
        late: set[Caller] = set()
        for lane, waiting in self._waiting.items():
            opens = self._opens(lane, now)
            if opens is None:
                continue
            for caller in waiting:
                if caller.wakes > opens:
                    caller.wakes = opens
                    late.add(caller)
        return late

    def _opens(self, lane: Lane, now: float) -> float | None:
        """Give the moment at which time alone may let a lane go on; None: it may now."""
        if now < self._held[lane]:
            return self._held[lane]
        return self._window.opens(now) if self._window.left(lane, now) <= 0 else None

    def _next(self, now: float) -> Caller | None:
        order: list[Lane] = ["interactive", "bulk"]
        if self._in_a_row >= _INTERACTIVE_IN_A_ROW:
            order.reverse()
        for lane in order:
            if self._waiting[lane] and self._opens(lane, now) is None:
                for caller in self._waiting[lane]:
                    if caller.room.free > 0:
                        return caller
        return None


def _notify(callers: set[Caller]) -> None:
    # Outside the lock: what is told may call back.
    for caller in callers:
        caller.notify()

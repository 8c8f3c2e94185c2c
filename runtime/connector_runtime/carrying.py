"""Carries one call: runs its exchange, delivers its requests, and knows what each of them waits for.

The drivers do what is asked here and tell what came of it; both use the same carrier. No I/O, no clock, no threads:
moments come in as values.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import urlsplit

from .accounts import Account
from .delivery import (
    Consult,
    Delivery,
    Minting,
    Pause,
    Retries,
    Save,
    TokenWanted,
    Wish,
    delivery,
    minting,
    shared_minting,
)
from .errors import ConnectorError
from .exchange import Exchange, Failure, Outcome, Request, Response, Trouble, Wire
from .replies import failed
from .store import Ask, Held, Ledger, Reply
from .tokens import Token
from .turns import Caller, Turn

T = TypeVar("T")


class Now(NamedTuple):
    """The present: seconds of a clock that never goes back, and the date."""

    seconds: float
    utc: datetime


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go and how: the API's host root, who acts, how often to try, and what a store shares of it."""

    base_url: str
    subject: str | None
    retries: Retries
    ledger: Ledger | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    """A request for the driver to send; `number` counts its attempts, `turn` is to be given back with the answer."""

    key: int
    resource: str
    number: int
    wire: Wire
    turn: Turn | None


@dataclass(frozen=True, slots=True)
class Keep:
    """A resume token for the driver to have kept before anything else is done."""

    key: int
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Something for the driver to ask the store; nobody waits for the answer where there is no key."""

    key: int | None
    ask: Ask


Due = Launch | Keep | Inquiry


@dataclass(slots=True)
class _Task:
    """A delivery under way: its place in the batch (None: it gets a token), who acts, and the token it has."""

    steps: Delivery | Minting
    resource: str
    place: int | None
    subject: str | None = None
    token: Token | None = None
    wish: Wish | None = None
    since: float = 0.0
    sent: bool = False
    attempts: int = 0


class Carrier(Generic[T]):
    """A running call; `deadline` is the moment at which its time is over.

    Every step gives what is to be done next, and raises what the exchange raises.
    """

    def __init__(
        self, exchange: Exchange[T], account: Account, endpoint: Endpoint, caller: Caller, deadline: float
    ) -> None:
        self.finished = False
        self.result: T
        self._exchange = exchange
        self._account = account
        self._endpoint = endpoint
        self._caller = caller
        self._deadline = deadline
        self._now = Now(0.0, datetime.min)
        self._stopped: Trouble | None = None
        self._keys = count()
        self._tasks: dict[int, _Task] = {}
        self._outcomes: list[Any] = []
        self._missing = 0
        self._hopeless = False
        self._ready: deque[int] = deque()
        self._paused: list[tuple[float, int]] = []
        self._wanting: list[int] = []
        self._due: list[Due] = []

    def start(self, now: Now) -> list[Due]:
        """Begin."""
        self._now = now
        self._advance(lambda: next(self._exchange))
        return self.look(now)

    def receive(self, key: int, outcome: Outcome | Held | Reply | None, now: Now) -> list[Due]:
        """Take the outcome of a launch, the store's answer, or that a token was kept (None)."""
        self._now = now
        if key in self._tasks:
            if isinstance(outcome, Held):
                self._tasks[key].sent = False
                self._ready.appendleft(key)
                self._account.turns.want(self._caller, now.seconds, first=True)
            else:
                self._step(key, outcome)
        return self.look(now)

    def look(self, now: Now) -> list[Due]:
        """Go on with whatever waited for this moment: pauses, tokens, turns, the deadline."""
        self._now = now
        while self._paused and self._paused[0][0] <= now.seconds:
            key = heappop(self._paused)[1]
            if key in self._tasks:
                self._step(key, True)
        for key in self._wanting[:]:
            if key in self._wanting:
                self._provide(key)
        if now.seconds >= self._deadline and not self.finished and not self._stopped:
            self.stop("timeout", now)
        for turn in self._account.turns.taken(self._caller, now.seconds):
            key = self._ready.popleft()
            self._freshen(self._tasks[key])
            self._launch(key, turn)
        # What is due when a call has come to its end is what it leaves behind.
        due, self._due = ([], self._due) if self.finished else (self._due, [])
        return due

    def wait(self, now: Now) -> float:
        """Give the seconds until the next look, should nothing come in before."""
        paused = self._paused[0][0] if self._paused else inf
        opens = self._account.turns.opens(self._caller, now.seconds)
        return max(0.0, min(self._deadline, paused, opens) - now.seconds)

    def stop(self, trouble: Trouble, now: Now) -> None:
        """End the call: what is under way or waits fails, and the exchange makes of it what it must."""
        self._now, self._stopped = now, trouble
        given_up = [(key, self._failure(task)) for key, task in self._tasks.items()]
        self._leave_turns()
        for key, failure in given_up:
            task = self._tasks.get(key)
            if task is None:
                continue
            answer: dict[type, Any] = {Wire: failure, Pause: False, Save: None, Consult: None}
            self._step(key, answer.get(type(task.wish), failed(failure)))

    def ended(self, now: Now) -> ConnectorError | None:
        """End the call from outside, and give the error it ends with; None where it was through already."""
        # An interruption comes between any two lines of this class, too, and leaves it in between.
        with suppress(Exception):
            try:
                self.stop("closed", now)
            except ConnectorError as error:
                return error
        if self.finished:
            return None
        interruption = KeyboardInterrupt()
        with suppress(BaseException):
            self._exchange.throw(interruption)
        told = interruption.__cause__
        return told if isinstance(told, ConnectorError) else None

    def leave(self, now: Now) -> list[Inquiry]:
        """Give back what the call holds: turns it did not use, the right to get a token; the store is to be told."""
        self._now = now
        self._leave_turns()
        tasks, self._tasks = self._tasks, {}
        for task in tasks.values():
            if task.place is None:
                self._settle(task.subject, None)
        due, self._due = self._due, []
        return [each for each in due if isinstance(each, Inquiry) and each.key is None]

    def _advance(self, step: Callable[[], list[Request]]) -> None:
        try:
            batch = step()
        except StopIteration as stop:
            self.finished, self.result = True, stop.value
            return
        self._outcomes, self._missing, self._hopeless = [None] * len(batch), len(batch), False
        begun = {next(self._keys): self._delivery(place, request) for place, request in enumerate(batch)}
        self._tasks.update(begun)
        for key in begun:
            if key in self._tasks:
                self._step(key, None)

    def _delivery(self, place: int, request: Request) -> _Task:
        at = self._endpoint
        steps = delivery(request, at.base_url, at.subject, at.retries, lambda: self._now.utc)
        return _Task(steps, request.resource, place)

    def _step(self, key: int, value: Any) -> None:
        task = self._tasks[key]
        if isinstance(value, Token):
            task.token = value
        try:
            throws = isinstance(value, ConnectorError)
            task.wish = task.steps.throw(value) if throws else task.steps.send(value)
        except StopIteration as stop:
            self._end(key, stop.value)
        except ConnectorError as error:
            self._end(key, error)
        else:
            # Not before the answer has been taken in: until then an interruption leaves it unknown what was stored.
            task.sent = False
            self._consider(key, task)

    def _consider(self, key: int, task: _Task) -> None:
        """See to it that a task's wish comes true; where the call has been stopped, that it fails at once."""
        match task.wish:
            case TokenWanted(subject=subject):
                task.subject, task.since = subject, self._now.seconds
                self._provide(key)
            case Save(token=token) if not self._stopped:
                self._due.append(Keep(key, token))
            case Consult(ask=ask) if not self._stopped:
                self._due.append(Inquiry(key, ask))
            case Save() | Consult():
                self._step(key, None)
            case Pause(seconds=seconds):
                until = self._now.seconds + seconds
                # Others wait for a token, too.
                hopeless = self._hopeless and task.place is not None
                if self._stopped or hopeless or until >= self._deadline:
                    self._step(key, False)
                else:
                    heappush(self._paused, (until, key))
            case _:
                task.attempts += 1
                if self._stopped:
                    self._step(key, self._failure(task))
                elif task.place is None:
                    self._launch(key, None)
                else:
                    self._ready.append(key)
                    self._account.turns.want(self._caller, self._now.seconds)

    def _freshen(self, task: _Task) -> None:
        """Give what waited for its turn the token of now, where the one it had was replaced meanwhile."""
        token = self._account.tokens.usable(task.subject, None, self._now.seconds)
        if token is not None and task.token is not None and token.value != task.token.value:
            task.token, task.wish = token, task.steps.send(token)

    def _launch(self, key: int, turn: Turn | None) -> None:
        task = self._tasks[key]
        task.sent = True
        assert isinstance(task.wish, Wire)
        self._due.append(Launch(key, task.resource, task.attempts, task.wish, turn))

    def _end(self, key: int, result: Token | Outcome | ConnectorError) -> None:
        task = self._tasks.pop(key)
        if key in self._wanting:
            self._wanting.remove(key)
        if task.place is None:
            self._minted(task.subject, result)
        elif isinstance(result, ConnectorError):
            self._drop_batch()
            self._advance(lambda: self._exchange.throw(result))
        else:
            assert isinstance(result, Response | Failure)
            self._outcomes[task.place] = result
            self._missing -= 1
            # One that fails for good makes the whole call fail: the others need not try again and again.
            self._hopeless = self._hopeless or isinstance(result, Failure) or result.status >= 400
            if not self._missing:
                self._advance(lambda: self._exchange.send(self._outcomes))

    def _drop_batch(self) -> None:
        self._leave_turns()
        self._wanting.clear()
        self._tasks = {key: task for key, task in self._tasks.items() if task.place is None}

    def _leave_turns(self) -> None:
        self._ready.clear()
        self._account.turns.leave(self._caller, self._now.seconds)

    def _provide(self, key: int) -> None:
        """Give a task its token, or see to it that somebody gets one."""
        task, tokens = self._tasks[key], self._account.tokens
        assert isinstance(task.wish, TokenWanted)
        subject, refused = task.wish.subject, task.wish.refused
        if key in self._wanting:
            self._wanting.remove(key)
        token = tokens.usable(subject, refused, self._now.seconds)
        error = failed(self._failure(task)) if self._stopped else tokens.failure(subject, task.since)
        if token is None and error is not None:
            self._step(key, error)
            return
        leased = token is None and tokens.lease(subject, self._caller.notify)
        if leased:
            # Between looking and leasing somebody may have got one.
            token = tokens.usable(subject, refused, self._now.seconds)
        if token is not None:
            if leased:
                tokens.settle(subject, None, self._now.seconds)
            self._step(key, token)
            return
        self._wanting.append(key)
        if leased:
            minter = next(self._keys)
            self._tasks[minter] = _Task(self._minting(task.wish), "access token", None, subject)
            self._step(minter, None)

    def _minting(self, wanted: TokenWanted) -> Delivery | Minting:
        grant, at = self._account.tokens.grant, self._endpoint
        if at.ledger is None:
            return minting(grant, wanted.subject, at.retries, lambda: self._now.utc)
        return shared_minting(grant, wanted, at.retries, at.ledger, lambda: self._now.seconds, lambda: self._now.utc)

    def _minted(self, subject: str | None, result: Token | Outcome | ConnectorError) -> None:
        tokens = self._account.tokens
        token = result if isinstance(result, Token) else None
        error = result if isinstance(result, ConnectorError) else None
        try:
            if isinstance(result, Response | Failure):
                token = tokens.grant.read(result, self._now.seconds, self._now.utc)
        except ConnectorError as refused:
            error = refused
        # What ended because this call had to is no answer to other calls.
        self._settle(subject, token or (None if self._stopped else error), new=token is not result)
        for key in self._wanting[:]:
            wish = self._tasks[key].wish if key in self._wanting else None
            if not isinstance(wish, TokenWanted) or wish.subject != subject:
                continue
            if isinstance(result, Token) and wish.refused is not None and wish.refused.value == result.value:
                # Another process got it, and this task was refused with it: the next look says so.
                self._provide(key)
                continue
            self._wanting.remove(key)
            self._step(key, error if token is None else token)

    def _settle(self, subject: str | None, got: Token | ConnectorError | None, *, new: bool = True) -> None:
        """End the right to get a token, in this process and among all."""
        now = self._now.seconds
        self._account.tokens.settle(subject, got, now)
        ledger = self._endpoint.ledger
        if ledger is not None and new:
            ask = ledger.keep(subject, got, now) if isinstance(got, Token) else ledger.release(subject)
            self._due.append(Inquiry(None, ask))

    def _failure(self, task: _Task) -> Failure:
        """Make the failure of a task that is given up."""
        trouble: Trouble = self._stopped or "closed"
        url = task.wish.url if isinstance(task.wish, Wire) else self._endpoint.base_url
        if trouble == "timeout" and not task.sent and isinstance(task.wish, Wire):
            opens = self._account.turns.opens(self._caller, self._now.seconds)
            if opens < inf:
                return Failure("limited", host_of(url), False, opens - self._now.seconds)
        return Failure(trouble, host_of(url), task.sent)


def host_of(url: str) -> str:
    """Give the scheme, host and port of a URL, which is all of it that messages show."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

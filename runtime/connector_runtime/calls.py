"""The calls that run on a connection: what each is, how it is told what was done for it, how it is ended.

Both drivers use it; it knows nothing of how requests are sent.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from queue import SimpleQueue
from threading import Lock
from typing import Any, Generic, TypeVar

from .accounts import Account
from .attempts import Attempt, Watch, tell
from .carrying import Carrier, Due, Launch, Now, host_of
from .errors import ConnectorError, OutcomeUnknown, Unavailable
from .exchange import Exchange, Failure, Outcome, Response
from .replies import request_id
from .store import Held, Reply
from .turns import Lane

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Run(Generic[T]):
    """One call to be run: its exchange, the operation's name and lane, its time, and who keeps its resume tokens."""

    exchange: Exchange[T]
    operation: str
    lane: Lane
    timeout: float
    journal: Callable[[str], Any] | None = None


class _Running(Generic[T]):
    """What runs, each by what ends it; once closed, nothing joins it. Safe across threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._closed = False
        self._ends: set[T] = set()

    @contextmanager
    def joined(self, end: T, refusal: Callable[[], BaseException]) -> Iterator[None]:
        """Be one of them while the block runs. Raises the refusal when it was closed before."""
        with self._lock:
            if self._closed:
                raise refusal()
            self._ends.add(end)
        try:
            yield
        finally:
            with self._lock:
                self._ends.discard(end)

    def close(self) -> list[T]:
        """Let nothing in any more, and give what ends those that run."""
        with self._lock:
            self._closed = True
            return list(self._ends)


class Cancellation:
    """Ends a blocking call from another thread: give it to `call`, then `cancel`."""

    def __init__(self) -> None:
        self._calls: _Running[Callable[[], None]] = _Running()

    def cancel(self) -> None:
        """End every call that was given this; they raise concurrent.futures.CancelledError."""
        for end in self._calls.close():
            end()

    def ending(self, end: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `end` when it is cancelled while the block runs. Raises CancelledError when it was before."""
        return self._calls.joined(end, CancelledError)


@dataclass(frozen=True, slots=True)
class Done:
    """Something that a carrier wanted is done: a request, with its outcome, a question, or the keeping of a token."""

    key: int
    outcome: Outcome | Held | Reply | None
    attempt: Attempt | None


# What comes in while a call runs: something done, None to look again, or what it is to end with.
Mail = Done | BaseException | None


class Mailbox(SimpleQueue[Mail]):
    """A blocking call's mail. Once the call is `over` there is no time left for what is still done for it."""

    def __init__(self, deadline: float) -> None:
        super().__init__()
        self.over = False
        self._deadline = deadline

    def left(self) -> float:
        """Give the seconds that the call has left."""
        return 0.0 if self.over else max(0.0, self._deadline - time.monotonic())


def present() -> Now:
    """Read the clocks."""
    return Now(time.monotonic(), datetime.now(UTC))


def held_back(account: Account, launch: Launch, held: Held, lane: Lane) -> Done:
    """Give back the turn of a launch that was not sent."""
    now = time.monotonic()
    assert launch.turn is not None
    account.turns.hold(launch.turn, lane, now + held.seconds, now)
    return Done(launch.key, held, None)


def finished(account: Account, launch: Launch, outcome: Outcome, operation: str, started: float) -> Done:
    """Give a launch's turn back, with what there is to learn from its answer, and tell how it ended."""
    response = outcome if isinstance(outcome, Response) else None
    failure = outcome if isinstance(outcome, Failure) else None
    if launch.turn is not None:
        now = present()
        account.turns.answered(launch.turn, response, now.seconds, now.utc)
    attempt = Attempt(
        operation,
        launch.resource,
        launch.wire.method,
        host_of(launch.wire.url),
        launch.number,
        started,
        max(0.0, time.time() - started),
        response.status if response else None,
        failure.kind if failure else None,
        request_id(response) if response else None,
    )
    return Done(launch.key, outcome, attempt)


def taken_in(carrier: Carrier[Any], got: Mail, watches: Iterable[Watch]) -> list[Due]:
    """Let a call go on with what came in for it; give what is to be done next. Raises what it is to end with."""
    if isinstance(got, BaseException):
        raise got
    if got is None:
        return carrier.look(present())
    if got.attempt is not None:
        tell(watches, got.attempt)
    return carrier.receive(got.key, got.outcome, present())


def give_back(account: Account, due: list[Due]) -> None:
    """Give back the turns of what was never begun, for there was no thread for it, or an interrupt came before."""
    now = present()
    for each in due:
        if isinstance(each, Launch) and each.turn is not None:
            account.turns.answered(each.turn, None, now.seconds, now.utc)


def ended_by(carrier: Carrier[Any], error: BaseException, operation: str) -> BaseException:
    """End a call with an error from outside; where something was written, its cause is the error that tells what."""
    told = carrier.ended(present())
    if told is not None and (told.completed or isinstance(told, OutcomeUnknown)):
        if isinstance(error, ConnectorError):
            return told
        error.__cause__ = told
    if isinstance(error, ConnectorError):
        error.operation = operation
    return error


class Calls:
    """The calls that run on a driver, each by how it gets its mail."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._running: _Running[Callable[[Mail], None]] = _Running()

    @property
    def elsewhere(self) -> bool:
        """Whether this is a copy in a forked process: the threads and locks stayed behind, the sockets are shared."""
        return os.getpid() != self._process

    def joined(self, post: Callable[[Mail], None], operation: str) -> AbstractContextManager[None]:
        """Let a call run. Raises Unavailable when there is nothing any more to run it on."""
        if self.elsewhere:
            what = "this connection was opened in another process; connect anew in this one"
            raise Unavailable(what, operation=operation)
        closed = partial(Unavailable, "this connection is closed; connect anew", operation=operation)
        return self._running.joined(post, closed)

    def close(self) -> None:
        """Let no call in any more, and end those that run."""
        for post in self._running.close():
            post(Unavailable("the connection was closed while this call was running"))

"""The only door to httpx: two thin drivers that run calls, one with blocking calls on threads, one with asyncio."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from contextlib import aclosing, closing, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from inspect import isawaitable
from math import inf
from queue import Empty
from socket import SHUT_RDWR
from threading import TIMEOUT_MAX, Lock
from typing import Any, TypeVar
from weakref import WeakSet

import httpx

from .accounts import Account
from .attempts import Watch
from .calls import (
    Calls,
    Cancellation,
    Done,
    Mail,
    Mailbox,
    Run,
    ended_by,
    finished,
    give_back,
    held_back,
    present,
    taken_in,
)
from .carrying import Carrier, Due, Endpoint, Inquiry, Launch, host_of
from .errors import Unavailable
from .exchange import Failure, Outcome, Response, Wire
from .intake import Intake, Oversized, Unreadable
from .redis_store import AsyncDoor, Door
from .store import Ask, Held, Reply
from .turns import Caller, Lane, Room
from .workers import Workers

T = TypeVar("T")

# Besides the requests to the API, tokens are asked for.
_FOR_TOKENS = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """What a driver needs to know: where the API is, how long to wait, how much may be under way, who is told.

    `answer_bound` is the most bytes that an answer's body may have, decompressed.
    """

    endpoint: Endpoint
    connect_timeout: float
    read_timeout: float
    concurrency: int
    answer_bound: int
    watches: tuple[Watch, ...] = ()
    transport: Any = None


_mailbox: ContextVar[Mailbox] = ContextVar("mailbox")
_sending: ContextVar[bool] = ContextVar("sending", default=False)


class _Discreet(logging.Filter):
    """Keeps httpx from logging what this package sends: the queries of its URLs hold personal values."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - what is logged is for the caller to say
        """Let through what others send."""
        return not _sending.get()


for _name in ("httpx", "httpcore.http11"):
    logging.getLogger(_name).addFilter(_Discreet())


@cache
def _tls() -> ssl.SSLContext:
    # Making one takes longer than a call: every connection of the process shares it.
    return httpx.create_ssl_context()


def _options(settings: Settings, token_url: str) -> dict[str, Any]:
    plain = settings.endpoint.base_url.startswith("http:") and token_url.startswith("http:")
    limit = settings.concurrency + _FOR_TOKENS
    return {
        "limits": httpx.Limits(max_connections=limit, max_keepalive_connections=limit),
        # What one answer sets is sent with no other request: they may act for different users.
        "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=())),
        "headers": {"user-agent": "connector-runtime", "accept-encoding": "gzip"},
        **({"transport": settings.transport} if settings.transport else {"verify": plain or _tls()}),
    }


def _timeouts(settings: Settings, left: float) -> httpx.Timeout:
    left = max(left, 0.001)
    return httpx.Timeout(min(settings.read_timeout, left), connect=min(settings.connect_timeout, left), pool=None)


# What httpcore tells of a request that is about to go out, and of a connection that has come about.
_SENDS = "http11.send_request_headers.started"
_CONNECTED = ("connection.connect_tcp.complete", "connection.start_tls.complete")


def _read_in_time(read: Callable[[int, float], bytes], most: int, timeout: float | None = None) -> bytes:
    """Read from a connection for as long as the call has time: an answer may come byte by byte, its headers too."""
    left = _mailbox.get().left()
    if not left:
        raise TimeoutError
    return read(most, min(left, inf if timeout is None else timeout))


def _intake(response: httpx.Response, bound: int) -> Intake:
    # A transport of the host's own may hand over an answer that was read, and decompressed, already.
    encoding = "" if response.is_stream_consumed else response.headers.get("content-encoding", "")
    intake = Intake(encoding, bound)
    if response.is_stream_consumed:
        intake.add(response.content)
    return intake


def _response(response: httpx.Response, body: bytes) -> Response:
    return Response(response.status_code, {key.lower(): value for key, value in response.headers.items()}, body)


def _failed(error: BaseException, wire: Wire) -> Failure:
    host = host_of(wire.url)
    match error:
        case httpx.ConnectError() | httpx.UnsupportedProtocol() | httpx.ProxyError():
            return Failure("unreachable", host, sent=False)
        case httpx.ConnectTimeout():
            return Failure("timeout", host, sent=False)
        case httpx.TimeoutException() | TimeoutError():
            return Failure("timeout", host)
        case Oversized():
            return Failure("oversized", host)
        case Unreadable():
            return Failure("unreadable", host)
    # Whatever else a transport raises: what became of the request is not known.
    return Failure("lost", host)


def _learning(settings: Settings, unit: str, outcome: Outcome | None) -> Ask:
    """Say to the store what became of a unit of the shared budget."""
    assert settings.endpoint.ledger is not None
    return settings.endpoint.ledger.learn(unit, outcome if isinstance(outcome, Response) else None, datetime.now(UTC))


class Driver:
    """Runs calls with blocking requests, on threads of its own. Safe across threads."""

    def __init__(self, settings: Settings, account: Account, door: Door | None = None) -> None:
        self._settings = settings
        self._account = account
        self._door = door
        self._room = Room(settings.concurrency)
        self._calls = Calls()
        self._client = httpx.Client(**_options(settings, account.tokens.grant.token_url))
        self._workers = Workers(settings.concurrency + _FOR_TOKENS)
        self._streams: WeakSet[Any] = WeakSet()
        self._lock = Lock()

    def run(self, run: Run[T], cancellation: Cancellation | None = None) -> T:
        """Run a call to its end and give its result.

        What interrupts it comes through as it is; where something was written, its cause is a ConnectorError that
        tells what, with the resume token.
        """
        deadline = time.monotonic() + run.timeout
        mail = Mailbox(deadline)
        caller = Caller(run.lane, self._room, partial(mail.put, None))
        carrier = Carrier(run.exchange, self._account, self._settings.endpoint, caller, deadline)

        def end() -> None:
            mail.put(CancelledError())

        with self._calls.joined(mail.put, run.operation), (cancellation or Cancellation()).ending(end):
            due: list[Due] = []
            try:
                due = carrier.start(present())
                while not carrier.finished:
                    while due:
                        self._begin(due[0], run, mail)
                        del due[0]
                    due = self._received(carrier, mail)
                return carrier.result
            except BaseException as error:
                ended = ended_by(carrier, error, run.operation)
                raise ended from ended.__cause__
            finally:
                mail.over = True
                give_back(self._account, due)
                for each in carrier.leave(present()):
                    self._inquire(each, mail)

    def close(self) -> None:
        """Close the connections; calls that run end with an error."""
        if self._calls.elsewhere:
            return
        self._calls.close()
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            # Whoever reads from it wakes up: closing it alone would let them wait for their time to run out.
            with suppress(OSError):
                stream.get_extra_info("socket").shutdown(SHUT_RDWR)
        self._client.close()
        self._workers.close()
        if self._door is not None:
            self._door.close()

    def _received(self, carrier: Carrier[Any], mail: Mailbox) -> list[Due]:
        try:
            got = mail.get(timeout=min(carrier.wait(present()), TIMEOUT_MAX))
        except Empty:
            got = None
        return taken_in(carrier, got, self._settings.watches)

    def _begin(self, each: Due, run: Run[Any], mail: Mailbox) -> None:
        if isinstance(each, Launch):
            self._workers.start(partial(self._work, each, run, mail))
            return
        if isinstance(each, Inquiry):
            self._inquire(each, mail)
            return
        if run.journal is not None:
            run.journal(each.token)
        mail.put(Done(each.key, None, None))

    def _work(self, launch: Launch, run: Run[Any], mail: Mailbox) -> None:
        unit = self._taken(launch, run.lane, mail.left())
        if isinstance(unit, Held):
            mail.put(held_back(self._account, launch, unit, run.lane))
            return
        started = time.time()
        outcome = self._send(launch.wire, mail)
        if self._door is not None and unit is not None:
            self._door.ask(_learning(self._settings, unit, outcome))
        mail.put(finished(self._account, launch, outcome, run.operation, started))

    def _taken(self, launch: Launch, lane: Lane, left: float) -> str | Held | None:
        """Take a unit of the budget that processes share; None where they don't, or the API is not what is asked."""
        ledger = self._settings.endpoint.ledger
        if self._door is None or ledger is None or launch.turn is None:
            return None
        return ledger.taken(self._door.ask(ledger.take(lane, left)))

    def _inquire(self, inquiry: Inquiry, mail: Mailbox) -> None:
        # Here and now: it is asked for once a token, and the next step needs the answer.
        assert self._door is not None
        reply = self._door.ask(inquiry.ask)
        if inquiry.key is not None:
            mail.put(Done(inquiry.key, reply, None))

    def _send(self, wire: Wire, mail: Mailbox) -> Outcome:
        left = mail.left()
        if not left:
            return Failure("timeout", host_of(wire.url), sent=False)
        _sending.set(True)
        _mailbox.set(mail)
        try:
            request = self._client.build_request(
                wire.method,
                wire.url,
                headers=wire.headers,
                content=wire.body,
                timeout=_timeouts(self._settings, left),
                extensions={"trace": self._traced},
            )
            response = self._client.send(request, stream=True)
            with closing(response):
                intake = _intake(response, self._settings.answer_bound)
                for piece in () if response.is_stream_consumed else response.iter_raw():
                    intake.add(piece)
                    if not mail.left():
                        raise TimeoutError
                return _response(response, intake.body())
        except Exception as error:
            return _failed(error, wire)

    def _traced(self, event: str, told: Mapping[str, Any]) -> None:
        if event == _SENDS and not _mailbox.get().left():
            # It took so long to connect that the call is over: what it said of this request must stay true.
            raise TimeoutError
        if event in _CONNECTED:
            stream = told["return_value"]
            stream.read = partial(_read_in_time, stream.read)
            with self._lock:
                self._streams.add(stream)


async def _cancelled(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class AsyncDriver:
    """Runs calls in asyncio, each request as a task. Belongs to one event loop."""

    def __init__(self, settings: Settings, account: Account, door: AsyncDoor | None = None) -> None:
        self._settings = settings
        self._account = account
        self._door = door
        self._errands: set[asyncio.Task[Any]] = set()
        self._room = Room(settings.concurrency)
        self._calls = Calls()
        self._loop = asyncio.get_running_loop()
        self._client = httpx.AsyncClient(**_options(settings, account.tokens.grant.token_url))

    async def run(self, run: Run[T]) -> T:
        """Run a call to its end and give its result; a task that is cancelled ends as `Driver.run` says."""
        mail: asyncio.Queue[Mail] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            what = "this connection belongs to another event loop; connect anew in this one"
            raise Unavailable(what, operation=run.operation)
        deadline = time.monotonic() + run.timeout
        tasks: set[asyncio.Task[Any]] = set()

        def post(what: Mail) -> None:
            # Turns and tokens may come from other threads, and after this loop has ended.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(mail.put_nowait, what)

        caller = Caller(run.lane, self._room, partial(post, None))
        carrier = Carrier(run.exchange, self._account, self._settings.endpoint, caller, deadline)
        with self._calls.joined(post, run.operation):
            try:
                due = carrier.start(present())
                while not carrier.finished:
                    for each in due:
                        await self._begin(each, run, mail, tasks, deadline)
                    due = await self._received(carrier, mail)
                return carrier.result
            except BaseException as error:
                ended = ended_by(carrier, error, run.operation)
                raise ended from ended.__cause__
            finally:
                left = carrier.leave(present())
                await _cancelled(tasks)
                for each in left:
                    self._inquire(each, mail)

    async def close(self) -> None:
        """Close the connections; calls that run end with an error."""
        if self._calls.elsewhere:
            return
        self._calls.close()
        await self._client.aclose()
        if self._door is not None:
            await asyncio.gather(*self._errands, return_exceptions=True)
            await self._door.close()

    async def _received(self, carrier: Carrier[Any], mail: asyncio.Queue[Mail]) -> list[Due]:
        got: Mail = None
        with suppress(TimeoutError):
            async with asyncio.timeout(carrier.wait(present())):
                got = await mail.get()
        return taken_in(carrier, got, self._settings.watches)

    async def _begin(
        self, each: Due, run: Run[Any], mail: asyncio.Queue[Mail], tasks: set[asyncio.Task[Any]], deadline: float
    ) -> None:
        if isinstance(each, Launch):
            task = asyncio.create_task(self._work(each, run.lane, deadline))
            tasks.add(task)
            task.add_done_callback(partial(self._settle, each, run, mail, tasks))
            return
        if isinstance(each, Inquiry):
            self._inquire(each, mail)
            return
        kept = None if run.journal is None else run.journal(each.token)
        if isawaitable(kept):
            await kept
        mail.put_nowait(Done(each.key, None, None))

    def _settle(
        self,
        launch: Launch,
        run: Run[Any],
        mail: asyncio.Queue[Mail],
        tasks: set[asyncio.Task[Any]],
        task: asyncio.Task[tuple[Outcome | Held, float]],
    ) -> None:
        # A callback, because a task that is cancelled before its first step would settle nothing by itself.
        tasks.discard(task)
        closed = Failure("closed", host_of(launch.wire.url))
        outcome, started = (closed, time.time()) if task.cancelled() else task.result()
        if isinstance(outcome, Held):
            mail.put_nowait(held_back(self._account, launch, outcome, run.lane))
        else:
            mail.put_nowait(finished(self._account, launch, outcome, run.operation, started))

    async def _work(self, launch: Launch, lane: Lane, deadline: float) -> tuple[Outcome | Held, float]:
        unit = await self._taken(launch, lane, deadline)
        started = time.time()
        if self._door is None or unit is None:
            return await self._sent(launch.wire, deadline), started
        if isinstance(unit, Held):
            return unit, started
        try:
            outcome = await self._sent(launch.wire, deadline)
        except asyncio.CancelledError:
            self._errand(_learning(self._settings, unit, None))
            raise
        await self._door.ask(_learning(self._settings, unit, outcome))
        return outcome, started

    async def _taken(self, launch: Launch, lane: Lane, deadline: float) -> str | Held | None:
        ledger = self._settings.endpoint.ledger
        if self._door is None or ledger is None or launch.turn is None:
            return None
        return ledger.taken(await self._door.ask(ledger.take(lane, deadline - time.monotonic())))

    def _inquire(self, inquiry: Inquiry, mail: asyncio.Queue[Mail]) -> None:
        def answered(asked: asyncio.Task[Reply | None]) -> None:
            if inquiry.key is not None and not asked.cancelled():
                mail.put_nowait(Done(inquiry.key, asked.result(), None))

        self._errand(inquiry.ask).add_done_callback(answered)

    def _errand(self, ask: Ask) -> asyncio.Task[Reply | None]:
        """Ask the store in a task that the end of the call does not end."""
        assert self._door is not None
        task = asyncio.create_task(self._door.ask(ask))
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
        return task

    async def _sent(self, wire: Wire, deadline: float) -> Outcome:
        left = deadline - time.monotonic()
        _sending.set(True)
        try:
            async with asyncio.timeout(left):
                request = self._client.build_request(
                    wire.method,
                    wire.url,
                    headers=wire.headers,
                    content=wire.body,
                    timeout=_timeouts(self._settings, left),
                )
                response = await self._client.send(request, stream=True)
                async with aclosing(response):
                    intake = _intake(response, self._settings.answer_bound)
                    if not response.is_stream_consumed:
                        async for piece in response.aiter_raw():
                            intake.add(piece)
                    return _response(response, intake.body())
        except Exception as error:
            return _failed(error, wire)

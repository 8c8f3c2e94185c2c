"""The only door to httpx: two thin drivers that carry requests, one with threads, one with asyncio."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from threading import Lock
from typing import Any, TypeVar

import httpx

from .delivery import TokenWanted, delivery
from .errors import ConnectorError
from .exchange import Exchange, Failure, Outcome, Request, Response, Wire
from .tokens import Tokens

T = TypeVar("T")

# What a driver tells whoever watches: each request that came to an end, and how.
Watch = Callable[[Wire, Outcome], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a driver needs to know: where the API is, who acts, how long to wait, how much goes on at once."""

    base_url: str
    subject: str | None
    connect_timeout: float
    read_timeout: float
    concurrency: int
    transport: Any = None
    watch: Watch | None = None


@cache
def _tls() -> ssl.SSLContext:
    # Making one takes longer than a call: every connection of the process shares it.
    return httpx.create_ssl_context()


def _options(settings: Settings, token_url: str) -> dict[str, Any]:
    plain = settings.base_url.startswith("http:") and token_url.startswith("http:")
    limit = settings.concurrency
    return {
        "timeout": httpx.Timeout(settings.read_timeout, connect=settings.connect_timeout, pool=None),
        "limits": httpx.Limits(max_connections=limit, max_keepalive_connections=limit),
        "headers": {"user-agent": "connector-runtime"},
        **({"transport": settings.transport} if settings.transport else {"verify": plain or _tls()}),
    }


def _received(response: httpx.Response) -> Response:
    headers = {key.lower(): value for key, value in response.headers.items()}
    return Response(response.status_code, headers, response.content)


def _failed(error: Exception, wire: Wire) -> Failure:
    url = httpx.URL(wire.url)
    host = f"{url.scheme}://{url.netloc.decode('ascii')}"
    if isinstance(error, httpx.ConnectError | httpx.UnsupportedProtocol | httpx.ProxyError):
        return Failure("unreachable", host)
    return Failure("timeout" if isinstance(error, httpx.TimeoutException) else "lost", host)


class Driver:
    """Runs exchanges with blocking calls; the requests of a batch go out on threads. Safe across threads."""

    def __init__(self, settings: Settings, tokens: Tokens) -> None:
        self._settings = settings
        self._tokens = tokens
        self._minting = Lock()
        self._client = httpx.Client(**_options(settings, tokens.grant.token_url))
        self._threads = ThreadPoolExecutor(settings.concurrency, thread_name_prefix="connector")

    def run(self, exchange: Exchange[T]) -> T:
        """Run an exchange to its end and give its result."""
        try:
            batch = next(exchange)
            while True:
                try:
                    outcomes = self._carried(batch)
                except ConnectorError as error:
                    batch = exchange.throw(error)
                else:
                    batch = exchange.send(outcomes)
        except StopIteration as stop:
            result: T = stop.value
            return result

    def close(self) -> None:
        """Close the connections; nobody waits any more for what is still under way."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def _carried(self, batch: list[Request]) -> list[Outcome]:
        if len(batch) == 1:
            return [self._deliver(batch[0])]
        futures = [self._threads.submit(self._deliver, request) for request in batch]
        try:
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()

    def _deliver(self, request: Request) -> Outcome:
        steps = delivery(request, self._settings.base_url, self._settings.subject)
        try:
            wish = next(steps)
            while True:
                wish = steps.send(self._token(wish) if isinstance(wish, TokenWanted) else self._send(wish))
        except StopIteration as stop:
            outcome: Outcome = stop.value
            return outcome

    def _token(self, wish: TokenWanted) -> str:
        tokens = self._tokens
        ready = tokens.usable(wish.subject, wish.refused, time.monotonic())
        if ready:
            return ready
        # One at a time: a new token may end the life of the one before it, and all who wait want the same.
        with self._minting:
            ready = tokens.usable(wish.subject, wish.refused, time.monotonic())
            if ready:
                return ready
            outcome = self._send(tokens.grant.request(wish.subject))
            return tokens.keep(wish.subject, tokens.grant.read(outcome, time.monotonic(), datetime.now(UTC)))

    def _send(self, wire: Wire) -> Outcome:
        outcome: Outcome
        try:
            outcome = _received(self._client.request(wire.method, wire.url, headers=wire.headers, content=wire.body))
        except httpx.HTTPError as error:
            outcome = _failed(error, wire)
        if self._settings.watch:
            self._settings.watch(wire, outcome)
        return outcome


class AsyncDriver:
    """Runs exchanges in asyncio; the requests of a batch go out as tasks. Belongs to one event loop."""

    def __init__(self, settings: Settings, tokens: Tokens) -> None:
        self._settings = settings
        self._tokens = tokens
        self._minting = asyncio.Lock()
        self._client = httpx.AsyncClient(**_options(settings, tokens.grant.token_url))
        self._room = asyncio.Semaphore(settings.concurrency)

    async def run(self, exchange: Exchange[T]) -> T:
        """Run an exchange to its end and give its result."""
        try:
            batch = next(exchange)
            while True:
                try:
                    outcomes = await self._carried(batch)
                except ConnectorError as error:
                    batch = exchange.throw(error)
                else:
                    batch = exchange.send(outcomes)
        except StopIteration as stop:
            result: T = stop.value
            return result

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _carried(self, batch: list[Request]) -> list[Outcome]:
        if len(batch) == 1:
            return [await self._deliver(batch[0])]
        tasks = [asyncio.ensure_future(self._deliver(request)) for request in batch]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _deliver(self, request: Request) -> Outcome:
        steps = delivery(request, self._settings.base_url, self._settings.subject)
        try:
            wish = next(steps)
            while True:
                done = await self._token(wish) if isinstance(wish, TokenWanted) else await self._sent(wish)
                wish = steps.send(done)
        except StopIteration as stop:
            outcome: Outcome = stop.value
            return outcome

    async def _token(self, wish: TokenWanted) -> str:
        tokens = self._tokens
        ready = tokens.usable(wish.subject, wish.refused, time.monotonic())
        if ready:
            return ready
        async with self._minting:
            ready = tokens.usable(wish.subject, wish.refused, time.monotonic())
            if ready:
                return ready
            outcome = await self._send(tokens.grant.request(wish.subject))
            return tokens.keep(wish.subject, tokens.grant.read(outcome, time.monotonic(), datetime.now(UTC)))

    async def _sent(self, wire: Wire) -> Outcome:
        async with self._room:
            return await self._send(wire)

    async def _send(self, wire: Wire) -> Outcome:
        outcome: Outcome
        try:
            response = await self._client.request(wire.method, wire.url, headers=wire.headers, content=wire.body)
            outcome = _received(response)
        except httpx.HTTPError as error:
            outcome = _failed(error, wire)
        if self._settings.watch:
            self._settings.watch(wire, outcome)
        return outcome

"""The sandbox as an httpx transport: requests are answered in process, without a port."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import httpx

from .delivery import Step
from .wire import Reply

if TYPE_CHECKING:
    from .sandbox import Sandbox


class SandboxTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """For `httpx.Client` and `httpx.AsyncClient`; closing either leaves the sandbox open.

    What a network does to a reply is done here too: pauses last, the client's read timeout counts, and lost
    connections are the errors that httpx has for them.
    """

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        reply = self._reply(request, request.read())
        for step in _head(request, reply):
            if not isinstance(step, bytes):
                time.sleep(step)
        return _response(request, reply)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        reply = await asyncio.to_thread(self._reply, request, body)
        for step in _head(request, reply):
            if not isinstance(step, bytes):
                await asyncio.sleep(step)
        return _response(request, reply)

    def _reply(self, request: httpx.Request, body: bytes) -> Reply:
        target = request.url.raw_path.decode("ascii")
        try:
            return self._sandbox.handle(request.method, target, request.headers, body)
        except ConnectionResetError as error:
            raise httpx.ReadError(str(error), request=request) from error


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body on its way."""

    def __init__(self, request: httpx.Request, reply: Reply) -> None:
        self._request = request
        self._reply = reply

    def __iter__(self) -> Iterator[bytes]:
        for step in self._steps():
            if isinstance(step, bytes):
                yield step
            else:
                time.sleep(step)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for step in self._steps():
            if isinstance(step, bytes):
                yield step
            else:
                await asyncio.sleep(step)

    def _steps(self) -> Iterator[Step]:
        if self._request.method == "HEAD":
            return
        yield from _patiently(self._request, self._reply.delivery.body(self._reply.body))
        if lost := self._reply.delivery.lost:
            raise httpx.RemoteProtocolError(
                f"peer closed connection without sending complete message body ({lost} bytes are missing)",
                request=self._request,
            )


def _head(request: httpx.Request, reply: Reply) -> Iterator[Step]:
    return _patiently(request, reply.delivery.head(reply.head() if reply.delivery.slow_head else b""))


def _response(request: httpx.Request, reply: Reply) -> httpx.Response:
    return httpx.Response(reply.status, headers=reply.all_headers(), stream=_Body(request, reply), request=request)


def _patiently(request: httpx.Request, steps: Iterator[Step]) -> Iterator[Step]:
    """The steps, up to a wait that is longer than the client's read timeout."""
    patience = request.extensions.get("timeout", {}).get("read")
    for step in steps:
        if patience is not None and not isinstance(step, bytes) and step > patience:
            yield patience
            raise httpx.ReadTimeout("the read operation timed out", request=request)
        yield step

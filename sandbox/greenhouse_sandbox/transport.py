"""The sandbox as an httpx transport: requests are answered in process, without a port."""

import asyncio
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from .sandbox import Sandbox


class SandboxTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """For `httpx.Client` and `httpx.AsyncClient`; closing either leaves the sandbox open."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._respond(request, request.read())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        return await asyncio.to_thread(self._respond, request, body)

    def _respond(self, request: httpx.Request, body: bytes) -> httpx.Response:
        target = request.url.raw_path.decode("ascii")
        try:
            reply = self._sandbox.handle(request.method, target, request.headers, body)
        except ConnectionResetError as error:
            raise httpx.ReadError(str(error), request=request) from error
        return httpx.Response(reply.status, headers=reply.headers, content=reply.body, request=request)

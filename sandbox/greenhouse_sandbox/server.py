"""The sandbox on a port: HTTP/1.1 with keep-alive, one thread per connection."""

import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Thread
from typing import Any

from .delivery import Step
from .wire import Reply

Handle = Callable[[str, str, Mapping[str, str], bytes], Reply]


class Server:
    """Serves in a background thread from construction until `close`; a context manager."""

    def __init__(self, handle: Handle, host: str, port: int) -> None:
        handler = type("Handler", (_Handler,), {"answer": staticmethod(handle)})
        self._http = _Http((host, port), handler)
        self.url = f"http://{host}:{self._http.server_port}"
        self.base_url = self.url
        self.token_url = f"{self.url}/token"
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(self) -> None:
        """Blocks until `close` is called from elsewhere; KeyboardInterrupt passes through."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def close(self) -> None:
        """Stops listening and hangs up on the clients that are still connected."""
        self._http.shutdown()
        self._http.server_close()
        self._http.hang_up()
        self._thread.join()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Without the parent's look-up of the host's full name, which can hang where there is no DNS."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Quiet about clients that have left."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """Reads one request after another from a connection. `answer` is bound by the server's subclass."""

    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    answer: Handle

    def setup(self) -> None:
        super().setup()
        # small replies must not wait for the peer's acknowledgement
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)

    def __getattr__(self, name: str) -> Callable[[], None]:
        """The base class looks for `do_<METHOD>`; every method is answered alike."""
        if name.startswith("do_"):
            return self._serve_request
        raise AttributeError(name)

    def _serve_request(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            reply = self.answer(self.command, self.path, dict(self.headers.items()), body)
        except ConnectionResetError:
            self._reset()
            return
        self._play(reply.delivery.head(reply.head()))
        if self.command != "HEAD":
            self._play(reply.delivery.body(reply.body))
        self.close_connection = self.close_connection or reply.delivery.ends

    def _play(self, steps: Iterator[Step]) -> None:
        for step in steps:
            if isinstance(step, bytes):
                self.wfile.write(step)
            else:
                self.wfile.flush()
                time.sleep(step)

    def _reset(self) -> None:
        """Loses the connection as a network does: a close that does not linger is a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(self.connection.detach())
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the parent's name)
        """Quiet: `Sandbox.requests` is the record."""

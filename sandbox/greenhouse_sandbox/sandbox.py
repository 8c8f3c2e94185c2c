"""The emulator's front door: one object that answers HTTP requests and lets tests look behind the counter."""

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any
from urllib.parse import parse_qsl

from .api import Api, Request
from .database import Database
from .faults import Fault, Faults
from .generator import generate
from .moments import moment_text
from .seed import plant
from .server import Server
from .tokens import CLIENT_ID, CLIENT_SECRET
from .transport import SandboxTransport
from .wire import BASE_URL, TOKEN_URL, Reply

REMEMBERED_REQUESTS = 10_000


@dataclass(frozen=True, slots=True)
class Record:
    """One request; of a repeated query parameter the last value. Status 0: the connection was lost."""

    method: str
    path: str
    query: dict[str, str]
    status: int


class Sandbox:
    """A Greenhouse organisation behind the Harvest v3 API.

    `database` is a file that outlives the object, or None for memory. `size` 0 is the small organisation of
    the published samples, N a generated one of exactly N candidates. `clock` gives Unix time in seconds.
    `scopes` restricts the credential, e.g. `{"harvest:jobs:list"}`; None grants all. `rate_limit` is the number
    of requests in 30 seconds; None sets no limit and sends no headers about it. Safe to use from many threads.

    Raises ValueError when the file already holds an organisation of another size (0 opens any).
    """

    base_url = BASE_URL
    token_url = TOKEN_URL

    def __init__(
        self,
        database: "str | PathLike[str] | None" = None,
        *,
        size: int = 0,
        clock: Callable[[], float] = time.time,
        scopes: Collection[str] | None = None,
        rate_limit: int | None = None,
    ) -> None:
        self.credentials = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        self.requests: deque[Record] = deque(maxlen=REMEMBERED_REQUESTS)
        self._clock = clock
        self._faults = Faults()
        self._database = Database(database)
        self._api = Api(self._database, clock, scopes, rate_limit)
        try:
            self._settle(size)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    def handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        """Answers a request; `target` is path and query as on the request line, header names in any case."""
        path, _, query = target.partition("?")
        lower = {name.lower(): value for name, value in headers.items()}
        fault = self._faults.take(method, path)
        reply = fault.reply if fault else None
        if fault is None or fault.done:
            answer = self._api.answer(Request(method, path, query, lower, body))
            reply = reply if fault else answer
        self.requests.append(Record(method, path, dict(parse_qsl(query, True)), reply.status if reply else 0))
        if reply is None:
            raise ConnectionResetError("the sandbox was told to lose this connection")
        return reply

    def fail(
        self,
        reply: Reply | None,
        *,
        method: str | None = None,
        path: str | None = None,
        times: int = 1,
        done: bool = False,
    ) -> None:
        """Plans trouble for the next requests, see `Fault`; when a connection is lost, `handle` raises OSError."""
        self._faults.plan(Fault(reply, method, path, times, done))

    def serve(self, port: int = 0, host: str = "127.0.0.1") -> Server:
        """Starts an HTTP server for this sandbox in a thread; port 0 picks a free one.

        Raises OSError when the port is taken.
        """
        return Server(self.handle, host, port)

    def transport(self) -> SandboxTransport:
        """An httpx transport, sync and async, that answers without a socket."""
        return SandboxTransport(self)

    def insert(self, resource: str, row: Mapping[str, Any]) -> int:
        """Adds a row, with defaults for what it does not name, and returns its id. ValueError: see `rows`."""
        return self._database.insert(resource, row, moment_text(self._clock()))

    def rows(self, resource: str) -> list[dict[str, Any]]:
        """All rows as the API sends them, ascending id. ValueError names an unknown resource or column."""
        return self._database.rows(resource)

    def update(self, resource: str, row_id: int, changes: Mapping[str, Any]) -> None:
        """Changes some columns of a row. ValueError: no such resource, column or row."""
        self._database.update(resource, row_id, changes)

    def delete(self, resource: str, row_id: int) -> None:
        """Removes a row, and nothing that points to it. ValueError: no such resource or row."""
        self._database.delete(resource, row_id)

    def _settle(self, size: int) -> None:
        database = self._database
        with database.transaction():
            stored = database.query("SELECT value FROM settings WHERE name = 'size'")
            if not stored:
                database.execute("INSERT INTO settings VALUES ('size', ?)", (size,))
                generate(database, size) if size else plant(database)
            elif size not in (0, stored[0][0]):
                raise ValueError(f"the database holds an organisation of size {stored[0][0]}, not {size}")

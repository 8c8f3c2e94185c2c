"""The emulator's front door: one object that answers HTTP requests and lets tests look behind the counter."""

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from os import PathLike
from typing import Any

from .api import Api, Request
from .control import Control
from .database import Database
from .declared import records
from .faults import Faults
from .generator import generate
from .kinds import LOST, Scene
from .later import Later
from .log import Log, Record
from .moments import moment_text
from .seed import plant
from .server import Server
from .settings import Settings
from .tokens import CLIENT_ID, CLIENT_SECRET
from .transport import SandboxTransport
from .wire import BASE_URL, TOKEN_URL, Reply


class Sandbox:
    """A Greenhouse organisation behind the Harvest v3 API.

    `database` is a file that outlives the object, or None for memory. `size` 0 is the small organisation of
    the published samples, N a generated one of exactly N candidates. `clock` gives Unix time in seconds.
    `scopes` restricts the credential, e.g. `{"harvest:jobs:list"}`; None grants all. `rate_limit` is the number
    of requests in `window` seconds; None sets no limit and sends no headers about it. Tokens live `token_lifetime`
    seconds; with `one_live_token` a new one ends all earlier ones. Safe to use from many threads.

    Raises ValueError when the file already holds an organisation of another size (0 opens any), or a setting is wrong.
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
        window: int | None = None,
        one_live_token: bool = False,
        token_lifetime: int | None = None,
    ) -> None:
        self.credentials = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        self._settings = Settings()
        self.configure(
            rate_limit=rate_limit, window=window, one_live_token=one_live_token, token_lifetime=token_lifetime
        )
        self._clock = clock
        self._log = Log(clock)
        self._faults = Faults()
        self._later = Later()
        self._control = Control(self)
        self._database = Database(database)
        self._api = Api(self._database, clock, scopes, self._settings)
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
        self._later.close()
        self._database.close()

    def handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        """Answers a request; `target` is path and query as on the request line, header names in any case.

        How a reply is delivered, slowly or in part, is left to whoever sends it. Raises ConnectionResetError where a
        fault loses the connection.
        """
        path, _, query = target.partition("?")
        if Control.owns(path):
            return self._control.answer(method, path, body)
        request = Request(method, path, query, {name.lower(): value for name, value in headers.items()}, body)
        reply, fault = self._faults.answer(Scene(request, self._api, self._later))
        self._log.add(request, reply.status, fault)
        if reply is LOST:
            raise ConnectionResetError("the sandbox was told to lose this connection")
        return reply

    def fail(self, kind: str, **keys: Any) -> int:
        """Plans a fault, e.g. `fail("status", code=503, path="/v3/jobs")`, and returns its number.

        docs/sandbox.md describes every kind and its keys. Raises ValueError for what none of them is.
        """
        return self.declare([{"kind": kind, **keys}])[0]

    def declare(self, faults: str | Sequence[Any]) -> list[int]:
        """Plans faults, all or none, and returns their numbers: records, or their text as on the command line.

        Raises ValueError that says which kinds and keys there are.
        """
        return self._faults.plan(records(faults) if isinstance(faults, str) else faults)

    def heal(self, number: int | None = None) -> bool:
        """Takes back one fault, or all; whether there was one to take back."""
        return self._faults.remove(number)

    @property
    def faults(self) -> list[dict[str, Any]]:
        """The faults that may still strike: `number`, `struck` (how often), and `fault`, the declaration."""
        return self._faults.records()

    def configure(self, **settings: Any) -> None:
        """Changes settings at once, see the constructor; None gives the default back. Raises ValueError."""
        self._settings.change(settings)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as they are."""
        return self._settings.record()

    @property
    def requests(self) -> "deque[Record]":
        """The last 10,000 requests, oldest first."""
        return self._log.requests

    @property
    def counts(self) -> dict[str, Any]:
        """How many `requests` there were, how many were `throttled` (answered 429), how many met which of the
        `faults`, and the `peak`: the most that the rate limit counted in one window, refused ones included.
        """
        return self._log.counts() | {"peak": self._api.rate_limit.peak}

    def forget(self) -> None:
        """Empties the record of requests and sets all counts to 0."""
        self._log.forget()
        self._api.rate_limit.forget()

    def revoke(self) -> int:
        """Ends all tokens, and tells how many there were."""
        return self._api.tokens.revoke_all()

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

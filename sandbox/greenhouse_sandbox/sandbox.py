"""The emulator's front door: one object that answers HTTP requests and lets tests look behind the counter."""

import re
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any
from urllib.parse import parse_qsl

import orjson

from .catalog import RESOURCES, Resource
from .database import Database
from .generator import generate
from .listing import list_reply
from .moments import moment_text
from .seed import plant
from .server import Server
from .tokens import CLIENT_ID, CLIENT_SECRET, Tokens
from .transport import SandboxTransport
from .wire import (
    API_HOST,
    BASE_URL,
    TOKEN_URL,
    ApiError,
    Reply,
    forbidden,
    json_reply,
    no_record,
    no_route,
)
from .writes import CREATES, Change, create, patch_candidate

REMEMBERED_REQUESTS = 10_000


@dataclass(frozen=True, slots=True)
class Record:
    """One request that was answered; of a repeated query parameter the last value."""

    method: str
    path: str
    query: dict[str, str]
    status: int


class Sandbox:
    """A Greenhouse organisation behind the Harvest v3 API.

    `database` is a file that outlives the object, or None for memory. `size` 0 is the small organisation of
    the published samples, N a generated one of exactly N candidates. `clock` gives Unix time in seconds.
    `scopes` restricts the credential, e.g. `{"harvest:jobs:list"}`; None grants all. Safe to use from many
    threads.

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
    ) -> None:
        self.credentials = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        self.requests: deque[Record] = deque(maxlen=REMEMBERED_REQUESTS)
        self._clock = clock
        self._scopes = scopes
        self._database = Database(database)
        self._tokens = Tokens(self._database, clock)
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
        try:
            reply = self._answer(method, path, query, lower, body)
        except ApiError as error:
            reply = json_reply(error.status, error.body)
        self.requests.append(Record(method, path, dict(parse_qsl(query, True)), reply.status))
        return reply

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

    def _answer(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if (method, path) == ("POST", "/token"):
            return self._tokens.reply(query, headers, body)
        match = re.fullmatch(r"/v3/(\w+)(?:/(\d{1,18}))?", path)
        known = RESOURCES.get(match[1]) if match else None
        if match is None or known is None:
            raise no_route()
        row_id = int(match[2]) if match[2] else None
        if (method, row_id) == ("GET", None):
            self._authorize(headers, known.scope("list"))
            return list_reply(self._database, known, query, _base_url(headers))
        if (method, row_id) == ("POST", None) and known.name in CREATES:
            actor = self._authorize(headers, known.scope("create"))
            return json_reply(201, create(self._change(actor), known.name, _json(body)))
        if row_id is not None and method == "GET" and known.single_get:
            self._authorize(headers, known.scope("show"))
            return self._show(known, row_id)
        if row_id is not None and (method, known.name) == ("PATCH", "candidates"):
            actor = self._authorize(headers, known.scope("update"))
            return json_reply(200, patch_candidate(self._change(actor), row_id, _json(body)))
        raise no_route()

    def _change(self, actor: int | None) -> Change:
        return Change(self._database, actor, moment_text(self._clock()))

    def _authorize(self, headers: Mapping[str, str], scope: str) -> int | None:
        """The acting user's id. Raises ApiError 401, or 403 when the credential lacks the scope."""
        actor = self._tokens.actor(headers.get("authorization", ""))
        if self._scopes is not None and scope not in self._scopes:
            raise forbidden()
        return actor

    def _show(self, known: Resource, row_id: int) -> Reply:
        row = self._database.get(known.name, row_id)
        if row is None:
            raise no_record("Rejection reason")
        return json_reply(200, row)


def _base_url(headers: Mapping[str, str]) -> str:
    """Where the caller reached us, for `Link`: the API's own host is always https."""
    host = headers.get("host", API_HOST)
    return BASE_URL if host == API_HOST else f"{headers.get('x-forwarded-proto', 'http')}://{host}"


def _json(body: bytes) -> Any:
    """The request body; what is no JSON at all is a 400 (INFERRED)."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ApiError(400, {"message": "Bad Request"}) from error

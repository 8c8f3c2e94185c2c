"""Connectors and connections: what a host loads, connects and calls."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from .checks import check_specs
from .compiling import compile_operations
from .drivers import AsyncDriver, Driver, Settings, Watch
from .errors import InputProblem, InvalidInput, SpecError
from .folder import locate, stray
from .inputs import InputCheck
from .listing import Call
from .memory import Memory
from .plans import Operation
from .problems import Problem, count, did_you_mean, listed
from .resources import Dialect
from .schema_checks import check_schemas
from .schemas import Schema
from .specs import Specs, read_specs
from .tokens import Grant, Tokens


@dataclass(frozen=True, slots=True)
class Connector:
    """A loaded connector: its names, its operations, and the credentials it takes (a JSON Schema)."""

    name: str
    title: str
    description: str
    credentials_schema: Schema = field(repr=False)
    operations: Mapping[str, Operation] = field(repr=False)
    _manifest: Mapping[str, Any] = field(repr=False)
    _dialect: Dialect = field(repr=False)

    def operation(self, name: str) -> Operation:
        """Give an operation by its name. Raises InvalidInput, with the nearest name, when there is none."""
        found = self.operations.get(name)
        if found is None:
            hint = did_you_mean(name, self.operations) or f"operations are {listed(self.operations)}"
            raise InvalidInput(f'there is no operation "{name}"; {hint}')
        return found

    def connect(
        self,
        credentials: Mapping[str, Any],
        *,
        base_url: str | None = None,
        token_url: str | None = None,
        transport: Any = None,
        watch: Watch | None = None,
    ) -> Connection:
        """Connect with credentials; nothing is sent before the first call.

        `base_url` (the API's host root) and `token_url` stand in for connector.yaml's, for proxies and sandboxes;
        `transport` is an httpx transport to send with; `watch` is told of every request and its outcome.
        Raises InvalidInput when the credentials break connector.yaml's schema.
        """
        settings, tokens = self._opened(credentials, base_url, token_url, transport, watch)
        return Connection(self, Driver(settings, tokens), self._memory())

    async def aconnect(
        self,
        credentials: Mapping[str, Any],
        *,
        base_url: str | None = None,
        token_url: str | None = None,
        transport: Any = None,
        watch: Watch | None = None,
    ) -> AsyncConnection:
        """Connect for use in the running event loop; options and errors as in `connect`."""
        settings, tokens = self._opened(credentials, base_url, token_url, transport, watch)
        return AsyncConnection(self, AsyncDriver(settings, tokens), self._memory())

    def _opened(
        self, given: Mapping[str, Any], base_url: str | None, token_url: str | None, transport: Any, watch: Watch | None
    ) -> tuple[Settings, Tokens]:
        try:
            credentials = InputCheck(self.credentials_schema).ready(dict(given))
        except InvalidInput as error:
            raise InvalidInput("the credentials are not complete", errors=error.errors) from None
        api, auth = self._manifest["api"], self._manifest["auth"]
        subject = credentials.get(auth["subject"]["credential"])
        grant = Grant(
            _checked_url("token_url", token_url or auth["token_url"]),
            auth["subject"]["field"],
            auth["lifetime"],
            auth["renew_before"],
            credentials.get("client_id"),
            credentials.get("client_secret"),
            credentials.get("access_token"),
        )
        settings = Settings(
            _checked_url("base_url", base_url or api["base_url"]),
            None if subject is None else str(subject),
            api["timeout"]["connect"],
            api["timeout"]["read"],
            api["concurrency"],
            transport,
            watch,
        )
        return settings, Tokens(grant)

    def _memory(self) -> Memory:
        return Memory(self._manifest["dictionaries"]["remembered"], self._manifest["api"]["paging"]["remembered"])

    def _call(self, memory: Memory) -> Call:
        return Call(self._dialect, memory, time.monotonic())


class Connection:
    """A connector with credentials. Safe to call from several threads; close it, or use it with `with`."""

    def __init__(self, connector: Connector, driver: Driver, memory: Memory) -> None:
        self._connector = connector
        self._driver = driver
        self._memory = memory

    def call(self, operation: str, input: Mapping[str, Any] | None = None) -> dict[str, Any]:  # noqa: A002
        """Call an operation and give its output (schemas/operations/NAME.output.json). Raises ConnectorError."""
        called = self._connector.operation(operation)
        exchange = called.run({} if input is None else input, self._connector._call(self._memory))
        return self._driver.run(exchange)

    def close(self) -> None:
        """Close the connection."""
        self._driver.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class AsyncConnection:
    """A connector with credentials for one event loop; close it, or use it with `async with`."""

    def __init__(self, connector: Connector, driver: AsyncDriver, memory: Memory) -> None:
        self._connector = connector
        self._driver = driver
        self._memory = memory

    async def call(self, operation: str, input: Mapping[str, Any] | None = None) -> dict[str, Any]:  # noqa: A002
        """Call an operation and give its output (schemas/operations/NAME.output.json). Raises ConnectorError."""
        called = self._connector.operation(operation)
        exchange = called.run({} if input is None else input, self._connector._call(self._memory))
        return await self._driver.run(exchange)

    async def close(self) -> None:
        """Close the connection."""
        await self._driver.close()

    async def __aenter__(self) -> AsyncConnection:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()


def _checked_url(name: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname is not None and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or "@" in parts.netloc:
        problem = InputProblem(f"/{name}", "must be an http or https URL with a host, without a user")
        raise InvalidInput("the connection's options have a problem", errors=[problem])
    return url.rstrip("/")


def load(path: str | Path | None = None) -> Connector:
    """Load a connector: the folder given, else the current folder's, else the one this package ships.

    Raises SpecError with every problem found in its specs.
    """
    specs = read_specs(locate(path))
    problems = sorted({*specs.problems, *check_specs(specs)} or {*_unusable(specs)})
    if problems:
        raise SpecError(f"the connector's specs have {count(len(problems), 'problem')}", problems=problems)
    manifest = specs.manifest.data
    return Connector(
        manifest["connector"],
        manifest["title"],
        manifest["description"],
        manifest["credentials"],
        compile_operations(specs),
        manifest,
        specs.dialect,
    )


def validate(path: str | Path | None = None) -> tuple[list[Problem], int]:
    """Find every problem of a connector, sorted by place, and tell how many files were checked.

    A path to one file gives that file's problems only, or that it is no part of the connector. Raises SpecError when
    there is no connector there.
    """
    root = locate(path)
    specs = read_specs(root)
    problems = {*specs.problems, *check_specs(specs), *check_schemas(specs)}
    names = specs.folder.names
    if path is not None and Path(path).is_file():
        name = Path(path).absolute().relative_to(Path(str(root))).as_posix()
        own = sorted(each for each in problems if each.file == name)
        return (own, 1) if name in names else (own or [stray(name)], 0)
    return sorted(problems), len(names)


def _unusable(specs: Specs) -> list[Problem]:
    """Contracts that can't be compiled: then everything is checked, so that the message names the cause."""
    contracts = [f"schemas/operations/{name}" for name in (*specs.operations, *specs.ddls)]
    files = [f"{each}.{end}.json" for each in contracts for end in ("input", "output")]
    return [] if all(specs.schema(file) for file in files) else list(check_schemas(specs))

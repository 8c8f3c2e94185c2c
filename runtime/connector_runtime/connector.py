"""Connectors and connections: what a host loads, connects and calls."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from .accounts import Account, shared
from .attempts import Watch, log
from .calls import Cancellation, Run
from .carrying import Endpoint
from .checks import check_specs
from .compiling import compile_operations
from .delivery import Retries
from .discretion import discreet, discreetly
from .drivers import AsyncDriver, Driver, Settings
from .errors import InputProblem, InvalidInput, SpecError
from .folder import file_of, locate, stray
from .inputs import InputCheck
from .listing import Call
from .memory import Memory
from .plans import Operation
from .problems import Problem, count, did_you_mean, listed
from .redis_store import AsyncDoor, Door
from .resources import Dialect
from .schema_checks import check_schemas
from .schemas import Schema
from .specs import Specs, read_specs
from .store import Ledger, Store
from .telemetry import observed, watches
from .tokens import Grant, Tokens
from .turns import LimitHeaders, Turns


@dataclass(frozen=True, slots=True)
class Connector:
    """A loaded connector: its names, its operations, and the credentials it takes (a JSON Schema)."""

    name: str
    title: str
    description: str
    _credentials: Schema = field(repr=False)
    operations: Mapping[str, Operation] = field(repr=False)
    _manifest: Mapping[str, Any] = field(repr=False)
    _dialect: Dialect = field(repr=False)

    @property
    def credentials_schema(self) -> Schema:
        """The JSON Schema of the credentials; a copy, to do with as one likes."""
        return deepcopy(self._credentials)

    def operation(self, name: str) -> Operation:
        """Give an operation by its name. Raises InvalidInput, with the nearest name, when there is none."""
        if not isinstance(name, str):
            raise InvalidInput("the name of an operation is a text")
        found = self.operations.get(name)
        if found is None:
            hint = did_you_mean(name, self.operations) or f"operations are {listed(self.operations)}"
            raise InvalidInput(f'there is no operation "{name}"; {hint}')
        return found

    @discreet
    def connect(
        self,
        credentials: Mapping[str, Any],
        *,
        base_url: str | None = None,
        token_url: str | None = None,
        timeout: float | None = None,
        transport: Any = None,
        watch: Watch | None = None,
        store: Any = None,
    ) -> Connection:
        """Connect with credentials; nothing is sent before the first call.

        `base_url` (the API's host root) and `token_url` stand in for connector.yaml's, for proxies and sandboxes;
        `timeout` is how many seconds a call may take in all, instead of connector.yaml's; `transport` is an httpx
        transport to send with; `watch` is told of every request that came to an end. Connections of a process with
        the same credentials share their tokens and their budget of requests, unless they have a transport of their own;
        with a `store` (a Redis URL, a redis-py client, or a Store of one) those of all processes do.
        Raises InvalidInput when the credentials break connector.yaml's schema.
        """
        seconds, where = self._timeout(timeout), Store.of(store)
        settings, account = self._opened(credentials, base_url, token_url, transport, watch, where)
        door = None if where is None else Door(where)
        return Connection(self, Driver(settings, account, door), self._call(settings), seconds)

    @discreetly
    async def aconnect(
        self,
        credentials: Mapping[str, Any],
        *,
        base_url: str | None = None,
        token_url: str | None = None,
        timeout: float | None = None,
        transport: Any = None,
        watch: Watch | None = None,
        store: Any = None,
    ) -> AsyncConnection:
        """Connect for use in the running event loop; options and errors as in `connect`."""
        seconds, where = self._timeout(timeout), Store.of(store)
        settings, account = self._opened(credentials, base_url, token_url, transport, watch, where)
        door = None if where is None else AsyncDoor(where)
        return AsyncConnection(self, AsyncDriver(settings, account, door), self._call(settings), seconds)

    def _opened(
        self,
        given: Mapping[str, Any],
        base_url: str | None,
        token_url: str | None,
        transport: Any,
        watch: Watch | None,
        store: Store | None,
    ) -> tuple[Settings, Account]:
        try:
            credentials = InputCheck(self._credentials).ready(given)
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
        url = _checked_url("base_url", base_url or api["base_url"])
        limits = LimitHeaders(**api["limits"]) if "limits" in api else None
        retries = api["retries"]
        settings = Settings(
            Endpoint(
                url,
                None if subject is None else str(subject),
                Retries(retries["attempts"], retries["first"], retries["longest"]),
                None if store is None else Ledger(store.prefix, (url, grant.identity()), limits, api["concurrency"]),
            ),
            api["timeout"]["connect"],
            api["timeout"]["read"],
            api["concurrency"],
            api["largest_answer"],
            (log, *watches(self.name), *([] if watch is None else [watch])),
            transport,
        )
        key = (url, grant.identity(), None if transport is None else id(transport))
        return settings, shared(key, lambda: Account(Tokens(grant), Turns(limits, api["concurrency"])))

    def _timeout(self, given: float | None) -> float:
        return _checked_timeout(self._manifest["api"]["timeout"]["call"] if given is None else given)

    def _call(self, settings: Settings) -> Call:
        """Say what every call of a connection knows; each begins with a time of its own."""
        api = self._manifest["api"]
        memory = Memory(self._manifest["dictionaries"]["remembered"], api["paging"]["remembered"])
        # Behind a proxy the API may name itself in its links, or what it was asked as.
        hosts = frozenset(urlsplit(url).hostname or "" for url in (settings.endpoint.base_url, api["base_url"]))
        return Call(self._dialect, memory, hosts, 0.0, time.time, api["timeout"]["settle"])


class Connection:
    """A connector with credentials. Safe to call from several threads; close it, or use it with `with`.

    It belongs to the process that opened it: after a fork, connect anew.
    """

    def __init__(self, connector: Connector, driver: Driver, call: Call, timeout: float) -> None:
        self._connector = connector
        self._driver = driver
        self._call = call
        self._timeout = timeout

    @discreet
    def call(
        self,
        operation: str,
        input: Mapping[str, Any] | None = None,  # noqa: A002 - the contract's word
        *,
        timeout: float | None = None,
        journal: Callable[[str], object] | None = None,
        cancellation: Cancellation | None = None,
    ) -> dict[str, Any]:
        """Call an operation and give its output (schemas/operations/NAME.output.json). Raises ConnectorError.

        `timeout` is how many seconds it may take in all. `journal` is given a resume token before each write: kept
        where it outlives the process, it lets the same call with it as `resume_token` go on, whatever happened, and
        write nothing twice. `cancellation` ends the call from another thread. Whatever else interrupts it comes through
        as it is; where something was written, its `__cause__` is the ConnectorError that tells what.
        """
        run = _run(self, operation, input, timeout, journal)
        with observed(self._connector.name, operation, run.lane):
            return self._driver.run(run, cancellation)

    def close(self) -> None:
        """Close the connection; calls that are running end with an error."""
        self._driver.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class AsyncConnection:
    """A connector with credentials for one event loop; close it, or use it with `async with`."""

    def __init__(self, connector: Connector, driver: AsyncDriver, call: Call, timeout: float) -> None:
        self._connector = connector
        self._driver = driver
        self._call = call
        self._timeout = timeout

    @discreetly
    async def call(
        self,
        operation: str,
        input: Mapping[str, Any] | None = None,  # noqa: A002 - the contract's word
        *,
        timeout: float | None = None,
        journal: Callable[[str], object] | None = None,
    ) -> dict[str, Any]:
        """Call an operation; as `Connection.call`, but `journal` may be a coroutine function, and a task's
        cancellation is what ends a call."""
        run = _run(self, operation, input, timeout, journal)
        with observed(self._connector.name, operation, run.lane):
            return await self._driver.run(run)

    async def close(self) -> None:
        """Close the connection; calls that are running end with an error."""
        await self._driver.close()

    async def __aenter__(self) -> AsyncConnection:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()


def _run(
    connection: Connection | AsyncConnection,
    operation: str,
    given: Mapping[str, Any] | None,
    timeout: float | None,
    journal: Callable[[str], object] | None,
) -> Run[dict[str, Any]]:
    connector = connection._connector
    called = connector.operation(operation)
    call = replace(connection._call, now=time.monotonic())
    exchange = called.run({} if given is None else given, call)
    seconds = connection._timeout if timeout is None else _checked_timeout(timeout)
    return Run(exchange, operation, called.lane, seconds, journal)


# Seconds: more than anything lasts, and still a number to count with.
_LONGEST = 1e15


def _checked_timeout(seconds: float) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= _LONGEST:
        problem = InputProblem("/timeout", "must be a number of seconds above 0")
        raise InvalidInput("the options have a problem", errors=[problem])
    return seconds


_NOT_IN_A_URL = re.compile(r"[\s?#\\]|[^\x21-\x7e]")


def _checked_url(name: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname is not None and parts.port != 0
    except (ValueError, TypeError, AttributeError):
        usable = False
    if not usable or _NOT_IN_A_URL.search(url) or "@" in parts.netloc:
        what = "must be an http or https URL with a host, without a user, a query or a fragment"
        problem = InputProblem(f"/{name}", what)
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
    files = [file_of(kind, name) for name in (*specs.operations, *specs.ddls) for kind in ("input", "output")]
    return [] if all(specs.schema(file) for file in files) else list(check_schemas(specs))

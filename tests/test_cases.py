"""Runs every case of tests/cases with both drivers: on the sandbox, or on the answers a case gives itself."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import yaml

from connector_runtime import Connector, ConnectorError
from greenhouse_sandbox import Sandbox
from greenhouse_sandbox.catalog import RESOURCES

CASES = Path(__file__).parent / "cases"
FILES = sorted(CASES.glob("*/*.yaml"))
NAMES = [str(file.relative_to(CASES).with_suffix("")) for file in FILES]


@dataclass
class Replay(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers with a case's exchange, in its order, and notes every request that differs."""

    exchange: list[dict[str, Any]]
    seen: list[str] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request with what stands next in the exchange."""
        self.seen.append(request.url.path)
        assert self.exchange, f"one request too many: {request.method} {request.url}"
        entry = self.exchange.pop(0)
        wanted, reply = entry["request"], entry["reply"]
        query = {key: str(value) for key, value in wanted.get("query", dict(request.url.params)).items()}
        assert (wanted.get("method", "GET"), wanted["path"], query) == (
            request.method,
            request.url.path,
            dict(request.url.params),
        )
        if "body" in wanted:
            assert orjson.loads(request.content) == wanted["body"]
        body = reply.get("body", [])
        content = body.encode() if isinstance(body, str) else orjson.dumps(body)
        return httpx.Response(reply.get("status", 200), headers=reply.get("headers"), content=content)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request with what stands next in the exchange."""
        return self.handle_request(request)


@dataclass
class Stage:
    """Where a case is played: what to connect with, and what to look at afterwards."""

    credentials: dict[str, Any]
    transport: Any
    requests: Callable[[], Counter[str]]
    rows: Callable[[str], list[dict[str, Any]]]


@contextmanager
def staged(case: dict[str, Any]) -> Iterator[Stage]:
    """Set up a case's sandbox or replay."""
    if "exchange" in case:
        replay = Replay(list(case["exchange"]))
        credentials = {"access_token": "a-token"}
        yield Stage(credentials, replay, lambda: Counter(each[4:] for each in replay.seen), lambda _: [])
        assert not replay.exchange, f"not asked: {replay.exchange}"
        return
    with Sandbox() as sandbox:
        if case.get("organisation") == "empty":
            for name in RESOURCES:
                for row in sandbox.rows(name):
                    sandbox.delete(name, row["id"])
        for resource, rows in case.get("given", {}).items():
            for row in rows:
                sandbox.insert(resource, row)

        def requests() -> Counter[str]:
            asked = [each for each in sandbox.requests if each.path != "/token"]
            named = ((each.method, each.path.removeprefix("/v3/")) for each in asked)
            return Counter(path if method == "GET" else f"{method} {path}" for method, path in named)

        yield Stage(sandbox.credentials, sandbox.transport(), requests, sandbox.rows)


def called(connector: Connector, stage: Stage, operation: str, given: Any) -> dict[str, Any]:
    """Call with the blocking driver."""
    with connector.connect(stage.credentials, transport=stage.transport) as connection:
        return connection.call(operation, given)


def called_async(connector: Connector, stage: Stage, operation: str, given: Any) -> dict[str, Any]:
    """Call with the asyncio driver."""

    async def call() -> dict[str, Any]:
        async with await connector.aconnect(stage.credentials, transport=stage.transport) as connection:
            return await connection.call(operation, given)

    return asyncio.run(call())


def included(wanted: Any, found: Any, place: str = "") -> Iterator[str]:
    """Tell where what was found lacks something wanted; further keys of mappings are fine."""
    if isinstance(wanted, dict) and isinstance(found, dict) and (wanted or not found):
        for key, value in wanted.items():
            if key in found:
                yield from included(value, found[key], f"{place}/{key}")
            else:
                yield f"{place}/{key} is missing"
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from included(one, other, f"{place}/{index}")
    elif type(wanted) is not type(found) or wanted != found:
        yield f"{place}: wanted {wanted!r}, found {found!r}"


@pytest.mark.parametrize("call", [called, called_async], ids=["sync", "asyncio"])
@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_case(connector: Connector, file: Path, call: Callable[..., dict[str, Any]]) -> None:
    case = yaml.safe_load(file.read_text(encoding="utf-8"))
    operation = file.parent.name
    with staged(case) as stage:
        before = {name: {row["id"] for row in stage.rows(name)} for name in case.get("stored", {})}
        try:
            found = {"output": call(connector, stage, operation, case["input"])}
        except ConnectorError as error:
            found = {"error": error.record()}
        wanted = {key: case[key] for key in ("output", "error") if key in case}
        assert list(included(wanted, found)) == [], f"{case['case']}: {found}"
        if "requests" in case:
            assert stage.requests() == Counter(case["requests"])
        for name, rows in case.get("stored", {}).items():
            new = sorted((row for row in stage.rows(name) if row["id"] not in before[name]), key=lambda row: row["id"])
            assert list(included(rows, new)) == []

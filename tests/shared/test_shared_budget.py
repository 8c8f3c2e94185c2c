"""A budget of requests that processes share: four of them keep the limit, and nobody waits for nothing."""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.shared.redis_server import RedisServer

from connector_runtime import Connector, RateLimited
from greenhouse_sandbox import Sandbox, Server

PROGRAM = """
import asyncio, json, sys
from concurrent.futures import ThreadPoolExecutor
from connector_runtime import load

given = json.loads(sys.argv[1])
connector, credentials, options = load(given["folder"]), given["credentials"], given["options"]

async def calls():
    async with await connector.aconnect(credentials, **options) as connection:
        async def some():
            for _ in range(given["calls"]):
                await connection.call("list_users_ddl")
        await asyncio.gather(*(some() for _ in range(given["lines"])))

if given["asynchronous"]:
    asyncio.run(calls())
else:
    with connector.connect(credentials, **options) as connection, ThreadPoolExecutor(given["lines"]) as threads:
        def some():
            for _ in range(given["calls"]):
                connection.call("list_users_ddl")
        for each in [threads.submit(some) for _ in range(given["lines"])]:
            each.result()
"""


@pytest.fixture
def limited() -> Iterator[tuple[Sandbox, Server]]:
    """The samples' organisation on a port: 50 requests in 2 s."""
    with Sandbox(rate_limit=50, window=2, one_live_token=True) as sandbox, sandbox.serve(0) as served:
        yield sandbox, served


def options(served: Server, shared: RedisServer) -> dict[str, Any]:
    """What to connect with; a transport of its own besides makes a connection share nothing within this process."""
    return {"base_url": served.base_url, "token_url": served.token_url, "store": shared.url}


def test_four_processes_keep_the_limit(
    limited: tuple[Sandbox, Server], shared: RedisServer, scaled_folder: Path
) -> None:
    sandbox, served = limited
    given = {"folder": str(scaled_folder), "credentials": sandbox.credentials, "options": options(served, shared)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, json.dumps({**given, "asynchronous": each, "lines": 4, "calls": 9})],
            stderr=subprocess.PIPE,
            text=True,
        )
        for each in (False, False, True, True)
    ]
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0], said
    assert said == [""] * 4
    statuses = Counter((each.path, each.status) for each in sandbox.requests)
    assert statuses == {("/token", 200): 1, ("/v3/users", 200): 4 * 4 * 9}
    assert 40 <= sandbox.counts["peak"] <= 50


def test_call_waits_for_the_next_window(
    scaled: Connector, limited: tuple[Sandbox, Server], shared: RedisServer
) -> None:
    """One process uses the window up; the other, which knows nothing of it, waits without a request."""
    sandbox, served = limited
    sandbox.configure(rate_limit=3, window=2)
    with (
        scaled.connect(sandbox.credentials, **options(served, shared), transport=httpx.HTTPTransport()) as one,
        scaled.connect(sandbox.credentials, **options(served, shared), transport=httpx.HTTPTransport()) as two,
    ):
        time.sleep(2 - time.time() % 2)
        for _ in range(3):
            one.call("list_users_ddl")
        asked_before = takes(shared)
        started = time.monotonic()
        with pytest.raises(RateLimited) as limit:
            two.call("list_users_ddl", timeout=0.3)
        assert time.monotonic() - started < 1
        assert limit.value.retry_after is not None
        assert 0 < limit.value.retry_after < 4
        two.call("list_users_ddl")
        assert 1 < time.monotonic() - started < 5
        assert takes(shared) - asked_before < 8
    assert {each.status for each in sandbox.requests} == {200}
    assert sandbox.counts["peak"] == 3


def takes(shared: RedisServer) -> int:
    """Count how often scripts were run."""
    calls: int = shared.client.info("commandstats")["cmdstat_evalsha"]["calls"]
    return calls


def test_asyncio_waits_for_the_next_window(
    scaled: Connector, limited: tuple[Sandbox, Server], shared: RedisServer
) -> None:
    sandbox, served = limited
    sandbox.configure(rate_limit=3, window=2)

    async def run() -> None:
        connecting = [
            scaled.aconnect(sandbox.credentials, **options(served, shared), transport=httpx.AsyncHTTPTransport())
            for _ in range(2)
        ]
        async with await connecting[0] as one, await connecting[1] as two:
            await asyncio.sleep(2 - time.time() % 2)
            await asyncio.gather(*(each.call("list_users_ddl") for each in (one, two, one, two)))

    started = time.monotonic()
    asyncio.run(run())
    assert time.monotonic() - started > 2
    assert Counter(each.status for each in sandbox.requests if each.path != "/token") == {200: 4}
    assert sandbox.counts["peak"] == 3


def test_bulk_calls_leave_a_tenth_to_another_process(connector: Connector, shared: RedisServer) -> None:
    page = {"results_per_page": 1, "page": 1}
    # The sandbox's clock stands still, so that its window does not end on the way.
    with (
        Sandbox(rate_limit=10, clock=lambda: 1_700_000_000.0) as sandbox,
        sandbox.serve(0) as served,
        connector.connect(sandbox.credentials, **options(served, shared), transport=httpx.HTTPTransport()) as one,
        connector.connect(sandbox.credentials, **options(served, shared), transport=httpx.HTTPTransport()) as two,
    ):

        def read_on_and_on() -> None:
            for _ in range(20):
                one.call("list_departments", page, timeout=1)

        with pytest.raises(RateLimited):
            read_on_and_on()
        assert sandbox.counts["peak"] == 9
        two.call("list_users_ddl", timeout=1)
        with pytest.raises(RateLimited):
            two.call("list_users_ddl", timeout=0.5)
        assert sandbox.counts["peak"] == 10


def test_cancelled_task_gives_its_unit_back(
    connector: Connector, limited: tuple[Sandbox, Server], shared: RedisServer
) -> None:
    sandbox, served = limited
    sandbox.fail("delay", seconds=3, path="/v3/users")

    async def run() -> None:
        async with await connector.aconnect(sandbox.credentials, **options(served, shared)) as connection:
            call = asyncio.create_task(connection.call("list_users_ddl"))
            while not (out := shared.client.keys("*:out")):
                await asyncio.sleep(0.01)
            assert shared.client.zcard(out[0]) == 1
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

    asyncio.run(run())
    assert shared.client.keys("*:out") == []
    (window,) = shared.client.keys("*:window")
    assert shared.client.hget(window, "heard") == "0"

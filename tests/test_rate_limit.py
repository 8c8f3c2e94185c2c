"""Forty callers at once on one credential: the API's limit is kept, nobody fails by it, and people don't wait long."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

import pytest

from connector_runtime import Connector
from greenhouse_sandbox import Sandbox, Server

CALLERS, CALLS, LIMIT, WINDOW = 40, 3, 50, 1
# A drop-down may have to wait for the window's end, which is known by the second, with a second of grace for clocks.
LONGEST_WAIT = WINDOW + 1 + 1
SLACK = 2.0
ASK = ("list_sources", {"per_page": 2})


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The samples' organisation, with a limit."""
    with Sandbox(rate_limit=LIMIT, window=WINDOW) as sandbox:
        yield sandbox


def urls(served: Server) -> dict[str, Any]:
    """Give what to connect with."""
    return {"base_url": served.base_url, "token_url": served.token_url}


def check(sandbox: Sandbox, results: list[Any], waited: list[float]) -> None:
    """Check that everybody got the whole answer, and that the API had nothing to refuse."""
    assert len(results) == CALLERS * CALLS
    assert results == [results[0]] * len(results)
    assert len(results[0]["results"]) == 2
    assert sandbox.counts["throttled"] == 0
    assert sandbox.counts["requests"] > 2 * LIMIT  # or the limit was none
    assert sandbox.counts["peak"] <= LIMIT
    assert waited
    assert max(waited) <= LONGEST_WAIT + SLACK


def in_threads(calls: list[Callable[[], Any]], number: int) -> list[Any]:
    """Let so many callers call in threads, each some times; the calls are dealt out in turn."""

    def work(index: int) -> list[Any]:
        return [calls[index % len(calls)]() for _ in range(CALLS)]

    with ThreadPoolExecutor(number) as threads:
        return [each for found in threads.map(work, range(number)) for each in found]


async def in_tasks(calls: list[Callable[[], Any]], number: int) -> list[Any]:
    """Let so many callers call in tasks of this loop."""

    async def work(index: int) -> list[Any]:
        return [await calls[index % len(calls)]() for _ in range(CALLS)]

    return [each for found in await asyncio.gather(*map(work, range(number))) for each in found]


def timed(call: Callable[[], Any], waited: list[float], *pauses: float) -> None:
    """Ask after each pause, and note how long that took."""
    for pause in pauses:
        time.sleep(pause)
        start = time.monotonic()
        assert call()["result"]
        waited.append(time.monotonic() - start)


def test_forty_threads(connector: Connector, sandbox: Sandbox, served: Server) -> None:
    waited: list[float] = []
    with connector.connect(sandbox.credentials, **urls(served)) as connection:
        person = Thread(target=timed, args=(lambda: connection.call("list_users_ddl"), waited, 0.3, 0.3, 0.5))
        person.start()
        results = in_threads([lambda: connection.call(*ASK)], CALLERS)
        person.join()
    check(sandbox, results, waited)


def test_drop_down_in_the_middle_waits_for_one_window_at_most(
    connector: Connector, sandbox: Sandbox, served: Server
) -> None:
    """A window long enough to tell one from two: its end is known to two seconds, whatever its length."""
    window, waited = 3, list[float]()
    sandbox.configure(window=window)
    with connector.connect(sandbox.credentials, **urls(served)) as connection:
        asking = Thread(target=timed, args=(lambda: connection.call("list_users_ddl"), waited, 0.3, 0.3, 0.3, 0.3))
        asking.start()
        started = time.monotonic()
        results = in_threads([lambda: connection.call(*ASK)], CALLERS)
        lasted = time.monotonic() - started
        asking.join()
    assert len(results) == CALLERS * CALLS
    assert sandbox.counts["throttled"] == 0
    assert sandbox.counts["peak"] <= LIMIT
    assert lasted > window  # there was more to do than one window holds
    assert len(waited) == 4
    assert max(waited) < 2 * window


def test_forty_tasks(connector: Connector, sandbox: Sandbox, served: Server) -> None:
    waited: list[float] = []

    async def run() -> list[Any]:
        async with await connector.aconnect(sandbox.credentials, **urls(served)) as connection:

            async def person() -> None:
                for pause in (0.3, 0.3, 0.5):
                    await asyncio.sleep(pause)
                    start = time.monotonic()
                    assert (await connection.call("list_users_ddl"))["result"]
                    waited.append(time.monotonic() - start)

            asking = asyncio.create_task(person())
            results = await in_tasks([lambda: connection.call(*ASK)], CALLERS)
            await asking
            return results

    check(sandbox, asyncio.run(run()), waited)


def test_forty_callers_of_four_connections(connector: Connector, sandbox: Sandbox, served: Server) -> None:
    """Two connections in threads and two in event loops of their own share one budget, for they share a credential."""
    waited: list[float] = []
    options = urls(served)

    async def run() -> list[Any]:
        async with await connector.aconnect(sandbox.credentials, **options) as connection:
            return await in_tasks([lambda: connection.call(*ASK)], CALLERS // 4)

    with (
        connector.connect(sandbox.credentials, **options) as one,
        connector.connect(sandbox.credentials, **options) as other,
        ThreadPoolExecutor(2) as loops,
    ):
        running = [loops.submit(asyncio.run, run()) for _ in range(2)]
        person = Thread(target=timed, args=(lambda: other.call("list_users_ddl"), waited, 0.3, 0.3, 0.5))
        person.start()
        results = in_threads([lambda: one.call(*ASK), lambda: other.call(*ASK)], CALLERS // 2)
        results += [each for future in running for each in future.result()]
        person.join()
    check(sandbox, results, waited)
    assert [each.path for each in sandbox.requests].count("/token") == 1


GREEDY = """
import sys
from concurrent.futures import ThreadPoolExecutor
from connector_runtime import load

credentials = {"client_id": sys.argv[2], "client_secret": sys.argv[3]}
with load(sys.argv[1]).connect(credentials, base_url=sys.argv[4], token_url=sys.argv[5]) as connection:
    with ThreadPoolExecutor(8) as threads:
        print(len(list(threads.map(lambda _: connection.call("list_users_ddl"), range(40)))))
"""


def test_another_process_with_the_same_credential(
    connector: Connector, sandbox: Sandbox, served: Server, root: Any
) -> None:
    """Processes don't know of each other: the API refuses some requests of theirs, and still no call fails."""
    secrets = (sandbox.credentials["client_id"], sandbox.credentials["client_secret"])
    command = [sys.executable, "-c", GREEDY, str(root), *secrets, served.base_url, served.token_url]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other,
        connector.connect(sandbox.credentials, **urls(served)) as connection,
    ):
        deadline = time.monotonic() + 20
        while not sandbox.requests and time.monotonic() < deadline:
            time.sleep(0.01)
        results = in_threads([lambda: connection.call("list_users_ddl")], 15)
        said, _ = other.communicate(timeout=60)
    assert (other.returncode, said) == (0, "40\n")
    assert len(results) == 15 * CALLS
    assert results == [results[0]] * len(results)
    assert sandbox.counts["throttled"] > 0

"""Access tokens that processes share: got once, replaced together, and by one process at a time."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from tests.shared.redis_server import RedisServer

from connector_runtime import Connection, Connector, Store, Timeout, Unauthorized
from connector_runtime.redis_store import Door
from connector_runtime.store import Ledger
from connector_runtime.tokens import Token
from greenhouse_sandbox import Sandbox, Server

HOLDER = """
import json, sys
from connector_runtime import load, store

store._LEASE = 2.5
given = json.loads(sys.argv[1])
with load(given["folder"]).connect(given["credentials"], **given["options"]) as connection:
    connection.call("list_users_ddl")
"""


@pytest.fixture
def strict() -> Iterator[tuple[Sandbox, Server]]:
    """The samples' organisation on a port; a new token ends the one before."""
    with Sandbox(one_live_token=True) as sandbox, sandbox.serve(0) as served:
        yield sandbox, served


def options(served: Server, shared: RedisServer) -> dict[str, Any]:
    """What to connect with."""
    return {"base_url": served.base_url, "token_url": served.token_url, "store": shared.url}


def connected(
    stack: ExitStack, connector: Connector, sandbox: Sandbox, served: Server, shared: RedisServer
) -> Connection:
    """Connect as another process would: with a transport of its own, nothing is shared within this one."""
    own = {**options(served, shared), "transport": httpx.HTTPTransport()}
    return stack.enter_context(connector.connect(sandbox.credentials, **own))


def asked(sandbox: Sandbox) -> int:
    """Count the requests for tokens."""
    return [each.path for each in sandbox.requests].count("/token")


def test_tokens_are_replaced_together(
    connector: Connector, strict: tuple[Sandbox, Server], shared: RedisServer
) -> None:
    """Four "processes", each with four threads; the token is ended three times from outside."""
    sandbox, served = strict
    with ExitStack() as stack, ThreadPoolExecutor(16) as threads:
        connections = [connected(stack, connector, sandbox, served, shared) for _ in range(4)]
        for times in range(1, 4):
            calls = [threads.submit(each.call, "list_users_ddl") for each in connections * 8]
            for each in calls:
                assert each.result()["result"]
            assert asked(sandbox) == times
            sandbox.revoke()


def test_each_acting_user_has_a_token(connector: Connector, sandbox: Sandbox, shared: RedisServer) -> None:
    note = {"candidate_id": 67890, "body": "Said on the phone", "visibility": "private"}
    with sandbox.serve(0) as served, ExitStack() as stack:
        for _ in range(2):
            connection = connected(stack, connector, sandbox, served, shared)
            connection.call("create_candidate_note", {"user_id": 1001, **note})
            connection.call("create_candidate_note", {"user_id": 12345, **note})
    assert asked(sandbox) == 3
    assert len(shared.client.keys("*:token")) == 3
    assert shared.client.keys("*:lease") == []


def test_token_is_kept_as_long_as_it_is_good(connector: Connector, sandbox: Sandbox, shared: RedisServer) -> None:
    sandbox.configure(token_lifetime=100)
    with sandbox.serve(0) as served, ExitStack() as stack:
        connected(stack, connector, sandbox, served, shared).call("list_users_ddl")
        (key,) = shared.client.keys("*:token")
        assert 48 < shared.client.ttl(key) <= 50  # half its life, for that is more than a minute before its end
        shared.client.pexpire(key, 300)
        second = connected(stack, connector, sandbox, served, shared)
        second.call("list_users_ddl")
        assert asked(sandbox) == 1
        time.sleep(0.35)
        second.call("list_users_ddl")
        assert asked(sandbox) == 2


def test_process_that_is_killed_while_it_gets_a_token(
    connector: Connector, root: Any, strict: tuple[Sandbox, Server], shared: RedisServer
) -> None:
    sandbox, served = strict
    sandbox.fail("delay", seconds=20, path="/token")
    given = {"folder": str(root), "credentials": sandbox.credentials, "options": options(served, shared)}
    with ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen([sys.executable, "-c", HOLDER, json.dumps(given)]))
        stack.callback(process.kill)
        while sandbox.faults:
            time.sleep(0.01)
        connection = connected(stack, connector, sandbox, served, shared)
        # As long as the other is at it, nobody else asks for a token.
        with pytest.raises(Timeout):
            connection.call("list_users_ddl", timeout=0.4)
        assert asked(sandbox) == 1
        process.kill()
        process.wait()
        started = time.monotonic()
        assert connection.call("list_users_ddl")["result"]
        assert time.monotonic() - started < 4
    assert asked(sandbox) == 2


def test_credentials_that_are_refused(connector: Connector, sandbox: Sandbox, shared: RedisServer) -> None:
    """Nobody waits for one who got no token."""
    sandbox.credentials["client_secret"] = "wrong"
    with sandbox.serve(0) as served, ExitStack() as stack:
        started = time.monotonic()
        for _ in range(2):
            with pytest.raises(Unauthorized):
                connected(stack, connector, sandbox, served, shared).call("list_users_ddl")
        assert time.monotonic() - started < 3
    assert shared.client.keys("*:lease") == []


def test_cancelled_task_lets_others_get_the_token(
    connector: Connector, strict: tuple[Sandbox, Server], shared: RedisServer
) -> None:
    sandbox, served = strict
    sandbox.fail("delay", seconds=2, path="/token")

    async def run() -> None:
        async with await connector.aconnect(sandbox.credentials, **options(served, shared)) as connection:
            call = asyncio.create_task(connection.call("list_users_ddl"))
            while sandbox.faults:
                await asyncio.sleep(0.01)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

    asyncio.run(run())
    assert shared.client.keys("*:lease") == []
    with ExitStack() as stack:
        started = time.monotonic()
        connected(stack, connector, sandbox, served, shared).call("list_users_ddl")
        assert time.monotonic() - started < 2


def test_fifty_tasks_in_two_loops_get_one_token(
    connector: Connector, strict: tuple[Sandbox, Server], shared: RedisServer
) -> None:
    sandbox, served = strict

    async def run() -> None:
        own = {**options(served, shared), "transport": httpx.AsyncHTTPTransport()}
        async with await connector.aconnect(sandbox.credentials, **own) as connection:
            await asyncio.gather(*(connection.call("list_users_ddl") for _ in range(25)))

    with ThreadPoolExecutor(2) as threads:
        for each in [threads.submit(asyncio.run, run()) for _ in range(2)]:
            each.result()
    assert asked(sandbox) == 1


def test_token_that_came_too_late_does_not_replace_another(shared: RedisServer) -> None:
    early, late = (Ledger("test", "somebody", None, 1) for _ in range(2))
    ask = Door(Store(shared.client)).ask
    assert early.found(ask(early.look(None, None)), 0.0) is None
    shared.client.delete(*shared.client.keys("*:lease"))  # as its end does
    assert late.found(ask(late.look(None, None)), 0.0) is None
    ask(late.keep(None, Token("new", 9.0), 0.0))
    ask(early.keep(None, Token("old", 9.0), 0.0))
    found = early.found(ask(early.look(None, None)), 100.0)
    assert isinstance(found, Token)
    assert found.value == "new"
    assert 108 < found.renew_at <= 109
    assert early.found(ask(early.look(None, Token("other", 0.0))), 0.0) is not None
    assert early.found(ask(early.look(None, found)), 0.0) is None
    ask(early.keep(None, Token("ended", 5.0), 5.0))
    assert shared.client.keys("*") == []

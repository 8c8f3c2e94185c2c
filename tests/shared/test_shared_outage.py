"""A store that is down, slow, full or wrong: calls go on, it is said once, and nothing secret is said."""

import asyncio
import logging
import re
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio
from tests.shared.redis_server import RedisServer

from connector_runtime import Connector, InvalidInput, Store, Unauthorized
from connector_runtime.redis_store import AsyncDoor, Door
from connector_runtime.store import Ledger
from greenhouse_sandbox import Sandbox, Server

DOWN = "the shared store gives no answer"
BACK = "the shared store answers again"


@pytest.fixture
def served() -> Iterator[tuple[Sandbox, Server]]:
    """The samples' organisation on a port."""
    with Sandbox(rate_limit=10_000) as sandbox, sandbox.serve(0) as served:
        yield sandbox, served


def urls(served: Server) -> dict[str, Any]:
    """What to connect with."""
    return {"base_url": served.base_url, "token_url": served.token_url}


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Give what was logged of the store."""
    texts = (record.getMessage() for record in caplog.records if record.name == "connector_runtime")
    return [text.partition(" (")[0] for text in texts if "shared store" in text]


def run(connector: Connector, sandbox: Sandbox, options: dict[str, Any], between: list[Callable[[], None]]) -> None:
    """Call in asyncio, and do something between the calls."""

    async def calls() -> None:
        async with await connector.aconnect(sandbox.credentials, **options) as connection:
            await connection.call("list_users_ddl")
            for each in between:
                each()
                await asyncio.gather(*(connection.call("list_users_ddl") for _ in range(4)))

    asyncio.run(calls())


@pytest.mark.usefixtures("impatient")
def test_killed_and_started_again(
    connector: Connector, served: tuple[Sandbox, Server], shared: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sandbox, server = served
    with connector.connect(sandbox.credentials, **urls(server), store=shared.url) as connection:
        connection.call("list_users_ddl")
        assert said(caplog) == []
        shared.kill()
        for _ in range(5):
            connection.call("list_users_ddl")
        sandbox.revoke()
        connection.call("list_users_ddl")
        time.sleep(0.35)
        connection.call("list_users_ddl")
        assert said(caplog) == [DOWN]
        shared.start()
        time.sleep(0.35)
        connection.call("list_users_ddl")
        assert said(caplog) == [DOWN, BACK]
        assert shared.client.keys("*:window")
    assert {each.status for each in sandbox.requests} == {200, 401}


@pytest.mark.usefixtures("impatient")
def test_killed_and_started_again_under_asyncio(
    connector: Connector, served: tuple[Sandbox, Server], shared: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    def start() -> None:
        shared.start()
        time.sleep(0.35)

    sandbox, server = served
    between: list[Callable[[], None]] = [shared.kill, lambda: None, start]
    run(connector, sandbox, {**urls(server), "store": shared.url}, between)
    assert said(caplog) == [DOWN, BACK]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_paused(
    connector: Connector,
    served: tuple[Sandbox, Server],
    shared: RedisServer,
    caplog: pytest.LogCaptureFixture,
    asynchronous: bool,
) -> None:
    """Its system still takes connections and bytes, but no answer comes."""
    caplog.set_level(logging.INFO)
    sandbox, server = served
    options = {**urls(server), "store": Store(shared.url, timeout=0.2)}
    started = time.monotonic()
    try:
        if asynchronous:
            run(connector, sandbox, options, [shared.pause, lambda: None])
        else:
            with connector.connect(sandbox.credentials, **options) as connection:
                connection.call("list_users_ddl")
                shared.pause()
                for _ in range(8):
                    connection.call("list_users_ddl")
    finally:
        shared.resume()
    assert time.monotonic() - started < 2
    assert said(caplog) == [DOWN]


def test_full(
    connector: Connector, served: tuple[Sandbox, Server], shared: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox, server = served
    shared.client.config_set("maxmemory", 1)
    try:
        with connector.connect(sandbox.credentials, **urls(server), store=shared.url) as connection:
            assert connection.call("list_users_ddl")["result"]
    finally:
        shared.client.config_set("maxmemory", 0)
    assert said(caplog) == [DOWN]


def test_never_there(connector: Connector, sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    where = "redis://somebody:s3cret@127.0.0.1:1/0"
    with connector.connect(sandbox.credentials, transport=sandbox.transport(), store=where) as connection:
        assert connection.call("list_users_ddl")["result"]
        shown = f"{connection!r} {vars(connection)!r} {vars(connection._driver)!r} {caplog.text}"
    assert said(caplog) == [DOWN]
    assert "s3cret" not in shown
    assert "127.0.0.1:1" not in shown


def test_wrong_password_is_not_shown(
    connector: Connector, sandbox: Sandbox, shared: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    where = shared.url.replace("//", "//somebody:s3cret@")
    store = Store(where)
    with connector.connect(sandbox.credentials, transport=sandbox.transport(), store=store) as connection:
        assert connection.call("list_users_ddl")["result"]
    assert said(caplog) == [DOWN]
    assert "s3cret" not in f"{caplog.text} {store!r} {store}"


def test_what_is_kept(connector: Connector, sandbox: Sandbox, shared: RedisServer) -> None:
    """Keys hold nothing but digests; the only secret in values is the token."""
    credentials = {**sandbox.credentials, "user_id": 12345}
    note = {"candidate_id": 67890, "user_id": 1001, "body": "Said on the phone", "visibility": "private"}
    store = Store(shared.url, prefix="platform:eu")
    sandbox.configure(rate_limit=50)
    with connector.connect(credentials, transport=sandbox.transport(), store=store) as connection:
        connection.call("create_candidate_note", note)
    keys = shared.client.keys("*")
    assert {key.rpartition(":")[2] for key in keys} == {"window", "token"}
    assert all(key.startswith("platform:eu:{") for key in keys)
    tokens = [shared.client.get(key) for key in keys if key.endswith(":token")]
    assert len(tokens) == 2
    (window,) = [shared.client.hgetall(key) for key in keys if key.endswith(":window")]
    assert all(value.replace(".", "").isdigit() for value in window.values())
    secrets = [*sandbox.credentials.values(), "12345", *tokens]
    assert [secret for secret in secrets if secret in " ".join(keys)] == []


@pytest.mark.parametrize("decoded", [False, True])
def test_ready_client(connector: Connector, sandbox: Sandbox, shared: RedisServer, decoded: bool) -> None:
    ready = redis.Redis.from_url(shared.url, decode_responses=decoded, socket_timeout=1)
    with connector.connect(sandbox.credentials, transport=sandbox.transport(), store=ready) as connection:
        connection.call("list_users_ddl")
    with connector.connect(sandbox.credentials, transport=sandbox.transport(), store=Store(ready)) as connection:
        connection.call("list_users_ddl")
    assert [each.path for each in sandbox.requests].count("/token") == 1
    assert ready.ping()
    ready.close()


@pytest.mark.parametrize("decoded", [False, True])
def test_ready_client_of_asyncio(connector: Connector, sandbox: Sandbox, shared: RedisServer, decoded: bool) -> None:
    async def calls() -> None:
        async with redis.asyncio.Redis.from_url(shared.url, decode_responses=decoded) as ready:
            options: dict[str, Any] = {"transport": sandbox.transport(), "store": ready}
            for _ in range(2):
                async with await connector.aconnect(sandbox.credentials, **options) as connection:
                    await connection.call("list_users_ddl")
            assert await ready.ping()

    asyncio.run(calls())
    assert [each.path for each in sandbox.requests].count("/token") == 1


def problem(connector: Connector, sandbox: Sandbox, store: Any, asynchronous: bool = False) -> str:
    """Connect, which is refused; give what is said of the store."""

    async def connecting() -> None:
        await connector.aconnect(sandbox.credentials, store=store)

    def connect() -> None:
        connector.connect(sandbox.credentials, store=store)

    with pytest.raises(InvalidInput, match="the connection's options have a problem") as refused:
        asyncio.run(connecting()) if asynchronous else connect()
    (error,) = refused.value.errors
    assert error.pointer == "/store"
    assert "s3cret" not in f"{refused.value!r} {refused.value} {refused.value.record()}"
    return error.message


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("wrong", ["https://user:s3cret@store.example", "redis://h:port-s3cret", 7, b"redis://h"])
def test_what_is_no_store(connector: Connector, sandbox: Sandbox, wrong: Any, asynchronous: bool) -> None:
    message = problem(connector, sandbox, wrong, asynchronous)
    kind = "redis.asyncio" if asynchronous else "redis"
    assert message == f"must be a redis://, rediss:// or unix:// URL, or a client of {kind}"


def test_client_of_the_other_kind(connector: Connector, sandbox: Sandbox) -> None:
    assert problem(connector, sandbox, redis.asyncio.Redis()).endswith("or a client of redis")
    assert problem(connector, sandbox, redis.Redis(socket_timeout=1), True).endswith("or a client of redis.asyncio")


def test_ready_client_that_might_hang(connector: Connector, sandbox: Sandbox) -> None:
    assert "must have a socket_timeout" in problem(connector, sandbox, redis.Redis(socket_timeout=None))


@pytest.mark.parametrize("asynchronous", [False, True])
def test_extra_that_is_not_installed(
    connector: Connector, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, asynchronous: bool
) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    said = problem(connector, sandbox, "redis://localhost", asynchronous)
    assert said == 'needs redis-py: install the extra "redis"'


def test_connection_that_is_closed_asks_no_more(
    connector: Connector, served: tuple[Sandbox, Server], shared: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A call that ends because its connection was closed leaves the store as it is."""
    sandbox, server = served
    sandbox.fail("delay", seconds=1, path="/v3/users", times="always")

    async def calls() -> None:
        connection = await connector.aconnect(sandbox.credentials, **urls(server), store=shared.url)
        call = asyncio.create_task(connection.call("list_users_ddl"))
        while not shared.client.keys("*:out"):
            await asyncio.sleep(0.01)
        await connection.close()
        with pytest.raises(Exception, match="closed while this call was running"):
            await call

    asyncio.run(calls())
    assert said(caplog) == []


def test_user_with_the_rights_that_the_readme_names(
    connector: Connector, sandbox: Sandbox, root: Path, shared: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    found = re.search(r"`(~eu:\* -@all .*)`", (root / "README.md").read_text("utf-8"))
    assert found is not None
    shared.client.acl_log_reset()
    shared.client.execute_command(f"ACL SETUSER eu on >s3cret resetkeys {found[1]}")
    store = Store(shared.url.replace("//", "//eu:s3cret@"), prefix="eu")
    sandbox.configure(rate_limit=50)
    with connector.connect(sandbox.credentials, transport=sandbox.transport(), store=store) as connection:
        connection.call("list_users_ddl")
        sandbox.revoke()
        connection.call("list_users_ddl")
    wrong = {**sandbox.credentials, "client_secret": "wrong"}
    with (
        connector.connect(wrong, transport=sandbox.transport(), store=store) as connection,
        pytest.raises(Unauthorized),
    ):
        connection.call("list_users_ddl")
    assert said(caplog) == []
    assert shared.client.acl_log() == []
    shared.client.execute_command("ACL DELUSER eu")


def test_store_that_is_closed_while_it_is_asked(shared: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    ask = Ledger("test", "somebody", None, 1).look(None, None)
    door, store = Door(Store(shared.url, timeout=0.5)), Store(shared.url, timeout=0.5)

    async def asking() -> None:
        closing = AsyncDoor(store)
        asked = asyncio.create_task(closing.ask(ask))
        await asyncio.sleep(0.1)
        await closing.close()
        assert await asked is None
        assert await closing.ask(ask) is None

    shared.pause()
    try:
        with ThreadPoolExecutor(1) as thread:
            asked = thread.submit(door.ask, ask)
            time.sleep(0.1)
            door.close()
            assert asked.result() is None
            assert door.ask(ask) is None
        asyncio.run(asking())
    finally:
        shared.resume()
    assert said(caplog) == []

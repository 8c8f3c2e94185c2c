"""Access tokens over real sockets: minted once, one for each acting user, renewed in time, shown nowhere."""

import asyncio
import logging
import time
import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import orjson
import pytest

from connector_runtime import Connector, ConnectorError, Forbidden, Unauthorized, Unavailable, UnexpectedResponse
from greenhouse_sandbox import Sandbox, Server

SECRET, CLIENT = "not-a-secret", "sandbox-1"


@dataclass
class Clock:
    """The sandbox's clock."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    """The samples' organisation, by that clock."""
    with Sandbox(clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
def urls(served: Server) -> dict[str, Any]:
    """What to connect with."""
    return {"base_url": served.base_url, "token_url": served.token_url}


def asked(sandbox: Sandbox, path: str = "/token") -> int:
    """Count the requests for a path."""
    return [each.path for each in sandbox.requests].count(path)


def at_once(number: int, call: Callable[[], Any]) -> list[Any]:
    """Call from so many threads at the same moment."""
    barrier = Barrier(number)

    def wait_and_call() -> Any:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(number) as threads:
        waiting = [threads.submit(wait_and_call) for _ in range(number)]
        return [each.result() for each in waiting]


def test_sixteen_threads_get_one_token(connector: Connector, sandbox: Sandbox, urls: dict[str, Any]) -> None:
    with connector.connect(sandbox.credentials, **urls) as connection:
        results = at_once(16, lambda: connection.call("list_users_ddl"))
    assert results == [results[0]] * 16
    assert (asked(sandbox), asked(sandbox, "/v3/users")) == (1, 16)


def test_fifty_tasks_get_one_token(connector: Connector, sandbox: Sandbox, urls: dict[str, Any]) -> None:
    async def run() -> list[Any]:
        async with await connector.aconnect(sandbox.credentials, **urls) as connection:
            results: list[Any] = await asyncio.gather(*(connection.call("list_users_ddl") for _ in range(50)))
            return results

    results = asyncio.run(run())
    assert results == [results[0]] * 50
    assert (asked(sandbox), asked(sandbox, "/v3/users")) == (1, 50)


def test_sixteen_threads_are_refused_by_one_request(
    connector: Connector, sandbox: Sandbox, urls: dict[str, Any]
) -> None:
    sandbox.fail("delay", seconds=0.3, path="/token", times="always")

    def refused() -> bool:
        with pytest.raises(Unauthorized, match="refused the client id or secret"):
            connection.call("list_users_ddl")
        return True

    with connector.connect({**sandbox.credentials, "client_secret": "wrong"}, **urls) as connection:
        assert all(at_once(16, refused))
    assert asked(sandbox) == 1


def test_requests_of_one_call_share_a_token(connector: Connector, sandbox: Sandbox, urls: dict[str, Any]) -> None:
    with connector.connect(sandbox.credentials, **urls) as connection:
        connection.call("get_candidate", {"candidate_id": 12345})
    assert len(sandbox.requests) > 5
    assert asked(sandbox) == 1


def test_each_acting_user_has_a_token(connector: Connector, sandbox: Sandbox, urls: dict[str, Any]) -> None:
    note = {"candidate_id": 67890, "body": "Said on the phone", "visibility": "private"}
    with connector.connect(sandbox.credentials, **urls) as connection:
        for _ in range(2):
            connection.call("list_users_ddl")
            connection.call("create_candidate_note", {"user_id": 1001, **note})
            connection.call("create_candidate_note", {"user_id": 12345, **note})
    assert asked(sandbox) == 3
    with connector.connect({**sandbox.credentials, "user_id": 1001}, **urls) as connection:
        connection.call("list_users_ddl")
        connection.call("create_candidate_note", {"user_id": 1001, **note})
    assert asked(sandbox) == 3  # connections of a process share the tokens of a credential


def test_user_who_may_not_act(connector: Connector, sandbox: Sandbox, urls: dict[str, Any]) -> None:
    with (
        connector.connect({**sandbox.credentials, "user_id": 4_242_424_242}, **urls) as connection,
        pytest.raises(Forbidden, match="may not get an access token"),
    ):
        connection.call("list_users_ddl")


def test_token_is_renewed_before_its_end(connector: Connector, sandbox: Sandbox) -> None:
    """The token endpoint's answers are changed on the way: tokens live for 0.4 s, so half of that."""
    inner = sandbox.transport()

    def answer(request: httpx.Request) -> httpx.Response:
        response = inner.handle_request(request)
        if request.url.path != "/token":
            return response
        response.read()
        return httpx.Response(200, json={"access_token": response.json()["access_token"], "expires_in": 0.4})

    with connector.connect(sandbox.credentials, transport=httpx.MockTransport(answer)) as connection:
        connection.call("list_users_ddl")
        connection.call("list_users_ddl")
        assert asked(sandbox) == 1
        time.sleep(0.25)
        connection.call("list_users_ddl")
        connection.call("list_users_ddl")
        assert asked(sandbox) == 2
    assert asked(sandbox, "/v3/users") == 4


def test_token_that_ended_is_replaced(
    connector: Connector, sandbox: Sandbox, clock: Clock, urls: dict[str, Any]
) -> None:
    with connector.connect(sandbox.credentials, **urls) as connection:
        connection.call("list_users_ddl")
        clock.now += 3601
        connection.call("list_users_ddl")
        connection.call("list_users_ddl")
    assert (asked(sandbox), asked(sandbox, "/v3/users")) == (2, 4)


def test_threads_that_are_refused_together_get_one_new_token(
    connector: Connector, sandbox: Sandbox, clock: Clock, urls: dict[str, Any]
) -> None:
    with connector.connect(sandbox.credentials, **urls) as connection:
        connection.call("list_users_ddl")
        clock.now += 3601
        at_once(16, lambda: connection.call("list_users_ddl"))
    assert asked(sandbox) == 2


def test_refusals_do_not_go_on_for_ever(connector: Connector, sandbox: Sandbox, urls: dict[str, Any]) -> None:
    sandbox.fail("status", code=401, path="/v3/users", times="always")
    with connector.connect(sandbox.credentials, **urls) as connection:
        with pytest.raises(Unauthorized, match="the API refused the access token") as caught:
            connection.call("list_users_ddl")
        assert (asked(sandbox), asked(sandbox, "/v3/users")) == (2, 2)
    assert caught.value.operation == "list_users_ddl"
    assert not caught.value.retryable
    assert caught.value.upstream is not None
    assert caught.value.upstream["status"] == 401


def test_refusals_in_asyncio(connector: Connector, sandbox: Sandbox, urls: dict[str, Any]) -> None:
    async def run() -> Any:
        async with await connector.aconnect(sandbox.credentials, **urls) as connection:
            await connection.call("list_users_ddl")
            sandbox.fail("status", code=401, path="/v3/users")
            await connection.call("list_users_ddl")
            sandbox.fail("status", code=401, path="/v3/users", times="always")
            with pytest.raises(Unauthorized):
                await connection.call("list_users_ddl")

    asyncio.run(run())
    assert (asked(sandbox), asked(sandbox, "/v3/users")) == (3, 5)


def ready(sandbox: Sandbox) -> str:
    """Get a token without the connector."""
    pair = b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
    headers = {"authorization": f"Basic {pair}", "content-type": "application/x-www-form-urlencoded"}
    token: str = orjson.loads(sandbox.handle("POST", "/token", headers, b"grant_type=client_credentials").body)[
        "access_token"
    ]
    sandbox.requests.clear()
    return token


def test_ready_token(connector: Connector, sandbox: Sandbox, clock: Clock, urls: dict[str, Any]) -> None:
    with connector.connect({"access_token": ready(sandbox)}, **urls) as connection:
        assert connection.call("list_users_ddl")["result"]
        assert asked(sandbox) == 0
        clock.now += 3601
        with pytest.raises(Unauthorized, match="only a client id and secret can get a new one"):
            connection.call("list_users_ddl")
    assert (asked(sandbox), asked(sandbox, "/v3/users")) == (0, 2)


def test_ready_token_with_id_and_secret_is_replaced(
    connector: Connector, sandbox: Sandbox, urls: dict[str, Any]
) -> None:
    with connector.connect({**sandbox.credentials, "access_token": "ended-long-ago"}, **urls) as connection:
        assert connection.call("list_users_ddl")["result"]
        assert connection.call("list_users_ddl")["result"]
    assert (asked(sandbox), asked(sandbox, "/v3/users")) == (1, 3)


def no_secret(connector: Connector) -> tuple[str, ...]:
    """Give the frames' folder, to look at the locals of this package only."""
    return (str(Path(connector.connect.__code__.co_filename).parent),)


def everything_said(error: ConnectorError, package: str) -> str:
    """Write an error in every way a host may: with the locals of the runtime's own frames as well."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    chain: list[traceback.TracebackException | None] = [told, told.__cause__, told.__context__]
    frames = [frame for each in chain if each for frame in each.stack if frame.filename.startswith(package)]
    return f"{error} {error!r} {error.record()} {error.__dict__} " + " ".join(str(frame.locals) for frame in frames)


def bad_token(request: httpx.Request) -> httpx.Response:
    """Give a token that looks right, with an end that doesn't."""
    return httpx.Response(200, json={"access_token": "t0k3n-that-works", "expires_at": "soon", "url": str(request.url)})


def echo(request: httpx.Request) -> httpx.Response:
    """Refuse, and repeat what was sent."""
    return httpx.Response(400, text=f"{request.headers['authorization']} {CLIENT} {SECRET} {request.content!r}")


def broken(request: httpx.Request) -> httpx.Response:
    """Break the connection."""
    raise httpx.ReadError("broken", request=request)


TROUBLE: list[tuple[Callable[[httpx.Request], httpx.Response], type[ConnectorError]]] = [
    (bad_token, UnexpectedResponse),
    (echo, Unauthorized),
    (broken, Unavailable),
    (lambda _: httpx.Response(503, text="down"), Unavailable),
]


@pytest.mark.parametrize(("answer", "kind"), TROUBLE, ids=["unusable", "echo", "broken", "down"])
def test_no_secret_is_shown(
    connector: Connector,
    caplog: pytest.LogCaptureFixture,
    answer: Callable[[httpx.Request], httpx.Response],
    kind: type[ConnectorError],
) -> None:
    caplog.set_level(logging.DEBUG)
    (package,) = no_secret(connector)
    credentials = {"client_id": CLIENT, "client_secret": SECRET}
    with connector.connect(credentials, transport=httpx.MockTransport(answer)) as connection:
        with pytest.raises(kind) as caught:
            connection.call("list_users_ddl")
        shown = f"{connection!r} {vars(connection)!r} {vars(connection._driver)!r} {connector!r}"
    shown += everything_said(caught.value, package) + caplog.text
    pair = b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
    assert package in str(caught.traceback[-1].path)
    assert not [secret for secret in (SECRET, pair, "t0k3n-that-works") if secret in shown]


def test_no_token_is_shown_when_the_api_fails(
    connector: Connector, sandbox: Sandbox, urls: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = ready(sandbox)
    (package,) = no_secret(connector)
    shown = ""
    for fault in ("kind=status code=500 body=oops", "kind=object", "kind=html", "kind=status code=401"):
        sandbox.declare(f"{fault} path=/v3/users times=always")
        with connector.connect({"access_token": token}, **urls) as connection, pytest.raises(ConnectorError) as caught:
            connection.call("list_users_ddl")
        shown += everything_said(caught.value, package) + repr(vars(connection._driver))
        sandbox.heal()
    assert token not in shown + caplog.text

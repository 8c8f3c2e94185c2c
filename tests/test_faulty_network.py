"""A network that fails, people who interrupt, processes that fork: what a call ends with, and nothing stays behind."""

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.copies import impatient
from tests.test_writes import CREATES, grown, stored, writes_of

from connector_runtime import (
    Cancellation,
    Connector,
    ConnectorError,
    InvalidInput,
    OutcomeUnknown,
    PartialWrite,
    Timeout,
    Unavailable,
    UnexpectedResponse,
)
from connector_runtime.workers import Workers
from greenhouse_sandbox import Sandbox, Server

ROOT = Path(__file__).parents[1]
GIVEN, ROWS = CREATES["create_candidate"]
WRITES = writes_of("create_candidate")
Call = Callable[..., dict[str, Any]]


def soon(holds: Callable[[], bool]) -> bool:
    """Wait, not for long, until something holds."""
    end = time.monotonic() + 5
    while not holds() and time.monotonic() < end:
        time.sleep(0.005)
    return holds()


def sockets() -> int:
    """Count the sockets that this process has open, but for those on which the sandbox still takes its time."""
    found = -sum("process_request" in each.name for each in threading.enumerate())
    for each in Path("/proc/self/fd").iterdir():
        try:
            found += str(each.readlink()).startswith("socket:")
        except OSError:  # the one that lists the folder
            continue
    return found


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    before = sockets()
    yield
    gc.collect()
    assert soon(lambda: not [each for each in threading.enumerate() if each.name == "connector"])
    assert soon(lambda: sockets() <= before)


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Connector:
    """The connector, with pauses between its attempts that tests have time for."""
    return impatient(tmp_path_factory.mktemp("quick"))


@pytest.fixture
def options(served: Server) -> dict[str, Any]:
    """What to connect with."""
    return {"base_url": served.base_url, "token_url": served.token_url}


@pytest.fixture(params=["threads", "asyncio"])
def call(request: pytest.FixtureRequest, quick: Connector, sandbox: Sandbox) -> Call:
    """Calls with one of the drivers; what is left of the call's own tasks would show."""

    def blocking(operation: str, given: Any = None, connect: Any = None, **how: Any) -> dict[str, Any]:
        with quick.connect(sandbox.credentials, **(connect or {"transport": sandbox.transport()})) as connection:
            return connection.call(operation, given, **how)

    async def run(operation: str, given: Any = None, connect: Any = None, **how: Any) -> dict[str, Any]:
        chosen = connect or {"transport": sandbox.transport()}
        async with await quick.aconnect(sandbox.credentials, **chosen) as connection:
            try:
                return await connection.call(operation, given, **how)
            finally:
                assert asyncio.all_tasks() == {asyncio.current_task()}

    if request.param == "threads":
        return blocking
    return lambda *given, **how: asyncio.run(run(*given, **how))


def sent(sandbox: Sandbox, method: str, path: str = "") -> int:
    """Count the requests of a method."""
    return sum(each.method == method and each.path.endswith(path) for each in sandbox.requests)


TROUBLES: dict[str, dict[str, Any]] = {
    "bad gateway": {"kind": "status", "code": 502},
    "down": {"kind": "status", "code": 503},
    "gateway timeout": {"kind": "status", "code": 504},
    "limited": {"kind": "status", "code": 429},
    "lost": {"kind": "drop"},
    "cut": {"kind": "truncate"},
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_read_is_tried_again(sandbox: Sandbox, options: dict[str, Any], call: Call, trouble: str) -> None:
    sandbox.fail(**TROUBLES[trouble], method="GET", times=3)
    assert call("list_users_ddl", connect=options)["result"]
    assert sent(sandbox, "GET") == 4


def test_attempts_come_to_an_end(sandbox: Sandbox, call: Call) -> None:
    sandbox.fail("status", code=503, method="GET", times="always")
    with pytest.raises(Unavailable) as raised:
        call("list_users_ddl")
    assert raised.value.operation == "list_users_ddl"
    assert sent(sandbox, "GET") == 4


@pytest.mark.parametrize("trouble", ["down", "lost"])
def test_write_is_not_tried_again(sandbox: Sandbox, options: dict[str, Any], call: Call, trouble: str) -> None:
    sandbox.fail(**TROUBLES[trouble], method="POST", path="/v3/*")
    with pytest.raises(OutcomeUnknown):
        call("create_candidate", GIVEN, connect=options)
    assert sent(sandbox, "POST") - sent(sandbox, "POST", "/token") == 1


def test_write_that_was_refused_for_the_limit_is_tried_again(sandbox: Sandbox, call: Call) -> None:
    before = stored(sandbox)
    sandbox.fail("status", code=429, method="POST", path="/v3/*", times=6)
    call("create_candidate", GIVEN)
    assert grown(sandbox, before) == ROWS


def test_write_that_never_left_is_tried_again(sandbox: Sandbox, call: Call) -> None:
    before, inner, refused = stored(sandbox), sandbox.transport(), iter(range(3))

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and request.url.path != "/token" and next(refused, None) is not None:
            raise httpx.ConnectError("no route", request=request)
        return inner.handle_request(request)

    call("create_candidate", GIVEN, connect={"transport": httpx.MockTransport(answer)})
    assert grown(sandbox, before) == ROWS


def test_token_endpoint_that_fails_for_a_while(sandbox: Sandbox, call: Call) -> None:
    sandbox.fail("status", code=503, path="/token", times=3)
    assert call("list_users_ddl")["result"]
    assert sent(sandbox, "POST", "/token") == 4


@pytest.mark.parametrize("error", [ValueError, OSError, KeyError, RuntimeError, httpx.InvalidURL])
def test_transport_that_raises_what_is_not_of_httpx(sandbox: Sandbox, call: Call, error: Any) -> None:
    inner = sandbox.transport()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method in methods and request.url.path != "/token":
            raise error("not of httpx")
        return inner.handle_request(request)

    methods = {"GET"}
    with pytest.raises(Unavailable, match="broke before the answer was whole"):
        call("list_users_ddl", connect={"transport": httpx.MockTransport(answer)})
    methods = {"POST"}
    with pytest.raises(OutcomeUnknown):
        call("create_candidate", GIVEN, connect={"transport": httpx.MockTransport(answer)})


SLOW: dict[str, dict[str, Any]] = {
    "hanging": {"kind": "delay", "seconds": 4},
    "body": {"kind": "trickle", "bytes": 1, "seconds": 0.02},
    "headers": {"kind": "trickle", "bytes": 1, "seconds": 0.02, "headers": True},
}


@pytest.mark.parametrize("path", ["/token", "/v3/users"])
@pytest.mark.parametrize("slow", SLOW)
def test_deadline(sandbox: Sandbox, options: dict[str, Any], call: Call, slow: str, path: str) -> None:
    sandbox.fail(**SLOW[slow], path=path, times="always")
    for connect, how in ((options, {"timeout": 0.25}), ({**options, "timeout": 0.25}, {})):
        start = time.monotonic()
        with pytest.raises(Timeout) as raised:
            call("list_users_ddl", connect=connect, **how)
        assert 0.2 < time.monotonic() - start < 3
        assert (raised.value.operation, raised.value.retryable) == ("list_users_ddl", True)


def test_deadline_in_a_body_of_a_hosts_own_transport(sandbox: Sandbox, call: Call) -> None:
    sandbox.fail("trickle", bytes=1, seconds=0.02, path="/v3/users", times="always")
    with pytest.raises(Timeout):
        call("list_users_ddl", timeout=0.3)


@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_answer_that_is_not_compressed_as_it_says(
    sandbox: Sandbox, options: dict[str, Any], call: Call, encoding: str
) -> None:
    sandbox.fail("status", code=200, body=[], headers={"content-encoding": encoding}, path="/v3/users")
    with pytest.raises(UnexpectedResponse, match="compressed in a way that can't be read"):
        call("list_users_ddl", connect=options)
    assert sent(sandbox, "GET") == 1


def test_request_that_waits_for_a_thread_is_not_sent_after_its_call(
    sandbox: Sandbox, options: dict[str, Any], quick: Connector
) -> None:
    with quick.connect(sandbox.credentials, **options) as connection, ThreadPoolExecutor(1) as threads:
        connection._driver._workers = Workers(1)
        connection.call("list_jobs_ddl")
        sandbox.fail("delay", seconds=1, path="/v3/users")
        slow = threads.submit(connection.call, "list_users_ddl")
        assert soon(lambda: sent(sandbox, "GET", "/users") == 1)
        asked = len(sandbox.requests)
        with pytest.raises(Timeout):
            connection.call("list_sources_ddl", timeout=0.1)
        assert slow.result()["result"]
        assert connection.call("list_jobs_ddl")["result"]
        assert [each.path for each in sandbox.requests][asked:] == ["/v3/jobs"]


def test_own_deadline_of_a_call_goes_before_that_of_the_connection(sandbox: Sandbox, call: Call) -> None:
    sandbox.fail("delay", seconds=0.2, path="/v3/users")
    connect = {"transport": sandbox.transport(), "timeout": 0.01}
    assert call("list_users_ddl", connect=connect, timeout=10)["result"]


def test_deadline_that_is_centuries_away(call: Call) -> None:
    assert call("list_users_ddl", timeout=1e15)["result"]


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), True, "5", [], 10**400])
def test_deadlines_that_are_none(sandbox: Sandbox, call: Call, timeout: Any) -> None:
    for connect, how in (({"timeout": timeout}, {}), (None, {"timeout": timeout})):
        with pytest.raises(InvalidInput) as raised:
            call("list_users_ddl", connect=connect, **how)
        assert [each.pointer for each in raised.value.errors] == ["/timeout"]
    assert len(sandbox.requests) == 0


def test_threads_of_a_server_that_trickles_are_free_after_the_deadline(
    sandbox: Sandbox, options: dict[str, Any], quick: Connector
) -> None:
    sandbox.fail("trickle", bytes=1, seconds=0.02, headers=True, path="/v3/users", times="always")
    with quick.connect(sandbox.credentials, **options) as connection, ThreadPoolExecutor(12) as threads:
        for each in [threads.submit(connection.call, "list_users_ddl", timeout=0.3) for _ in range(12)]:
            assert isinstance(each.exception(), Timeout)
        sandbox.heal()
        assert connection.call("list_users_ddl", timeout=5)["result"]


def test_write_at_the_deadline_is_unknown_and_never_sent_later(
    sandbox: Sandbox, options: dict[str, Any], call: Call
) -> None:
    before = stored(sandbox)
    sandbox.fail("delay", seconds=4, method="POST", path="/v3/notes")
    with pytest.raises(OutcomeUnknown) as raised:
        call("create_candidate", GIVEN, connect=options, timeout=2)
    resumed = {**GIVEN, "resume_token": raised.value.resume_token}
    call("create_candidate", resumed, connect=options)
    assert grown(sandbox, before) == ROWS


def test_nothing_is_sent_when_the_call_is_over(
    sandbox: Sandbox, options: dict[str, Any], quick: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resolver has no time limit; what was waiting for it must not go out after the call has said how it ended."""
    connect, connected = socket.create_connection, threading.Event()

    def slowly(*given: Any, **more: Any) -> socket.socket:
        time.sleep(0.6)
        connected.set()
        return connect(*given, **more)

    monkeypatch.setattr(socket, "create_connection", slowly)
    with quick.connect(sandbox.credentials, **options) as connection:
        with pytest.raises(Timeout):
            connection.call("list_users_ddl", timeout=0.3)
        assert connected.wait(5)
        time.sleep(0.3)
        assert not sandbox.requests
        monkeypatch.undo()
        assert connection.call("list_users_ddl")["result"]


def test_no_time_to_wait_for_what_is_on_its_way(tmp_path: Path, sandbox: Sandbox) -> None:
    before = stored(sandbox)
    sandbox.fail("drop", method="POST", path="/v3/notes", later=0.3)
    with impatient(tmp_path, settle=2).connect(sandbox.credentials, transport=sandbox.transport()) as connection:
        with pytest.raises(OutcomeUnknown) as first:
            connection.call("create_candidate", GIVEN)
        given = {**GIVEN, "resume_token": first.value.resume_token}
        asked, start = sent(sandbox, "GET", "/v3/notes"), time.monotonic()
        with pytest.raises(OutcomeUnknown) as second:
            connection.call("create_candidate", given, timeout=1)
        assert time.monotonic() - start < 1
        error = second.value
        assert error.message == (
            "whether notes/0 was written is still not known: this call ends before it can be seen what the API stored; "
            "call again with the resume token, which waits until it can be seen and looks first"
        )
        assert error.completed == first.value.completed
        assert error.retry_after is not None
        assert 1 < error.retry_after <= 2
        assert sent(sandbox, "GET", "/v3/notes") == asked
        connection.call("create_candidate", {**GIVEN, "resume_token": error.resume_token})
    assert grown(sandbox, before) == ROWS


def test_resuming_while_reads_are_down_repeats_what_is_known(sandbox: Sandbox, call: Call) -> None:
    before = stored(sandbox)
    sandbox.fail("status", code=422, method="POST", path="/v3/notes")
    with pytest.raises(PartialWrite) as first:
        call("create_candidate", GIVEN)
    sandbox.fail("status", code=503, method="GET", times="always")
    with pytest.raises(ConnectorError) as again:
        call("create_candidate", {**GIVEN, "resume_token": first.value.resume_token})
    assert again.value.completed == first.value.completed
    assert again.value.resume_token is not None
    sandbox.heal()
    call("create_candidate", {**GIVEN, "resume_token": again.value.resume_token})
    assert grown(sandbox, before) == ROWS


def test_raising_watch_changes_nothing(sandbox: Sandbox, call: Call, caplog: pytest.LogCaptureFixture) -> None:
    def watch(_: Any) -> None:
        raise ValueError("looked too closely")

    before = stored(sandbox)
    call("create_candidate", GIVEN, connect={"transport": sandbox.transport(), "watch": watch})
    assert grown(sandbox, before) == ROWS
    assert "what watches this connection failed" in caplog.text


def resumed(call: Call, sandbox: Sandbox, before: dict[str, int], error: BaseException) -> None:
    """Go on from what an interrupted call says of what it wrote: nothing is written twice, nothing is forgotten."""
    cause = error.__cause__
    written = sum(grown(sandbox, before).values())
    if cause is None:
        assert written == 0
        return
    assert isinstance(cause, PartialWrite | OutcomeUnknown)
    assert cause.operation == "create_candidate"
    again = {**GIVEN, "resume_token": cause.resume_token}
    if not cause.completed:
        with pytest.raises(OutcomeUnknown, match="look for it"):
            call("create_candidate", again)
        assert sum(grown(sandbox, before).values()) == written
        return
    call("create_candidate", again)
    assert grown(sandbox, before) == ROWS


@pytest.mark.parametrize("position", range(WRITES))
def test_journal_that_fails(sandbox: Sandbox, call: Call, position: int) -> None:
    before, kept = stored(sandbox), iter(range(WRITES))

    def journal(_: str) -> None:
        if next(kept) == position:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left") as raised:
        call("create_candidate", GIVEN, journal=journal)
    assert (raised.value.__cause__ is None) == (position == 0)
    assert sent(sandbox, "POST") + sent(sandbox, "PATCH") - sent(sandbox, "POST", "/token") == position
    resumed(call, sandbox, before, raised.value)


@pytest.mark.parametrize("position", range(WRITES))
def test_cancellation_between_writes(sandbox: Sandbox, quick: Connector, call: Call, position: int) -> None:
    before, kept, cancellation = stored(sandbox), iter(range(WRITES)), Cancellation()

    def journal(_: str) -> None:
        if next(kept) == position:
            cancellation.cancel()

    with (
        quick.connect(sandbox.credentials, transport=sandbox.transport()) as connection,
        pytest.raises(CancelledError) as raised,
    ):
        connection.call("create_candidate", GIVEN, journal=journal, cancellation=cancellation)
    assert (raised.value.__cause__ is None) == (position == 0)
    resumed(call, sandbox, before, raised.value)


def test_cancellation_from_another_thread(sandbox: Sandbox, options: dict[str, Any], quick: Connector) -> None:
    sandbox.fail("delay", seconds=4, path="/v3/users", times="always")
    cancellation = Cancellation()
    with quick.connect(sandbox.credentials, **options) as connection, ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(connection.call, "list_users_ddl", cancellation=cancellation) for _ in range(3)]
        assert soon(lambda: sent(sandbox, "GET") == 3)
        start = time.monotonic()
        cancellation.cancel()
        for each in calls:
            assert isinstance(each.exception(), CancelledError)
        assert time.monotonic() - start < 3
        asked = len(sandbox.requests)
        with pytest.raises(CancelledError):
            connection.call("list_jobs_ddl", cancellation=cancellation)
        assert len(sandbox.requests) == asked
        assert connection.call("list_jobs_ddl", cancellation=Cancellation())["result"]


def test_closing_while_calls_run(sandbox: Sandbox, options: dict[str, Any], quick: Connector) -> None:
    sandbox.fail("delay", seconds=4, path="/v3/users", times="always")
    connection = quick.connect(sandbox.credentials, **options)
    with ThreadPoolExecutor(4) as threads:
        calls = [threads.submit(connection.call, "list_users_ddl") for _ in range(4)]
        assert soon(lambda: sent(sandbox, "GET") == 4)
        start = time.monotonic()
        connection.close()
        for each in calls:
            error = each.exception()
            assert isinstance(error, Unavailable)
            assert (error.operation, error.message) == (
                "list_users_ddl",
                "the connection was closed while this call was running",
            )
        assert soon(lambda: not [each for each in threading.enumerate() if each.name == "connector"])
        assert time.monotonic() - start < 3
    with pytest.raises(Unavailable, match="this connection is closed; connect anew") as raised:
        connection.call("list_users_ddl")
    assert raised.value.operation == "list_users_ddl"
    connection.close()


def test_closing_between_writes_tells_what_was_written(sandbox: Sandbox, quick: Connector, call: Call) -> None:
    before = stored(sandbox)
    connection = quick.connect(sandbox.credentials, transport=sandbox.transport())
    kept = iter(range(WRITES))

    def journal(_: str) -> None:
        if next(kept) == 3:
            connection.close()

    with pytest.raises(PartialWrite) as raised:
        connection.call("create_candidate", GIVEN, journal=journal)
    call("create_candidate", {**GIVEN, "resume_token": raised.value.resume_token})
    assert grown(sandbox, before) == ROWS


def test_closing_in_asyncio_while_calls_run(sandbox: Sandbox, options: dict[str, Any], quick: Connector) -> None:
    sandbox.fail("delay", seconds=4, path="/v3/users", times="always")

    async def run() -> None:
        connection = await quick.aconnect(sandbox.credentials, **options)
        calls = [asyncio.create_task(connection.call("list_users_ddl")) for _ in range(4)]
        while sent(sandbox, "GET") < 4:
            await asyncio.sleep(0.005)
        await connection.close()
        for each in calls:
            with pytest.raises(Unavailable, match="closed while this call was running"):
                await each
        assert asyncio.all_tasks() == {asyncio.current_task()}
        with pytest.raises(Unavailable, match="this connection is closed"):
            await connection.call("list_users_ddl")

    asyncio.run(run())


def test_requests_that_get_no_thread(sandbox: Sandbox, quick: Connector, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    given = {"access_token": "none"}
    with quick.connect(given, transport=httpx.MockTransport(lambda _: httpx.Response(200, json=[]))) as connection:
        for _ in range(20):
            with monkeypatch.context() as patch:
                patch.setattr(threading.Thread, "start", refuse)
                with pytest.raises(RuntimeError, match="can't start new thread"):
                    connection.call("get_candidate", {"candidate_id": 12345}, timeout=5)
        found = connection.call("get_candidate", {"candidate_id": 12345}, timeout=5)
        assert found == {"candidate_found": False, "body": None}


def cancelled_after(quick: Connector, sandbox: Sandbox, turns: int) -> BaseException | None:
    """Create, and cancel the task after so many turns of the loop; None: it had ended by then."""
    inner = sandbox.transport()

    async def run() -> BaseException | None:
        # Answers come in without waiting, so that every turn of the loop is a step of the call.
        transport = httpx.MockTransport(inner.handle_request)
        async with await quick.aconnect(sandbox.credentials, transport=transport) as connection:
            task = asyncio.create_task(connection.call("create_candidate", GIVEN, journal=keep))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError as error:
                assert asyncio.all_tasks() == {asyncio.current_task()}
                return error
            return None

    async def keep(_: str) -> None:
        await asyncio.sleep(0)

    return asyncio.run(run())


def test_cancelling_a_task_at_any_point(sandbox: Sandbox, quick: Connector) -> None:
    def call(operation: str, given: Any) -> Any:
        with quick.connect(sandbox.credentials, transport=sandbox.transport()) as connection:
            return connection.call(operation, given)

    causes: set[tuple[str, bool]] = set()
    for turns in range(2000):
        before = stored(sandbox)
        error = cancelled_after(quick, sandbox, turns)
        if error is None:
            assert grown(sandbox, before) == ROWS
            break
        assert isinstance(error, asyncio.CancelledError)
        resumed(call, sandbox, before, error)
        cause = error.__cause__
        causes.add(("", False) if cause is None else (cause.code, bool(cause.resume_token)))  # type: ignore[attr-defined]
    assert turns > 50
    assert {("", False), ("partial_write", True), ("outcome_unknown", True)} <= causes


def test_asyncio_timeout_around_a_call(sandbox: Sandbox, options: dict[str, Any], quick: Connector) -> None:
    before = stored(sandbox)
    sandbox.fail("delay", seconds=4, method="POST", path="/v3/notes")

    async def run() -> BaseException | None:
        async with await quick.aconnect(sandbox.credentials, **options) as connection:
            with pytest.raises(TimeoutError) as raised:
                async with asyncio.timeout(2):
                    await connection.call("create_candidate", GIVEN)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            return raised.value.__cause__

    cancelled = asyncio.run(run())
    assert isinstance(cancelled, asyncio.CancelledError)
    assert isinstance(cancelled.__cause__, OutcomeUnknown)
    with quick.connect(sandbox.credentials, **options) as connection:
        resumed(connection.call, sandbox, before, cancelled)
    assert grown(sandbox, before) == ROWS


def test_connection_of_another_event_loop(sandbox: Sandbox, options: dict[str, Any], quick: Connector) -> None:
    async def connect() -> Any:
        connection = await quick.aconnect(sandbox.credentials, **options)
        assert (await connection.call("list_users_ddl"))["result"]
        await connection._driver._client.aclose()
        return connection

    connection = asyncio.run(connect())
    with pytest.raises(Unavailable, match="another event loop; connect anew") as raised:
        asyncio.run(connection.call("list_users_ddl"))
    assert raised.value.operation == "list_users_ddl"


FORKING = """
import asyncio, os, sys
from connector_runtime import Unavailable, load

connector = load(sys.argv[1])
credentials = {"client_id": sys.argv[2], "client_secret": sys.argv[3]}
urls = {"base_url": sys.argv[4], "token_url": sys.argv[5]}
connection = connector.connect(credentials, **urls)
other = asyncio.run(connector.aconnect(credentials, **urls))
first = connection.call("list_users_ddl")
child = os.fork()
if not child:
    try:
        connection.call("list_users_ddl")
    except Unavailable as error:
        assert "another process; connect anew" in error.message
        assert error.operation == "list_users_ddl"
        connection.close()
        asyncio.run(other.close())
        with connector.connect(credentials, **urls) as anew:
            os._exit(7 if anew.call("list_users_ddl") == first else 1)
    os._exit(1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert connection.call("list_users_ddl") == first
connection.close()
asyncio.run(other.close())
print("fine")
"""


def program(source: str, sandbox: Sandbox, options: dict[str, Any], *more: str) -> list[str]:
    """Write the command line of a program that connects."""
    secrets = (sandbox.credentials["client_id"], sandbox.credentials["client_secret"])
    return [sys.executable, "-c", source, str(ROOT), *secrets, options["base_url"], options["token_url"], *more]


def test_forked_process(sandbox: Sandbox, options: dict[str, Any]) -> None:
    command = program(FORKING, sandbox, options)
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.stdout, ended.returncode) == ("fine\n", 0), ended.stderr
    assert sent(sandbox, "POST", "/token") == 2  # the child has an account of its own


INTERRUPTED = """
import json, os, signal, sys
from connector_runtime import load

signal.signal(signal.SIGINT, signal.default_int_handler)
kept, position = [], int(sys.argv[6])

def keep(token):
    kept.append(token)
    if len(kept) > position:
        os.kill(os.getpid(), signal.SIGINT)

credentials = {"client_id": sys.argv[2], "client_secret": sys.argv[3]}
with load(sys.argv[1]).connect(credentials, base_url=sys.argv[4], token_url=sys.argv[5]) as connection:
    try:
        connection.call("create_candidate", json.load(sys.stdin), journal=keep)
    except KeyboardInterrupt as end:
        print(json.dumps(end.__cause__ and end.__cause__.record()))
"""


@pytest.mark.parametrize("position", [0, 1, WRITES - 1])
def test_interrupt_between_writes(sandbox: Sandbox, options: dict[str, Any], quick: Connector, position: int) -> None:
    before = stored(sandbox)
    command = program(INTERRUPTED, sandbox, options, str(position))
    given = httpx.Request("POST", "http://x", json=GIVEN).content.decode()
    ended = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    told = httpx.Response(200, text=ended.stdout).json()
    if position == 0:
        assert told is None
        assert sum(grown(sandbox, before).values()) == 0
        return
    assert told["code"] == "partial_write"
    with quick.connect(sandbox.credentials, **options) as connection:
        connection.call("create_candidate", {**GIVEN, "resume_token": told["resume_token"]})
    assert grown(sandbox, before) == ROWS


def test_interrupt_while_an_answer_is_awaited(sandbox: Sandbox, options: dict[str, Any]) -> None:
    sandbox.fail("delay", seconds=6, path="/v3/users", times="always")
    source = INTERRUPTED.replace('"create_candidate", json.load(sys.stdin), journal=keep', '"list_users_ddl"')
    with subprocess.Popen(
        program(source, sandbox, options, "0"), stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    ) as running:
        assert soon(lambda: sent(sandbox, "POST", "/token") == 1)
        time.sleep(0.2)
        start = time.monotonic()
        os.kill(running.pid, signal.SIGINT)
        said, _ = running.communicate(timeout=30)
    assert (running.returncode, said) == (0, "null\n")
    assert time.monotonic() - start < 4

"""Every kind of fault at every door: on a port, and in process by threads or asyncio; and its bytes on the wire."""

from __future__ import annotations

import asyncio
import json
import socket
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from greenhouse_sandbox import Sandbox, Server
from greenhouse_sandbox.kinds import KINDS

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller

DOORS = ("port", "threads", "asyncio")


@dataclass
class Door:
    """One way to the sandbox."""

    kind: str
    sandbox: Sandbox
    base_url: str
    headers: dict[str, str]

    def get(self, path: str = "/v3/jobs", timeout: float = 5, method: str = "GET") -> httpx.Response:
        """Ask, and read the answer whole."""
        options: dict[str, Any] = {
            "headers": self.headers,
            "timeout": timeout,
            "base_url": self.base_url,
            "verify": False,
        }
        transport = None if self.kind == "port" else self.sandbox.transport()
        if self.kind != "asyncio":
            with httpx.Client(transport=transport, **options) as client:
                return client.request(method, path)

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=transport, **options) as client:
                return await client.request(method, path)

        return asyncio.run(ask())


@pytest.fixture
def server(fresh: Caller) -> Iterator[Server]:
    with fresh.sandbox.serve(0) as running:
        yield running


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, fresh: Caller) -> Door:
    headers = {"Authorization": fresh.headers["Authorization"]}
    port = request.param == "port"
    base_url = request.getfixturevalue("server").base_url if port else fresh.sandbox.base_url
    return Door(request.param, fresh.sandbox, base_url, headers)


def took(act: Callable[[], Any]) -> float:
    start = time.monotonic()
    act()
    return time.monotonic() - start


def test_status(door: Door) -> None:
    door.sandbox.fail("status", code=503, headers={"Retry-After": 2})
    door.sandbox.fail("status", code=500, body="oops")
    door.sandbox.fail("status", code=429, body={"message": "slow"}, headers={"content-type": "application/vnd+json"})
    door.sandbox.fail("status", code=599, body="")
    first, second, third, fourth = (door.get() for _ in range(4))
    assert (first.status_code, first.json(), first.headers["retry-after"]) == (
        503,
        {"message": "Service Unavailable"},
        "2",
    )
    assert (second.status_code, second.text, second.headers["content-type"]) == (
        500,
        "oops",
        "text/plain; charset=utf-8",
    )
    assert (third.status_code, third.json(), third.headers["content-type"]) == (
        429,
        {"message": "slow"},
        "application/vnd+json",
    )
    assert (fourth.status_code, fourth.content) == (599, b"")
    assert door.get().status_code == 200


def test_drop(door: Door) -> None:
    door.sandbox.fail("drop")
    with pytest.raises(httpx.ReadError):
        door.get()
    assert door.get().status_code == 200


def test_delay(door: Door) -> None:
    door.sandbox.fail("delay", seconds=0.3)
    assert took(lambda: door.get().raise_for_status()) >= 0.3
    assert door.get().status_code == 200
    assert door.sandbox.counts["faults"] == {"delay": 1}


def test_delay_beyond_patience(door: Door) -> None:
    door.sandbox.fail("delay", seconds=20)
    start = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        door.get(timeout=0.2)
    assert 0.2 <= time.monotonic() - start < 10


def test_trickle(door: Door) -> None:
    whole = door.get("/v3/offices").content
    door.sandbox.fail("trickle", bytes=len(whole) // 4 + 1, seconds=0.1)
    trickled: list[httpx.Response] = []
    assert took(lambda: trickled.append(door.get("/v3/offices"))) >= 0.3
    assert trickled[0].content == whole


def test_trickled_headers(door: Door) -> None:
    door.sandbox.fail("trickle", bytes=20, seconds=0.02, headers=True)
    assert took(lambda: door.get("/v3/jobs?fields=id&per_page=1").raise_for_status()) > 0.15


def test_trickle_beyond_patience(door: Door) -> None:
    door.sandbox.fail("trickle", seconds=2)
    with pytest.raises(httpx.ReadTimeout):
        door.get(timeout=0.2)
    door.sandbox.fail("trickle", seconds=2, headers=True)
    with pytest.raises(httpx.ReadTimeout):
        door.get(timeout=0.2)


def test_trickle_never_beyond_patience(door: Door) -> None:
    """Each byte comes in time, so that only a client that looks at the whole gives up."""
    door.sandbox.fail("trickle", seconds=0.05, times="always")
    assert took(lambda: door.get("/v3/jobs?fields=id&per_page=1", timeout=0.5).raise_for_status()) > 0.5


@pytest.mark.parametrize("keys", [{}, {"bytes": 0}, {"bytes": 7}])
def test_truncate(door: Door, keys: dict[str, int]) -> None:
    door.sandbox.fail("truncate", **keys)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        door.get()
    assert door.get().status_code == 200


@pytest.mark.parametrize(("keys", "kept"), [({}, None), ({"bytes": 0}, 0), ({"bytes": 7}, 7)])
def test_cut(door: Door, keys: dict[str, int], kept: int | None) -> None:
    whole = door.get().content
    door.sandbox.fail("cut", **keys)
    reply = door.get()
    assert reply.status_code == 200
    assert reply.content == whole[: len(whole) // 2 if kept is None else kept]
    assert reply.headers["content-length"] == str(len(reply.content))
    with pytest.raises(ValueError, match="."):  # noqa: RUF043 (any message)
        reply.json()


@pytest.mark.parametrize("kind", ["truncate", "cut"])
def test_nothing_is_cut_from_what_is_shorter(door: Door, kind: str) -> None:
    door.sandbox.fail(kind, bytes=1_000_000)
    assert door.get().status_code == 200
    assert door.sandbox.counts["faults"] == {}


def test_garbage(door: Door) -> None:
    door.sandbox.fail("garbage")
    reply = door.get()
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")
    with pytest.raises(ValueError, match="utf-8"):
        reply.json()


def test_html(door: Door) -> None:
    door.sandbox.fail("html")
    reply = door.get()
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/html")
    assert "<!doctype html>" in reply.text


def test_object(door: Door) -> None:
    rows = door.get().json()
    door.sandbox.fail("object")
    assert door.get().json() == {"results": rows}


def test_content_type(door: Door) -> None:
    rows = door.get().json()
    door.sandbox.fail("content_type")
    door.sandbox.fail("content_type", type="image/png")
    first, second = door.get(), door.get()
    assert (first.headers["content-type"], first.json()) == ("text/plain", rows)
    assert second.headers["content-type"] == "image/png"


def test_oversize(door: Door) -> None:
    door.sandbox.fail("oversize", bytes=1_000_003)
    door.sandbox.fail("oversize", bytes=2)
    large, small = door.get(), door.get()
    assert (large.status_code, len(large.content), large.json()) == (200, 1_000_003, [])
    assert small.content == b"[]"


def test_a_head_request_has_no_body(door: Door) -> None:
    door.sandbox.fail("oversize", times=2, bytes=1_000)
    reply = door.get(method="HEAD")
    assert (reply.headers["content-length"], reply.content) == ("1000", b"")
    assert len(door.get().content) == 1_000


def test_gzip(door: Door) -> None:
    door.sandbox.fail("gzip", bytes=1_000_003)
    reply = door.get()
    assert (reply.status_code, len(reply.content), reply.json()) == (200, 1_000_003, [])
    assert reply.headers["content-encoding"] == "gzip"
    assert reply.num_bytes_downloaded < 2_000
    assert door.get().status_code == 200


def test_redirect(door: Door) -> None:
    door.sandbox.fail("redirect")
    door.sandbox.fail("redirect", location="http://127.0.0.1:1/", code=307)
    first, second = door.get(), door.get()
    assert (first.status_code, first.headers["location"]) == (302, "https://elsewhere.example/")
    assert (second.status_code, second.headers["location"]) == (307, "http://127.0.0.1:1/")


def link_of(reply: httpx.Response) -> str:
    return reply.links["next"]["url"]


PAGE = "/v3/users?per_page=10&fields=id"


def test_link_elsewhere(door: Door) -> None:
    link = link_of(door.get(PAGE))
    door.sandbox.fail("link", to="elsewhere")
    door.sandbox.fail("link", to="elsewhere", host="http://127.0.0.1:1")
    assert link_of(door.get(PAGE)) == link.replace(door.base_url, "https://elsewhere.example")
    assert link_of(door.get(PAGE)) == link.replace(door.base_url, "http://127.0.0.1:1")


def test_link_to_itself(door: Door) -> None:
    first = door.get(PAGE)
    second = door.get(link_of(first))
    assert first.json() != second.json()
    door.sandbox.fail("link", to="itself", times=2)
    assert door.get(link_of(door.get(PAGE))).json() == first.json()
    door.sandbox.fail("link", to="itself")
    assert door.get(link_of(door.get(link_of(first)))).json() == second.json()


def test_link_to_the_first_page(door: Door) -> None:
    """Pages go round in a circle: only the last one's link is new."""
    first = door.get(PAGE)
    second = door.get(link_of(first))
    assert "link" not in second.headers
    door.sandbox.fail("link", to="first", times="always")
    reply, found = door.get(PAGE), []
    for _ in range(5):
        found.append(reply.json())
        reply = door.get(link_of(reply))
    assert found == [first.json(), second.json()] * 2 + [first.json()]
    assert door.sandbox.counts["faults"] == {"link": 3}


def test_link_of_an_empty_page(door: Door) -> None:
    """Nothing is lost for a client that goes on: the link leads to the page that was due."""
    rows = door.get(PAGE).json()
    door.sandbox.fail("link", to="empty")
    empty = door.get(PAGE)
    assert empty.json() == []
    assert door.get(link_of(empty)).json() == rows


@pytest.mark.parametrize("path", ["/v3/nothing", "/v3/users?x=1", "/elsewhere"])
def test_only_lists_have_links(door: Door, path: str) -> None:
    door.sandbox.fail("link", to="itself")
    assert "link" not in door.get(path).headers
    assert door.sandbox.counts["faults"] == {}


def test_mutate(door: Door) -> None:
    rows = door.get().json()
    door.sandbox.fail(
        "mutate", drop=["name", "no_such_key"], set={"id": "twelve", "notes": None, "surprise": {"a": [1]}}
    )
    changed = door.get().json()
    assert changed == [
        {key: value for key, value in row.items() if key != "name"}
        | {"id": "twelve", "notes": None, "surprise": {"a": [1]}}
        for row in rows
    ]
    assert door.get().json() == rows


def test_mutate_of_one_row(door: Door) -> None:
    rows = door.get().json()
    door.sandbox.fail("mutate", set={"id": None}, row=1)
    assert door.get().json() == [{**row, "id": None} if index == 1 else row for index, row in enumerate(rows)]
    door.sandbox.fail("mutate", set={"id": None}, row=1000)
    assert door.get().json() == rows
    assert door.get("/v3/jobs?x=1").status_code == 422
    assert door.sandbox.counts["faults"] == {"mutate": 1}


def test_mutate_of_an_answer_that_is_a_row(door: Door) -> None:
    door.sandbox.fail("mutate", drop=["name"])
    assert "name" not in door.get("/v3/rejection_reasons/602").json()


def test_revoke(door: Door) -> None:
    door.sandbox.fail("revoke", times="always")
    assert [door.get().status_code for _ in range(2)] == [401, 401]
    assert door.sandbox.counts["faults"] == {"revoke": 1}
    door.sandbox.heal()
    assert door.get().status_code == 401


def test_every_kind_is_tested() -> None:
    tests = " ".join(name for name in globals() if name.startswith("test_"))
    assert [kind for kind in KINDS if f"test_{kind}" not in tests] == []


@dataclass
class Heard:
    """What came over a socket: the status line, the headers, the body, and whether the server then hung up."""

    first: str
    headers: dict[str, str]
    body: bytes
    closed: bool


@dataclass
class Wire:
    """A socket to a served sandbox."""

    server: Server
    caller: Caller

    def read(self, path: str = "/v3/jobs", method: str = "GET") -> Heard:
        """Ask once, and read as far as the content-length or the connection goes."""
        with socket.create_connection(("127.0.0.1", int(self.server.url.rpartition(":")[2])), timeout=5) as wire:
            authorization = self.caller.headers["Authorization"]
            wire.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n\r\n".encode())
            stream = wire.makefile("rb")
            first = stream.readline().decode().removesuffix("\r\n")
            lines = iter(lambda: stream.readline().decode().removesuffix("\r\n"), "")
            headers = dict(line.split(": ", 1) for line in lines)
            body = stream.read(0 if method == "HEAD" else int(headers.get("content-length", -1)))
            wire.settimeout(0.2)
            try:
                closed = wire.recv(1) == b""
            except TimeoutError:
                closed = False
            return Heard(first, headers, body, closed)


@pytest.fixture
def wire(fresh: Caller, server: Server) -> Wire:
    return Wire(server, fresh)


def test_wire_of_a_plain_reply(wire: Wire) -> None:
    heard = wire.read()
    assert (heard.first, heard.headers["content-length"]) == ("HTTP/1.1 200 OK", str(len(heard.body)))
    assert not heard.closed


def test_wire_of_a_head_request(wire: Wire) -> None:
    wire.caller.sandbox.fail("oversize")
    heard = wire.read(method="HEAD")
    assert (heard.headers["content-length"], heard.body, heard.closed) == ("200000000", b"", False)


def test_wire_of_a_drop(wire: Wire) -> None:
    wire.caller.sandbox.fail("drop")
    with pytest.raises(ConnectionResetError):
        wire.read()


def test_wire_of_a_truncated_reply(wire: Wire) -> None:
    whole = wire.read().body
    wire.caller.sandbox.fail("truncate", bytes=11)
    heard = wire.read()
    assert (heard.first, heard.headers["content-length"]) == ("HTTP/1.1 200 OK", str(len(whole)))
    assert (heard.body, heard.closed) == (whole[:11], True)


def test_wire_of_a_cut_reply(wire: Wire) -> None:
    wire.caller.sandbox.fail("cut", bytes=11)
    heard = wire.read()
    assert (heard.headers["content-length"], len(heard.body), heard.closed) == ("11", 11, False)


def test_wire_of_a_packed_reply(wire: Wire) -> None:
    wire.caller.sandbox.fail("gzip", bytes=5_000_000)
    heard = wire.read()
    assert (heard.headers["connection"], heard.headers["content-encoding"]) == ("close", "gzip")
    assert "content-length" not in heard.headers
    assert len(heard.body) < 6_000
    assert zlib.decompress(heard.body, wbits=31) == b"[" + b" " * 4_999_998 + b"]"


def test_wire_of_an_unknown_code(wire: Wire) -> None:
    wire.caller.sandbox.fail("status", code=520)
    heard = wire.read()
    assert (heard.first, json.loads(heard.body)) == ("HTTP/1.1 520 ", {"message": ""})


@pytest.mark.parametrize("door", ["threads", "asyncio"], indirect=True)
@pytest.mark.parametrize("kind", ["oversize", "gzip"])
def test_large_replies_are_not_held(door: Door, kind: str) -> None:
    """Fifty megabytes go out, and what is held of them is far less; a client that stops reading is no trouble."""
    door.sandbox.fail(kind, bytes=50_000_000)
    tracemalloc.start()
    try:
        with (
            httpx.Client(transport=door.sandbox.transport()) as client,
            client.stream("GET", f"{door.base_url}/v3/jobs", headers=door.headers) as reply,
        ):
            assert sum(len(piece) for piece in reply.iter_raw()) >= 40_000
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_client_that_leaves_is_no_trouble(fresh: Caller, server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    fresh.sandbox.fail("oversize", bytes=100_000_000)
    headers = {"Authorization": fresh.headers["Authorization"]}
    with httpx.stream("GET", f"{server.url}/v3/jobs", headers=headers) as reply:
        assert next(reply.iter_raw())
    assert httpx.get(f"{server.url}/v3/jobs", headers=headers).status_code == 200
    server.close()
    assert capfd.readouterr().err == ""


def test_a_waiting_reply_does_not_keep_asyncio_waiting(fresh: Caller) -> None:
    async def ask() -> list[int]:
        headers = {"Authorization": fresh.headers["Authorization"]}
        async with httpx.AsyncClient(transport=fresh.sandbox.transport(), headers=headers) as client:
            replies = await asyncio.gather(*(client.get("https://harvest.greenhouse.io/v3/jobs") for _ in range(50)))
        return [reply.status_code for reply in replies]

    fresh.sandbox.fail("delay", seconds=0.2, times="always")
    assert took(lambda: asyncio.run(ask())) < 8

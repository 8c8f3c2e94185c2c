"""The two ways in: a real port, and httpx without one."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from greenhouse_sandbox import Sandbox, Server

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller


@pytest.fixture(scope="module")
def server(samples: Caller) -> Iterator[Server]:
    with samples.sandbox.serve(0) as running:
        yield running


def basic(caller: Caller) -> tuple[str, str]:
    return caller.sandbox.credentials["client_id"], caller.sandbox.credentials["client_secret"]


def authorization(caller: Caller) -> dict[str, str]:
    return {"Authorization": caller.headers["Authorization"]}


def test_the_server_says_where_it_is(server: Server) -> None:
    assert server.base_url == server.url
    assert server.token_url == f"{server.url}/token"
    assert server.url.startswith("http://127.0.0.1:")


def test_the_token_endpoint_and_the_lists_share_a_port(samples: Caller, server: Server) -> None:
    credentials = basic(samples)
    with httpx.Client() as client:
        token = client.post(server.token_url, auth=credentials, data={"grant_type": "client_credentials"}).json()
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        first = client.get(f"{server.base_url}/v3/users?per_page=10", headers=headers)
        second = client.get(first.links["next"]["url"], headers=headers)
    assert [row["id"] for row in first.json() + second.json()] == [
        row["id"] for row in samples.rows("users", per_page=500)
    ]
    assert first.links["next"]["url"].startswith(f"{server.url}/v3/users?cursor=")


def test_a_connection_serves_many_requests_whatever_their_outcome(samples: Caller, server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]))
    connection.connect()
    port = connection.sock.getsockname()[1]
    for method, path, status in [
        ("GET", "/v3/jobs", 200),
        ("HEAD", "/v3/nothing", 404),
        ("POST", "/v3/notes", 422),
        ("BREW", "/v3/jobs", 404),
        ("GET", "/v3/jobs?x=1", 422),
        ("GET", "/v3/jobs", 200),
    ]:
        connection.request(method, path, body=b"{}" if method == "POST" else None, headers=authorization(samples))
        reply = connection.getresponse()
        assert (reply.status, reply.version) == (status, 11)
        assert bool(reply.read()) == (method != "HEAD")
        assert connection.sock.getsockname()[1] == port
    connection.close()


def test_a_taken_port_is_an_os_error(samples: Caller, server: Server) -> None:
    with pytest.raises(OSError, match="in use"):
        samples.sandbox.serve(int(server.url.rpartition(":")[2]))


def test_closing_hangs_up_on_idle_clients(samples: Caller) -> None:
    running = samples.sandbox.serve(0)
    waiting = threading.Thread(target=running.wait)
    waiting.start()
    address = ("127.0.0.1", int(running.url.rpartition(":")[2]))
    with socket.create_connection(address, timeout=5) as idle:
        httpx.get(f"{running.url}/v3/jobs", headers=authorization(samples))
        running.close()
        assert idle.recv(1) == b""
    waiting.join(5)
    assert not waiting.is_alive()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_eight_clients_at_once(generated: Caller) -> None:
    with generated.sandbox.serve(0) as running, httpx.Client(headers=authorization(generated)) as client:

        def read(number: int) -> Any:
            rows = client.get(
                f"{running.url}/v3/candidates?per_page=500&fields=id&created_at=gte|2019-01-0{number + 1}T00:00:00Z"
            ).json()
            return {row["id"] for row in rows}

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(read, range(8)))
    assert found[0] == {row["id"] for row in generated.sandbox.rows("candidates")}
    for earlier, later in pairwise(found):
        assert later <= earlier


def test_httpx_needs_no_port(samples: Caller) -> None:
    with httpx.Client(transport=samples.sandbox.transport(), base_url=samples.sandbox.base_url) as client:
        token = client.post(
            samples.sandbox.token_url,
            auth=basic(samples),
            data={"grant_type": "client_credentials"},
        ).json()
        client.headers["Authorization"] = f"Bearer {token['access_token']}"
        first = client.get("/v3/users", params={"per_page": 10, "created_at": "gte|2020-01-01T00:00:00Z"})
        second = client.get(first.links["next"]["url"])
        assert len(first.json()) == 10
        assert second.status_code == 200
        refused = client.post("/v3/notes", json={"candidate_id": 1})
        assert refused.status_code == 422


def test_httpx_needs_no_port_in_asyncio_either(samples: Caller) -> None:
    async def read() -> Any:
        transport = samples.sandbox.transport()
        async with httpx.AsyncClient(transport=transport, headers=authorization(samples)) as client:
            replies = await asyncio.gather(
                *(client.get(f"https://harvest.greenhouse.io/v3/{name}") for name in ("jobs", "offices", "sources"))
            )
        return [len(reply.json()) for reply in replies]

    assert asyncio.run(read()) == [5, 3, 12]


def test_closing_the_transport_leaves_the_sandbox_open(caller: type[Caller]) -> None:
    with Sandbox() as sandbox:
        httpx.Client(transport=sandbox.transport()).close()
        assert caller(sandbox).get("jobs").status == 200

"""A caller that talks to a sandbox without a socket, and two organisations that tests only read."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from greenhouse_sandbox import Reply, Sandbox


class Caller:
    """Sends requests with a token; keeps the last reply."""

    def __init__(self, sandbox: Sandbox, sub: int | None = None) -> None:
        self.sandbox = sandbox
        self.headers = {"Host": "harvest.greenhouse.io"}
        token = self.token(sub=sub) if sub else self.token()
        self.headers["Authorization"] = f"Bearer {json.loads(token.body)['access_token']}"

    def token(self, secret: str | None = None, **form: Any) -> Reply:
        credentials = self.sandbox.credentials
        pair = f"{credentials['client_id']}:{secret or credentials['client_secret']}"
        headers = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        body = urlencode({"grant_type": "client_credentials", **form}).encode()
        return self.sandbox.handle("POST", "/token", headers, body)

    def get(self, path: str, **query: Any) -> Reply:
        target = f"/v3/{path}" + ("?" + urlencode(query) if query else "")
        return self.sandbox.handle("GET", target, self.headers, b"")

    def send(self, method: str, path: str, body: Any) -> Reply:
        return self.sandbox.handle(method, f"/v3/{path}", self.headers, json.dumps(body).encode())

    def rows(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """All rows of a list, following `next` links to the end."""
        reply = self.get(path, **query)
        rows: list[dict[str, Any]] = self.json(reply)
        while link := next_link(reply):
            target = link.removeprefix("https://harvest.greenhouse.io")
            reply = self.sandbox.handle("GET", target, self.headers, b"")
            rows += self.json(reply)
        return rows

    def json(self, reply: Reply, status: int = 200) -> Any:
        assert reply.status == status, reply.body
        return json.loads(reply.body)


def next_link(reply: Reply) -> str | None:
    link = reply.headers.get("link")
    if link is None:
        return None
    match = re.fullmatch(r'<(.+)>; rel="next"', link)
    assert match, link
    return match[1]


@pytest.fixture(scope="session")
def samples() -> Iterator[Caller]:
    """The organisation of the published samples, for reading only."""
    with Sandbox() as sandbox:
        yield Caller(sandbox)


@pytest.fixture(scope="session")
def generated() -> Iterator[Caller]:
    """A generated organisation of 300 candidates, for reading only."""
    with Sandbox(size=300) as sandbox:
        yield Caller(sandbox)


@pytest.fixture
def fresh() -> Iterator[Caller]:
    """The organisation of the published samples, to write to; user 1001 acts."""
    with Sandbox(clock=lambda: 1_700_000_000.0) as sandbox:
        yield Caller(sandbox, sub=1001)


@pytest.fixture(scope="session")
def caller() -> Callable[..., Caller]:
    return Caller


@pytest.fixture(scope="session")
def link_of() -> Callable[[Reply], str]:
    """Reads the link to the next page, which must be there."""

    def read(reply: Reply) -> str:
        link = next_link(reply)
        assert link
        return link

    return read

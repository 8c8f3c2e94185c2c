"""Whatever the API answers, an operation gives what is right or says clearly that the answer can't be trusted."""

import asyncio
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import yaml

from connector_runtime import Connection, Connector, Rejected, UnexpectedResponse
from greenhouse_sandbox import Sandbox

ROOT = Path(__file__).parents[1]
CASES = ROOT / "tests/cases"
NAMES = sorted(each.name for each in CASES.iterdir())
OPERATIONS = [name for name in NAMES if not name.startswith("create_") and "content_types" not in name]

Rows = list[dict[str, Any]]


@dataclass
class Between(httpx.BaseTransport):
    """Stands between the runtime and the sandbox: changes the rows of answers, and notes what was asked."""

    sandbox: httpx.BaseTransport
    change: Callable[[str, Rows], Any]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer with the sandbox's rows, changed."""
        reply = self.sandbox.handle_request(request)
        reply.read()
        if request.url.path == "/token":
            return reply
        rows = self.change(request.url.path.removeprefix("/v3/"), orjson.loads(reply.content))
        kept = {name: value for name, value in reply.headers.items() if name != "content-length"}
        return httpx.Response(reply.status_code, headers=kept, content=orjson.dumps(rows))


@pytest.fixture(scope="module")
def organisation() -> Iterator[Sandbox]:
    """The samples' organisation, only read."""
    with Sandbox() as sandbox:
        yield sandbox


def called(connector: Connector, sandbox: Sandbox, operation: str, change: Callable[[str, Rows], Any]) -> Any:
    """Call an operation with its sample's input and changed answers."""
    transport = Between(sandbox.transport(), change)
    with connector.connect(sandbox.credentials, transport=transport) as connection:
        return connection.call(operation, sample(operation))


def declared(resource: str) -> dict[str, Any]:
    """The API's declaration of a resource's fields."""
    fields: dict[str, Any] = orjson.loads((ROOT / f"schemas/api/{resource}.json").read_bytes())["properties"]
    return fields


def wrong_values(schema: dict[str, Any]) -> Iterator[Any]:
    """Values that break a field's declaration."""
    types = schema.get("type", [])
    kinds: dict[str, list[Any]] = {
        "null": [None],
        "boolean": [True],
        "integer": [7, 1.0],
        "string": ["secret"],
        "array": [["secret"]],
        "object": [{"secret": "secret"}],
    }
    for kind, values in kinds.items():
        if kind not in types:
            yield from values
    if "integer" in types:
        yield from (1.0, 1.5, 1e30)
    if "format" in schema:
        yield "secret"
    if "items" in schema:
        yield [None]
        yield from ([wrong] for wrong in wrong_values(schema["items"]))
    if "additionalProperties" in schema:
        entries: list[Any] = [5, "secret", [], {}, {"name": 5, "type": "x", "value": "secret"}]
        yield from ({"secret": entry} for entry in entries)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_field_that_is_read_is_checked(connector: Connector, organisation: Sandbox, operation: str) -> None:
    read: dict[str, dict[str, None]] = {}
    called(connector, organisation, operation, lambda name, rows: noted(read, name, rows))
    assert read
    for resource, names in read.items():
        fields = declared(resource)
        for name in names:
            wrong = [] if fields[name].get("x-optional") else [...]
            for value in (*wrong, *wrong_values(fields[name])):
                with pytest.raises(UnexpectedResponse) as caught:
                    called(connector, organisation, operation, changed(resource, name, value))
                assert f"the API's {resource} are not as declared: /0/{name}" in caught.value.message, value
                assert caught.value.operation == operation
                assert "secret" not in str(caught.value.record())


def noted(read: dict[str, dict[str, None]], resource: str, rows: Rows) -> Rows:
    """Note the fields that came with rows of a resource."""
    for row in rows:
        read.setdefault(resource, {}).update(dict.fromkeys(row))
    return rows


def changed(resource: str, field: str, value: Any) -> Callable[[str, Rows], Rows]:
    """Change a field of the first row of every answer with rows of a resource; an ellipsis takes it out."""

    def change(name: str, rows: Rows) -> Rows:
        if name == resource and rows:
            rows[0].pop(field)
            rows[0].update({} if value is ... else {field: value})
        return rows

    return change


@pytest.mark.parametrize("operation", OPERATIONS)
def test_unknown_keys_change_nothing(connector: Connector, organisation: Sandbox, operation: str) -> None:
    def add(_: str, rows: Rows) -> Rows:
        return [{"unheard_of": {"deep": [row["id"], None, 1e300]}, **row} for row in rows]

    assert called(connector, organisation, operation, add) == called(connector, organisation, operation, same)


def same(_: str, rows: Rows) -> Rows:
    """Change nothing."""
    return rows


@pytest.mark.parametrize("operation", OPERATIONS)
def test_rows_that_stand_twice_count_once(connector: Connector, organisation: Sandbox, operation: str) -> None:
    def twice(_: str, rows: Rows) -> Rows:
        return [each for row in rows for each in (row, {**deepcopy(row)})]

    assert called(connector, organisation, operation, twice) == called(connector, organisation, operation, same)


Reply = Callable[[httpx.Request, httpx.Response], httpx.Response]


@dataclass
class Meddling(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Stands between as well: makes another reply of each of the sandbox's, and notes where requests went."""

    sandbox: httpx.BaseTransport
    reply: Reply
    hosts: set[str] = field(default_factory=set)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer with something else."""
        self.hosts.add(f"{request.url.scheme}://{request.url.netloc.decode()}")
        reply = self.sandbox.handle_request(request)
        reply.read()
        return reply if request.url.path == "/token" else self.reply(request, reply)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer with something else."""
        return self.handle_request(request)


def remade(reply: httpx.Response, rows: Any = None, **headers: str | None) -> httpx.Response:
    """A reply with other rows or headers (with _ for -); None takes a header out."""
    kept = {name: value for name, value in reply.headers.items() if name != "content-length"}
    kept |= {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    for name in (name for name, value in headers.items() if value is None):
        kept.pop(name.replace("_", "-"), None)
    return httpx.Response(
        reply.status_code, headers=kept, content=reply.content if rows is None else orjson.dumps(rows)
    )


@pytest.mark.parametrize("operation", OPERATIONS)
def test_rows_that_were_not_asked_for_belong_to_nobody(
    connector: Connector, organisation: Sandbox, operation: str
) -> None:
    """An API that takes no notice of ids, of one resource after the other: an error, never somebody else's record."""
    asked: set[str] = set()

    def note(request: httpx.Request, reply: httpx.Response) -> httpx.Response:
        if rows_by_ids(request, reply):
            asked.add(request.url.path)
        return reply

    with connected(connector, organisation, note) as connection:
        connection.call(operation, sample(operation))

    for path in asked:
        name = path.removeprefix("/v3/")

        def add(request: httpx.Request, reply: httpx.Response, path: str = path) -> httpx.Response:
            rows = rows_by_ids(request, reply)
            if not rows or request.url.path != path:
                return reply
            return remade(reply, [*rows, {key: strange(value) for key, value in rows[0].items()}])

        with connected(connector, organisation, add) as connection, pytest.raises(UnexpectedResponse) as caught:
            connection.call(operation, sample(operation))
        assert caught.value.message == f"the API gave {name} that were not asked for"


def rows_by_ids(request: httpx.Request, reply: httpx.Response) -> Rows:
    """The rows of an answer to a question by ids."""
    by_ids = any(name == "ids" or name.endswith("_ids") for name in request.url.params if name != "employee_ids")
    return orjson.loads(reply.content) if by_ids else []


def strange(value: Any) -> Any:
    """The same for somebody else."""
    if isinstance(value, bool) or not isinstance(value, int | list):
        return value
    return value + 10**12 if isinstance(value, int) else [strange(each) for each in value]


def sample(operation: str) -> Any:
    """An input of an operation to which the samples' organisation gives an answer."""
    cases = (yaml.safe_load(file.read_bytes()) for file in sorted(CASES.glob(f"{operation}/*.yaml"), key=by_name))
    return next(each["input"] for each in cases if each.keys() <= {"case", "input", "output", "requests"})


def by_name(file: Path) -> tuple[bool, str]:
    """The samples go before all other cases."""
    return "sample" not in file.name, file.name


def connected(connector: Connector, sandbox: Sandbox, reply: Reply) -> Connection:
    """A connection with someone between."""
    return connector.connect(sandbox.credentials, transport=Meddling(sandbox.transport(), reply))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_changed_output_changes_no_other(connector: Connector, organisation: Sandbox, operation: str) -> None:
    with connected(connector, organisation, lambda _, reply: reply) as connection:
        first = connection.call(operation, sample(operation))
        wanted = deepcopy(first)
        for _ in range(2):
            spoil(first)
            first = connection.call(operation, sample(operation))
            assert first == wanted


def spoil(value: Any) -> None:
    """Change everything in a value that can be changed."""
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        spoil(each)
    if isinstance(value, dict | list):
        value.clear()


@pytest.fixture(scope="module")
def several_pages() -> Iterator[Sandbox]:
    """An organisation whose lists take several pages, only read."""
    with Sandbox(size=1_200) as sandbox:
        yield sandbox


def linking(sandbox: Sandbox, host: str) -> Meddling:
    """Let the links to next pages begin with something else than the API's host."""

    def lead(_: httpx.Request, reply: httpx.Response) -> httpx.Response:
        link = reply.headers.get("link")
        return remade(reply, link=re.sub(r"<https?://[^/]*", f"<{host}", link)) if link else reply

    return Meddling(sandbox.transport(), lead)


@pytest.mark.parametrize("host", ["https://thief.example", "//thief.example", "https://harvest.greenhouse.io@thief.example"])
def test_link_to_another_host_is_refused(connector: Connector, several_pages: Sandbox, host: str) -> None:
    transport, credentials = linking(several_pages, host), several_pages.credentials

    async def choices() -> Any:
        async with await connector.aconnect(credentials, transport=transport) as connection:
            return await connection.call("list_candidates_ddl", {})

    with connector.connect(credentials, transport=transport) as connection, pytest.raises(UnexpectedResponse) as raised:
        connection.call("list_candidates_ddl", {})
    assert raised.value.message == "the API's link to the next page of candidates leads to another host"
    with pytest.raises(UnexpectedResponse, match="another host"):
        asyncio.run(choices())
    assert transport.hosts == {"https://harvest.greenhouse.io", "https://auth.greenhouse.io"}


@pytest.mark.parametrize(
    "host", ["https://harvest.greenhouse.io", "https://proxy.example", "http://proxy.example:8080/api", ""]
)
def test_proxy_may_leave_the_links_as_they_are(connector: Connector, several_pages: Sandbox, host: str) -> None:
    """The list is whole, and every request goes to the proxy: of a link only the cursor is used."""
    transport = linking(several_pages, host)
    options: dict[str, Any] = {"base_url": "https://proxy.example", "transport": transport}
    with connector.connect(several_pages.credentials, **options) as connection:
        found = connection.call("list_candidates_ddl", {})
    assert len(found["result"]) == len(several_pages.rows("candidates"))
    assert transport.hosts == {"https://proxy.example", "https://auth.greenhouse.io"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda reply: remade(reply, content_type="text/html"), "is text/html, not JSON"),
        (lambda _: httpx.Response(200, html="<p>Sign in</p>"), "is text/html, not JSON"),
        (lambda reply: httpx.Response(200, content=reply.content[:-2]), "is no JSON"),
        (lambda _: httpx.Response(200, content=b""), "is empty"),
        (lambda _: httpx.Response(204), "with status 204"),
        (lambda reply: httpx.Response(206, content=reply.content), "with status 206"),
        (
            lambda _: httpx.Response(302, headers={"location": "https://sso.example/?mail=a@b"}),
            "redirect to sso.ex",
        ),
        (lambda reply: remade(reply, orjson.loads(reply.content)[0]), "must be a list, got an object"),
        (lambda reply: remade(reply, {"data": orjson.loads(reply.content)}), "must be a list, got an object"),
        (lambda _: httpx.Response(200, content=b"[" * 300 + b"]" * 300), "nested too deeply"),
        (
            lambda reply: remade(reply, link="<https://harvest.greenhouse.io/v3/notes?cursor=x>; rel=next"),
            "not of that",
        ),
        (lambda reply: remade(reply, link="nonsense"), "can't be read"),
    ],
)
def test_answers_that_are_none(
    connector: Connector, organisation: Sandbox, change: Callable[[httpx.Response], httpx.Response], said: str
) -> None:
    with connected(connector, organisation, lambda _, reply: change(reply)) as connection:
        for operation in ("list_candidates", "get_candidate", "list_users_ddl"):
            with pytest.raises(UnexpectedResponse) as caught:
                connection.call(operation, sample(operation))
            assert said in caught.value.message
            assert "a@b" not in str(caught.value.record())


def test_content_type_may_be_missing(connector: Connector, organisation: Sandbox) -> None:
    with connected(connector, organisation, lambda _, reply: remade(reply, content_type=None)) as connection:
        assert connection.call("list_jobs_ddl", {})["result"]


def test_refusal_repeats_nothing_that_was_sent(connector: Connector, organisation: Sandbox) -> None:
    told = {"message": "Unprocessable Content", "errors": [{"email": "`Ada.L@mail.example` or +44 7946 0018 is bad"}]}
    refusing = connected(connector, organisation, lambda *_: httpx.Response(422, json=told))
    with refusing as connection, pytest.raises(Rejected) as caught:
        connection.call("list_candidates", {"email": "ada.l@mail.example"})
    assert caught.value.upstream is not None
    assert caught.value.upstream["body"] == (
        '{"message":"Unprocessable Content","errors":[{"email":"`***` or *** is bad"}]}'
    )

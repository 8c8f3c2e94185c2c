"""Whatever the API answers, an operation gives what is right or says clearly that the answer can't be trusted."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import yaml

from connector_runtime import Connector, UnexpectedResponse
from greenhouse_sandbox import Sandbox

ROOT = Path(__file__).parents[1]
SAMPLES = sorted(file.parent.name for file in (ROOT / "tests/cases").glob("*/sample.yaml"))
OPERATIONS = [name for name in SAMPLES if not name.startswith("create_") and "content_types" not in name]

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
    case = yaml.safe_load((ROOT / "tests/cases" / operation / "sample.yaml").read_text("utf-8"))
    transport = Between(sandbox.transport(), change)
    with connector.connect(sandbox.credentials, transport=transport) as connection:
        return connection.call(operation, case["input"])


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

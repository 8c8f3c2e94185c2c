"""Where an operation's input takes text, found in its schema: so that a new operation is tested like every other."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

import httpx
import orjson

from connector_runtime import Operation
from greenhouse_sandbox import Sandbox
from greenhouse_sandbox.catalog import RESOURCES

Pointer = tuple[str | int, ...]
Schema = dict[str, Any]

# A text that stands for any other.
MARK = "plainmark"


def followed(root: Schema, schema: Schema) -> Schema:
    """The schema that a chain of references leads to."""
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema


def places(root: Schema, schema: Schema | None = None, pointer: Pointer = ()) -> Iterator[Pointer]:
    """Every place that takes a text, or did if it were of the right form; words of an enumeration are none."""
    schema = followed(root, root if schema is None else schema)
    types = schema.get("type", [])
    if "string" in ([types] if isinstance(types, str) else types) and "enum" not in schema:
        yield pointer
    for branch in schema.get("oneOf", ()):
        yield from places(root, branch, pointer)
    for name, each in schema.get("properties", {}).items():
        if each:
            yield from places(root, each, (*pointer, name))
    if "items" in schema:
        yield from places(root, schema["items"], (*pointer, 0))


def leaf(root: Schema, pointer: Pointer) -> Schema:
    """The schema of a place."""
    schema = followed(root, root)
    for part in pointer:
        branches = [schema, *(followed(root, each) for each in schema.get("oneOf", ()))]
        inner = [each["items"] if isinstance(part, int) else each.get("properties", {}).get(part) for each in branches]
        schema = followed(root, next(each for each in inner if each is not None))
    return schema


def base(operation: Operation) -> dict[str, Any]:
    """An input of an operation with nothing in it but what has to be there."""
    schema = operation.input_schema
    return {name: schema["examples"][0][name] for name in schema.get("required", ())}


def placed(root: Schema, schema: Schema, given: Any, pointer: Pointer, value: Any) -> Any:
    """An input with a value at a place; what is missing on the way there comes from the schema's examples."""
    schema = followed(root, schema)
    if not pointer:
        return value
    if isinstance(pointer[0], int):
        within = given[0] if isinstance(given, list) and given else None
        return [placed(root, schema["items"], within, pointer[1:], value)]
    if "properties" not in schema:
        schema = next(each for each in (followed(root, one) for one in schema["oneOf"]) if "properties" in each)
    name, rest = pointer[0], pointer[1:]
    made = deepcopy(given) if isinstance(given, dict) else deepcopy(next(iter(schema.get("examples", [{}]))))
    for group in [schema, *schema.get("allOf", ())]:
        others = [each["required"][0] for each in group.get("oneOf", ()) if "required" in each]
        made = {key: each for key, each in made.items() if name not in others or key not in others}
    made[name] = placed(root, schema["properties"].get(name, {}), made.get(name), rest, value)
    return made


def filled(operation: Operation, pointer: Pointer, value: Any) -> dict[str, Any]:
    """The smallest input of an operation with a value at a place."""
    root = operation.input_schema
    made: dict[str, Any] = placed(root, root, base(operation), pointer, value)
    return made


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it went over the wire, read again byte by byte."""

    method: str
    host: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: dict[str, str]
    body: Any

    @classmethod
    def of(cls, request: httpx.Request) -> "Sent":
        """Read a request without the help of what wrote it."""
        target = request.url.raw_path.decode("ascii")
        assert target.isprintable()
        assert not set(target) & set(" #\\<>\"'")
        path, _, query = target.partition("?")
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        decoded = tuple((unquote_plus(name), unquote_plus(value, errors="strict")) for name, _, value in pairs)
        json = request.content if request.headers.get("content-type") == "application/json" else b""
        host = f"{request.url.scheme}://{request.url.netloc.decode()}"
        return cls(request.method, host, path, decoded, dict(request.headers), orjson.loads(json) if json else None)

    @property
    def shape(self) -> tuple[str, str, str, frozenset[str]]:
        """What no value of a caller may change: method, host, path (without ids), names of parameters."""
        path = "/".join("0" if part.isdecimal() else part for part in self.path.split("/"))
        return self.method, self.host, path, frozenset(name for name, _ in self.query)

    def values(self) -> Iterator[tuple[Pointer, str]]:
        """Every text in it, with where it stands."""
        for name, value in self.query:
            yield (self.path, name), value
        yield from self._texts(self.body, (self.path,))

    def _texts(self, value: Any, pointer: Pointer) -> Iterator[tuple[Pointer, str]]:
        if isinstance(value, str):
            yield pointer, value
        for key, each in value.items() if isinstance(value, dict) else enumerate(value) if type(value) is list else ():
            yield from self._texts(each, (*pointer, key))


@dataclass
class Recorder(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Notes every request on its way to a sandbox; what a call makes there is taken back by `reset`."""

    sandbox: Sandbox
    seen: list[Sent] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Remember what is there."""
        self._transport = self.sandbox.transport()
        self._ids = {name: self._known(name) for name in RESOURCES}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Note a request and pass it on."""
        request.read()
        self.seen.append(Sent.of(request))
        return self._transport.handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Note a request and pass it on."""
        await request.aread()
        self.seen.append(Sent.of(request))
        return await self._transport.handle_async_request(request)

    def reset(self) -> list[Sent]:
        """Give what was noted, forget it, and take back what it made."""
        seen, self.seen = self.seen, []
        for name, before in self._ids.items():
            for row_id in self._known(name) - before if any(each.method != "GET" for each in seen) else ():
                self.sandbox.delete(name, row_id)
        return seen

    def _known(self, resource: str) -> set[int]:
        return {row["id"] for row in self.sandbox.rows(resource)}

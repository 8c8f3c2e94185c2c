"""The API's resources: what may be asked of each, how a question is encoded, how its rows are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from .errors import UnexpectedResponse
from .moments import in_utc, is_moment
from .places import Pointer
from .schemas import Schema, Validator

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the API writes its queries (connector.yaml, `api`): parameter names and separators."""

    path: str
    size: str
    cursor: str
    fields: str
    lists: str
    ranges: str


@dataclass(frozen=True, slots=True)
class Filter:
    """One query parameter of a resource: its JSON type, and the record field it matches where it has one."""

    name: str
    type: str
    maximum: int | None = None
    item_type: str = ""
    field: str | None = None
    moments: bool = False

    @classmethod
    def from_schema(cls, name: str, schema: Schema) -> Filter:
        """Read the declaration of a filter (schemas/api/…, `x-filters`)."""
        bounds = schema.get("properties", {}).values()
        return cls(
            name,
            schema["type"],
            schema.get("maxItems"),
            schema.get("items", {}).get("type", ""),
            schema.get("x-field"),
            any(bound.get("format") == "date-time" for bound in bounds),
        )

    @property
    def by_ids(self) -> str | None:
        """The record field in which every record that is found must hold one of the ids asked for; else None."""
        return self.field if self.type == "array" and self.item_type == "integer" else None


@dataclass(frozen=True, slots=True)
class Selection:
    """An encoded question: parameters that stay, and lists cut into the chunks that one request may hold.

    `ids_each` is how many records a query can give at most where they are asked for by id (0: unknown);
    `nothing` means that no record can match, so there is nothing to ask.
    """

    fixed: tuple[tuple[str, str], ...] = ()
    chunks: tuple[tuple[tuple[str, str], ...], ...] = ((),)
    ids_each: int = 0
    nothing: bool = False

    def queries(self) -> list[tuple[tuple[str, str], ...]]:
        """Give the parameters of each request."""
        return [] if self.nothing else [(*self.fixed, *chunk) for chunk in self.chunks]


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of the API, as its file in schemas/api declares it."""

    name: str
    path: str
    schema: Schema
    filters: Mapping[str, Filter]
    page_size: int
    create: Schema | None = None

    @classmethod
    def from_schema(cls, name: str, schema: Schema, dialect: Dialect) -> Resource:
        """Read a resource's file."""
        declared: dict[str, Schema] = schema["x-filters"]
        filters = {key: Filter.from_schema(key, value) for key, value in declared.items() if key != dialect.size}
        size = declared.get(dialect.size, {}).get("maximum", 0)
        return cls(name, dialect.path + schema["x-path"], schema, filters, size, schema.get("x-create"))

    def select(self, values: Mapping[str, Any], dialect: Dialect) -> Selection:
        """Encode filter values. Null leaves a filter out; an empty list matches nothing."""
        fixed: list[tuple[str, str]] = []
        chunks: tuple[tuple[tuple[str, str], ...], ...] = ((),)
        ids_each = 0
        for name, value in values.items():
            declared = self.filters[name]
            if value is None:
                continue
            if declared.type == "array":
                texts = _distinct(declared, value)
                if not texts:
                    return Selection(nothing=True)
                size = declared.maximum or len(texts)
                parts = [texts[at : at + size] for at in range(0, len(texts), size)]
                chunks = tuple((*chunk, (name, dialect.lists.join(part))) for chunk in chunks for part in parts)
                ids_each = size if declared.field == "id" else ids_each
            elif declared.type == "object":
                fixed.extend(_range(declared, value, dialect))
            else:
                fixed.append((name, _scalar(value, declared.type)))
        return Selection(tuple(fixed), chunks, ids_each)


def _distinct(declared: Filter, value: Any) -> list[str]:
    values = [_coerced(each, declared.item_type) for each in (value if isinstance(value, list) else [value])]
    distinct = list(dict.fromkeys(each for each in values if each is not None))
    # The API lists newest first: asked in that order, the chunks come one after another as one list would.
    ordered = sorted(distinct, reverse=True) if declared.field == "id" else distinct
    return [_scalar(each, declared.item_type) for each in ordered]


def _coerced(value: Any, wanted: str) -> Any:
    return int(value) if wanted == "integer" and isinstance(value, str) else value


def _scalar(value: Any, wanted: str) -> str:
    value = _coerced(value, wanted)
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _range(declared: Filter, bounds: Mapping[str, str | None], dialect: Dialect) -> Iterator[tuple[str, str]]:
    terms = [
        f"{operator}{dialect.ranges}{in_utc(bound) if declared.moments else bound}"
        for operator, bound in bounds.items()
        if bound is not None
    ]
    if terms:
        yield declared.name, dialect.ranges.join(terms)


def encoded(query: Sequence[tuple[str, str]]) -> str:
    """Write query pairs for a URL; every value is percent-encoded, whatever it holds."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe=',')}" for name, value in query)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads rows of a resource: asks for certain fields, checks that they came in their type."""

    resource: Resource
    fields: tuple[str, ...] | None
    _check: Validator = field(repr=False)
    _moments: tuple[str, ...] = ()

    @classmethod
    def of(cls, resource: Resource, fields: set[str] | None) -> Reader:
        """Make the reader for these fields; None means every field."""
        properties: dict[str, Schema] = resource.schema["properties"]
        wanted = {name: each for name, each in properties.items() if fields is None or name in fields or name == "id"}
        # A row without an id is nothing that could be told from others, whatever is declared.
        row = _types({"type": "object", "properties": {"id": {"type": "integer"}, **wanted}})
        moments = tuple(name for name, each in wanted.items() if each.get("format") in ("date", "date-time"))
        asked = None if len(wanted) == len(properties) else tuple(wanted)
        return cls(resource, asked, Validator({"$schema": _EXACT, "type": "array", "items": row}), moments)

    def read(self, rows: Any) -> list[Row]:
        """Check a decoded body and give its rows; a whole second is written without its fraction.

        Raises UnexpectedResponse with the resource and the key, never a value.
        """
        if not self._check.accepts(rows):
            first = self._check.violations(rows)[0]
            raise self._unexpected(self._place(first.pointer), first.message)
        for name in self._moments:
            for index, row in enumerate(rows):
                value = row.get(name)
                if value is None:
                    continue
                if not is_moment(value):
                    raise self._unexpected(f"/{index}/{name}", "must be a date or a date-time")
                if value.endswith(".000Z"):
                    row[name] = value[:-5] + "Z"
        checked: list[Row] = rows
        return checked

    def wanted(self, query: Sequence[tuple[str, str]], dialect: Dialect) -> dict[str, frozenset[int]]:
        """Give the fields that name a row as asked for, each with the ids of which it must hold one."""
        read = self.fields or self.resource.schema["properties"]
        found: dict[str, frozenset[int]] = {}
        for name, value in query:
            by = self.resource.filters[name].by_ids
            if by is not None and by in read:
                found[by] = frozenset(map(int, value.split(dialect.lists)))
        return found

    def _unexpected(self, place: str, what: str) -> UnexpectedResponse:
        return UnexpectedResponse(f"the API's {self.resource.name} are not as declared: {place} {what}")

    def _place(self, pointer: Pointer) -> str:
        """Name a place in the rows. Keys that are not declared are somebody's data and stay untold."""
        known = {"id", *_names(self.resource.schema)}
        told = (str(part) if isinstance(part, int) or part in known else "*" for part in pointer)
        return "".join(f"/{part}" for part in told) or "the answer"


# In this version of JSON Schema 1.0 is no integer, nor is a number beyond 64 bits, of which JSON readers make a float.
_EXACT = "http://json-schema.org/draft-04/schema#"


def _types(schema: Schema) -> Schema:
    """Keep what a template relies on, keys and types; a new word in an enumeration is no broken answer."""
    kept: Schema = {key: schema[key] for key in ("type",) if key in schema}
    if isinstance(schema.get("items"), dict):
        kept["items"] = _types(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        kept["additionalProperties"] = _types(schema["additionalProperties"])
    if properties := schema.get("properties"):
        kept["properties"] = {name: _types(each) for name, each in properties.items()}
        # Draft 4 allows no empty list of required keys.
        required = [name for name, each in properties.items() if not each.get("x-optional")]
        kept |= {"required": required} if required else {}
    return kept


def _names(schema: Schema) -> set[str]:
    """Give every key that a schema declares, at any depth."""
    properties: dict[str, Schema] = schema.get("properties", {})
    inner = [*properties.values(), *(schema[key] for key in ("items", "additionalProperties") if key in schema)]
    return {*properties, *(name for each in inner if isinstance(each, dict) for name in _names(each))}

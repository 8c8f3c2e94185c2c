"""One page of a list: parameters, cursor, projection (facts: section 3)."""

# ruff: noqa: S608 (names of tables and columns come from our own data files, values are always bound)

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote

import orjson

from .catalog import Resource
from .database import Database
from .filters import MAX_LIST, Condition, FilterError, condition, range_condition
from .wire import Reply, encoded_reply, unprocessable

DEFAULT_PAGE, LARGEST_PAGE = 100, 500
BEYOND = 2**63 - 1  # no id is as large
CURSOR_ALONE = "When passing a cursor, do not include other query params."
BRACKETED = re.compile(r"(\w+)\[(\w+)\]")


@dataclass
class ListQuery:
    """What one listing request asks for; `text` is the first request's query, which the cursor repeats."""

    text: str
    before: int | None = None
    per_page: int = DEFAULT_PAGE
    fields: list[str] | None = None
    conditions: list[Condition] = field(default_factory=list)


def list_reply(database: Database, known: Resource, query: str, base_url: str) -> Reply:
    """The page as a bare JSON array, newest id first, with a `Link` header when there is another page.

    Raises ApiError 422 for anything the API refuses in a query.
    """
    asked = parse_query(known, query)
    found = _documents(database, known, asked)
    page = found[: asked.per_page]
    headers = {}
    if len(found) > len(page):
        headers["link"] = next_link(base_url, known, _encode_cursor(known, asked.text, page[-1][0]))
    body = b"[" + ",".join(document for _, document in page).encode() + b"]"
    if asked.fields is not None:
        kept = [name for name in known.fields if name in asked.fields]
        body = orjson.dumps([{name: row[name] for name in kept} for row in orjson.loads(body)])
    return encoded_reply(200, body, headers)


def parse_query(known: Resource, query: str) -> ListQuery:
    """Reads a query string, or the one inside its cursor. Raises ApiError 422."""
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    if "cursor" not in parameters:
        return _parse_filters(known, ListQuery(query), parameters)
    if len(parameters) > 1:
        raise unprocessable([CURSOR_ALONE])
    text, before = _decode_cursor(known, parameters["cursor"])
    asked = ListQuery(text, before)
    asked.conditions.append((f"{known.name}.id < ?", (before,)))
    return _parse_filters(known, asked, dict(parse_qsl(text, keep_blank_values=True)))


def next_link(base_url: str, known: Resource, cursor: str) -> str:
    """The `Link` header that leads to a cursor."""
    return f'<{base_url}/v3/{known.name}?cursor={cursor}>; rel="next"'


def cursor_to(known: Resource, query: str, *, first: bool) -> str:
    """The cursor to the very page that a sound query asks for, or to the `first` page of its list."""
    asked = parse_query(known, query)
    return _encode_cursor(known, asked.text, BEYOND if first or asked.before is None else asked.before)


def _parse_filters(known: Resource, asked: ListQuery, parameters: dict[str, str]) -> ListQuery:
    plain, bounds = _apart(parameters)
    unknown = [name for name in (*plain, *bounds) if name not in (*known.filters, "per_page", "fields")]
    if unknown:
        raise unprocessable([f"Invalid query params: {', '.join(unknown)}"])
    defaults = {n: str(f["default"]).lower() for n, f in known.filters.items() if "default" in f}
    errors: list[Mapping[str, str]] = []
    for name, value in (defaults | plain).items():
        try:
            if name == "per_page":
                asked.per_page = _page_size(value)
            elif name == "fields":
                asked.fields = _field_names(known, value)
            elif found := condition(known, name, value):
                asked.conditions.append(found)
        except FilterError as error:
            errors.append({name: str(error)})
    for name, pairs in bounds.items():
        try:
            asked.conditions.append(range_condition(known, name, pairs))
        except FilterError as error:
            errors.append({name: str(error)})
    if errors:
        raise unprocessable(errors)
    return asked


def _apart(parameters: Mapping[str, str]) -> tuple[dict[str, str], dict[str, list[tuple[str, str]]]]:
    """Plain parameters, and those in brackets: `created_at[gte]=A` as `{"created_at": [("gte", "A")]}`."""
    plain: dict[str, str] = {}
    bounds: dict[str, list[tuple[str, str]]] = {}
    for name, value in parameters.items():
        bracketed = BRACKETED.fullmatch(name)
        if bracketed:
            bounds.setdefault(bracketed[1], []).append((bracketed[2], value))
        else:
            plain[name] = value
    return plain, bounds


def _documents(database: Database, known: Resource, asked: ListQuery) -> list[tuple[int, str]]:
    where = " AND ".join(sql for sql, _ in asked.conditions) or "1"
    parameters = [value for _, values in asked.conditions for value in values]
    sql = f"SELECT id, document FROM {known.name} WHERE {where} ORDER BY id DESC LIMIT ?"
    found: Any = database.query(sql, [*parameters, asked.per_page + 1])
    return list(found)


def _page_size(value: str) -> int:
    if not value.isdecimal():
        raise FilterError(f"`{value}` is not an integer")
    if int(value) > LARGEST_PAGE:
        raise FilterError(f"`{value}` number is greater than: {LARGEST_PAGE}")
    if int(value) < 1:
        raise FilterError(f"`{value}` number is less than: 1")
    return int(value)


def _field_names(known: Resource, value: str) -> list[str]:
    names = value.split(",")
    if len(names) > MAX_LIST:
        raise FilterError(f"array size is greater than: {MAX_LIST}")
    for name in names:
        if name not in known.fields:
            raise FilterError(f"`{name}` is not one of: {', '.join(known.fields)}")
    return names


def _encode_cursor(known: Resource, query: str, before: int) -> str:
    return quote(base64.urlsafe_b64encode(orjson.dumps([known.name, before, query])))


def _decode_cursor(known: Resource, cursor: str) -> tuple[str, int]:
    try:
        name, before, text = orjson.loads(base64.b64decode(cursor, b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError):
        name = before = text = None
    if name != known.name or not isinstance(before, int) or not isinstance(text, str):
        raise unprocessable([{"cursor": "is invalid"}])
    return text, before

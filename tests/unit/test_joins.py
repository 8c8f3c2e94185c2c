"""Joins: what belongs to whom, in which order, and what is remembered of it."""

from typing import Any

import orjson
import pytest

from connector_runtime.errors import UnexpectedResponse
from connector_runtime.exchange import Exchange, Request, Response
from connector_runtime.joins import Group, Join, Node, Shape, shaped, sorted_rows
from connector_runtime.listing import Call
from connector_runtime.memory import Memory
from connector_runtime.resources import Dialect, Reader, Resource

DIALECT = Dialect("/v1", "per_page", "cursor", "fields", ",", "|")
SHELVES = Resource.from_schema(
    "shelves",
    {
        "properties": {
            "id": {"type": "integer"},
            "book_ids": {"type": ["array", "null"], "items": {"type": "integer"}},
            "labels": {"type": "array"},
        },
        "x-path": "/shelves",
        "x-filters": {
            "per_page": {"type": "integer", "maximum": 100},
            "ids": {"type": "array", "maxItems": 50, "items": {"type": "integer"}, "x-field": "id"},
            "book_ids": {"type": "array", "maxItems": 50, "items": {"type": "integer"}, "x-field": "book_ids"},
        },
    },
    DIALECT,
)
ROWS: list[dict[str, Any]] = [
    {"id": 3, "book_ids": [1, 2, 2], "labels": ["c"]},
    {"id": 2, "book_ids": [2], "labels": ["b"]},
]
BOOKS: list[dict[str, Any]] = [{"id": 1, "shelf_id": 3}, {"id": 2, "shelf_id": 2}, {"id": 3, "shelf_id": None}]


def call() -> Call:
    """A call with a fresh memory."""
    return Call(DIALECT, Memory(300, 600), (), 0.0, lambda: 0.0, 0.0)


def joining(by: str | None, *, dictionary: bool = False) -> Shape:
    """An object that gives the shelves of a book, as they are read."""
    field = "shelf_id" if by is None else "id"
    join = Join("shelves", 1, True, by, lambda of: of[0][field])
    group = Group(Reader.of(SHELVES, None), by or "ids", {}, dictionary, (Node(("shelves",), join),))
    return Shape("book", (join,), lambda of: of[1], {}, ((group,),))


def played(exchange: Exchange[Any], rows: Any, asked: list[Request] | None = None) -> Any:
    """Run an exchange in which every request is answered with these rows."""
    try:
        batch = next(exchange)
        while True:
            if asked is not None:
                asked += batch
            batch = exchange.send([Response(200, {}, orjson.dumps(rows)) for _ in batch])
    except StopIteration as stop:
        return stop.value


def test_rows_of_several_records() -> None:
    """The field by which a record is joined may hold a list; a record belongs to each of these, once."""
    found = played(shaped(call(), joining("book_ids"), BOOKS, {}), ROWS)
    assert [[row["id"] for row in rows] for rows in found] == [[3], [3, 2], []]


def test_record_that_cannot_be_read() -> None:
    found = played(shaped(call(), joining(None), BOOKS, {}), ROWS[:1])
    assert found == [[ROWS[0]], [{"id": 2}], []]


@pytest.mark.parametrize(
    ("by", "row"),
    [
        (None, {"id": 9, "book_ids": [1], "labels": []}),
        ("book_ids", {"id": 2, "book_ids": [9], "labels": []}),
        ("book_ids", {"id": 2, "book_ids": [], "labels": []}),
        ("book_ids", {"id": 2, "book_ids": None, "labels": []}),
    ],
)
def test_rows_that_belong_to_nobody(by: str | None, row: dict[str, Any]) -> None:
    with pytest.raises(UnexpectedResponse, match="the API gave shelves that were not asked for"):
        played(shaped(call(), joining(by), BOOKS, {}), [*ROWS, row])


def test_dictionary_stays_as_it_was_read() -> None:
    running, asked = call(), list[Request]()
    shape = joining(None, dictionary=True)
    for _ in range(3):
        found = played(shaped(running, shape, BOOKS, {}), ROWS, asked)
        assert found == [[ROWS[0]], [ROWS[1]], []]
        for rows in found:
            for row in rows:
                row["labels"].append("changed by the caller")
                row["id"] = 7
    assert len(asked) == 1


def test_dictionary_in_which_nobody_looks_up_a_null() -> None:
    rows = [*ROWS, {"id": 1, "book_ids": None, "labels": []}]
    found = played(shaped(call(), joining("book_ids", dictionary=True), BOOKS, {}), rows)
    assert [[row["id"] for row in each] for each in found] == [[3], [3, 2], []]


@pytest.mark.parametrize(
    ("values", "ascending", "descending"),
    [
        ([2, None, 1], [1, 2, None], [2, 1, None]),
        (["b", None, "a", ""], ["", "a", "b", None], ["b", "a", "", None]),
        ([True, None, False], [False, True, None], [True, False, None]),
        (
            ["2024-03-01T00:00:00.120Z", "2024-03-01T00:00:00Z"],
            ["2024-03-01T00:00:00Z", "2024-03-01T00:00:00.120Z"],
            ["2024-03-01T00:00:00.120Z", "2024-03-01T00:00:00Z"],
        ),
        # Numbers, texts, the rest as it comes, nulls.
        (["a", 2, [1], None, {}, 1.5], [1.5, 2, "a", [1], {}, None], [[1], {}, "a", 2, 1.5, None]),
    ],
)
def test_order_of_rows(values: list[Any], ascending: list[Any], descending: list[Any]) -> None:
    rows = [{"value": each} for each in values]
    assert [each["value"] for each in sorted_rows(rows, (("value", False),))] == ascending
    assert [each["value"] for each in sorted_rows(rows, (("value", True),))] == descending
    assert [each["value"] for each in rows] == values
    assert sorted_rows(rows, (("missing", True),)) == rows

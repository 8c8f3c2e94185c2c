"""Questions as they are encoded, rows as they are read."""

from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_runtime.errors import UnexpectedResponse
from connector_runtime.resources import Dialect, Reader, Resource, Selection, encoded

DIALECT = Dialect("/v1", "per_page", "cursor", "fields", ",", "|")
BOOKS = Resource.from_schema(
    "books",
    {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "title": {"type": ["string", "null"], "enum": ["a", None]},
            "created_at": {"type": "string", "format": "date-time"},
            "ended_at": {"type": ["string", "null"], "format": "date-time"},
            "tags": {"type": "array", "items": {"type": "string", "pattern": "x"}},
            "notes": {"type": "string", "x-optional": True},
            "anything": {},
        },
        "x-path": "/books",
        "x-filters": {
            "per_page": {"type": "integer", "maximum": 100},
            "ids": {"type": "array", "maxItems": 50, "items": {"type": "integer"}, "x-field": "id"},
            "states": {"type": "array", "items": {"type": "string"}},
            "author_ids": {"type": "array", "maxItems": 2, "items": {"type": "integer"}, "x-field": "author_id"},
            "isbn": {"type": "string"},
            "author_id": {"type": "integer"},
            "in_print": {"type": "boolean"},
            "created_at": {"type": "object", "properties": {"gte": {"type": "string", "format": "date-time"}}},
            "pages": {"type": "object", "properties": {"gte": {"type": "integer"}}},
        },
    },
    DIALECT,
)


def test_resource_as_declared() -> None:
    assert (BOOKS.path, BOOKS.page_size, BOOKS.filters.get("per_page")) == ("/v1/books", 100, None)
    assert BOOKS.filters["author_ids"].field == "author_id"


@pytest.mark.parametrize(
    ("number", "sizes"), [(1, [1]), (49, [49]), (50, [50]), (51, [50, 1]), (120, [50, 50, 20]), (1000, [50] * 20)]
)
def test_ids_are_asked_in_chunks_newest_first(number: int, sizes: list[int]) -> None:
    selection = BOOKS.select({"ids": list(range(1, number + 1)), "isbn": "x"}, DIALECT)
    queries = [dict(query) for query in selection.queries()]
    chunks = [[int(each) for each in query["ids"].split(",")] for query in queries]
    assert [len(chunk) for chunk in chunks] == sizes
    assert [each for chunk in chunks for each in chunk] == list(range(number, 0, -1))
    assert all(query["isbn"] == "x" for query in queries)
    assert selection.ids_each == 50


@pytest.mark.parametrize(
    ("values", "queries"),
    [
        ({}, [[]]),
        ({"isbn": None, "ids": None, "created_at": None}, [[]]),
        ({"ids": []}, []),
        ({"ids": [None]}, []),
        ({"ids": [], "isbn": "x"}, []),
        ({"ids": 7}, [[("ids", "7")]]),
        ({"ids": "0012"}, [[("ids", "12")]]),
        ({"ids": ["3", 3, 1, "1", 2]}, [[("ids", "3,2,1")]]),
        ({"ids": ["10", "9"]}, [[("ids", "10,9")]]),
        ({"states": ["b", "a", "b"]}, [[("states", "b,a")]]),
        ({"states": "b"}, [[("states", "b")]]),
        ({"author_ids": [1, 2, 3]}, [[("author_ids", "1,2")], [("author_ids", "3")]]),
        (
            {"author_ids": [1, 2, 3], "states": ["x"], "isbn": "i"},
            [
                [("isbn", "i"), ("author_ids", "1,2"), ("states", "x")],
                [("isbn", "i"), ("author_ids", "3"), ("states", "x")],
            ],
        ),
        ({"author_id": "007"}, [[("author_id", "7")]]),
        ({"author_id": 0}, [[("author_id", "0")]]),
        ({"isbn": ""}, [[("isbn", "")]]),
        ({"isbn": "007"}, [[("isbn", "007")]]),
        ({"in_print": True}, [[("in_print", "true")]]),
        ({"in_print": False}, [[("in_print", "false")]]),
        ({"created_at": {"gte": "2024-03-01", "lt": None}}, [[("created_at", "gte|2024-03-01T00:00:00.000Z")]]),
        (
            {"created_at": {"gte": "2024-03-01T00:00:00+01:00", "lt": "2024-04-01T00:00:00Z"}},
            [[("created_at", "gte|2024-02-29T23:00:00.000Z|lt|2024-04-01T00:00:00.000Z")]],
        ),
        ({"created_at": {"gte": None, "lt": None}}, [[]]),
        ({"pages": {"gte": 100}}, [[("pages", "gte|100")]]),
    ],
)
def test_questions(values: dict[str, Any], queries: list[list[tuple[str, str]]]) -> None:
    assert [list(query) for query in BOOKS.select(values, DIALECT).queries()] == queries


def test_number_of_records_is_known_where_ids_are_asked() -> None:
    assert BOOKS.select({"author_ids": [1]}, DIALECT).ids_each == 0
    assert BOOKS.select({"ids": [1], "author_ids": [1, 2, 3]}, DIALECT).ids_each == 50


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=4))
def test_every_value_survives_its_encoding(query: list[tuple[str, str]]) -> None:
    written = encoded(query)
    assert written.isascii()
    assert set("#? +\"<>\\^`{|}'").isdisjoint(written)
    assert parse_qsl(written, keep_blank_values=True) == query
    url = httpx.URL(f"https://api.example/v1/books?{written}")
    assert (url.path, url.fragment) == ("/v1/books", "")
    assert parse_qsl(urlsplit(str(url)).query, keep_blank_values=True) == query


def test_commas_of_lists_stay_readable() -> None:
    assert encoded([("ids", "3,2,1"), ("range", "gte|1")]) == f"ids=3,2,1&range={quote('gte|1', safe='')}"


def test_reader_asks_for_what_is_read() -> None:
    assert Reader.of(BOOKS, {"title", "unheard_of"}).fields == ("id", "title")
    assert Reader.of(BOOKS, set()).fields == ("id",)
    assert Reader.of(BOOKS, None).fields is None
    assert Reader.of(BOOKS, set(BOOKS.schema["properties"])).fields is None


def row(**fields: Any) -> dict[str, Any]:
    """Write a sound row, changed."""
    sound = {
        "id": 1,
        "title": "b",
        "created_at": "2024-03-01T00:00:00.000Z",
        "ended_at": None,
        "tags": [],
        "anything": 1,
    }
    return {**sound, **fields}


def test_rows_that_are_read() -> None:
    rows = [row(), row(ended_at="2024-03-01T00:00:00.120Z", title=None, tags=["y"], more={}, notes="n")]
    found = Reader.of(BOOKS, None).read(rows)
    assert [each["created_at"] for each in found] == ["2024-03-01T00:00:00Z"] * 2
    assert [each["ended_at"] for each in found] == [None, "2024-03-01T00:00:00.120Z"]
    assert Reader.of(BOOKS, {"id"}).read([{"id": 1, "title": 7}]) == [{"id": 1, "title": 7}]
    assert Reader.of(BOOKS, None).read([]) == []


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ({"message": "secret"}, "the answer must be a list, got an object"),
        (None, "the answer must be a list, got null"),
        (["secret"], "/0 must be an object, got a string"),
        ([row(), row(id="secret")], "/1/id must be an integer, got a string"),
        ([row(tags=[1])], "/0/tags/0 must be a string, got an integer"),
        ([{key: each for key, each in row().items() if key != "ended_at"}], "/0/ended_at is required"),
    ],
)
def test_rows_that_are_not_as_declared(rows: Any, what: str) -> None:
    with pytest.raises(UnexpectedResponse) as caught:
        Reader.of(BOOKS, None).read(rows)
    assert caught.value.message == f"the API's books are not as declared: {what}"


def test_nothing_to_ask() -> None:
    assert Selection(nothing=True).queries() == []
    assert Selection().queries() == [()]

"""Questions as they are encoded, rows as they are read."""

from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_runtime.errors import UnexpectedResponse
from connector_runtime.resources import Dialect, Reader, Resource, Selection, encoded

DIALECT = Dialect("/v1", "per_page", "cursor", "fields", ",", "|")
BOOKS_FILTERS: dict[str, Any] = {
    "per_page": {"type": "integer", "maximum": 100},
    "ids": {"type": "array", "maxItems": 50, "items": {"type": "integer"}, "x-field": "id"},
    "states": {"type": "array", "items": {"type": "string"}},
    "author_ids": {"type": "array", "maxItems": 2, "items": {"type": "integer"}, "x-field": "author_id"},
    "isbn": {"type": "string"},
    "author_id": {"type": "integer"},
    "in_print": {"type": "boolean"},
    "created_at": {"type": "object", "properties": {"gte": {"type": "string", "format": "date-time"}}},
    "pages": {"type": "object", "properties": {"gte": {"type": "integer"}}},
}
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
            "due_on": {"type": ["string", "null"], "format": "date", "x-optional": True},
            "genre": {
                "type": "object",
                "properties": {"id": {"type": "integer"}, "code": {"type": ["string", "null"], "x-optional": True}},
                "x-optional": True,
            },
            "prints": {"type": "array", "items": {"type": "object", "properties": {"year": {"type": "integer"}}}},
            "extra": {
                "type": ["object", "null"],
                "additionalProperties": {
                    "type": ["object", "null"],
                    "properties": {"name": {"type": "string"}, "value": {}},
                },
            },
        },
        "x-path": "/books",
        "x-filters": BOOKS_FILTERS,
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
        "prints": [],
        "extra": None,
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
    "fields",
    [
        {"id": 0},
        {"id": -7},
        {"id": 4_212_952_002},
        {"id": 2**63 - 1},
        {"id": 2**64 - 1},
        {"due_on": "2024-03-01"},
        {"due_on": "2024-03-01T00:00:00Z"},
        {"ended_at": "2024-03-01"},
        {"ended_at": "2024-03-01T10:00:00+0200"},
        {"genre": {"id": 1}},
        {"genre": {"id": 1, "code": None, "unknown": {"a": [1.0]}}},
        {"prints": [{"year": 1843, "unknown": 1}]},
        {"extra": {}},
        {"extra": {"a": None, "b": {"name": "B", "value": None}, "c": {"name": "C", "value": [{"x": 1.5}]}}},
        {"title": "a new word"},
        {"unknown": None},
    ],
)
def test_values_that_are_as_declared(fields: dict[str, Any]) -> None:
    assert Reader.of(BOOKS, None).read([row(**fields)]) == [row(**fields, created_at="2024-03-01T00:00:00Z")]


def test_a_resource_that_declares_no_id_still_has_one() -> None:
    notes = Resource.from_schema("notes", {"properties": {"a": {}}, "x-path": "/notes", "x-filters": {}}, DIALECT)
    with pytest.raises(UnexpectedResponse, match="/0/id is required"):
        Reader.of(notes, None).read([{"a": 1}])


NO_ID = ((None, "null"), ("1", "a string"), (True, "a boolean"), (1.0, "a number"), (1.5, "a number"))


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ({"message": "secret"}, "the answer must be a list, got an object"),
        (None, "the answer must be a list, got null"),
        (["secret"], "/0 must be an object, got a string"),
        ([row(), row(id="secret")], "/1/id must be an integer, got a string"),
        *(([row(id=bad)], f"/0/id must be an integer, got {kind}") for bad, kind in NO_ID),
        # A number beyond 64 bits comes out of JSON as a float that is near it.
        ([row(id=orjson.loads("18446744073709551616"))], "/0/id must be an integer, got a number"),
        ([row(id=orjson.loads("-9223372036854775809"))], "/0/id must be an integer, got a number"),
        ([row(tags=[1])], "/0/tags/0 must be a string, got an integer"),
        ([row(tags=["a", None])], "/0/tags/1 must be a string, got null"),
        ([row(tags=None)], "/0/tags must be a list, got null"),
        ([row(tags={"a": "b"})], "/0/tags must be a list, got an object"),
        ([{key: each for key, each in row().items() if key != "ended_at"}], "/0/ended_at is required"),
        ([{key: each for key, each in row().items() if key != "id"}], "/0/id is required"),
        ([row(created_at=None)], "/0/created_at must be a string, got null"),
        ([row(created_at="yesterday")], "/0/created_at must be a date or a date-time"),
        ([row(), row(created_at="2024-02-30T00:00:00.000Z")], "/1/created_at must be a date or a date-time"),
        ([row(ended_at="0001-01-01T00:00:00+01:00")], "/0/ended_at must be a date or a date-time"),
        ([row(due_on="2024-13-01")], "/0/due_on must be a date or a date-time"),
        ([row(due_on="")], "/0/due_on must be a date or a date-time"),
        ([row(genre={"id": None})], "/0/genre/id must be an integer, got null"),
        ([row(genre={})], "/0/genre/id is required"),
        ([row(prints=[{"year": 1843}, {"year": 1.5}])], "/0/prints/1/year must be an integer, got a number"),
        ([row(prints=[[]])], "/0/prints/0 must be an object, got a list"),
        ([row(extra={"secret": 5})], "/0/extra/* must be an object or null, got an integer"),
        ([row(extra={"secret": {"value": 5}})], "/0/extra/*/name is required"),
        ([row(extra={"secret": {"name": "N"}})], "/0/extra/*/value is required"),
        ([row(extra={"secret": {"name": ["secret"], "value": 1}})], "/0/extra/*/name must be a string, got a list"),
        ([row(extra=[])], "/0/extra must be an object or null, got a list"),
    ],
)
def test_rows_that_are_not_as_declared(rows: Any, what: str) -> None:
    with pytest.raises(UnexpectedResponse) as caught:
        Reader.of(BOOKS, None).read(rows)
    assert caught.value.message == f"the API's books are not as declared: {what}"


def test_fields_by_which_rows_were_asked_for() -> None:
    queries = BOOKS.select({"ids": [3, "4"], "author_ids": 5, "author_id": 6, "isbn": "7", "states": "8"}, DIALECT)
    (query,) = queries.queries()
    assert Reader.of(BOOKS, None).wanted(query, DIALECT) == {"id": {3, 4}}
    query = (("author_ids", "5,6"), ("ids", "7"))
    library = Resource.from_schema(
        "library",
        {
            "properties": {"id": {"type": "integer"}, "author_id": {"type": "integer"}},
            "x-path": "/library",
            "x-filters": BOOKS_FILTERS,
        },
        DIALECT,
    )
    assert Reader.of(library, None).wanted(query, DIALECT) == {"author_id": {5, 6}, "id": {7}}
    assert Reader.of(library, {"id"}).wanted(query, DIALECT) == {"id": {7}}
    assert Reader.of(library, None).wanted((), DIALECT) == {}


def test_nothing_to_ask() -> None:
    assert Selection(nothing=True).queries() == []
    assert Selection().queries() == [()]

"""Lists page by page from an API that answers anything: whole and each record once, or a clear error."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_runtime.errors import Rejected, UnexpectedResponse
from connector_runtime.exchange import Exchange, Request, Response
from connector_runtime.listing import Call, Listing, Part, read_all, read_first, read_list, read_page, read_remembered
from connector_runtime.memory import Memory
from connector_runtime.resources import Dialect, Reader, Resource, Selection

DIALECT = Dialect("/v1", "per_page", "cursor", "fields", ",", "|")
SCHEMA: dict[str, Any] = {
    "properties": {"id": {"type": "integer"}, "author_id": {"type": ["integer", "null"]}, "tags": {"type": "array"}},
    "x-path": "/books",
    "x-filters": {
        "per_page": {"type": "integer", "maximum": 3},
        "ids": {"type": "array", "maxItems": 2, "items": {"type": "integer"}, "x-field": "id"},
        "author_ids": {"type": "array", "maxItems": 2, "items": {"type": "integer"}, "x-field": "author_id"},
        "q": {"type": "string"},
    },
}
BOOKS = Resource.from_schema("books", SCHEMA, DIALECT)
READER = Reader.of(BOOKS, None)
Row = dict[str, Any]
# What the API gives for a cursor (None: the first page): the ids on that page, and the next cursor.
Told = Callable[[str | None], tuple[Iterable[int], str | None]]


def book(number: int, author: int | None = None) -> Row:
    """Write a row."""
    return {"id": number, "author_id": author, "tags": [f"tag {number}"]}


def answer(rows: Any, cursor: str | None = None, status: int = 200) -> Response:
    """Write an answer with its Link."""
    link = {"link": f'<https://elsewhere.example/v1/books?cursor={cursor}>; rel="next"'} if cursor else {}
    return Response(status, link, orjson.dumps(rows))


@dataclass
class Api:
    """An API that gives pages, and notes what it was asked."""

    told: Told
    asked: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> Response:
        """Answer a request."""
        self.asked.append(request)
        ids, cursor = self.told(dict(request.query).get("cursor"))
        return answer([book(each) for each in ids], cursor)

    def cursors(self) -> list[str | None]:
        """Tell the cursors it was asked for since the last time."""
        asked = [dict(each.query).get("cursor") for each in self.asked]
        self.asked.clear()
        return asked


def played(exchange: Exchange[Any], api: Callable[[Request], Response]) -> Any:
    """Run an exchange with an API's answers."""
    try:
        batch = next(exchange)
        while True:
            batch = exchange.send([api(request) for request in batch])
    except StopIteration as stop:
        return stop.value


def call() -> Call:
    """A call with a fresh memory."""
    return Call(DIALECT, Memory(300, 600), {"elsewhere.example"}, 0.0, lambda: 0.0, 0.0)


def ids(rows: list[Row]) -> list[int]:
    """The ids of rows."""
    return [row["id"] for row in rows]


EVERYTHING = Listing(READER, (Part(Selection()),))


def everything(told: Told) -> list[int]:
    """Read a list whole."""
    ((rows, other),) = [played(read_all(call(), [(READER, Selection()), (READER, Selection())]), Api(told).answer)]
    assert rows == other
    return ids(rows)


def walked(told: Told, size: int = 3, most: int = 1_000) -> list[list[int]]:
    """Read a list page by page to its end on one connection."""
    running, api, pages = call(), Api(told), []
    for number in range(1, most):
        pages.append(ids(played(read_page(running, EVERYTHING, number, size), api.answer)))
        if not pages[-1]:
            return pages[:-1]
    raise AssertionError("without an end")


def chain(*pages: list[int]) -> Told:
    """An API with these pages."""
    return lambda cursor: (
        pages[int(cursor or 0)],
        str(int(cursor or 0) + 1) if int(cursor or 0) + 1 < len(pages) else None,
    )


@pytest.mark.parametrize(
    ("pages", "whole"),
    [
        (([],), []),
        (([9, 8, 7], [6]), [9, 8, 7, 6]),
        # Empty pages with a next one are passed over, wherever they stand.
        (([], [9], [], [], [8, 7], []), [9, 8, 7]),
        (([],) * 90 + ([9],), [9]),
        # A row twice on a page, and rows again because others were added in between.
        (([9, 9, 8], [8, 8]), [9, 8]),
        (([9, 8, 7], [8, 7, 6], [7, 6, 5], [5]), [9, 8, 7, 6, 5]),
        # A page that repeats the one before under a new cursor.
        (([9, 8, 7], [9, 8, 7], [9, 8, 7], [6]), [9, 8, 7, 6]),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_each_record_once(pages: tuple[list[int], ...], whole: list[int], size: int) -> None:
    assert everything(chain(*pages)) == whole
    found = walked(chain(*pages), size)
    assert [each for page in found for each in page] == whole
    assert [len(page) for page in found[:-1]] == [size] * (len(found) - 1)
    first = played(read_first(call(), READER, Selection()), Api(chain(*pages)).answer)
    assert (None if first is None else first["id"]) == (whole[0] if whole else None)


def test_the_first_of_two_records_counts() -> None:
    rows = [{**book(1), "tags": ["first"]}, book(2), {**book(1), "tags": ["second"]}]
    (found,) = played(read_all(call(), [(READER, Selection())]), lambda _: answer(rows))
    assert found == rows[:2]


CIRCLES: dict[str, Told] = {
    "to itself": lambda _: ([1], "a"),
    "of two": lambda cursor: ([{None: 1, "a": 2, "b": 3}[cursor]], {None: "a", "a": "b", "b": "a"}[cursor]),
    "of three": lambda cursor: (
        [{None: 1, "a": 2, "b": 3, "c": 4}[cursor]],
        {None: "a", "a": "b", "b": "c", "c": "a"}[cursor],
    ),
    "of empty pages": lambda cursor: ([], {None: "a", "a": "b", "b": "a"}[cursor]),
}
ENDLESS: dict[str, Told] = {
    "empty": lambda cursor: ([], str(int(cursor or 0) + 1)),
    "the same": lambda cursor: ([3, 2, 1], str(int(cursor or 0) + 1)),
    "two in turn": lambda cursor: ([[6, 5, 4], [3, 2, 1]][int(cursor or 0) % 2], str(int(cursor or 0) + 1)),
}


@pytest.mark.parametrize("told", [*CIRCLES.values(), *ENDLESS.values()], ids=[*CIRCLES, *ENDLESS])
@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_lists_without_an_end(told: Told, size: int) -> None:
    said = "leads to itself|go round in a circle" if told in CIRCLES.values() else "goes on and on without anything new"
    with pytest.raises(UnexpectedResponse, match=said):
        everything(told)
    with pytest.raises(UnexpectedResponse, match=said):
        walked(told, size)
    if not told(None)[0]:
        with pytest.raises(UnexpectedResponse, match=said):
            played(read_first(call(), READER, Selection()), Api(told).answer)


def test_circle_over_remembered_pages_is_noticed_before_anything_comes_twice() -> None:
    rows = {None: [9, 8], "a": [7, 6], "b": [5, 4], "c": [3, 2]}
    told: Told = lambda cursor: (rows[cursor], {None: "a", "a": "b", "b": "c", "c": "a"}[cursor])  # noqa: E731 - a table
    running, api, found = call(), Api(told), []
    with suppress(UnexpectedResponse):
        for number in range(1, 20):
            found += ids(played(read_page(running, EVERYTHING, number, 2), api.answer))
    assert found == [9, 8, 7, 6, 5, 4]
    # What was given stays right when it is asked for again.
    assert ids(played(read_page(running, EVERYTHING, 2, 2), api.answer)) == [7, 6]


def test_endless_list_ends_soon() -> None:
    api = Api(lambda cursor: ([], str(int(cursor or 0) + 1)))
    with pytest.raises(UnexpectedResponse):
        played(read_page(call(), EVERYTHING, 1, 10), api.answer)
    assert len(api.asked) == 100


def sliding(rows: list[int]) -> Told:
    """An API whose cursor counts rows from the top: what is added above comes again below."""

    def told(cursor: str | None) -> tuple[list[int], str | None]:
        at = int(cursor or 0)
        return rows[at : at + 3], str(at + 3) if at + 3 < len(rows) else None

    return told


@pytest.mark.parametrize("added", [1, 2, 3, 7, 40])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_rows_that_are_added_between_pages(added: int, size: int) -> None:
    """Nothing comes twice, of those there at the start every one comes in its order, and each page is full."""
    rows = list(range(20, 0, -1))
    running, api, pages = call(), Api(sliding(rows)), []
    for number in range(1, 100):
        pages.append(ids(played(read_page(running, EVERYTHING, number, size), api.answer)))
        if not pages[-1]:
            break
        if number in (2, 3):
            rows[:0] = range(rows[0] + added, rows[0], -1)
    found = [each for page in pages for each in page]
    assert [each for each in found if each <= 20] == list(range(20, 0, -1))
    assert len(found) == len(set(found))
    assert [len(page) for page in pages[:-2]] == [size] * (len(pages) - 2)


def test_a_page_asked_for_again_is_the_same() -> None:
    rows = list(range(20, 0, -1))
    running, api = call(), Api(sliding(rows))
    first = [ids(played(read_page(running, EVERYTHING, number, 2), api.answer)) for number in (1, 2, 3, 4)]
    again = [ids(played(read_page(running, EVERYTHING, number, 2), api.answer)) for number in (4, 2, 3)]
    assert again == [first[3], first[1], first[2]]
    rows[:0] = [22, 21]
    assert ids(played(read_page(running, EVERYTHING, 1, 2), api.answer)) == [22, 21]


def test_only_so_many_ids_are_looked_back_at() -> None:
    """A record of long ago comes again; the page before is looked at in any case."""
    told = chain(*[[each] for each in range(3_000, 0, -1)], [1_001], [1_000], [1], [0])
    found = [each for page in walked(told, 1, 4_000) for each in page]
    assert found == [*range(3_000, 0, -1), 1_001, 1_000, 0]


def test_cursor_that_ended_gives_nothing_twice() -> None:
    """The list is read again from its beginning, where new records stand by now."""
    rows = list(range(20, 0, -1))
    told, age = sliding(rows), 0

    def aging(request: Request) -> Response:
        made, _, at = dict(request.query).get("cursor", f"{age}.0").partition(".")
        page, cursor = told(at)
        link = f"{age}.{cursor}" if cursor else None
        return answer([book(each) for each in page], link) if made == str(age) else answer({}, status=422)

    running = call()
    found = [ids(played(read_page(running, EVERYTHING, number, 3), aging)) for number in (1, 2)]
    age += 1
    rows[:0] = [22, 21]
    found += [ids(played(read_page(running, EVERYTHING, number, 3), aging)) for number in (3, 4)]
    assert found == [[20, 19, 18], [17, 16, 15], [14, 13, 12], [11, 10, 9]]


def test_refusal_of_the_first_page_is_told() -> None:
    for number in (1, 2):
        with pytest.raises(Rejected):
            played(read_page(call(), EVERYTHING, number, 3), lambda _: answer({"message": "no"}, status=422))


@pytest.mark.parametrize(
    ("values", "row", "fits"),
    [
        ({"ids": 7}, book(7), True),
        ({"ids": 7}, book(8), False),
        ({"ids": [7, 8]}, book(8), True),
        ({"author_ids": 1}, book(7, 1), True),
        ({"author_ids": 1}, book(7, 2), False),
        ({"author_ids": 1}, book(7, None), False),
        ({"author_ids": [1, 2], "ids": 7}, book(7, 2), True),
        ({"author_ids": [1, 2], "ids": 7}, book(6, 2), False),
        ({"q": "x"}, book(8), True),
        ({}, book(8), True),
    ],
)
def test_rows_that_were_not_asked_for(values: dict[str, Any], row: Row, fits: bool) -> None:
    selection = BOOKS.select(values, DIALECT)
    listing = Listing(READER, (Part(selection),))
    exchanges: list[Exchange[Any]] = [
        read_first(call(), READER, selection),
        read_all(call(), [(READER, selection)]),
        read_list(call(), listing),
        read_page(call(), listing, 1, 5),
        read_remembered(call(), listing, anew=True),
    ]
    for exchange in exchanges:
        if fits:
            assert played(exchange, lambda _: answer([row]))
        else:
            with pytest.raises(UnexpectedResponse) as caught:
                played(exchange, lambda _: answer([row]))
            assert caught.value.message == "the API gave books that were not asked for"


def test_rows_that_were_not_asked_for_on_a_later_page() -> None:
    selection = BOOKS.select({"author_ids": 1}, DIALECT)
    pages = {None: answer([book(1, 1)], "a"), "a": answer([book(2, 2)])}
    with pytest.raises(UnexpectedResponse, match="not asked for"):
        played(read_all(call(), [(READER, selection)]), lambda request: pages[dict(request.query).get("cursor")])


def test_each_chunk_of_ids_is_answered_for_itself() -> None:
    """An id of the second request in the answer to the first is as wrong as any other."""
    selection = BOOKS.select({"ids": [1, 2, 3]}, DIALECT)
    with pytest.raises(UnexpectedResponse, match="not asked for"):
        played(read_all(call(), [(READER, selection)]), lambda _: answer([book(3)]))


def test_parts_of_a_list_give_each_record_once() -> None:
    odd = Part(BOOKS.select({"q": "odd"}, DIALECT), lambda row: row["id"] % 2)
    every = Part(BOOKS.select({"q": "every"}, DIALECT))
    rows = [book(each) for each in (5, 4, 3, 2, 1)]
    listing = Listing(READER, (odd, every))
    assert ids(played(read_list(call(), listing), lambda _: answer(rows))) == [5, 3, 1, 4, 2]
    for size in (1, 2, 3, 5, 9):
        running = call()
        pages = [
            ids(played(read_page(running, listing, number, size), lambda _: answer(rows))) for number in range(1, 8)
        ]
        assert [each for page in pages for each in page] == [5, 3, 1, 4, 2]


def test_lists_are_told_apart_by_what_is_kept_of_them() -> None:
    rows = [book(each) for each in (4, 3, 2, 1)]
    odd = Listing(READER, (Part(Selection(), lambda row: row["id"] % 2, ("odd", {})),))
    big = Listing(READER, (Part(Selection(), lambda row: row["id"] > 2, ("big", {"at": 2})),))
    bigger = Listing(READER, (Part(Selection(), lambda row: row["id"] > 3, ("big", {"at": 3})),))
    running = call()
    for listing, wanted in ((odd, [3, 1]), (big, [4, 3]), (bigger, [4])):
        assert ids(played(read_remembered(running, listing, anew=False), lambda _: answer(rows))) == wanted
        pages = [ids(played(read_page(running, listing, number, 1), lambda _: answer(rows))) for number in (1, 2)]
        assert pages == [wanted[:1], wanted[1:2]]
    assert len({EVERYTHING.key(), odd.key(), big.key(), bigger.key()}) == 4


def test_remembered_rows_stay_as_they_were() -> None:
    rows = [book(each) for each in (3, 2, 1)]
    running, asked = call(), Api(lambda _: ((), None))

    def once(request: Request) -> Response:
        asked.asked.append(request)
        return answer(rows)

    found = [played(read_remembered(running, EVERYTHING, anew=False), once) for _ in range(3)]
    assert found[0] == found[1] == found[2] == rows
    for each in found:
        for row in each:
            row["tags"].append("changed")
        each.clear()
    assert played(read_remembered(running, EVERYTHING, anew=False), once) == rows
    assert len(asked.asked) == 1
    assert played(read_remembered(running, EVERYTHING, anew=True), once) == rows
    assert len(asked.asked) == 2
    # Rows left over from a page are given later, and perhaps again.
    pages = [deepcopy(played(read_page(running, EVERYTHING, number, 1), once)) for number in (1, 2, 3)]
    for _ in range(2):
        for number in (2, 3):
            found = played(read_page(running, EVERYTHING, number, 1), once)
            assert found == pages[number - 1]
            found[0]["tags"].clear()


@given(st.lists(st.lists(st.integers(1, 12), max_size=4), min_size=1, max_size=8), st.integers(1, 5))
def test_any_pages(pages: list[list[int]], size: int) -> None:
    """However rows repeat: each once, in the order of its first, on full pages."""
    whole = list(dict.fromkeys(each for page in pages for each in page))
    assert everything(chain(*pages)) == whole
    found = walked(chain(*pages), size)
    assert [each for page in found for each in page] == whole
    assert all(len(page) == size for page in found[:-1])

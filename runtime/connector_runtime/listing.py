"""Reads lists: to the end, or one page of them by number on top of the API's cursors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from typing import Any

from .errors import Rejected, UnexpectedResponse
from .exchange import Exchange, Outcome, Request
from .memory import Memory, Position, Rows
from .replies import page
from .resources import Dialect, Reader, Row, Selection

# So many pages in a row that bring nothing new are no list any more; no API is known to give as many empty ones.
_FRUITLESS = 100
# A page leaves out what the pages before it gave: at least the page before, and as many as give this many records.
_LOOKED_BACK = 1_000


@dataclass(frozen=True, slots=True)
class Call:
    """What a running call knows besides its input: the API's dialect, the connection's memory and the time.

    `hosts` are those that a link to a next page may name. `now` are the seconds of the memory's clock at the call's
    beginning, `utc` tells those since 1970 whenever it is asked. `settle` is how many seconds after its call a write
    may still be on its way, `rest` for how many seconds it is too early to ask for lists.
    """

    dialect: Dialect
    memory: Memory
    hosts: Collection[str]
    now: float
    utc: Callable[[], float]
    settle: float
    rest: float = 0.0


@dataclass(frozen=True, slots=True)
class Part:
    """One question of a list, and which of its rows belong to the list; `salt` tells the tests of rows apart."""

    selection: Selection
    keep: Callable[[Row], Any] | None = None
    salt: Any = None

    def kept(self, rows: list[Row]) -> list[Row]:
        """Give the rows that belong to the list."""
        return rows if self.keep is None else [row for row in rows if self.keep(row)]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list: its reader, and its parts one after another."""

    reader: Reader
    parts: tuple[Part, ...]

    def queries(self) -> list[tuple[tuple[tuple[str, str], ...], Part]]:
        """Give the parameters of each request, with the part it belongs to."""
        return [(query, part) for part in self.parts for query in part.selection.queries()]

    def key(self) -> tuple[Hashable, ...]:
        """Tell this list from every other."""
        asked = tuple((query, repr(part.salt)) for query, part in self.queries())
        return (self.reader.resource.name, self.reader.fields, asked)


def first_request(call: Call, reader: Reader, query: Sequence[tuple[str, str]], size: int) -> Request:
    """Make the request for a list's first page."""
    fields = [(call.dialect.fields, call.dialect.lists.join(reader.fields))] if reader.fields else []
    pairs = (*query, *fields, (call.dialect.size, str(size)))
    return Request("GET", reader.resource.path, pairs, resource=reader.resource.name, rest=call.rest)


def next_request(call: Call, reader: Reader, cursor: str) -> Request:
    """Make the request for a later page: the cursor travels alone."""
    pairs = ((call.dialect.cursor, cursor),)
    return Request("GET", reader.resource.path, pairs, resource=reader.resource.name)


class Pages:
    """The pages of one query in turn, each read for what is new on it. Pages that lead nowhere are noticed.

    `ids` are those of records given before, and learn what is read here; `passed` are the cursors that led to `cursor`.
    """

    def __init__(
        self,
        call: Call,
        reader: Reader,
        query: Sequence[tuple[str, str]],
        size: int,
        ids: set[int],
        cursor: str | None = None,
        passed: Collection[str] = (),
    ) -> None:
        self.request = next_request(call, reader, cursor) if cursor else first_request(call, reader, query, size)
        self.cursor = cursor
        self.more = True
        self.came_by: list[str] = []
        self._call = call
        self._reader = reader
        self._wanted = reader.wanted(query, call.dialect)
        self._ids = ids
        self._passed = passed
        self._fruitless = 0

    def read(self, outcome: Outcome) -> list[Row]:
        """Take the answer to `request` and give its new rows; after it `request` is for the next page, if any."""
        name = self._reader.resource.name
        rows, self.cursor = page(self._reader, self.request, outcome, self._call.dialect, self._call.hosts)
        if any(not _holds(row.get(field), ids) for field, ids in self._wanted.items() for row in rows):
            raise UnexpectedResponse(f"the API gave {name} that were not asked for")
        new = _once(row for row in rows if row["id"] not in self._ids)
        self._ids.update(row["id"] for row in new)
        self._fruitless = 0 if new else self._fruitless + 1
        self.more = self.cursor is not None
        if self.cursor is not None:
            if self.cursor in self._passed or self.cursor in self.came_by:
                raise UnexpectedResponse(f"the API's pages of {name} go round in a circle")
            if self._fruitless == _FRUITLESS:
                raise UnexpectedResponse(f"the API's list of {name} goes on and on without anything new")
            self.came_by.append(self.cursor)
            self.request = next_request(self._call, self._reader, self.cursor)
        return new


def _holds(value: Any, ids: frozenset[int]) -> bool:
    return not ids.isdisjoint(value if isinstance(value, list) else [value])


def read_all(call: Call, reads: Sequence[tuple[Reader, Selection]]) -> Exchange[list[list[Row]]]:
    """Read several lists to their last page, all of them side by side; give the rows of each, none twice."""
    rows: list[list[Row]] = [[] for _ in reads]
    ids: list[set[int]] = [set() for _ in reads]
    waiting = [
        (index, Pages(call, reader, query, reader.resource.page_size, ids[index]))
        for index, (reader, selection) in enumerate(reads)
        for query in selection.queries()
    ]
    while waiting:
        outcomes = yield [pages.request for _, pages in waiting]
        for (index, pages), outcome in zip(waiting, outcomes, strict=True):
            rows[index].extend(pages.read(outcome))
        waiting = [each for each in waiting if each[1].more]
    return rows


def read_list(call: Call, listing: Listing) -> Exchange[list[Row]]:
    """Read a list to its end, its parts side by side."""
    found = yield from read_all(call, [(listing.reader, part.selection) for part in listing.parts])
    rows = [row for part, each in zip(listing.parts, found, strict=True) for row in part.kept(each)]
    return _once(rows) if len(listing.parts) > 1 else rows


def _once(rows: Iterable[Row]) -> list[Row]:
    """Leave out every record that stood before."""
    found: dict[int, Row] = {}
    for row in rows:
        found.setdefault(row["id"], row)
    return list(found.values())


def read_remembered(call: Call, listing: Listing, *, anew: bool) -> Exchange[list[Row]]:
    """Read a list to its end on behalf of a paged one: once for page 1, remembered for the pages after it."""
    known = None if anew else call.memory.lists.get(listing.key(), call.now)
    if known is not None:
        return known.read()
    rows = yield from read_list(call, listing)
    call.memory.lists.put(listing.key(), Rows.of(rows), call.now)
    return rows


def read_first(call: Call, reader: Reader, selection: Selection) -> Exchange[Row | None]:
    """Read the first record of a list, or None."""
    for query in selection.queries():
        pages = Pages(call, reader, query, 1, set())
        while pages.more:
            (outcome,) = yield [pages.request]
            rows = pages.read(outcome)
            if rows:
                return rows[0]
    return None


def read_page(call: Call, listing: Listing, number: int, size: int) -> Exchange[list[Row]]:
    """Read page `number` (from 1) of a list. Pages asked for in turn cost one listing request each."""
    known = call.memory.positions.get((*listing.key(), size), call.now) or {}
    # A remembered cursor may have ended: the list is then read again from its beginning.
    with suppress(Rejected):
        if number > 1 and known:
            return (yield from _walk(call, listing, number, size, dict(known)))
    return (yield from _walk(call, listing, number, size, {1: Position()}, _given(known, number)))


def _walk(
    call: Call,
    listing: Listing,
    number: int,
    size: int,
    known: dict[int, Position],
    told: Collection[int] = (),
) -> Exchange[list[Row]]:
    """Go from the last known position to a page; that page leaves out what was `told` before, in an earlier walk."""
    at = max(each for each in known if each <= number)
    rows: list[Row] = []
    while at <= number:
        given = _given(known, at).union(told if at == number else ())
        passed = {each for before, position in known.items() if before <= at for each in position.passed}
        rows, known[at + 1] = yield from _take(call, listing, known[at], size, given, passed)
        at += 1
        if not rows:
            break
    call.memory.positions.put((*listing.key(), size), known, call.now)
    return rows


def _given(known: Mapping[int, Position], number: int) -> set[int]:
    """Give the ids on the pages before a page, as far back as is looked."""
    ids: set[int] = set()
    for at in sorted((each for each in known if each <= number), reverse=True):
        ids.update(known[at].given)
        if len(ids) >= _LOOKED_BACK:
            break
    return ids


def _take(
    call: Call, listing: Listing, start: Position, size: int, given: set[int], passed: set[tuple[int, str]]
) -> Exchange[tuple[list[Row], Position]]:
    """Take `size` rows from a position on, none that was `given` before; give them and the position after them."""
    queries = listing.queries()
    index, cursor, rows = start.query, start.cursor, start.pending.read()
    came_by: list[tuple[int, str]] = []
    reader, at_once = listing.reader, listing.parts[0].selection.ids_each
    while len(rows) < size and index < len(queries):
        if at_once and len(listing.parts) == 1:
            # Records asked for by id: each query's worth is known beforehand, so those needed go out together.
            ahead = queries[index : index + ceil((size - len(rows)) / at_once)]
            found = yield from read_all(call, [(reader, Selection(query)) for query, _ in ahead])
            rows.extend(row for (_, part), each in zip(ahead, found, strict=True) for row in part.kept(each))
            index += len(ahead)
        else:
            query, part = queries[index]
            known = given.union(row["id"] for row in rows)
            pages = Pages(call, reader, query, size, known, cursor, {each for at, each in passed if at == index})
            while pages.more and len(rows) < size:
                (outcome,) = yield [pages.request]
                rows.extend(part.kept(pages.read(outcome)))
            cursor = pages.cursor
            came_by.extend((index, each) for each in pages.came_by)
            index += 0 if cursor else 1
    ids = tuple(row["id"] for row in rows[:size])
    return rows[:size], Position(index, cursor, Rows.of(rows[size:]), ids, tuple(came_by))

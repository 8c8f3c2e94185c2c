"""Reads lists: to the end, or one page of them by number on top of the API's cursors."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from math import ceil
from typing import Any

from .errors import Rejected, UnexpectedResponse
from .exchange import Exchange, Request
from .memory import Memory, Position
from .replies import page
from .resources import Dialect, Reader, Row, Selection


@dataclass(frozen=True, slots=True)
class Call:
    """What a running call knows besides its input: the API's dialect, the acting user, memory and the time."""

    dialect: Dialect
    memory: Memory
    now: float
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One question of a list, and which of its rows belong to the list; `salt` tells the tests of rows apart."""

    selection: Selection
    keep: Callable[[Row], Any] | None = None
    salt: str = ""

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

    def key(self, call: Call) -> tuple[Hashable, ...]:
        """Tell this list from every other."""
        asked = tuple((query, part.salt) for query, part in self.queries())
        return (self.reader.resource.name, self.reader.fields, asked, call.subject)


def first_request(call: Call, reader: Reader, query: Sequence[tuple[str, str]], size: int) -> Request:
    """Make the request for a list's first page."""
    fields = [(call.dialect.fields, call.dialect.lists.join(reader.fields))] if reader.fields else []
    pairs = (*query, *fields, (call.dialect.size, str(size)))
    return Request("GET", reader.resource.path, pairs, subject=call.subject, resource=reader.resource.name)


def next_request(call: Call, reader: Reader, cursor: str) -> Request:
    """Make the request for a later page: the cursor travels alone."""
    pairs = ((call.dialect.cursor, cursor),)
    return Request("GET", reader.resource.path, pairs, subject=call.subject, resource=reader.resource.name)


def read_all(call: Call, reads: Sequence[tuple[Reader, Selection]]) -> Exchange[list[list[Row]]]:
    """Read several lists to their last page, all of them side by side; give the rows of each."""
    rows: list[list[Row]] = [[] for _ in reads]
    waiting: list[tuple[int, Reader, Request, set[str]]] = [
        (index, reader, first_request(call, reader, query, reader.resource.page_size), set())
        for index, (reader, selection) in enumerate(reads)
        for query in selection.queries()
    ]
    while waiting:
        batch, waiting = waiting, []
        outcomes = yield [request for _, _, request, _ in batch]
        for (index, reader, request, seen), outcome in zip(batch, outcomes, strict=True):
            found, cursor = page(reader, request, outcome, call.dialect)
            rows[index].extend(found)
            if cursor in seen:
                raise UnexpectedResponse(f"the API's pages of {reader.resource.name} go round in a circle")
            if cursor:
                seen.add(cursor)
                waiting.append((index, reader, next_request(call, reader, cursor), seen))
    return rows


def read_list(call: Call, listing: Listing) -> Exchange[list[Row]]:
    """Read a list to its end, its parts side by side."""
    found = yield from read_all(call, [(listing.reader, part.selection) for part in listing.parts])
    return [row for part, rows in zip(listing.parts, found, strict=True) for row in part.kept(rows)]


def read_remembered(call: Call, listing: Listing, *, anew: bool) -> Exchange[list[Row]]:
    """Read a list to its end on behalf of a paged one: once for page 1, remembered for the pages after it."""
    key = listing.key(call)
    rows = None if anew else call.memory.lists.get(key, call.now)
    if rows is None:
        rows = yield from read_list(call, listing)
        call.memory.lists.put(key, rows, call.now)
    return rows


def read_first(call: Call, reader: Reader, selection: Selection) -> Exchange[Row | None]:
    """Read the first record of a list, or None."""
    for query in selection.queries():
        request = first_request(call, reader, query, 1)
        outcomes = yield [request]
        rows, _ = page(reader, request, outcomes[0], call.dialect)
        if rows:
            return rows[0]
    return None


def read_page(call: Call, listing: Listing, number: int, size: int) -> Exchange[list[Row]]:
    """Read page `number` (from 1) of a list. Pages asked for in turn cost one listing request each."""
    key = (*listing.key(call), size)
    known = call.memory.positions.get(key, call.now) or {}
    # A remembered cursor may have ended: the list is then read again from its beginning.
    with suppress(Rejected):
        if number > 1 and known:
            return (yield from _walk(call, listing, number, size, dict(known)))
    return (yield from _walk(call, listing, number, size, {1: Position()}))


def _walk(call: Call, listing: Listing, number: int, size: int, known: dict[int, Position]) -> Exchange[list[Row]]:
    at = max(each for each in known if each <= number)
    rows: list[Row] = []
    while at <= number:
        rows, known[at + 1] = yield from _take(call, listing, known[at], size)
        at += 1
        if not rows:
            break
    call.memory.positions.put((*listing.key(call), size), known, call.now)
    return rows


def _take(call: Call, listing: Listing, start: Position, size: int) -> Exchange[tuple[list[Row], Position]]:
    """Take `size` rows from a position on; give them and the position after them."""
    queries = listing.queries()
    # What is given out belongs to the caller: a page asked for again must not show what was done to it.
    index, cursor, rows = start.query, start.cursor, list(deepcopy(start.pending))
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
            request = next_request(call, reader, cursor) if cursor else first_request(call, reader, query, size)
            outcomes = yield [request]
            page_rows, cursor = page(reader, request, outcomes[0], call.dialect)
            rows.extend(part.kept(page_rows))
            index += 0 if cursor else 1
    return rows[:size], Position(index, cursor, tuple(rows[size:]))

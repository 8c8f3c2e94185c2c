"""Reads lists: to the end, or one page of them by number on top of the API's cursors."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil

from .errors import Rejected
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
    waiting = [
        (index, reader, first_request(call, reader, query, reader.resource.page_size))
        for index, (reader, selection) in enumerate(reads)
        for query in selection.queries()
    ]
    while waiting:
        batch, waiting = waiting, []
        outcomes = yield [request for _, _, request in batch]
        for (index, reader, request), outcome in zip(batch, outcomes, strict=True):
            found, cursor = page(reader, request, outcome, call.dialect)
            rows[index].extend(found)
            if cursor:
                waiting.append((index, reader, next_request(call, reader, cursor)))
    return rows


def read_remembered(call: Call, reader: Reader, selection: Selection, *, anew: bool) -> Exchange[list[Row]]:
    """Read a list to its end on behalf of a paged one: once for page 1, remembered for the pages after it."""
    key = (reader.resource.name, reader.fields, tuple(selection.queries()), call.subject)
    rows = None if anew else call.memory.lists.get(key, call.now)
    if rows is None:
        (rows,) = yield from read_all(call, [(reader, selection)])
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


def read_page(call: Call, reader: Reader, selection: Selection, number: int, size: int) -> Exchange[list[Row]]:
    """Read page `number` (from 1) of a list. Pages asked for in turn cost one listing request each."""
    key = (reader.resource.name, reader.fields, tuple(selection.queries()), size, call.subject)
    known = call.memory.positions.get(key, call.now) or {}
    if number > 1 and known:
        # A remembered cursor may have ended: the list is then read again from its beginning.
        with suppress(Rejected):
            return (yield from _walk(call, reader, selection, number, size, dict(known)))
    return (yield from _walk(call, reader, selection, number, size, {1: Position()}))


def _walk(
    call: Call, reader: Reader, selection: Selection, number: int, size: int, known: dict[int, Position]
) -> Exchange[list[Row]]:
    at = max(each for each in known if each <= number)
    rows: list[Row] = []
    while at <= number:
        rows, known[at + 1] = yield from _take(call, reader, selection, known[at], size)
        at += 1
        if not rows:
            break
    key = (reader.resource.name, reader.fields, tuple(selection.queries()), size, call.subject)
    call.memory.positions.put(key, known, call.now)
    return rows


def _take(
    call: Call, reader: Reader, selection: Selection, start: Position, size: int
) -> Exchange[tuple[list[Row], Position]]:
    """Take `size` rows from a position on; give them and the position after them."""
    queries = selection.queries()
    index, cursor, rows = start.query, start.cursor, list(start.pending)
    while len(rows) < size and index < len(queries):
        if selection.ids_each:
            # Records asked for by id: each query's worth is known beforehand, so those needed go out together.
            ahead = queries[index : index + ceil((size - len(rows)) / selection.ids_each)]
            found = yield from read_all(call, [(reader, Selection(query)) for query in ahead])
            rows.extend(row for each in found for row in each)
            index += len(ahead)
        else:
            request = (
                next_request(call, reader, cursor) if cursor else first_request(call, reader, queries[index], size)
            )
            outcomes = yield [request]
            page_rows, cursor = page(reader, request, outcomes[0], call.dialect)
            rows.extend(page_rows)
            index += 0 if cursor else 1
    return rows[:size], Position(index, cursor, tuple(rows[size:]))

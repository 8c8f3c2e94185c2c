"""What a connection remembers between calls: dictionaries, and where the pages of a list begin.

Everything has a time to live. All of it was read as the connection's own acting user: what is read as another, for a
write, is not remembered. Times come in as values; no clock is read here. Safe across threads: each entry is put and
taken as a whole.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

import orjson

from .resources import Row

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows apart from everybody who reads them: what callers do to theirs is never seen by others."""

    _json: bytes = field(default=b"[]", repr=False)

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Rows:
        """Keep these rows as they are now."""
        return cls(orjson.dumps(rows))

    def read(self) -> list[Row]:
        """Give the rows, new ones each time."""
        rows: list[Row] = orjson.loads(self._json)
        return rows


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Every row of a small resource, their ids, and the keys it was read for."""

    rows: Rows
    ids: frozenset[int]
    sought: frozenset[int]

    def answers(self, ids: list[int]) -> bool:
        """Tell whether every id is in it, or was sought when it was read."""
        return all(each in self.ids or each in self.sought for each in ids)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page of a list begins: the query's number, the cursor in it, rows read but not given yet.

    Of the page before it are known the ids it gave, and the cursors it came by with their queries' numbers.
    """

    query: int = 0
    cursor: str | None = None
    pending: Rows = Rows()
    given: tuple[int, ...] = ()
    passed: tuple[tuple[int, str], ...] = ()


class Expiring(Generic[K, V]):
    """A bounded mapping whose entries end after `lifetime` seconds; the longest unused goes first."""

    def __init__(self, lifetime: float, bound: int) -> None:
        self._lifetime = lifetime
        self._bound = bound
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: K, now: float) -> V | None:
        """Give a live entry, or None."""
        with self._lock:
            ends, value = self._entries.get(key, (now, None))
            if ends <= now:
                self._entries.pop(key, None)
                return None
            self._entries.move_to_end(key)
            return value

    def put(self, key: K, value: V, now: float) -> None:
        """Keep an entry from now on."""
        with self._lock:
            self._entries[key] = (now + self._lifetime, value)
            self._entries.move_to_end(key)
            if len(self._entries) > self._bound:
                self._entries.popitem(last=False)


class Memory:
    """A connection's memory."""

    def __init__(self, dictionary_lifetime: float, page_lifetime: float) -> None:
        self.dictionaries: Expiring[str, Dictionary] = Expiring(dictionary_lifetime, 1_000)
        self.lists: Expiring[Hashable, Rows] = Expiring(page_lifetime, 100)
        self.positions: Expiring[Hashable, dict[int, Position]] = Expiring(page_lifetime, 1_000)

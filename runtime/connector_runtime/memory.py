"""What a connection remembers between calls: dictionaries, and where the pages of a list begin.

Everything has a time to live and belongs to one acting user. Times come in as values; no clock is read here.
Safe across threads: each entry is put and taken as a whole.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

from .resources import Row

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Every row of a small resource, by id, and the keys it was read for."""

    rows: dict[int, Row]
    sought: frozenset[int]

    def answers(self, ids: list[int]) -> bool:
        """Tell whether every id is in it, or was sought when it was read."""
        return all(each in self.rows or each in self.sought for each in ids)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page of a list begins: the query's number, the cursor in it, rows read but not given yet."""

    query: int = 0
    cursor: str | None = None
    pending: tuple[Row, ...] = ()


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
        self.dictionaries: Expiring[tuple[str, str | None], Dictionary] = Expiring(dictionary_lifetime, 1_000)
        self.lists: Expiring[Hashable, list[Row]] = Expiring(page_lifetime, 100)
        self.positions: Expiring[Hashable, dict[int, Position]] = Expiring(page_lifetime, 1_000)

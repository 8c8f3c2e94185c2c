"""Where every key and value of a text stands: for problems that point at the line and the column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson

Pointer = tuple[str | int, ...]

# What begins or ends a part of a JSON text; its strings are taken whole, so that nothing in them counts.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value or a key begins, both counted from 1, and the line on which it ends."""

    line: int
    column: int
    last: int = 0


@dataclass(slots=True)
class Places:
    """The places of a document's values and keys, by the way from its root; a key written twice is noted."""

    values: dict[Pointer, Mark] = field(default_factory=dict)
    keys: dict[Pointer, Mark] = field(default_factory=dict)
    twice: list[tuple[Pointer, Mark]] = field(default_factory=list)

    def add_key(self, pointer: Pointer, mark: Mark) -> bool:
        """Note a key; False when the same key stood before."""
        if pointer in self.keys:
            self.twice.append((pointer, mark))
            return False
        self.keys[pointer] = mark
        return True

    def find(self, pointer: Pointer, *, key: bool) -> Mark:
        """Give the place of a value, or of its key; of the nearest part around it where it has none."""
        place = (self.keys if key else self.values).get(pointer)
        while place is None and pointer:
            pointer = pointer[:-1]
            place = self.values.get(pointer)
        return place or Mark(1, 1)


def json_places(text: str) -> Places:
    """Find the places of a JSON text that a parser has accepted."""
    places = Places()
    path: list[str | int] = []
    key_follows = False
    for sign, mark in _signs(text):
        if key_follows and sign != "}":
            path[-1], key_follows = orjson.loads(sign), False
            places.add_key(tuple(path), mark)
        elif sign in "}]":
            path.pop()
            key_follows = False
        elif sign == "," and isinstance(path[-1], int):
            path[-1] += 1
        elif sign in ",:":
            key_follows = sign == ","
        else:
            places.values[tuple(path)] = mark
            key_follows = sign == "{"
            path += [""] if key_follows else [0] if sign == "[" else []
    return places


def _signs(text: str) -> Iterator[tuple[str, Mark]]:
    line, start = 1, 0
    at = 0
    for found in _TOKEN.finditer(text):
        newlines = text.count("\n", at, found.start())
        if newlines:
            line, start = line + newlines, text.rindex("\n", at, found.start()) + 1
        at = found.start()
        yield found[0], Mark(line, at - start + 1, line)

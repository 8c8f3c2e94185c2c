"""Builds the contract's nested objects from the API's flat records, a whole page at a time.

The ids of every record are collected, doubles dropped, and asked for in chunks; all joins of a level go out
together, and a resource that several joins need is asked once, as late as the last of them needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from .exchange import Exchange
from .listing import Call, read_all
from .memory import Dictionary, Rows
from .resources import Reader, Row, Selection

# A record with what was joined to it: slot 0 is the record, then one slot for each join in their order, and last
# what the object is given.
Context = list[Any]
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Join:
    """One join of an object: which records of a resource belong to each of its records.

    `key` gives the id (or ids) to look for; `by` names the record field that must hold it, None means "id".
    """

    name: str
    slot: int
    many: bool
    by: str | None
    key: Callable[[Context], Any]
    when: Callable[[Context], Any] | None = None
    where: Callable[[tuple[Row, Mapping[str, Any]]], Any] | None = None
    order: tuple[tuple[str, bool], ...] = ()
    shape: Shape | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A join at its place in the tree of nested objects."""

    path: Path
    join: Join


@dataclass(frozen=True, slots=True)
class Group:
    """Joins that ask the same question of the same resource: one filter, one fixed query."""

    reader: Reader
    filter: str
    query: Mapping[str, Any]
    is_dictionary: bool
    nodes: tuple[Node, ...]

    @property
    def question(self) -> Hashable:
        """What tells its reading from every other: a dictionary is read whole, whatever is looked up in it."""
        return self.reader.resource.name if self.is_dictionary else id(self)


@dataclass(frozen=True, slots=True)
class Shape:
    """How an object is built: what is joined level by level, and the function that makes the output."""

    name: str
    joins: tuple[Join, ...]
    build: Callable[[Context], Any]
    given: Mapping[str, Any]
    levels: tuple[tuple[Group, ...], ...] = ()


def shaped(call: Call, shape: Shape, records: list[Row], given: Mapping[str, Any]) -> Exchange[list[Any]]:
    """Build the object for every record; requests: ceil(ids / chunk) for each joined resource."""
    told = {**shape.given, **given}
    roots = [_context(shape, record, told) for record in records]
    contexts: dict[Path, list[Context]] = {(): roots}
    for level in shape.levels:
        asked = [_keys(group, contexts) for group in level]
        found = yield from _look_up(call, level, asked)
        for group, by_key in zip(level, found, strict=True):
            for node in group.nodes:
                contexts[node.path] = _settle(node, contexts[node.path[:-1]], by_key)
    return [shape.build(context) for context in roots]


def _context(shape: Shape, record: Row, given: Mapping[str, Any]) -> Context:
    return [record, *[None] * len(shape.joins), given]


def _key(join: Join, context: Context) -> list[Any]:
    if join.when is not None and not join.when(context):
        return []
    key = join.key(context)
    return [each for each in key if each is not None] if isinstance(key, list) else [] if key is None else [key]


def _keys(group: Group, contexts: Mapping[Path, list[Context]]) -> list[Any]:
    keys: dict[Any, None] = {}
    for node in group.nodes:
        for context in contexts[node.path[:-1]]:
            keys.update(dict.fromkeys(_key(node.join, context)))
    return list(keys)


def _look_up(call: Call, level: tuple[Group, ...], asked: list[list[Any]]) -> Exchange[list[Mapping[Any, list[Row]]]]:
    """Find the rows of each group by key; what a remembered dictionary holds is not asked again."""
    known = [_remembered(call, group, keys) for group, keys in zip(level, asked, strict=True)]
    wanted = [keys if dictionary is None else [] for keys, dictionary in zip(asked, known, strict=True)]
    # Joins that look into the same dictionary share one reading of it.
    readers = {group.question: index for index, group in reversed([*enumerate(level)]) if wanted[index]}
    reads = [
        (group.reader, _selection(call, group, wanted[index] if readers.get(group.question) == index else []))
        for index, group in enumerate(level)
    ]
    fresh = yield from read_all(call, reads)
    found: list[Mapping[Any, list[Row]]] = []
    for group, keys, dictionary in zip(level, wanted, known, strict=True):
        rows = fresh[readers[group.question]] if keys else []
        if dictionary is not None:
            rows = dictionary.rows.read()
        elif group.is_dictionary and keys:
            sharing = [some for each, some in zip(level, wanted, strict=True) if each.question == group.question]
            ids = frozenset(row["id"] for row in rows)
            made = Dictionary(Rows.of(rows), ids, frozenset(chain.from_iterable(sharing)))
            call.memory.dictionaries.put(group.reader.resource.name, made, call.now)
        found.append(_by_key(group, rows))
    return found


def _selection(call: Call, group: Group, keys: list[Any]) -> Selection:
    if not keys:
        return Selection(nothing=True)
    values = group.query if group.is_dictionary else {**group.query, group.filter: keys}
    return group.reader.resource.select(values, call.dialect)


def _remembered(call: Call, group: Group, keys: list[Any]) -> Dictionary | None:
    if not group.is_dictionary:
        return None
    dictionary = call.memory.dictionaries.get(group.reader.resource.name, call.now)
    # A key the dictionary never saw may be newer than its reading: it is read anew, once.
    return dictionary if dictionary is not None and dictionary.answers(keys) else None


def _by_key(group: Group, rows: list[Row]) -> Mapping[Any, list[Row]]:
    field = group.nodes[0].join.by or "id"
    found: dict[Any, list[Row]] = {}
    for row in rows:
        held = row.get(field)
        for key in dict.fromkeys(held) if isinstance(held, list) else (held,):
            found.setdefault(key, []).append(row)
    return found


def _settle(node: Node, parents: list[Context], by_key: Mapping[Any, list[Row]]) -> list[Context]:
    """Give each parent what was joined to it; give the new contexts, which deeper joins start from."""
    join = node.join
    made: list[Context] = []
    for parent in parents:
        rows = _chosen(join, parent, by_key)
        shape = join.shape
        values: list[Any] = [_context(shape, row, shape.given) for row in rows] if shape else rows
        made.extend(values if shape else ())
        parent[join.slot] = values if join.many else values[0] if values else None
    return made


def _chosen(join: Join, parent: Context, by_key: Mapping[Any, list[Row]]) -> list[Row]:
    keys = _key(join, parent)
    if join.by is None:
        # A record that can't be read is still known by its id; all its other fields are null.
        rows = [row for key in keys for row in by_key.get(key, [{"id": key}])]
    else:
        rows = [row for key in keys for row in by_key.get(key, ())]
    if join.where is not None:
        rows = [row for row in rows if join.where((row, parent[-1]))]
    rows = sorted_rows(rows, join.order)
    return rows if join.many else rows[:1]


def sorted_rows(rows: list[Row], order: tuple[tuple[str, bool], ...]) -> list[Row]:
    """Sort by (field, descending) pairs, the first weighing most; nulls last."""
    for name, descending in reversed(order):
        rows = sorted(rows, key=lambda row: _nulls_last(row.get(name), descending), reverse=descending)
    return rows


def _nulls_last(value: Any, descending: bool) -> tuple[bool, int, Any]:
    if value is None:
        return not descending, 0, 0
    if isinstance(value, str):
        # A whole second would come after its own fractions.
        return descending, 1, value.removesuffix("Z") if value[10:11] == "T" else value
    # What has no order of its own stays as it comes, after all else.
    return (descending, 0, value) if isinstance(value, int | float) else (descending, 2, 0)

"""The filters that templates may use: a fixed list, each a plain function of values.

Null goes through: a filter that reads a list or a mapping takes null as an empty one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any


def get(value: Any, name: str) -> Any:
    """Read a field; null when the field, or what holds it, is missing."""
    if value is None:
        return None
    if isinstance(value, dict):
        return value.get(name)
    raise TypeError(f'"{name}" is read from something that has no fields')


def item(value: Any, key: Any) -> Any:
    """Read an entry of a list by position or of a mapping by key; null when there is none."""
    if isinstance(value, list) and isinstance(key, int):
        return value[key] if -len(value) <= key < len(value) else None
    return get(value, key)


def text(value: Any) -> str:
    """Write a value inside a text; null is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError("a list or a mapping can't stand inside a text")


def attributes(values: Iterable[Any] | None, *, attribute: str) -> list[Any]:
    """Take one field of every entry: ``records | map(attribute='id')``."""
    return [get(value, attribute) for value in values or ()]


def select(values: Iterable[Any] | None) -> list[Any]:
    """Keep the entries that are not empty, null, zero or false."""
    return [value for value in values or () if value]


def join(values: Iterable[Any] | None, separator: str = "") -> str:
    """Write the entries one after another with a separator between."""
    return separator.join(text(value) for value in values or ())


def default(value: Any, other: Any) -> Any:
    """Give the value, or the other one when it is null."""
    return other if value is None else value


def pluck(values: Mapping[str, Any] | None, name: str) -> dict[str, Any]:
    """Take one field of every value of a mapping: {key: {name: x, …}} becomes {key: x}."""
    return {key: get(value, name) for key, value in (values or {}).items()}


def integers(values: Iterable[int | str] | None) -> list[int] | None:
    """Read every entry as an integer; null stays null."""
    return None if values is None else [int(value) for value in values]


def common(values: Iterable[Any] | None, others: Iterable[Any] | None) -> list[Any] | None:
    """Keep the entries that both lists hold; null means no restriction, on either side."""
    if values is None or others is None:
        return list(others) if others is not None else list(values) if values is not None else None
    kept = set(others)
    return [value for value in values if value in kept]


def length(values: Any) -> int:
    """Count the entries."""
    return len(values or ())


def lower(value: str | None) -> str | None:
    """Write a text in lower case; null stays null."""
    return None if value is None else value.lower()


def day(value: str | None) -> str | None:
    """Take the date of an ISO 8601 date or date-time, as YYYY-MM-DD; null for null and for what is neither."""
    try:
        return None if value is None else datetime.fromisoformat(value).date().isoformat()
    except ValueError:
        return None


def unique(values: Iterable[Any] | None) -> list[Any]:
    """Drop entries that stood before."""
    return list(dict.fromkeys(values or ()))


def matching(values: Iterable[Any] | None, text_wanted: str, *, attribute: str) -> list[Any]:
    """Keep the entries whose field is this text, ignoring case."""
    return [each for each in values or () if text(get(each, attribute)).casefold() == text_wanted.casefold()]


def having(values: Iterable[Any] | None, wanted: Any, *, attribute: str) -> list[Any]:
    """Keep the entries whose field is this value."""
    return [each for each in values or () if get(each, attribute) == wanted]


def present(values: Iterable[Any] | None, *, attribute: str) -> list[Any]:
    """Keep the entries whose field is not null."""
    return [each for each in values or () if get(each, attribute) is not None]


def numbered(values: Iterable[Any] | None, before: str, after: str = "") -> list[str]:
    """Name the entries by their place, from 0, with a text before and after the number."""
    return [f"{before}{index}{after}" for index, _ in enumerate(values or ())]


def number(value: Any) -> int | float | None:
    """Read a number, or the text of one; anything else is null, and so is what JSON can't hold."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,300}(\.[0-9]+)?", value):
        return None
    read = float(value) if "." in value else int(value)
    return read if isinstance(read, float) or -(2**63) <= read < 2**63 else None


def boolean(value: Any) -> bool | None:
    """Read a boolean, or the text of one (true, false, yes, no, in any case); anything else is null."""
    words = {"true": True, "yes": True, "false": False, "no": False}
    return words.get(value.lower()) if isinstance(value, str) else value if isinstance(value, bool) else None


def decodes(value: str) -> bool:
    """Tell whether a text holds any base64 at all, read leniently: what is no base64 in it is passed over."""
    return len(re.sub(r"[^A-Za-z0-9+/_-]", "", value)) > 1


def page(values: Iterable[Any] | None, number: int, size: int) -> list[Any]:
    """Take page `number`, from 1, of a list that was read whole."""
    return list(values or ())[(number - 1) * size : number * size]


def tree(values: Iterable[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """Nest entries {id, parent_id, …} into {id, …, children: […]}, and give those at the top.

    An entry whose parent is not in the list is at the top; so is the first entry of parents that form a circle.
    """
    entries = list(values or ())
    parents = {each["id"]: each["parent_id"] for each in entries}
    nodes = {each["id"]: {**{key: each[key] for key in each if key != "parent_id"}, "children": []} for each in entries}
    top: list[dict[str, Any]] = []
    for each in entries:
        parent = parents[each["id"]]
        if parent not in nodes or _leads_to(parents, parent, each["id"]):
            parents[each["id"]] = None
            top.append(nodes[each["id"]])
        else:
            nodes[parent]["children"].append(nodes[each["id"]])
    return top


def _leads_to(parents: Mapping[Any, Any], start: Any, wanted: Any) -> bool:
    seen: set[Any] = set()
    while start in parents and start not in seen:
        if start == wanted:
            return True
        seen.add(start)
        start = parents[start]
    return False


FILTERS: dict[str, Callable[..., Any]] = {
    "boolean": boolean,
    "common": common,
    "day": day,
    "decodes": decodes,
    "default": default,
    "having": having,
    "integers": integers,
    "join": join,
    "length": length,
    "lower": lower,
    "map": attributes,
    "matching": matching,
    "number": number,
    "numbered": numbered,
    "page": page,
    "pluck": pluck,
    "present": present,
    "select": select,
    "tree": tree,
    "unique": unique,
}

# Filters that give entries of the list they are given, as they are: what is read of these is read of that list.
KEEPING = frozenset({"having", "matching", "page", "present", "select", "unique"})

"""The filters that templates may use: a fixed list, each a plain function of values.

Null goes through: a filter that reads a list or a mapping takes null as an empty one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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


FILTERS: dict[str, Callable[..., Any]] = {
    "common": common,
    "default": default,
    "integers": integers,
    "join": join,
    "map": attributes,
    "pluck": pluck,
    "select": select,
}

"""Reads what somebody declares, in Python, as text or over HTTP: a flat record, each of its keys checked."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a record: what it takes, in words and as a test, and what holds without it (or with null)."""

    expected: str
    fits: Callable[[Any], bool]
    default: Any = None
    required: bool = False


def whole(noun: str, low: int, default: int | None = None) -> Key:
    """A key for a whole number from `low`; True is none."""
    return Key(f"a whole number of {noun} from {low}", lambda value: type(value) is int and value >= low, default)


def seconds(default: float | None = None) -> Key:
    """A key for a time; it is required when there is no default."""
    return Key("a number of seconds from 0", _is_time, default, default is None)


def flag() -> Key:
    """A key that is true or false, which is the default."""
    return Key("true or false", lambda value: isinstance(value, bool), False)


def text(noun: str, default: str | None = None) -> Key:
    """A key for a text that fits into a header."""
    return Key(noun, is_line, default)


def is_line(value: Any) -> bool:
    """Whether a value is a text of plain characters, and not empty."""
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable()


def read(what: str, keys: Mapping[str, Key], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every key with its value, given or default. Raises ValueError that says what is wrong and what would do."""
    for name in given:
        if name not in keys:
            raise ValueError(f'there is no key "{name}" in {what}; its keys are {", ".join(keys)}')
    return {name: _value(what, name, key, given.get(name)) for name, key in keys.items()}


def records(declaration: str) -> list[Any]:
    """The records in a text: a JSON object, a JSON list of them, or a line of `key=value key=value` for each.

    On a line, a value is JSON without blanks or else text, `headers.retry-after=2` fills an object, and `#` starts a
    comment line. Raises ValueError when it is none of these, or nothing.
    """
    found = _json(declaration) if declaration.lstrip().startswith(("{", "[")) else _lines(declaration)
    if not found:
        raise ValueError("there is no fault in this text; write for example kind=delay seconds=2, or a JSON object")
    return found


def _json(declaration: str) -> list[Any]:
    try:
        found = json.loads(declaration)
    except ValueError as error:
        raise ValueError(f"this is not JSON: {error}") from None
    return found if isinstance(found, list) else [found]


def _lines(declaration: str) -> list[Any]:
    lines = [line.strip() for line in declaration.splitlines()]
    return [_line(line) for line in lines if line and not line.startswith("#")]


def _value(what: str, name: str, key: Key, value: Any) -> Any:
    if value is None and key.required:
        raise ValueError(f'{what} needs "{name}": {key.expected}')
    if value is None:
        return key.default
    if not key.fits(value):
        raise ValueError(f'"{name}" of {what} must be {key.expected}, not {_shown(value)}')
    return value


def _line(line: str) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for word in line.split():
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise ValueError(f'"{word}" is not key=value; write for example kind=delay seconds=2, or a JSON object')
        *outer, last = name.split(".", 1)
        place = record.setdefault(outer[0], {}) if outer else record
        if not isinstance(place, dict):
            raise ValueError(f'"{outer[0]}" has a value already, so "{name}" has no place')
        place[last] = _parsed(value)
    return record


def _parsed(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _shown(value: Any) -> str:
    shown = json.dumps(value, default=repr)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < float("inf")

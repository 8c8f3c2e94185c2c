"""What differs between the reference and what was found, in a few lines."""

from collections.abc import Iterator
from typing import Any


def differences(wanted: Any, found: Any, path: str = "") -> Iterator[str]:
    """Each difference as `path: wanted …, found …`; bool and int are different things."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in wanted.keys() | found.keys():
            if key not in found:
                yield f"{path}/{key}: wanted {short(wanted[key])}, is missing"
            elif key not in wanted:
                yield f"{path}/{key}: found {short(found[key])}, not wanted"
            else:
                yield from differences(wanted[key], found[key], f"{path}/{key}")
    elif isinstance(wanted, list) and isinstance(found, list):
        if _keys(wanted) != _keys(found):
            yield f"{path}: wanted {short(_keys(wanted), 400)}, found {short(_keys(found), 400)}"
            return
        for index, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from differences(one, other, f"{path}/{index}")
    elif type(wanted) is not type(found) or wanted != found:
        yield f"{path}: wanted {short(wanted)}, found {short(found)}"


def _keys(values: list[Any]) -> list[Any]:
    """What tells whether lists hold the same in the same order: ids where there are, else plain values or places."""
    if all(isinstance(each, dict) and "id" in each for each in values):
        return [each["id"] for each in values]
    return [number if isinstance(each, dict | list) else each for number, each in enumerate(values)]


def short(value: Any, most: int = 100) -> str:
    """A value's text, cut."""
    text = repr(value)
    return text if len(text) <= most else text[:most] + "…"

"""Checks a request body against its shape in `bodies.json`, in the API's own words.

The shapes are JSON Schema, closed everywhere, with four words of our own: `references` (the id must be a
row of that list), `option_of` (the id must be an option of the custom field of that key), `exactly_one` (of
these keys), and `one_of` (shapes by the key that gives each away; without any such key the first is meant).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..catalog import read_data
from ..database import Database
from ..moments import as_moment, is_date
from ..wire import unprocessable

BODIES: Mapping[str, Any] = read_data("bodies.json")
Shape = Mapping[str, Any]
Error = str | dict[str, str]

TYPES: Mapping[str, type] = {"string": str, "boolean": bool, "array": list, "object": dict}


def check_body(database: Database, operation: str, body: object) -> None:
    """`operation` is e.g. `POST notes`. Raises ApiError 422 that lists everything wrong with the body."""
    errors = list(_Checker(database).errors(BODIES[operation], body, ""))
    if errors:
        raise unprocessable(errors)


def disallowed(path: str) -> str:
    return f"object property at `{path}` is a disallowed additional property"


def lacking(place: str, names: Sequence[str]) -> str:
    return f"object at {place} is missing required properties: {', '.join(names)}"


class _Checker:
    """Walks a body; `path` names the value with slashes, the root is empty."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def errors(self, shape: Shape, value: Any, path: str) -> Iterator[Error]:
        if "$ref" in shape:
            shape = BODIES["$defs"][shape["$ref"]]
        if "one_of" in shape:
            shapes: Mapping[str, Shape] = shape["one_of"]
            keys = value if isinstance(value, dict) else {}
            shape = next((shapes[key] for key in shapes if key in keys), next(iter(shapes.values())))
        type_ = shape.get("type")
        if type_ and not _is(type_, value):
            yield _named(path, f"is not of type: {type_}")
        elif type_ == "object":
            yield from self._object(shape, value, path)
        elif type_ == "array":
            for position, item in enumerate(value):
                yield from self.errors(shape["items"], item, f"{path}/{position}")
        elif problem := _problem(shape, value) or self._missing_row(shape, value):
            yield _named(path, problem)

    def _object(self, shape: Shape, value: dict[str, Any], path: str) -> Iterator[Error]:
        known: Mapping[str, Shape] = shape["properties"]
        place = f"`{path}`" if path else "root"
        missing = [name for name in shape["required"] if name not in value]
        if missing:
            yield lacking(place, missing)
        alternatives = shape.get("exactly_one", ())
        if alternatives and sum(name in value for name in alternatives) != 1:
            yield f"object at {place} must have exactly one of: {', '.join(alternatives)}"
        for name, item in value.items():
            if name in known:
                yield from self.errors(known[name], item, f"{path}/{name}")
            else:
                yield disallowed(f"{path}/{name}")

    def _missing_row(self, shape: Shape, value: Any) -> str | None:
        if "references" in shape and self._database.get(shape["references"], value) is None:
            return f"`{value}` was not found in {shape['references']}"
        if "option_of" in shape:
            option = self._database.get("custom_field_options", value)
            field = option and self._database.get("custom_fields", option["custom_field_id"])
            if not field or field["name_key"] != shape["option_of"]:
                return f"`{value}` is not an option of {shape['option_of']}"
        return None


def _is(type_: str, value: Any) -> bool:
    """A boolean is an int in Python, and no integer on the wire; integers have 64 bits."""
    if type_ == "integer":
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    return isinstance(value, TYPES[type_])


def _problem(shape: Shape, value: Any) -> str | None:
    """What is wrong with a scalar, or None."""
    if "enum" in shape and value not in shape["enum"]:
        return f"`{value}` is not one of: {', '.join(map(str, shape['enum']))}"
    if "maxLength" in shape and len(value) > shape["maxLength"]:
        return f"string length is greater than: {shape['maxLength']}"
    if "minimum" in shape and not shape["minimum"] <= value <= shape["maximum"]:
        return f"`{value}` is not between {shape['minimum']} and {shape['maximum']}"
    if "pattern" in shape and not re.search(shape["pattern"], value):
        return f"does not match pattern: {shape['pattern']}"
    if "format" in shape and not _FORMATS[shape["format"]](value):
        return f"does not match format: {shape['format']}"
    return None


def _is_base64(text: str) -> bool:
    """Lenient as the API's decoder: characters outside the alphabet do not count, two others are enough."""
    return len(re.sub(r"[^A-Za-z0-9+/_-]", "", text)) > 1


_FORMATS = {"date": is_date, "date-time": lambda text: as_moment(text) is not None, "base64": _is_base64}


def _named(path: str, problem: str) -> Error:
    """The documented form: one key that names the value."""
    return {path.removeprefix("/"): problem} if path else f"object at root {problem}"

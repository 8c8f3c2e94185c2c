"""Makes an input ready: what counts as absent is dropped, defaults are filled in, every violation is found."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from .errors import InputProblem, InvalidInput
from .schemas import Schema, Validator, a_type, follow, type_name

# So many problems of an input are told; more would help nobody.
_MOST = 100
# Bits of an integer: no schema is asked about a longer one, which Python itself may refuse to write.
_LONGEST = 4096


class InputCheck:
    """The check of one operation's inputs against its self-contained input schema."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._validator = Validator(schema)

    def ready(self, given: Any) -> dict[str, Any]:
        """Give the input as templates see it. Raises InvalidInput with every violation, or the first of very many."""
        if not isinstance(given, Mapping):
            raise InvalidInput(f"the input must be an object, got {a_type(type_name(given))}")
        error = InvalidInput("the input is not plain JSON data")
        # Raised outside the block: the error that was caught holds what was given.
        with suppress(TypeError, ValueError, RecursionError):
            value = _ready(self._schema, self._schema, dict(given))
            if self._validator.accepts(value):
                return _with_defaults(self._schema, value)
            problems = [InputProblem(each.path, each.message) for each in self._validator.violations(value, _MOST)]
            many = f"{len(problems)} problems{' or more' if len(problems) == _MOST else ''}"
            error = InvalidInput(f"the input has {'a problem' if len(problems) == 1 else many}", errors=problems)
        raise error


def _ready(root: Schema, schema: Schema, value: Any) -> Any:
    schema = follow(root, schema)
    if isinstance(value, dict) and "properties" in schema:
        known, required = schema["properties"], schema.get("required", ())
        return {
            key: _ready(root, known[key], each) if key in known else each
            for key, each in value.items()
            if not (each is None or each == "") or key in required or key not in known
        }
    if isinstance(value, list | tuple) and "items" in schema:
        return [_ready(root, schema["items"], each) for each in value]
    if isinstance(value, str):
        value.encode()  # half a character raises UnicodeEncodeError, which is a ValueError
        return value.lower() if schema.get("x-ignore-case") else value
    if isinstance(value, int) and value.bit_length() > _LONGEST:
        raise ValueError
    if isinstance(value, float) and schema.get("type") == "integer" and value.is_integer():
        return int(value)
    return value


def _with_defaults(schema: Schema, value: dict[str, Any]) -> dict[str, Any]:
    defaults = {key: follow(schema, each) for key, each in schema.get("properties", {}).items()}
    return {**{key: each["default"] for key, each in defaults.items() if "default" in each}, **value}

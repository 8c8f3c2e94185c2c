"""The only door to jsonschema-rs: JSON Schema 2020-12, checked without a network, reported without values."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema_rs

from .moments import is_day, is_moment
from .problems import did_you_mean, listed
from .source import Pointer

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_FORMATS = {"date-time": is_moment, "date": is_day}
_ARTICLES = {"integer": "an integer", "object": "an object", "array": "a list", "null": "null"}


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: the place in the instance, the JSON Schema keyword, what is wrong without any value.

    `key` says that the mistake is the key itself (it is unknown), `known` which keys or values were allowed.
    """

    pointer: Pointer
    keyword: str
    message: str
    known: tuple[str, ...] = ()
    key: bool = False

    @property
    def path(self) -> str:
        """The place as a JSON pointer (RFC 6901)."""
        return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in self.pointer)

    @property
    def suggestion(self) -> str:
        """The nearest allowed name, where the mistake looks like a slip."""
        return did_you_mean(str(self.pointer[-1]), self.known) if self.key else ""


class Validator:
    """A compiled schema: fast yes or no, and every violation when the answer is no."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._compiled = jsonschema_rs.validator_for(
            schema, formats=_FORMATS, validate_formats=True, ignore_unknown_formats=True, offline=True
        )

    def accepts(self, instance: Any) -> bool:
        """Tell whether the instance satisfies the schema."""
        return self._compiled.is_valid(instance)

    def violations(self, instance: Any) -> list[Violation]:
        """Give every violation once, in the order of their places."""
        found: dict[Violation, None] = {}
        for error in self._compiled.iter_errors(instance):
            found.update(dict.fromkeys(self._explain(error, instance)))
        return sorted(found, key=lambda each: [str(part) for part in each.pointer])

    def _explain(self, error: jsonschema_rs.ValidationError, instance: Any) -> Iterator[Violation]:
        pointer: Pointer = tuple(error.instance_path)
        kind, value = error.kind.name, error.kind.value
        if kind == "required":
            yield Violation((*pointer, str(value)), kind, "is required", (str(value),))
        elif kind in ("additionalProperties", "unevaluatedProperties"):
            known = self._known_keys(list(error.schema_path)[:-1])
            for name in value:
                hint = did_you_mean(name, known) or f"known are {listed(known)}"
                yield Violation((*pointer, name), kind, f"is not known; {hint}", tuple(known), key=True)
        elif kind in ("anyOf", "oneOf") and (branch := _nearest(error.kind.context, pointer)):
            for inner in branch:
                yield from self._explain(inner, instance)
        else:
            yield Violation(pointer, kind, _sentence(kind, value, _at(instance, pointer)), _options(kind, value))

    def _known_keys(self, path: list[str | int]) -> list[str]:
        node: Any = self._schema
        for part in path:
            while isinstance(node, dict) and part not in node and "$ref" in node:
                node = follow(self._schema, node)
            node = node[part]
        while isinstance(node, dict) and "$ref" in node and "properties" not in node:
            node = follow(self._schema, node)
        return sorted(node.get("properties", {}))


def follow(root: Schema, node: Schema) -> Schema:
    """Resolve a chain of local ``#/$defs/...`` references in a self-contained schema."""
    while isinstance(node.get("$ref"), str):
        node = root["$defs"][node["$ref"].removeprefix("#/$defs/")]
    return node


def _nearest(context: list[list[Any]], pointer: Pointer) -> list[Any]:
    # The branch meant is the one whose faults lie deepest; a branch of another type fails at the value itself.
    deeper = [branch for branch in context if all(len(each.instance_path) > len(pointer) for each in branch)]
    return min(deeper, key=len) if len(deeper) == 1 else []


def _at(instance: Any, pointer: Pointer) -> Any:
    for part in pointer:
        instance = instance[part]
    return instance


def _options(kind: str, value: Any) -> tuple[str, ...]:
    return tuple(str(each) for each in value if each is not None) if kind == "enum" else ()


def _sentence(kind: str, value: Any, found: Any) -> str:
    match kind:
        case "type":
            wanted = " or ".join(_article(name) for name in sorted(value, key=lambda name: name == "null"))
            return f"must be {wanted}, got {_article(type_name(found))}"
        case "enum":
            return f"must be one of {', '.join(quoted(each) for each in value)}"
        case "const":
            return f"must be {quoted(value)}"
        case "minimum" | "maximum":
            return f"must be at {'least' if kind == 'minimum' else 'most'} {value}"
        case "minLength":
            return "must not be empty" if value == 1 else f"must have at least {value} characters"
        case "maxLength":
            return f"must have at most {value} characters"
        case "minItems" | "minProperties":
            return "must not be empty" if value == 1 else f"must have at least {value} entries"
        case "maxItems" | "maxProperties":
            return f"must have at most {value} entr{'y' if value == 1 else 'ies'}"
        case "uniqueItems":
            return "must not hold the same entry twice"
        case "pattern":
            return f"must match {value}"
        case "format":
            example = {"date": "2024-03-01", "date-time": "2024-03-01T09:00:00Z"}.get(value, "")
            return f"must be an ISO 8601 {value}, such as {example}" if example else f"must be a valid {value}"
        case _:
            return f"fits none of the allowed forms ({kind})"


def _article(name: str) -> str:
    return _ARTICLES.get(name, f"a {name}")


def quoted(value: Any) -> str:
    """Write a schema's constant in a sentence."""
    return f'"{value}"' if isinstance(value, str) else {"None": "null"}.get(str(value), str(value).lower())


def type_name(value: Any) -> str:
    """Name a value's JSON type."""
    if value is None:
        return "null"
    names: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")


@cache
def metaschema() -> Validator:
    """Give the validator of JSON Schema 2020-12 itself."""
    return Validator({"$ref": DIALECT})


def references(node: Any, pointer: Pointer = ()) -> Iterator[tuple[Pointer, str]]:
    """Find every ``$ref`` below a node."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield (*pointer, key), value
            else:
                yield from references(value, (*pointer, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from references(value, (*pointer, index))


def target(base: str, reference: str) -> tuple[str, Pointer]:
    """Split a reference found in the file `base` into the file and the pointer it means."""
    path, _, fragment = reference.partition("#")
    name = posixpath.normpath(posixpath.join(posixpath.dirname(base), path)) if path else base
    return name, tuple(part.replace("~1", "/").replace("~0", "~") for part in fragment.split("/")[1:])


def resolve(files: Mapping[str, Any], base: str, reference: str) -> Any:
    """Give the schema that a reference in the file `base` means; LookupError when there is none."""
    name, pointer = target(base, reference)
    node = files[name]
    for part in pointer:
        node = node[int(part)] if isinstance(node, list) else node[part]
    return node


def bundled(files: Mapping[str, Any], name: str) -> Schema:
    """Make a schema self-contained: every file it refers to becomes an entry of its ``$defs``."""
    defs: Schema = {}

    def inlined(node: Any, base: str) -> Any:
        if isinstance(node, list):
            return [inlined(each, base) for each in node]
        if not isinstance(node, dict):
            return node
        copy = {key: inlined(value, base) for key, value in node.items() if key not in ("$ref", "$defs")}
        if isinstance(node.get("$ref"), str):
            copy["$ref"] = f"#/$defs/{definition(base, node['$ref'])}"
        return copy

    def definition(base: str, reference: str) -> str:
        file, pointer = target(base, reference)
        key = ".".join([file.removeprefix("schemas/").removesuffix(".json").replace("/", "."), *map(str, pointer)])
        if key not in defs:
            defs[key] = {}
            defs[key] = inlined(resolve(files, base, reference), file)
            defs[key].pop("$schema", None)
        return key

    schema: Schema = inlined(files[name], name)
    return {**schema, "$defs": defs} if defs else schema

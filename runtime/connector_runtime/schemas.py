"""The only door to jsonschema-rs: JSON Schema 2020-12, checked without a network, reported without values."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, islice
from typing import Any

import jsonschema_rs

from .moments import is_day, is_moment
from .places import Pointer
from .problems import count, did_you_mean, listed

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_FORMATS = {"date-time": is_moment, "date": is_day}
_ARTICLES = {"integer": "an integer", "object": "an object", "array": "a list", "null": "null"}
_CLOSED = ("additionalProperties", "unevaluatedProperties")
_OF_KEYS = (*_CLOSED, "required", "dependentRequired", "propertyNames")
_BOUNDS = {
    "minimum": ("at least", ""),
    "maximum": ("at most", ""),
    "exclusiveMinimum": ("more than", ""),
    "exclusiveMaximum": ("less than", ""),
    "minLength": ("at least", "character"),
    "maxLength": ("at most", "character"),
    "minItems": ("at least", "entry"),
    "maxItems": ("at most", "entry"),
    "minProperties": ("at least", "entry"),
    "maxProperties": ("at most", "entry"),
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: the place in the instance, the JSON Schema keyword, what is wrong without any value.

    `known` are the names or values that would have been right, `about` says more about what is wanted.
    """

    pointer: Pointer
    keyword: str
    message: str
    known: tuple[str, ...] = ()
    about: str = ""

    @property
    def path(self) -> str:
        """The place as a JSON pointer (RFC 6901)."""
        return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in self.pointer)

    @property
    def is_unknown_key(self) -> bool:
        """Whether the mistake is the key itself."""
        return self.keyword in _CLOSED

    @property
    def mapping(self) -> Pointer:
        """The place of the mapping whose keys are not as they should be."""
        return self.pointer[:-1] if self.keyword in _OF_KEYS else self.pointer


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

    def violations(self, instance: Any, most: int | None = None) -> list[Violation]:
        """Give every violation once, or `most` of them, in the order of their places."""
        explained = (self._explain(error, instance) for error in self._compiled.iter_errors(instance))
        found = dict.fromkeys(islice(chain.from_iterable(explained), most))
        # A value of another type can't be chosen a form for: that it has the wrong type says it all.
        wrong = {each.pointer for each in found if each.keyword == "type"}
        told = [each for each in found if each.keyword not in ("anyOf", "oneOf") or each.pointer not in wrong]
        return sorted(told, key=lambda each: [(isinstance(part, str), part) for part in each.pointer])

    def _explain(self, error: jsonschema_rs.ValidationError, instance: Any) -> Iterator[Violation]:
        pointer = _pointer(error, instance)
        kind, value = error.kind.name, error.kind.value
        place = list(error.schema_path)
        if kind == "falseSchema" and place[-1:] == ["additionalProperties"]:
            kind, value = "additionalProperties", [*_at(instance, pointer)]  # closed, and no key is known at all
        node = self._node(place[:-1])
        if kind == "required":
            yield _missing(pointer, str(value), str(place[-1]), node, _at(instance, pointer))
        elif kind in _CLOSED:
            known = sorted(node.get("properties", {}))
            for name in value:
                hint = did_you_mean(name, known) or f"known are {listed(known)}"
                yield Violation((*pointer, name), kind, f"is not known; {hint}", tuple(known))
        elif kind == "propertyNames":
            for inner in self._explain(value, instance):
                yield replace(inner, pointer=(*pointer, str(value.instance)), keyword=kind)
        elif kind in ("anyOf", "oneOf"):
            yield from self._choose(kind, value, node, pointer, instance)
        else:
            sentence = _sentence(kind, value, _at(instance, pointer), node)
            yield Violation(pointer, kind, sentence, _options(kind, value))

    def _choose(
        self, kind: str, branches: list[list[Any]], node: Schema, pointer: Pointer, instance: Any
    ) -> Iterator[Violation]:
        """Explain why no branch fits, or more than one; branches that differ in one point are told in one sentence."""
        found = _at(instance, pointer)
        if not all(branches):
            keys = found if isinstance(found, dict) else {}
            names = [name for each in node.get(kind, ()) for name in each.get("required", ()) if name in keys]
            what = f"takes only one of {_these(names, 'and')}" if names else "fits more than one of the allowed forms"
            yield Violation(pointer, kind, what)
        elif all(each.kind.name == "required" and each.instance_path == list(pointer) for b in branches for each in b):
            wanted = [[str(each.kind.value) for each in branch] for branch in branches]
            known = tuple(name for names in wanted for name in names)
            yield Violation(pointer, kind, f"needs {', or '.join(_these(names, 'and') for names in wanted)}", known)
        elif not (right := [branch for branch in branches if not _of_another_type(branch, pointer)]):
            types = {name for branch in branches for each in branch for name in each.kind.value}
            yield Violation(pointer, "type", _sentence("type", sorted(types), found, {}))
        elif (branch := _nearest(right, pointer)) is None:
            yield Violation(pointer, kind, "fits none of the allowed forms")
        else:
            for inner in branch:
                yield from self._explain(inner, instance)

    def _node(self, path: list[str | int]) -> Schema:
        """Give the schema at a path; {} when it lies in a schema of the library's own, such as the meta-schema."""
        node: Any = self._schema
        with suppress(LookupError, TypeError):
            for part in path:
                node = node[part]
            return node if isinstance(node, dict) else {}
        return {}


def follow(root: Schema, node: Schema | bool) -> Schema:
    """Resolve a chain of local ``#/$defs/...`` references in a self-contained schema; {} where it never ends."""
    seen: set[str] = set()
    while isinstance(node, dict) and isinstance(node.get("$ref"), str):
        key = node["$ref"].removeprefix("#/$defs/")
        node = {} if key in seen else root["$defs"][key]
        seen.add(key)
    return node if isinstance(node, dict) else {}


def _pointer(error: jsonschema_rs.ValidationError, instance: Any) -> Pointer:
    """Give the place of an error. The library leaves empty keys out, and takes a key of digits for a number."""
    pointer: list[str | int] = []
    for part in error.instance_path:
        while isinstance(instance, dict) and (key := _key(instance, part)) == "":
            pointer, instance = [*pointer, key], instance[key]
        step = _key(instance, part) if isinstance(instance, dict) else part
        pointer, instance = [*pointer, step], instance[step]
    while isinstance(instance, dict) and "" in instance and instance != error.instance:
        pointer, instance = [*pointer, ""], instance[""]
    return tuple(pointer)


def _key(mapping: Mapping[str, Any], part: str | int) -> str:
    if str(part) in mapping:
        return str(part)
    digits = str(part).lstrip("0")
    return next((key for key in mapping if isinstance(part, int) and key and key.lstrip("+0") == digits), "")


def _missing(pointer: Pointer, name: str, keyword: str, node: Schema, found: Any) -> Violation:
    needing = [key for key, names in node.get("dependentRequired", {}).items() if name in names and key in found]
    if keyword != "dependentRequired" or not needing:
        about = node.get("properties", {}).get(name, {}).get("description", "")
        return Violation((*pointer, name), "required", "is required", (name,), about)
    sentence, about = f'is required beside "{needing[0]}"', f'"{needing[0]}" needs it'
    return Violation((*pointer, name), keyword, sentence, (name,), about)


def _of_another_type(branch: list[Any], pointer: Pointer) -> bool:
    return any(each.kind.name == "type" and each.instance_path == list(pointer) for each in branch)


def _nearest(branches: list[list[Any]], pointer: Pointer) -> list[Any] | None:
    # Where several branches are of the right type, the one meant is the one whose faults lie deepest.
    deeper = [branch for branch in branches if all(len(each.instance_path) > len(pointer) for each in branch)]
    chosen = branches if len(branches) == 1 else deeper
    return chosen[0] if len(chosen) == 1 else None


def _these(names: Sequence[str], word: str) -> str:
    return f" {word} ".join(f'"{name}"' for name in names)


def _at(instance: Any, pointer: Pointer) -> Any:
    for part in pointer:
        instance = instance[part]
    return instance


def _options(kind: str, value: Any) -> tuple[str, ...]:
    known = value if kind == "enum" else [value] if kind == "pattern" else []
    return tuple(str(each) for each in known if each is not None)


def _sentence(kind: str, value: Any, found: Any, node: Schema) -> str:
    match kind:
        case "type":
            wanted = " or ".join(a_type(name) for name in sorted(value, key=lambda name: name == "null"))
            return f"must be {wanted}, got {a_type(type_name(found))}"
        case "enum":
            return f"must be one of {', '.join(quoted(each) for each in value)}"
        case "const":
            return f"must be {quoted(value)}"
        case "pattern":
            examples = node.get("examples", ())
            return f"must look like {examples[0]}" if examples else f"must match {value}"
        case "format":
            example = {"date": "2024-03-01", "date-time": "2024-03-01T09:00:00Z"}.get(value, "")
            return f"must be an ISO 8601 {value}, such as {example}" if example else f"must be a valid {value}"
        case "uniqueItems":
            return "must not hold the same entry twice"
        case "multipleOf":
            return f"must be a multiple of {value}"
        case "falseSchema":
            return "is not allowed here"
        case _ if kind in _BOUNDS:
            return _bound(kind, value)
        case _:
            return "does not fit what is declared"


def _bound(kind: str, value: Any) -> str:
    relation, noun = _BOUNDS[kind]
    if relation == "at least" and value == 1 and noun:
        return "must not be empty"
    return f"must have {relation} {count(value, noun)}" if noun else f"must be {relation} {value}"


def a_type(name: str) -> str:
    """Write the name of a JSON type with its article."""
    return _ARTICLES.get(name, f"a {name}")


def quoted(value: Any) -> str:
    """Write a schema's constant in a sentence."""
    return f'"{value}"' if isinstance(value, str) else {"None": "null"}.get(str(value), str(value).lower())


def type_name(value: Any) -> str:
    """Name a value's JSON type."""
    if value is None:
        return "null"
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), type(value).__name__)


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


def is_endless(files: Mapping[str, Any], base: str, pointer: Pointer, reference: str) -> bool:
    """Tell whether the reference at a place leads to nothing but further references, and back to that place."""
    here = (base, tuple(map(str, pointer)))
    seen: set[tuple[str, Pointer]] = set()
    while (at := target(base, reference)) not in seen:
        seen.add(at)
        node = resolve(files, base, reference)
        if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
            return False
        base, reference = at[0], node["$ref"]
    return here in seen


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

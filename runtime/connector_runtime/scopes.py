"""What the names in a template mean, as far as the schemas tell: used to check templates before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .problems import did_you_mean, listed
from .schemas import Schema, a_type, follow
from .templates import Path, Template, TemplateProblem


@dataclass(frozen=True, slots=True)
class Kind:
    """The kind of a value: a node of a self-contained schema; no schema means anything."""

    schema: Schema | None = None
    root: Schema | None = None
    origin: str = ""

    @classmethod
    def of(cls, schema: Schema, origin: str) -> Kind:
        """The kind that a whole schema describes; `origin` names it to the reader of a message."""
        return cls(schema, schema, origin)

    def fields(self) -> dict[str, Any] | None:
        """The fields a value of this kind may have; None when that is not known."""
        if self.schema is None or self.root is None:
            return None
        node = follow(self.root, self.schema)
        branches = [follow(self.root, each) for key in ("anyOf", "oneOf") for each in node.get(key, ())]
        found = [each["properties"] for each in (node, *branches) if "properties" in each]
        if not found and node.get("type") in ("object", ["object", "null"]):
            return None
        if not found and not node.get("type") and not branches:
            return None
        return {name: child for properties in found for name, child in properties.items()}

    def types(self) -> set[str]:
        """The JSON types that a value of this kind may have, null aside; none when that is not known."""
        if self.schema is None or self.root is None:
            return set()
        node = follow(self.root, self.schema)
        branches = [follow(self.root, each) for key in ("anyOf", "oneOf") for each in node.get(key, ())]
        stated = [each.get("type") for each in ([node] if "type" in node else branches)]
        found = {name for each in stated for name in ([each] if isinstance(each, str) else each or ())}
        return found - {"null"} if all(stated) else set()

    @property
    def described(self) -> str:
        """The types in words."""
        return " or ".join(a_type(name) for name in sorted(self.types()))

    @property
    def has_no_order(self) -> bool:
        """Whether values of this kind can't be told which comes first."""
        return set() < self.types() <= {"array", "object"}

    def required(self) -> list[str]:
        """The fields that a value of this kind always has."""
        if self.schema is None or self.root is None:
            return []
        found: list[str] = follow(self.root, self.schema).get("required", [])
        return found

    def field(self, name: str) -> Kind | None:
        """The kind of a field; None when there is no such field."""
        fields = self.fields()
        if fields is None:
            return Kind()
        return Kind(fields[name], self.root, self.origin) if name in fields else None

    def entries(self) -> Kind:
        """The kind of a list's entries."""
        if self.schema is None or self.root is None:
            return Kind()
        items = follow(self.root, self.schema).get("items")
        return Kind(items, self.root, self.origin) if isinstance(items, dict) else Kind()


@dataclass(frozen=True, slots=True)
class Listed(Kind):
    """A list of values of a kind."""

    of_each: Kind = Kind()

    def types(self) -> set[str]:
        """The one type."""
        return {"array"}

    def entries(self) -> Kind:
        """The kind of the entries."""
        return self.of_each


@dataclass(frozen=True, slots=True)
class Later(Kind):
    """What there will be, but not yet where the template stands."""

    why: str = ""
    fix: str = ""


Scope = Mapping[str, Kind]


def check(template: Template, scope: Scope) -> list[TemplateProblem]:
    """Find every name in a template that its scope does not have, and what it compares without an order."""
    found = {path: _kind_at(path, scope) for path in (*template.paths, *template.compared)}
    problems = [each for each in found.values() if isinstance(each, TemplateProblem)]
    return problems + [
        _unordered(path, kind)
        for path in dict.fromkeys(template.compared)
        if isinstance(kind := found[path], Kind) and kind.has_no_order
    ]


def _unordered(path: Path, kind: Kind) -> TemplateProblem:
    what, fix = f'"{path}" can\'t be compared with <, <=, > or >=', "compare a field of it, or its | length"
    return TemplateProblem("no-order", what, f"it is {kind.described}", fix, str(path))


def _kind_at(path: Path, scope: Scope) -> Kind | TemplateProblem:
    first, *rest = path.parts
    kind = scope.get(first)
    if kind is None:
        known = [name for name, each in scope.items() if not isinstance(each, Later)]
        why = f"names here are {listed(known)}"
        return TemplateProblem("unknown-name", f'there is no "{first}" here', why, did_you_mean(first, known), first)
    if isinstance(kind, Later):
        return TemplateProblem("not-yet-known", f'"{first}" is not known here yet', kind.why, kind.fix, first)
    read = first
    for part in rest:
        if part == "[]":
            kind = kind.entries()
            continue
        inner = kind.field(part)
        if inner is None:
            fields = kind.fields() or {}
            hint = did_you_mean(part, fields)
            fix = hint.replace('"', f'"{read}.', 1) if hint else ""
            what = f'"{read}.{part}" does not exist'
            code = "unknown-input" if first == "input" else "unknown-field"
            owner = kind.origin if read == first and kind.origin else f'"{read}"'
            why = f"{owner} has {listed(fields)}" if fields else f"{owner} is a single value, without fields"
            return TemplateProblem(code, what, why, fix, str(path))
        read, kind = f"{read}.{part}", inner
    return kind

"""A connector's specs as read: every file parsed, held against the grammar, and ready to be looked up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources.abc import Traversable
from typing import Any

from .folder import MANIFEST, Folder, file_of, read_folder, read_grammar
from .grammar import Grammar, problem
from .problems import Problem
from .resources import Dialect, Resource
from .schemas import Schema, Validator, bundled, metaschema, references
from .scopes import Kind
from .source import Document
from .templates import is_template, parse

KINDS = ("operation", "object", "part", "body", "ddl")


@dataclass(frozen=True, slots=True)
class Spec:
    """One spec: the file's name, its document, and the part of its data that the grammar accepts."""

    name: str
    document: Document
    data: dict[str, Any]


@dataclass(slots=True)
class Specs:
    """Every spec of a connector by name, its API's resources, its schemas, and the problems met on the way."""

    folder: Folder
    manifest: Spec
    dialect: Dialect
    operations: dict[str, Spec] = field(default_factory=dict)
    objects: dict[str, Spec] = field(default_factory=dict)
    parts: dict[str, Spec] = field(default_factory=dict)
    bodies: dict[str, Spec] = field(default_factory=dict)
    ddls: dict[str, Spec] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)
    _schemas: dict[str, Schema | None] = field(default_factory=dict)

    def of_kind(self, kind: str) -> dict[str, Spec]:
        """Give the specs of a kind."""
        kinds = {"operation": self.operations, "object": self.objects, "ddl": self.ddls}
        return {**kinds, "part": self.parts, "body": self.bodies}[kind]

    def blocks(self, spec: Spec) -> list[Spec]:
        """Give an operation's own spec and the parts it includes."""
        return [spec, *(self.parts[name] for name in spec.data.get("include", ()) if name in self.parts)]

    def schema(self, file: str) -> Schema | None:
        """Give a schema file self-contained; None when it is missing, faulty, or refers to what is not there."""
        if file not in self._schemas:
            try:
                schema = bundled(self.folder.schemas, file)
                Validator(schema)
                self._schemas[file] = schema
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                self._schemas[file] = None
                self.faults[file] = (str(error).splitlines() or [type(error).__name__])[0]
        return self._schemas[file]

    def kind(self, file: str) -> Kind:
        """Give the kind that a schema file describes; anything when it is unusable."""
        schema = self.schema(file)
        return Kind() if schema is None else Kind.of(schema, file)

    def record(self, resource: str) -> Kind:
        """Give the kind of a resource's records."""
        found = self.resources.get(resource)
        return Kind() if found is None else Kind.of(found.schema, file_of("resource", resource))

    @property
    def dictionaries(self) -> dict[str, dict[str, Any]]:
        """The resources that are read whole, with the query for it."""
        found: dict[str, dict[str, Any]] = self.manifest.data.get("dictionaries", {}).get("resources", {})
        return found

    @property
    def joins(self) -> dict[str, dict[str, Any]]:
        """The filters that every join of a resource adds."""
        found: dict[str, dict[str, Any]] = self.manifest.data.get("joins", {})
        return found


@cache
def _grammar() -> Grammar:
    return Grammar(read_grammar())


def read_specs(root: Traversable) -> Specs:
    """Read a connector's folder and hold every file against the grammar."""
    folder = read_folder(root)
    problems = list(folder.problems)

    def sound(kind: str, document: Document) -> dict[str, Any]:
        data, found = _grammar().check(kind, document)
        problems.extend(found)
        return data

    document = folder.documents.get(MANIFEST) or Document(MANIFEST, "", {})
    manifest = Spec("connector", document, sound("connector", document) if MANIFEST in folder.documents else {})
    specs = Specs(folder, manifest, _dialect(manifest.data.get("api", {})))
    for kind in KINDS:
        found = {name: Spec(name, each, sound(kind, each)) for name, each in folder.beside(kind)}
        specs.of_kind(kind).update(found)
    for name, each in folder.beside("resource"):
        faults = _grammar().check("resource", each)[1]
        faults = faults or list(_schema_faults(each))
        if not faults:
            specs.resources[name] = Resource.from_schema(name, each.data, specs.dialect)
        problems.extend(faults)
    specs.problems = problems
    return specs


def _schema_faults(document: Document) -> Iterator[Problem]:
    """Find what is no JSON Schema in a resource's file: its records, and the bodies beside them."""
    for place in ((), ("x-create",), ("x-update",)):
        schema = document.data.get(place[0], {}) if place else document.data
        for violation in metaschema().violations(schema):
            yield problem(document, replace(violation, pointer=(*place, *violation.pointer)))
    for pointer, reference in references(document.data):
        if reference not in {f"#/$defs/{name}" for name in document.data.get("$defs", {})}:
            what, fix = f'"{reference}" can\'t be referred to here', "write it out, or put it into $defs of this file"
            yield document.problem(pointer, "standalone-ref", what, "the file of a resource stands alone", fix)


def _dialect(api: dict[str, Any]) -> Dialect:
    paging = api.get("paging", {})
    words = (api.get("path"), paging.get("size"), paging.get("cursor"), *(api.get(key) for key in _WORDS))
    return Dialect(*(word or "" for word in words))


_WORDS = ("fields", "lists", "ranges")


def templates_in(value: Any) -> Iterator[str]:
    """Find every template in a value of a spec."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from templates_in(each)
    elif is_template(value):
        yield value


def fields_read(value: Any, name: str, *, each: bool = False) -> set[str] | None:
    """Give the fields that a value's templates read of a name (of each of its entries); None means all of it."""
    start = (name, "[]") if each else (name,)
    fields: set[str] = set()
    for text in templates_in(value):
        for parts in (path.parts for path in parse(text).paths if path.parts[0] == name):
            # A key that is worked out at call time, "[]", may be any field.
            if parts[: len(start)] != start or parts[len(start) :][:1] in ((), ("[]",)):
                return None
            fields.add(parts[len(start)])
    return fields


def steps_of(blocks: list[Spec], word: str) -> Iterator[tuple[Spec, str, dict[str, Any]]]:
    """Give the steps (`request`) or writes (`write`) of an operation's blocks, each with the spec it stands in."""
    for block in blocks:
        for name, step in block.data.get(word, {}).items():
            yield block, name, step


def names_read(value: Any) -> set[str]:
    """Give the names that a value's templates read."""
    return {path.parts[0] for text in templates_in(value) for path in parse(text).paths}


def sources(data: dict[str, Any]) -> list[str]:
    """Give the resources that an object is made from."""
    stated = data.get("from", [])
    return stated if isinstance(stated, list) else [stated]


def reached(ways: Mapping[str, set[str]], start: str) -> set[str]:
    """Give all that can be reached from a name."""
    found: set[str] = set()
    ahead = [start]
    while ahead:
        fresh = {each for each in ways.get(ahead.pop(), set()) if each in ways} - found
        found |= fresh
        ahead += fresh
    return found

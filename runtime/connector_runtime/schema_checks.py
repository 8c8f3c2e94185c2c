"""Checks the JSON Schema files: are they JSON Schema, do their references lead somewhere, does a spec use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .folder import file_of, place_of
from .grammar import problem
from .places import Pointer
from .problems import Problem, did_you_mean, listed
from .schemas import DIALECT, a_type, is_endless, metaschema, references, resolve, target, type_name
from .source import Document, duplicate_keys
from .specs import Specs


def check_schemas(specs: Specs) -> Iterator[Problem]:
    """Check every JSON Schema file of a connector."""
    files = {name: each for name, each in specs.folder.documents.items() if name.endswith(".json")}
    found = [problem for name, document in files.items() for problem in _check_file(specs, name, document)]
    yield from found
    if not found:
        yield from _check_usable(specs)
    yield from _check_unused(specs)


def _check_usable(specs: Specs) -> Iterator[Problem]:
    """Find what no single keyword shows; of schemas that use each other only the one that is at fault."""
    unusable = {name for name in specs.folder.schemas if specs.schema(name) is None}
    for name in sorted(unusable):
        document = specs.folder.documents[name]
        used = {target(name, reference)[0] for _, reference in references(document.data)} - {name}
        if used.isdisjoint(unusable):
            what, fix = "this schema can't be used", "refer to other schemas with $ref alone: FILE or FILE#/$defs/NAME"
            yield document.problem((), "unusable-schema", what, specs.faults[name], fix)


def _check_file(specs: Specs, name: str, document: Document) -> Iterator[Problem]:
    yield from duplicate_keys(document)
    if not isinstance(document.data, dict) or document.data.get("$schema") != DIALECT:
        what, fix = "this is not marked as JSON Schema 2020-12", f'write "$schema": "{DIALECT}"'
        yield document.problem(("$schema",), "wrong-dialect", what, "", fix)
        return
    for violation in metaschema().violations(document.data):
        yield problem(document, violation)
    for pointer, reference in references(document.data):
        yield from _check_reference(specs, name, document, pointer, reference)
    for pointer, lookup in _lookups(document.data, ()):
        yield from _check_lookup(specs, document, pointer, lookup)


def _check_reference(
    specs: Specs, name: str, document: Document, pointer: Pointer, reference: str
) -> Iterator[Problem]:
    file, _ = target(name, reference)
    place = reference.partition("#")[2]
    if "://" in reference or file.startswith(("..", "/")):
        why = "a connector is read without a network, from its own folder"
        yield document.problem(pointer, "foreign-ref", f'"{reference}" leads out of the connector', why)
        return
    if place and not place.startswith("/"):
        why = "a place in a file is written as #/ and the way to there"
        yield document.problem(pointer, "unresolved-ref", f'"{reference}" leads nowhere', why)
        return
    try:
        if is_endless(specs.folder.schemas, name, pointer[:-1], reference):
            yield document.problem(pointer, "endless-ref", f'"{reference}" leads back to itself')
        elif not isinstance(resolve(specs.folder.schemas, name, reference), dict | bool):
            yield document.problem(pointer, "unresolved-ref", f'"{reference}" leads to something that is no schema')
    except (LookupError, TypeError, ValueError):
        known = file in specs.folder.schemas
        hint = "" if known else did_you_mean(file, specs.folder.schemas)
        why = f"{file} has nothing at #{place}" if known else f"there is no {file}"
        yield document.problem(pointer, "unresolved-ref", f'"{reference}" leads nowhere', why, hint)


def _lookups(node: Any, pointer: Pointer) -> Iterator[tuple[Pointer, Mapping[str, Any]]]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "x-lookup" and isinstance(value, dict):
                yield (*pointer, key), value
            else:
                yield from _lookups(value, (*pointer, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _lookups(value, (*pointer, index))


def _check_lookup(specs: Specs, document: Document, pointer: Pointer, lookup: Mapping[str, Any]) -> Iterator[Problem]:
    name = str(lookup.get("operation"))
    if name not in specs.ddls:
        if specs.folder.has("ddl", name):
            return
        what, why = f'there is no drop-down "{name}"', f"{place_of('ddl')} has {listed(specs.ddls)}"
        place = (*pointer, "operation")
        yield document.problem(place, "unknown-operation", what, why, did_you_mean(name, specs.ddls))
        return
    known = specs.kind(file_of("input", name)).fields() or {}
    given = lookup.get("input", {})
    if not isinstance(given, dict):
        what = f'"input" must be an object, got {a_type(type_name(given))}'
        yield document.problem((*pointer, "input"), "wrong-type", what)
        return
    for key in given:
        if key not in known:
            what, why = f'the drop-down "{name}" has no input "{key}"', f"its inputs are {listed(known)}"
            fix = did_you_mean(key, known)
            yield document.problem((*pointer, "input", key), "unknown-input", what, why, fix, key=True)


def _check_unused(specs: Specs) -> Iterator[Problem]:
    operations = {*specs.operations, *specs.ddls}
    for name, document in specs.folder.beside("input"):
        operation, _, end = name.rpartition(".")
        if end not in ("input", "output"):
            what, why = "this file belongs to no operation", "it is named NAME.input.json or NAME.output.json"
            yield document.problem((), "orphan-schema", what, why)
        elif not any(specs.folder.has(kind, operation) for kind in ("operation", "ddl")):
            what, hint = f'there is no operation "{operation}"', did_you_mean(operation, operations)
            yield document.problem((), "orphan-schema", what, f"operations are {listed(operations)}", hint)
    used = {target(name, each)[0] for name, data in specs.folder.schemas.items() for _, each in references(data)}
    for name, document in specs.folder.beside("schema"):
        if document.name not in used and not specs.folder.has("object", name):
            yield document.problem((), "orphan-schema", "no other file uses this schema", "", "remove it")

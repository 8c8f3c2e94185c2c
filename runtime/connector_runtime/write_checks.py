"""Checks what an operation makes sure of and writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .folder import file_of
from .places import Pointer
from .problems import Problem
from .question_checks import check_query, resource_of
from .scopes import Kind, Scope
from .source import Document
from .specs import Specs
from .template_checks import RESERVED, check_free, check_output, check_templates
from .templates import TemplateProblem, parse


def check_check(document: Document, place: Pointer, check_spec: Mapping[str, Any], scope: Scope) -> Iterator[Problem]:
    """Check one check."""
    inner, problems = _looped(document, place, check_spec, scope)
    yield from problems
    for word in ("that", "at"):
        yield from check_templates(document, (*place, word), check_spec.get(word), inner)


def check_write(
    specs: Specs, document: Document, place: Pointer, write: dict[str, Any], scope: Scope
) -> Iterator[Problem]:
    """Check one write: its resource, its body, and how it is found again."""
    verb = "create" if "create" in write else "update"
    resource, problems = resource_of(specs, document, (*place, verb), write[verb])
    yield from problems
    inner, problems = _looped(document, place, write, scope)
    yield from problems
    for word in ("id", "when", "body"):
        yield from check_templates(document, (*place, word), write.get(word), inner)
    found = write.get("found", {})
    yield from check_query(document, (*place, "found", "query"), found.get("query", {}), resource, inner)
    row = {**inner, "row": specs.record(write[verb])}
    yield from check_templates(document, (*place, "found", "where"), found.get("where"), row)
    if resource is None:
        return
    schema = resource.schema.get(f"x-{verb}")
    if schema is None:
        what, why = f"{resource.name} can't be {verb}d", f'{file_of("resource", resource.name)} has no "x-{verb}"'
        yield document.problem((*place, verb), "wrong-value", what, why)
    else:
        origin = f"the body of {verb} {resource.name}"
        yield from check_output(document, (*place, "body"), write["body"], Kind.of(schema, origin))


def _looped(
    document: Document, place: Pointer, spec: Mapping[str, Any], scope: Scope
) -> tuple[dict[str, Kind], list[Problem]]:
    inner = dict(scope)
    problems: list[Problem] = []
    for name, values in spec.get("each", {}).items():
        problems += check_free(document, (*place, "each", name))
        problems += check_templates(document, (*place, "each", name), values, inner)
        inner[name] = inner[name] if name in RESERVED else _entries(values, inner)
        inner[f"{name}_index"] = Kind()
    return inner, problems


def _entries(text: str, scope: Scope) -> Kind:
    """Give the kind of a list's entries where the list is simply named."""
    try:
        (path,) = parse(text).paths
    except (TemplateProblem, ValueError):
        return Kind()
    kind: Kind | None = scope.get(path.parts[0])
    for part in path.parts[1:]:
        kind = None if kind is None or part == "[]" else kind.field(part)
    return Kind() if kind is None or text.strip("{} ") != str(path) else kind.entries()

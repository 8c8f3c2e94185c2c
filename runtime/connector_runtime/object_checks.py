"""Checks objects: their sources, joins and outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .folder import file_of
from .places import Pointer
from .problems import Problem
from .question_checks import check_as, check_filter, check_order, check_query, resource_of
from .resources import Resource
from .schemas import Schema
from .scopes import Kind, Listed, Scope, check
from .source import Document
from .specs import Spec, Specs, sources
from .template_checks import check_contract, check_name, check_templates, stated, told
from .templates import TemplateProblem, parse


def check_object(specs: Specs, spec: Spec) -> Iterator[Problem]:
    """Check an object's sources, joins and output."""
    yield from check_name(spec, "object")
    made_from = sources(spec.data)
    for index, name in enumerate(made_from):
        place = ("from", index) if len(made_from) > 1 else ("from",)
        yield from resource_of(specs, spec.document, place, name)[1]
    for name in made_from or [""]:
        yield from _check_object_of(specs, spec, specs.record(name))
    if spec.name in _contained(specs, spec.name, set()):
        what = f'the object "{spec.name}" contains itself'
        yield spec.document.problem(("join",), "endless-object", what, "it would never end", key=True)


def _check_object_of(specs: Specs, spec: Spec, record: Kind) -> Iterator[Problem]:
    document, joins = spec.document, spec.data.get("join", {})
    told: Schema = {"properties": {name: {} for name in stated(spec.document, "given")}}
    given = Kind.of(told, f"given in {document.name}")
    scope: dict[str, Kind] = {"record": record, "given": given}
    plain = dict(scope)
    for name, join in joins.items():
        yield from _check_join(specs, document, name, join, plain)
        kind = specs.kind(file_of("schema", join["as"])) if "as" in join else specs.record(_target(join))
        scope[name] = Listed(of_each=kind) if "many" in join else kind
        if "as" not in join and "one" in join:
            plain[name] = kind
    for name in stated(document, "join"):
        scope.setdefault(name, Kind())
    contract = file_of("schema", spec.name)
    yield from check_contract(specs, document, contract, spec.data.get("output"), scope)


def _contained(specs: Specs, name: str, seen: set[str]) -> set[str]:
    inner = specs.objects[name].data.get("join", {}).values() if name in specs.objects else ()
    for each in inner:
        if "as" in each and each["as"] not in seen:
            seen.add(each["as"])
            _contained(specs, each["as"], seen)
    return seen


def _check_join(
    specs: Specs, document: Document, name: str, join: dict[str, Any], plain: Scope
) -> Iterator[Problem]:
    place = ("join", name)
    resource, problems = resource_of(specs, document, (*place, "many" if "many" in join else "one"), _target(join))
    yield from problems
    for word in ("id", "ids"):
        if word in join:
            base, _, field = join[word].rpartition(".")
            yield from told(document, (*place, word), _path(f"{base or 'record'}.{field}", plain))
    if "by" in join and resource is not None:
        yield from _check_by(specs, document, (*place, "by"), join["by"], resource)
    yield from check_templates(document, (*place, "when"), join.get("when"), plain)
    row = {"row": specs.record(_target(join)), "given": plain["given"]}
    yield from check_templates(document, (*place, "where"), join.get("where"), row)
    yield from check_query(document, (*place, "query"), join.get("query", {}), resource, {})
    yield from check_order(document, (*place, "order"), join.get("order", ()), specs.record(_target(join)))
    yield from check_as(specs, document, (*place, "as"), join.get("as"), resource)


def _path(text: str, scope: Scope) -> list[TemplateProblem]:
    return check(parse(f"{{{{ {text} }}}}"), scope)


def _check_by(specs: Specs, document: Document, place: Pointer, name: str, resource: Resource) -> Iterator[Problem]:
    problems = list(check_filter(document, place, name, resource, key=False))
    yield from problems
    if problems:
        return
    declared = resource.filters[name]
    if declared.field is None or (declared.type != "array" and resource.name not in specs.dictionaries):
        why = "a join needs a filter that takes a list of ids"
        yield document.problem(place, "wrong-value", f'{resource.name} can\'t be joined by "{name}"', why)


def _target(join: Mapping[str, Any]) -> str:
    return str(join.get("one") or join.get("many"))

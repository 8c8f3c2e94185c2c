"""Checks objects: their sources, joins and outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from .folder import file_of
from .places import Pointer
from .problems import Problem
from .question_checks import check_as, check_constants, check_filter, check_no_dictionary, check_order, resource_of
from .resources import Resource
from .schemas import Schema
from .scopes import Kind, Listed, Scope, check
from .source import Document
from .specs import Spec, Specs, reached, sources
from .template_checks import RESERVED, check_contract, check_free, check_name, check_templates, stated, told
from .templates import parse

_ID = {"integer", "string"}
_MAXIMUM_JOINS = 500
_MAXIMUM_LEVELS = 20


def check_objects(specs: Specs) -> Iterator[Problem]:
    """Check every object, and that none is endless or joins too much."""
    for spec in specs.objects.values():
        yield from _check_object(specs, spec)
    contained = {name: _contained(each) for name, each in specs.objects.items()}
    ways = {name: {*each} for name, each in contained.items()}
    below = {name: reached(ways, name) for name in ways}
    endless = {name for name in ways if name in below[name]}
    for name, spec in specs.objects.items():
        if name in endless:
            what = f'the object "{name}" contains itself'
            yield spec.document.problem(("join",), "endless-object", what, "it would never end", key=True)
        elif endless.isdisjoint(below[name]) and _joins_too_much(specs, name, contained):
            what = f'the object "{name}" joins too much'
            why = f"with all objects in it, it may have {_MAXIMUM_JOINS} joins, {_MAXIMUM_LEVELS} within each other"
            yield spec.document.problem(("join",), "too-many-joins", what, why, "join less, or less deeply", key=True)


def _check_object(specs: Specs, spec: Spec) -> Iterator[Problem]:
    yield from check_name(spec, "object")
    made_from = sources(spec.data)
    for index, name in enumerate(made_from):
        place = ("from", index) if len(made_from) > 1 else ("from",)
        yield from resource_of(specs, spec.document, place, name)[1]
    for name in made_from or [""]:
        yield from _check_object_of(specs, spec, specs.record(name))


def _check_object_of(specs: Specs, spec: Spec, record: Kind) -> Iterator[Problem]:
    document, joins = spec.document, spec.data.get("join", {})
    told: Schema = {"properties": {name: {} for name in stated(spec.document, "given")}}
    given = Kind.of(told, f"given in {document.name}")
    scope: dict[str, Kind] = {"record": record, "given": given}
    plain = dict(scope)
    for name, join in joins.items():
        yield from check_free(document, ("join", name))
        yield from _check_join(specs, document, name, join, plain)
        kind = specs.kind(file_of("schema", join["as"])) if "as" in join else specs.record(_target(join))
        if name not in RESERVED:
            scope[name] = Listed(of_each=kind) if "many" in join else kind
            plain.update({name: kind} if "one" in join and "as" not in join else {})
    for name in stated(document, "join"):
        scope.setdefault(name, Kind())
    contract = file_of("schema", spec.name)
    yield from check_contract(specs, document, contract, spec.data.get("output"), scope)


def _contained(spec: Spec) -> Counter[str]:
    return Counter(join["as"] for join in spec.data.get("join", {}).values() if "as" in join)


def _joins_too_much(specs: Specs, name: str, contained: Mapping[str, Counter[str]]) -> bool:
    """Tell whether more is joined, at all levels together, than a call should ask for."""
    level, joins = Counter([name]), 0
    for _ in range(_MAXIMUM_LEVELS + 1):
        joins += sum(len(specs.objects[each].data.get("join", ())) * times for each, times in level.items())
        inner: Counter[str] = Counter()
        for each, times in level.items():
            inner.update({name: times * number for name, number in contained[each].items() if name in contained})
        level = inner
    return joins > _MAXIMUM_JOINS or bool(level)


def _check_join(
    specs: Specs, document: Document, name: str, join: dict[str, Any], plain: Scope
) -> Iterator[Problem]:
    place = ("join", name)
    resource, problems = resource_of(specs, document, (*place, "many" if "many" in join else "one"), _target(join))
    yield from problems
    for word in ("id", "ids"):
        if word in join:
            yield from _check_key(document, (*place, word), join[word], plain)
    if "by" in join and resource is not None:
        yield from _check_by(specs, document, (*place, "by"), join["by"], resource)
    yield from check_templates(document, (*place, "when"), join.get("when"), plain)
    row = {"row": specs.record(_target(join)), "given": plain["given"]}
    yield from check_templates(document, (*place, "where"), join.get("where"), row)
    if "query" in join:
        fix = "choose of its records with `where`"
        yield from check_no_dictionary(specs, document, (*place, "query"), _target(join), fix)
        yield from check_constants(document, (*place, "query"), join["query"], resource)
    yield from check_order(document, (*place, "order"), join.get("order", ()), specs.record(_target(join)))
    yield from check_as(specs, document, (*place, "as"), join.get("as"), resource)


def _check_key(document: Document, place: Pointer, key: str, plain: Scope) -> Iterator[Problem]:
    """Check the field that holds the ids of a join: FIELD of the record, or JOIN.FIELD."""
    base, _, field = key.rpartition(".")
    if base in RESERVED:
        what, why = f'"{base}" is no join', "an id is FIELD of the record, or JOIN.FIELD"
        yield document.problem(place, "unknown-name", what, why, f"write {field}" if base == "record" else "")
        return
    joins = {name: kind for name, kind in plain.items() if name not in RESERVED}
    yield from told(document, place, check(parse(f"{{{{ {base or 'record'}.{field} }}}}"), joins if base else plain))
    kind = plain.get(base or "record", Kind()).field(field) or Kind()
    wanted, said = ({*_ID, "array"}, "a list of ids") if place[-1] == "ids" else (_ID, "one id")
    if kind.types() and not kind.types() & wanted:
        yield document.problem(place, "wrong-type", f'"{place[-1]}" takes {said}', f'"{key}" is {kind.described}')


def _check_by(specs: Specs, document: Document, place: Pointer, name: str, resource: Resource) -> Iterator[Problem]:
    problems = list(check_filter(document, place, name, resource, key=False))
    yield from problems
    if problems:
        return
    declared, why = resource.filters[name], ""
    kind = specs.record(resource.name).field(declared.field or "")
    if declared.field is None or (declared.type != "array" and resource.name not in specs.dictionaries):
        why = "a join needs a filter that takes a list of ids"
    elif kind is None:
        why = f'{file_of("resource", resource.name)} has no "{declared.field}", which the filter matches (x-field)'
    elif kind.types() - _ID:
        why = f'the filter matches "{declared.field}", which is {kind.described} and not one id'
    if why:
        yield document.problem(place, "wrong-value", f'{resource.name} can\'t be joined by "{name}"', why)


def _target(join: Mapping[str, Any]) -> str:
    return str(join.get("one") or join.get("many"))

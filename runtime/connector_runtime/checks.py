"""Checks specs against each other and against the schemas: every name a spec uses must mean something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .problems import Problem, did_you_mean, listed
from .resources import Filter, Resource
from .scopes import Kind, Listed, Scope, check
from .source import Document, Pointer
from .specs import Spec, Specs, sources
from .templates import TemplateProblem, is_template, parse

_RANGE = ("gte", "gt", "lt", "lte")


def check_specs(specs: Specs) -> Iterator[Problem]:
    """Check every spec of a connector."""
    yield from _check_manifest(specs)
    yield from _check_page_sizes(specs)
    for spec in specs.objects.values():
        yield from _check_object(specs, spec)
    for spec in specs.operations.values():
        yield from _check_operation(specs, spec)
    for spec in specs.ddls.values():
        yield from _check_ddl(specs, spec)


def _check_manifest(specs: Specs) -> Iterator[Problem]:
    document = specs.manifest.document
    for name, query in specs.dictionaries.items():
        place = ("dictionaries", "resources", name)
        resource, problems = _resource(specs, document, place, name, key=True)
        yield from problems
        yield from _check_query(document, place, query, resource, {})


def _check_page_sizes(specs: Specs) -> Iterator[Problem]:
    for resource in specs.resources.values():
        if resource.page_size == 0 and specs.dialect.size:
            document = specs.folder.documents[f"schemas/api/{resource.name}.json"]
            what = f'"x-filters" has no "{specs.dialect.size}" with a maximum'
            yield document.problem(("x-filters",), "missing-key", what, "lists are read in pages of that size", key=True)


def _check_name(specs: Specs, spec: Spec, key: str) -> Iterator[Problem]:
    stated = spec.data.get(key, spec.name)
    if stated != spec.name:
        what = f'this file is named "{spec.name}" but says "{stated}"'
        yield spec.document.problem((key,), "name-mismatch", what, "file name and name are one", f"write {spec.name}")


def _check_object(specs: Specs, spec: Spec) -> Iterator[Problem]:
    yield from _check_name(specs, spec, "object")
    made_from = sources(spec.data)
    for index, name in enumerate(made_from):
        place = ("from", index) if len(made_from) > 1 else ("from",)
        yield from _resource(specs, spec.document, place, name)[1]
    for name in made_from or [""]:
        yield from _check_object_of(specs, spec, specs.record(name))
    if spec.name in _contained(specs, spec.name, set()):
        what = f'the object "{spec.name}" contains itself'
        yield spec.document.problem(("join",), "endless-object", what, "it would never end", key=True)


def _check_object_of(specs: Specs, spec: Spec, record: Kind) -> Iterator[Problem]:
    document, joins = spec.document, spec.data.get("join", {})
    scope: dict[str, Kind] = {"record": record}
    plain = dict(scope)
    for name, join in joins.items():
        yield from _check_join(specs, document, name, join, plain)
        kind = specs.kind(f"schemas/objects/{join['as']}.json") if "as" in join else specs.record(_target(join))
        scope[name] = Listed(of_each=kind) if "many" in join else kind
        if "as" not in join and "one" in join:
            plain[name] = kind
    for name in spec.document.data.get("join", {}) if isinstance(spec.document.data, dict) else ():
        scope.setdefault(str(name), Kind())
    contract = f"schemas/objects/{spec.name}.json"
    yield from _check_contract(specs, document, contract, spec.data.get("output"), scope)


def _contained(specs: Specs, name: str, seen: set[str]) -> set[str]:
    inner = specs.objects[name].data.get("join", {}).values() if name in specs.objects else ()
    for each in inner:
        if "as" in each and each["as"] not in seen:
            seen.add(each["as"])
            _contained(specs, each["as"], seen)
    return seen


def _target(join: Mapping[str, Any]) -> str:
    return str(join.get("one") or join.get("many"))


def _check_join(
    specs: Specs, document: Document, name: str, join: dict[str, Any], plain: Scope
) -> Iterator[Problem]:
    place = ("join", name)
    resource, problems = _resource(specs, document, (*place, "many" if "many" in join else "one"), _target(join))
    yield from problems
    for word in ("id", "ids"):
        if word in join:
            base, _, field = join[word].rpartition(".")
            yield from _at(document, (*place, word), _path(f"{base or 'record'}.{field}", plain))
    if "by" in join and resource is not None:
        yield from _check_by(specs, document, (*place, "by"), join["by"], resource)
    yield from _check_templates(document, (*place, "when"), join.get("when"), plain)
    yield from _check_templates(document, (*place, "where"), join.get("where"), {"row": specs.record(_target(join))})
    yield from _check_query(document, (*place, "query"), join.get("query", {}), resource, {})
    yield from _check_order(document, (*place, "order"), join.get("order", ()), specs.record(_target(join)))
    yield from _check_as(specs, document, (*place, "as"), join.get("as"), resource)


def _path(text: str, scope: Scope) -> list[TemplateProblem]:
    return check(parse(f"{{{{ {text} }}}}"), scope)


def _check_by(specs: Specs, document: Document, place: Pointer, name: str, resource: Resource) -> Iterator[Problem]:
    problems = list(_check_filter(document, place, name, resource, key=False))
    yield from problems
    if problems:
        return
    declared = resource.filters[name]
    if declared.field is None or (declared.type != "array" and resource.name not in specs.dictionaries):
        why = "a join needs a filter that takes a list of ids"
        yield document.problem(place, "wrong-value", f'{resource.name} can\'t be joined by "{name}"', why)


def _check_operation(specs: Specs, spec: Spec) -> Iterator[Problem]:
    yield from _check_name(specs, spec, "operation")
    document = spec.document
    contract = f"schemas/operations/{spec.name}"
    scope: dict[str, Kind] = {"input": specs.kind(f"{contract}.input.json")}
    for name in _stated(document, "request"):
        step = spec.data.get("request", {}).get(name)
        if step is not None:
            yield from _check_step(specs, document, name, step, scope)
        scope[name] = Kind() if step is None else _step_kind(specs, step)
    yield from _check_contract(specs, document, f"{contract}.output.json", spec.data.get("output"), scope)
    yield from _check_schema_file(specs, document, f"{contract}.input.json")


def _stated(document: Document, key: str) -> list[str]:
    found = document.data.get(key) if isinstance(document.data, dict) else None
    return list(found) if isinstance(found, dict) else []


def _step_kind(specs: Specs, step: Mapping[str, Any]) -> Kind:
    kind = (
        specs.kind(f"schemas/objects/{step['as']}.json")
        if "as" in step
        else specs.record(step.get("first") or step["list"])
    )
    return Listed(of_each=kind) if "list" in step else kind


def _check_step(
    specs: Specs, document: Document, name: str, step: dict[str, Any], scope: Scope
) -> Iterator[Problem]:
    place = ("request", name)
    verb = "list" if "list" in step else "first"
    resource, problems = _resource(specs, document, (*place, verb), step[verb])
    yield from problems
    for word in ("when", "page", "size"):
        only_input = {"input": scope["input"]} if word in ("page", "size") else scope
        yield from _check_templates(document, (*place, word), step.get(word), only_input)
    yield from _check_query(document, (*place, "query"), step.get("query", {}), resource, scope)
    yield from _check_as(specs, document, (*place, "as"), step.get("as"), resource)


def _check_ddl(specs: Specs, spec: Spec) -> Iterator[Problem]:
    yield from _check_name(specs, spec, "ddl")
    document, data = spec.document, spec.data
    contract = f"schemas/operations/{spec.name}"
    resource = None
    if "list" in data:
        resource, problems = _resource(specs, document, ("list",), data["list"])
        yield from problems
    scope = {"input": specs.kind(f"{contract}.input.json")}
    yield from _check_query(document, ("query",), data.get("query", {}), resource, scope)
    yield from _check_as(specs, document, ("as",), data.get("as"), resource)
    kind = specs.kind(f"schemas/objects/{data['as']}.json") if "as" in data else specs.record(data.get("list", ""))
    for word in ("text", "value"):
        yield from _check_templates(document, (word,), data.get(word), {**scope, "record": kind})
    yield from _check_order(document, ("order",), data.get("order", ()), kind)
    for end in ("input", "output"):
        yield from _check_schema_file(specs, document, f"{contract}.{end}.json")


def _check_contract(specs: Specs, document: Document, file: str, output: Any, scope: Scope) -> Iterator[Problem]:
    yield from _check_schema_file(specs, document, file)
    if output is not None:
        yield from _check_templates(document, ("output",), output, scope)
        yield from _check_output(document, ("output",), output, specs.kind(file))


def _check_schema_file(specs: Specs, document: Document, file: str) -> Iterator[Problem]:
    if file not in specs.folder.names:
        yield document.problem((), "missing-schema", f"there is no {file}", "every contract has its schema")


def _check_output(document: Document, place: Pointer, output: Any, kind: Kind) -> Iterator[Problem]:
    fields = kind.fields()
    if not isinstance(output, dict) or fields is None:
        return
    for key, value in output.items():
        inner = kind.field(key)
        if inner is None:
            why = f"{kind.origin} has {listed(fields)}"
            what = f'the contract has no "{key}" here'
            yield document.problem((*place, key), "unknown-output", what, why, did_you_mean(key, fields), key=True)
        else:
            yield from _check_output(document, (*place, key), value, inner)
    for key in kind.required():
        if key not in output:
            what = f'"{key}" is missing in {".".join(map(str, place))}'
            yield document.problem(place, "missing-output", what, f"{kind.origin} requires it", key=True)


def _resource(
    specs: Specs, document: Document, place: Pointer, name: str, *, key: bool = False
) -> tuple[Resource | None, list[Problem]]:
    found = specs.resources.get(name)
    if found is not None or f"schemas/api/{name}.json" in specs.folder.names:
        return found, []
    what, why = f'the API has no resource "{name}"', f"schemas/api has {listed(specs.resources)}"
    return None, [document.problem(place, "unknown-resource", what, why, did_you_mean(name, specs.resources), key=key)]


def _check_as(
    specs: Specs, document: Document, place: Pointer, name: str | None, resource: Resource | None
) -> Iterator[Problem]:
    if name is None:
        return
    spec = specs.objects.get(name)
    if spec is None:
        what, why = f'there is no object "{name}"', f"operations/objects has {listed(specs.objects)}"
        yield document.problem(place, "unknown-object", what, why, did_you_mean(name, specs.objects))
    elif resource is not None and resource.name not in sources(spec.data):
        what = f'the object "{name}" is made from {listed(sources(spec.data))}, not from {resource.name}'
        yield document.problem(place, "wrong-object", what)


def _check_filter(
    document: Document, place: Pointer, name: str, resource: Resource, *, key: bool
) -> Iterator[Problem]:
    if name not in resource.filters:
        what, why = f'{resource.name} has no filter "{name}"', f"filters are {listed(resource.filters)}"
        yield document.problem(place, "unknown-filter", what, why, did_you_mean(name, resource.filters), key=key)


def _check_query(
    document: Document, place: Pointer, query: Mapping[str, Any], resource: Resource | None, scope: Scope
) -> Iterator[Problem]:
    for name, value in query.items():
        yield from _check_templates(document, (*place, name), value, scope)
        if resource is None:
            continue
        problems = list(_check_filter(document, (*place, name), name, resource, key=True))
        yield from problems or _check_value(document, (*place, name), value, resource.filters[name])


def _check_value(document: Document, place: Pointer, value: Any, declared: Filter) -> Iterator[Problem]:
    if isinstance(value, dict) != (declared.type == "object"):
        wanted = f"a mapping of {listed(_RANGE)}" if declared.type == "object" else "no mapping"
        yield document.problem(place, "wrong-type", f'"{declared.name}" takes {wanted}')
    elif isinstance(value, dict):
        for operator in value:
            if operator not in _RANGE:
                what, hint = f'a range has no "{operator}"', did_you_mean(operator, _RANGE)
                yield document.problem((*place, operator), "unknown-key", what, f"it has {listed(_RANGE)}", hint, key=True)
    elif not is_template(value) and not _fits(value, declared):
        yield document.problem(place, "wrong-type", f'"{declared.name}" takes a value of type {declared.type}')


def _fits(value: Any, declared: Filter) -> bool:
    wanted = declared.item_type if declared.type == "array" else declared.type
    types: dict[str, type] = {"string": str, "integer": int, "boolean": bool}
    return type(value) is types[wanted]


def _check_order(document: Document, place: Pointer, order: Any, kind: Kind) -> Iterator[Problem]:
    for index, each in enumerate(order):
        yield from _at(document, (*place, index), _path(f"record.{each.removesuffix(' desc')}", {"record": kind}))


def _check_templates(document: Document, place: Pointer, value: Any, scope: Scope) -> Iterator[Problem]:
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _check_templates(document, (*place, key), each, scope)
    elif is_template(value):
        try:
            problems = check(parse(value), scope)
        except TemplateProblem as problem:
            problems = [problem]
        yield from _at(document, place, problems)


def _at(document: Document, place: Pointer, problems: list[TemplateProblem]) -> Iterator[Problem]:
    for each in problems:
        yield document.problem(place, each.code, each.what, each.why, each.fix, within=each.within)


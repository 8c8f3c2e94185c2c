"""Checks specs against each other and against the schemas: every name a spec uses must mean something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from .places import Pointer
from .problems import Problem, did_you_mean, listed, nearest
from .resources import Filter, Resource
from .schemas import Schema, a_type, type_name
from .scopes import Kind, Listed, Scope, check
from .source import Document
from .specs import Spec, Specs, names_read, sources, steps_of, templates_in
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
    for spec in specs.bodies.values():
        yield from _check_body(specs, spec)
    for kind in ("operation", "object", "part", "body", "ddl"):
        for spec in specs.of_kind(kind).values():
            yield from _check_bodies_used(specs, spec.document, (), spec.data)
    named = {name for spec in specs.operations.values() for name in spec.data.get("include", ())}
    included = named | {nearest(name, specs.parts) for name in named - {*specs.parts}}
    for spec in specs.parts.values():
        yield from _check_name(spec, "part")
        if spec.name not in included:
            yield spec.document.problem(("part",), "unused-part", "no operation includes this part", "", "remove it")


def _check_manifest(specs: Specs) -> Iterator[Problem]:
    document = specs.manifest.document
    named = {("dictionaries", "resources"): specs.dictionaries, ("joins",): specs.joins}
    for (*above, name), query in [((*at, name), query) for at, each in named.items() for name, query in each.items()]:
        place = (*above, name)
        resource, problems = _resource(specs, document, place, name, key=True)
        yield from problems
        yield from _check_query(document, place, query, resource, {})


def _check_page_sizes(specs: Specs) -> Iterator[Problem]:
    for resource in specs.resources.values():
        if resource.page_size == 0 and specs.dialect.size:
            document = specs.folder.documents[f"schemas/api/{resource.name}.json"]
            what = f'"x-filters" has no "{specs.dialect.size}" with a maximum'
            why = "lists are read in pages of that size"
            yield document.problem(("x-filters",), "missing-key", what, why, key=True)


def _check_name(spec: Spec, key: str) -> Iterator[Problem]:
    stated = spec.data.get(key, spec.name)
    if stated != spec.name:
        what = f'this file is named "{spec.name}" but says "{stated}"'
        yield spec.document.problem((key,), "name-mismatch", what, "file name and name are one", f"write {spec.name}")


def _check_object(specs: Specs, spec: Spec) -> Iterator[Problem]:
    yield from _check_name(spec, "object")
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
    told: Schema = {"properties": {name: {} for name in _stated(spec.document, "given")}}
    given = Kind.of(told, f"given in {document.name}")
    scope: dict[str, Kind] = {"record": record, "given": given}
    plain = dict(scope)
    for name, join in joins.items():
        yield from _check_join(specs, document, name, join, plain)
        kind = specs.kind(f"schemas/objects/{join['as']}.json") if "as" in join else specs.record(_target(join))
        scope[name] = Listed(of_each=kind) if "many" in join else kind
        if "as" not in join and "one" in join:
            plain[name] = kind
    for name in _stated(document, "join"):
        scope.setdefault(name, Kind())
    contract = f"schemas/objects/{spec.name}.json"
    yield from _check_contract(specs, document, contract, spec.data.get("output"), scope)


def _contained(specs: Specs, name: str, seen: set[str]) -> set[str]:
    inner = specs.objects[name].data.get("join", {}).values() if name in specs.objects else ()
    for each in inner:
        if "as" in each and each["as"] not in seen:
            seen.add(each["as"])
            _contained(specs, each["as"], seen)
    return seen


def _check_body(specs: Specs, spec: Spec) -> Iterator[Problem]:
    yield from _check_name(spec, "body")
    told: Schema = {"properties": {name: {} for name in _stated(spec.document, "given")}}
    given = Kind.of(told, f"given in {spec.document.name}")
    made_of = spec.data.get("of")
    file = f"schemas/objects/{made_of}.json"
    if made_of is not None:
        yield from _check_schema_file(specs, spec.document, file)
    scope = {"record": Kind() if made_of is None else specs.kind(file), "given": given}
    yield from _check_templates(spec.document, ("output",), spec.data.get("output"), scope)
    uses = {name: _bodies_in(each.data) for name, each in specs.bodies.items()}
    if spec.name in _reached(uses, spec.name):
        what = f'the body "{spec.name}" contains itself'
        yield spec.document.problem(("output",), "endless-body", what, "it would never end", key=True)


def _bodies_in(value: Any) -> set[str]:
    with suppress(TemplateProblem):
        return {name for text in templates_in(value) for name, _ in parse(text).bodies}
    return set()


def _reached(ways: Mapping[str, set[str]], start: str) -> set[str]:
    """Give all that can be reached from a name."""
    reached: set[str] = set()
    ahead = [start]
    while ahead:
        fresh = {each for each in ways.get(ahead.pop(), set()) if each in ways} - reached
        reached |= fresh
        ahead += fresh
    return reached


def _check_bodies_used(specs: Specs, document: Document, place: Pointer, value: Any) -> Iterator[Problem]:
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _check_bodies_used(specs, document, (*place, key), each)
        return
    with suppress(TemplateProblem):
        for name, given in parse(value).bodies if is_template(value) else ():
            if f"operations/bodies/{name}.yaml" not in specs.folder.names:
                what, why = f'there is no body "{name}"', f"operations/bodies has {listed(specs.bodies)}"
                yield document.problem(place, "unknown-body", what, why, did_you_mean(name, specs.bodies), within=name)
                continue
            known = specs.bodies[name].data.get("given", {}) if name in specs.bodies else given
            for each in given:
                if each not in known:
                    what, why = f'the body "{name}" is given no "{each}"', f"it may be given {listed(known)}"
                    yield document.problem(place, "unknown-given", what, why, did_you_mean(each, known), within=each)


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
    row = {"row": specs.record(_target(join)), "given": plain["given"]}
    yield from _check_templates(document, (*place, "where"), join.get("where"), row)
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
    yield from _check_name(spec, "operation")
    document, contract = spec.document, f"schemas/operations/{spec.name}"
    parts = spec.data.get("include", ())
    for index, name in enumerate(parts):
        if f"operations/parts/{name}.yaml" not in specs.folder.names:
            what, why = f'there is no part "{name}"', f"operations/parts has {listed(specs.parts)}"
            yield document.problem(("include", index), "unknown-part", what, why, did_you_mean(name, specs.parts))
    yield from _check_schema_file(specs, document, f"{contract}.input.json")
    for problem in _check_blocks(specs, spec):
        # What a part that can't be read would have named is no mistake of whoever uses the name.
        if problem.code != "unknown-name" or all(name in specs.parts for name in parts):
            yield problem


def _check_blocks(specs: Specs, spec: Spec) -> Iterator[Problem]:
    document, contract = spec.document, f"schemas/operations/{spec.name}"
    blocks = specs.blocks(spec)
    scope: dict[str, Kind] = {"input": specs.kind(f"{contract}.input.json")}
    yield from _check_templates(document, ("acting_user",), spec.data.get("acting_user"), dict(scope))
    for block in blocks:
        for word in ("request", "write"):
            for name in _stated(block.document, word):
                if name in scope:
                    what = f'there is already something named "{name}" in {spec.name}'
                    yield block.document.problem((word, name), "name-taken", what, key=True)
                scope[name] = Kind()
    steps = list(steps_of(blocks, "request"))
    scope.update({name: _step_kind(specs, step) for _, name, step in steps})
    yield from _check_circles(steps)
    for block, name, step in steps:
        yield from _check_step(specs, block.document, ("request", name), step, scope)
    for block in blocks:
        for index, each in enumerate(block.data.get("check", ())):
            yield from _check_check(block.document, ("check", index), each, scope)
    for block, name, write in steps_of(blocks, "write"):
        yield from _check_write(specs, block.document, ("write", name), write, scope)
    yield from _check_contract(specs, document, f"{contract}.output.json", spec.data.get("output"), scope)


def _check_circles(steps: list[tuple[Spec, str, dict[str, Any]]]) -> Iterator[Problem]:
    waits = {name: _names_in(step) for _, name, step in steps}
    for block, name, _ in steps:
        if name in _reached(waits, name):
            what = f'the step "{name}" waits for itself'
            yield block.document.problem(("request", name), "endless-step", what, key=True)


def _names_in(value: Any) -> set[str]:
    try:
        return names_read(value)
    except TemplateProblem:
        return set()


def _check_check(document: Document, place: Pointer, check_spec: Mapping[str, Any], scope: Scope) -> Iterator[Problem]:
    inner, problems = _looped(document, place, check_spec, scope)
    yield from problems
    for word in ("that", "at"):
        yield from _check_templates(document, (*place, word), check_spec.get(word), inner)


def _looped(
    document: Document, place: Pointer, spec: Mapping[str, Any], scope: Scope
) -> tuple[dict[str, Kind], list[Problem]]:
    inner = dict(scope)
    problems: list[Problem] = []
    for name, values in spec.get("each", {}).items():
        problems += _check_templates(document, (*place, "each", name), values, inner)
        inner[name] = _entries(values, inner)
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


def _check_write(
    specs: Specs, document: Document, place: Pointer, write: dict[str, Any], scope: Scope
) -> Iterator[Problem]:
    verb = "create" if "create" in write else "update"
    resource, problems = _resource(specs, document, (*place, verb), write[verb])
    yield from problems
    inner, problems = _looped(document, place, write, scope)
    yield from problems
    for word in ("id", "when", "body"):
        yield from _check_templates(document, (*place, word), write.get(word), inner)
    found = write.get("found", {})
    yield from _check_query(document, (*place, "found", "query"), found.get("query", {}), resource, inner)
    row = {**inner, "row": specs.record(write[verb])}
    yield from _check_templates(document, (*place, "found", "where"), found.get("where"), row)
    if resource is None:
        return
    schema = resource.schema.get(f"x-{verb}")
    if schema is None:
        what, why = f"{resource.name} can't be {verb}d", f'schemas/api/{resource.name}.json has no "x-{verb}"'
        yield document.problem((*place, verb), "wrong-value", what, why)
    else:
        origin = f"the body of {verb} {resource.name}"
        yield from _check_output(document, (*place, "body"), write["body"], Kind.of(schema, origin))


def _stated(document: Document, key: str) -> list[str]:
    found = document.data.get(key) if isinstance(document.data, dict) else None
    return list(found) if isinstance(found, dict) else []


def _step_kind(specs: Specs, step: Mapping[str, Any]) -> Kind:
    if "value" in step:
        return Kind()
    kind = (
        specs.kind(f"schemas/objects/{step['as']}.json")
        if "as" in step
        else specs.record(step.get("first") or step["list"])
    )
    return Listed(of_each=kind) if "list" in step else kind


def _check_step(
    specs: Specs, document: Document, place: Pointer, step: dict[str, Any], scope: Scope
) -> Iterator[Problem]:
    if "value" in step:
        for word in ("value", "when"):
            yield from _check_templates(document, (*place, word), step.get(word), scope)
        return
    verb = "list" if "list" in step else "first"
    resource, problems = _resource(specs, document, (*place, verb), step[verb])
    yield from problems
    only_input = {"input": scope["input"]}
    row = {"row": specs.record(step[verb]), **only_input}
    for word in ("when", "page", "size", "with", "parent"):
        names = only_input if word in ("page", "size", "parent") else scope
        yield from _check_templates(document, (*place, word), step.get(word), names)
    for at, part in ((place, step), *(((*place, "parts", i), each) for i, each in enumerate(step.get("parts", ())))):
        yield from _check_query(document, (*at, "query"), part.get("query", {}), resource, scope)
        yield from _check_templates(document, (*at, "where"), part.get("where"), row)
    for name in step.get("parent", {}):
        yield from _resource(specs, document, (*place, "parent", name), name, key=True)[1]
    yield from _check_order(document, (*place, "order"), step.get("order", ()), row["row"])
    yield from _check_as(specs, document, (*place, "as"), step.get("as"), resource)
    yield from _check_with(specs, document, (*place, "with"), step)


def _check_with(specs: Specs, document: Document, place: Pointer, step: Mapping[str, Any]) -> Iterator[Problem]:
    spec = specs.objects.get(step.get("as", ""))
    known = spec.data.get("given", {}) if spec else step.get("with", {})
    for name in step.get("with", {}):
        if name not in known:
            what, why = f'the object "{step["as"]}" is given no "{name}"', f"it may be given {listed(known)}"
            yield document.problem((*place, name), "unknown-given", what, why, did_you_mean(name, known), key=True)


def _check_ddl(specs: Specs, spec: Spec) -> Iterator[Problem]:
    yield from _check_name(spec, "ddl")
    document, data = spec.document, spec.data
    contract = f"schemas/operations/{spec.name}"
    scope = {"input": specs.kind(f"{contract}.input.json")}
    if "list" in data:
        read = {key: each for key, each in data.items() if key not in ("text", "value")}
        yield from _check_step(specs, document, (), read, scope)
    kind = specs.kind(f"schemas/objects/{data['as']}.json") if "as" in data else specs.record(data.get("list", ""))
    for word in ("text", "value"):
        yield from _check_templates(document, (word,), data.get(word), {**scope, "record": kind})
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
    slips = {nearest(key, fields) for key in output if key not in fields}
    for key in kind.required():
        if key not in output and key not in slips:
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
        if f"operations/objects/{name}.yaml" not in specs.folder.names:
            what, why = f'there is no object "{name}"', f"operations/objects has {listed(specs.objects)}"
            yield document.problem(place, "unknown-object", what, why, did_you_mean(name, specs.objects))
        return
    known = [each for each in sources(spec.data) if each in specs.resources]
    if resource is not None and resource.name not in known and known == sources(spec.data) != []:
        what = f'the object "{name}" is made from {listed(known)}, not from {resource.name}'
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
        is_range = declared.type == "object"
        wanted = f"a range: a mapping of {listed(_RANGE)}" if is_range else "one value or a list, not a range"
        yield document.problem(place, "wrong-type", f'"{declared.name}" takes {wanted}')
    elif isinstance(value, dict):
        for operator in value:
            if operator not in _RANGE:
                what, why = f'a range has no "{operator}"', f"it has {listed(_RANGE)}"
                hint = did_you_mean(operator, _RANGE)
                yield document.problem((*place, operator), "unknown-key", what, why, hint, key=True)
    elif not is_template(value) and not _fits(value, declared):
        wanted = f"{declared.item_type}s" if declared.type == "array" else a_type(declared.type)
        what = f'"{declared.name}" takes {wanted}, got {a_type(type_name(value))}'
        yield document.problem(place, "wrong-type", what)


def _fits(value: Any, declared: Filter) -> bool:
    return type_name(value) == (declared.item_type if declared.type == "array" else declared.type)


def _check_order(document: Document, place: Pointer, order: Any, kind: Kind) -> Iterator[Problem]:
    fields = kind.fields()
    for index, each in enumerate(order):
        name = each.removesuffix(" desc")
        if fields is not None and name not in fields:
            what, why = f'there is no field "{name}" to order by', f"{kind.origin} has {listed(fields)}"
            yield document.problem((*place, index), "unknown-field", what, why, did_you_mean(name, fields))


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


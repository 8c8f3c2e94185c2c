"""Checks operations and drop-down lists: their steps, checks, writes and outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .folder import file_of, place_of
from .places import Pointer
from .problems import Problem, did_you_mean, listed
from .question_checks import check_as, check_order, check_query, resource_of
from .scopes import Kind, Later, Listed, Scope
from .source import Document
from .specs import Spec, Specs, names_read, reached, steps_of
from .template_checks import (
    RESERVED,
    check_contract,
    check_free,
    check_name,
    check_schema_file,
    check_templates,
    stated,
)
from .templates import TemplateProblem
from .write_checks import check_check, check_write

Steps = list[tuple[Spec, str, dict[str, Any]]]


def check_operation(specs: Specs, spec: Spec) -> Iterator[Problem]:
    """Check an operation with the parts it includes."""
    yield from check_name(spec, "operation")
    document = spec.document
    parts = spec.data.get("include", ())
    for index, name in enumerate(parts):
        if not specs.folder.has("part", name):
            what, why = f'there is no part "{name}"', f"{place_of('part')} has {listed(specs.parts)}"
            yield document.problem(("include", index), "unknown-part", what, why, did_you_mean(name, specs.parts))
    yield from check_schema_file(specs, document, file_of("input", spec.name))
    for problem in _check_blocks(specs, spec):
        # What a part that can't be read would have named is no mistake of whoever uses the name.
        if problem.code != "unknown-name" or all(name in specs.parts for name in parts):
            yield problem


def _check_blocks(specs: Specs, spec: Spec) -> Iterator[Problem]:
    document = spec.document
    blocks = specs.blocks(spec)
    scope: dict[str, Kind] = {"input": specs.kind(file_of("input", spec.name))}
    yield from check_templates(document, ("acting_user",), spec.data.get("acting_user"), dict(scope))
    for block in blocks:
        for place in ((word, name) for word in ("request", "write") for name in stated(block.document, word)):
            yield from check_free(block.document, place)
            if place[1] in scope and place[1] not in RESERVED:
                what = f'there is already something named "{place[1]}" in {spec.name}'
                yield block.document.problem(place, "name-taken", what, key=True)
            scope.setdefault(place[1], Kind())
    steps = list(steps_of(blocks, "request"))
    scope.update({name: step_kind(specs, step) for _, name, step in steps if name not in RESERVED})
    yield from _check_circles(steps)
    for block, name, step in steps:
        yield from check_step(specs, block.document, ("request", name), step, scope)
    yield from _check_writes(specs, blocks, steps, scope)
    yield from check_contract(specs, document, file_of("output", spec.name), spec.data.get("output"), scope)


def _check_writes(specs: Specs, blocks: list[Spec], steps: Steps, scope: Scope) -> Iterator[Problem]:
    """Check the checks, which know nothing that is written, and the writes, which know those before them."""
    writes = list(steps_of(blocks, "write"))
    waits = {**_waits(steps), **{name: set() for _, name, _ in writes}}
    fix = "use the input, or a step that waits for no write"
    early = dict(scope)
    for _, name, _ in steps:
        if awaited := reached(waits, name).intersection(each for _, each, _ in writes):
            why = f'the step "{name}" waits for "{min(awaited)}", so it is asked after all writes'
            early[name] = Later(why=why, fix=fix)
    unwritten = {name: Later(why="all checks come before the first write", fix=fix) for _, name, _ in writes}
    for block in blocks:
        if block.data.get("check") and not writes:
            what, why = "nothing is checked here", "checks are made before writes, and nothing is written"
            yield block.document.problem(("check",), "unused-check", what, why, "remove the checks", key=True)
        for index, each in enumerate(block.data.get("check", ())):
            yield from check_check(block.document, ("check", index), each, {**early, **unwritten})
    for index, (block, name, write) in enumerate(writes):
        why = "writes are made in the order in which they stand"
        rest = {each: Later(why=why, fix=f'put "{each}" before "{name}"') for _, each, _ in writes[index + 1 :]}
        own = {name: Later(why="a write gives its ids when it has been made")}
        yield from check_write(specs, block.document, ("write", name), write, {**early, **rest, **own})


def _check_circles(steps: Steps) -> Iterator[Problem]:
    waits = _waits(steps)
    for block, name, _ in steps:
        if name in reached(waits, name):
            what = f'the step "{name}" waits for itself'
            yield block.document.problem(("request", name), "endless-step", what, key=True)


def _waits(steps: Steps) -> dict[str, set[str]]:
    return {name: _names_in(step) - {*RESERVED} for _, name, step in steps}


def _names_in(value: Any) -> set[str]:
    try:
        return names_read(value)
    except TemplateProblem:
        return set()


def step_kind(specs: Specs, step: Mapping[str, Any]) -> Kind:
    """Give the kind of a step's answer."""
    if "value" in step:
        return Kind()
    kind = (
        specs.kind(file_of("schema", step["as"]))
        if "as" in step
        else specs.record(step.get("first") or step["list"])
    )
    return Listed(of_each=kind) if "list" in step else kind


def check_step(
    specs: Specs, document: Document, place: Pointer, step: dict[str, Any], scope: Scope
) -> Iterator[Problem]:
    """Check one step: what is asked, and what is made of the answer."""
    if "value" in step:
        for word in ("value", "when"):
            yield from check_templates(document, (*place, word), step.get(word), scope)
        return
    if "order" in step and "page" in step:
        what, why = '"order" can\'t stand beside "page"', "pages come from the API, in its own order"
        fix = "remove it; or read the whole list, and take the page of it with | page(number, size)"
        yield document.problem((*place, "order"), "order-of-pages", what, why, fix, key=True)
    verb = "list" if "list" in step else "first"
    resource, problems = resource_of(specs, document, (*place, verb), step[verb])
    yield from problems
    only_input = {"input": scope["input"]}
    row = {"row": specs.record(step[verb]), **only_input}
    for word in ("when", "page", "size", "with", "parent"):
        names = only_input if word in ("page", "size", "parent") else scope
        yield from check_templates(document, (*place, word), step.get(word), names)
    for at, part in ((place, step), *(((*place, "parts", i), each) for i, each in enumerate(step.get("parts", ())))):
        yield from check_query(document, (*at, "query"), part.get("query", {}), resource, scope)
        yield from check_templates(document, (*at, "where"), part.get("where"), row)
    for name in step.get("parent", {}):
        yield from resource_of(specs, document, (*place, "parent", name), name, key=True)[1]
    yield from check_order(document, (*place, "order"), step.get("order", ()), row["row"])
    yield from check_as(specs, document, (*place, "as"), step.get("as"), resource)
    yield from _check_with(specs, document, (*place, "with"), step)


def _check_with(specs: Specs, document: Document, place: Pointer, step: Mapping[str, Any]) -> Iterator[Problem]:
    spec = specs.objects.get(step.get("as", ""))
    known = spec.data.get("given", {}) if spec else step.get("with", {})
    for name in step.get("with", {}):
        if name not in known:
            what, why = f'the object "{step["as"]}" is given no "{name}"', f"it may be given {listed(known)}"
            yield document.problem((*place, name), "unknown-given", what, why, did_you_mean(name, known), key=True)


def check_ddl(specs: Specs, spec: Spec) -> Iterator[Problem]:
    """Check a drop-down list."""
    yield from check_name(spec, "ddl")
    document, data = spec.document, spec.data
    scope = {"input": specs.kind(file_of("input", spec.name))}
    if "list" in data:
        read = {key: each for key, each in data.items() if key not in ("text", "value")}
        yield from check_step(specs, document, (), read, scope)
    kind = specs.kind(file_of("schema", data["as"])) if "as" in data else specs.record(data.get("list", ""))
    for word in ("text", "value"):
        yield from check_templates(document, (word,), data.get(word), {**scope, "record": kind})
    for end in ("input", "output"):
        yield from check_schema_file(specs, document, file_of(end, spec.name))

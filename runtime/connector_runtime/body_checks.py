"""Checks bodies, and that whoever uses one gives it what it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from .folder import file_of, place_of
from .places import Pointer
from .problems import Problem, did_you_mean, listed
from .schemas import Schema
from .scopes import Kind
from .source import Document
from .specs import Spec, Specs, reached, templates_in
from .template_checks import check_name, check_schema_file, check_templates, stated
from .templates import TemplateProblem, is_template, parse


def check_bodies(specs: Specs) -> Iterator[Problem]:
    """Check every body, and that none is endless."""
    uses = {name: _bodies_in(each.data) for name, each in specs.bodies.items()}
    for name, spec in specs.bodies.items():
        yield from _check_body(specs, spec)
        if name in reached(uses, name):
            what = f'the body "{name}" contains itself'
            yield spec.document.problem(("output",), "endless-body", what, "it would never end", key=True)


def _check_body(specs: Specs, spec: Spec) -> Iterator[Problem]:
    yield from check_name(spec, "body")
    told: Schema = {"properties": {name: {} for name in stated(spec.document, "given")}}
    given = Kind.of(told, f"given in {spec.document.name}")
    made_of = spec.data.get("of")
    file = file_of("schema", str(made_of))
    if made_of is not None:
        yield from check_schema_file(specs, spec.document, file)
    scope = {"record": Kind() if made_of is None else specs.kind(file), "given": given}
    yield from check_templates(spec.document, ("output",), spec.data.get("output"), scope)


def _bodies_in(value: Any) -> set[str]:
    with suppress(TemplateProblem):
        return {name for text in templates_in(value) for name, _ in parse(text).bodies}
    return set()


def check_bodies_used(specs: Specs, document: Document, place: Pointer, value: Any) -> Iterator[Problem]:
    """Check every body that templates below a value use, and what it is given."""
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from check_bodies_used(specs, document, (*place, key), each)
        return
    with suppress(TemplateProblem):
        for name, given in parse(value).bodies if is_template(value) else ():
            if not specs.folder.has("body", name):
                what, why = f'there is no body "{name}"', f"{place_of('body')} has {listed(specs.bodies)}"
                yield document.problem(place, "unknown-body", what, why, did_you_mean(name, specs.bodies), within=name)
                continue
            known = specs.bodies[name].data.get("given", {}) if name in specs.bodies else given
            for each in given:
                if each not in known:
                    what, why = f'the body "{name}" is given no "{each}"', f"it may be given {listed(known)}"
                    yield document.problem(place, "unknown-given", what, why, did_you_mean(each, known), within=each)

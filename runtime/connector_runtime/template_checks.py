"""Checks what templates read and give: names against the schemas, output keys against the contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .places import Pointer
from .problems import Problem, did_you_mean, listed, nearest
from .scopes import Kind, Scope, check
from .source import Document
from .specs import Spec, Specs
from .templates import TemplateProblem, is_template, parse

# What templates know without any step or join.
RESERVED = ("given", "input", "record", "row")


def check_name(spec: Spec, key: str) -> Iterator[Problem]:
    """A file is named as what it holds."""
    stated = spec.data.get(key, spec.name)
    if stated != spec.name:
        what = f'this file is named "{spec.name}" but says "{stated}"'
        yield spec.document.problem((key,), "name-mismatch", what, "file name and name are one", f"write {spec.name}")


def check_free(document: Document, place: Pointer) -> Iterator[Problem]:
    """Check that a name of the connector's own is none that templates know already."""
    if place[-1] in RESERVED:
        what, why = f'nothing can be named "{place[-1]}" here', f"templates know {listed(RESERVED)} as something else"
        yield document.problem(place, "reserved-name", what, why, "give it another name", key=True)


def stated(document: Document, key: str) -> list[str]:
    """Give the names below a key of a file, also those that the grammar has refused."""
    found = document.data.get(key) if isinstance(document.data, dict) else None
    return list(found) if isinstance(found, dict) else []


def check_contract(specs: Specs, document: Document, file: str, output: Any, scope: Scope) -> Iterator[Problem]:
    """Check an output's templates, and its keys against a schema file."""
    yield from check_schema_file(specs, document, file)
    if output is not None:
        yield from check_templates(document, ("output",), output, scope)
        yield from check_output(document, ("output",), output, specs.kind(file))


def check_schema_file(specs: Specs, document: Document, file: str) -> Iterator[Problem]:
    """Check that a schema file is there."""
    if file not in specs.folder.names:
        yield document.problem((), "missing-schema", f"there is no {file}", "every contract has its schema")


def check_output(document: Document, place: Pointer, output: Any, kind: Kind) -> Iterator[Problem]:
    """Check the keys of an output against the kind it must have."""
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
            yield from check_output(document, (*place, key), value, inner)
    slips = {nearest(key, fields) for key in output if key not in fields}
    for key in kind.required():
        if key not in output and key not in slips:
            what = f'"{key}" is missing in {".".join(map(str, place))}'
            yield document.problem(place, "missing-output", what, f"{kind.origin} requires it", key=True)


def check_templates(document: Document, place: Pointer, value: Any, scope: Scope) -> Iterator[Problem]:
    """Check every name that the templates of a value read."""
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from check_templates(document, (*place, key), each, scope)
    elif is_template(value):
        try:
            problems = check(parse(value), scope)
        except TemplateProblem as problem:
            problems = [problem]
        yield from told(document, place, problems)


def told(document: Document, place: Pointer, problems: list[TemplateProblem]) -> Iterator[Problem]:
    """Tell what is wrong with a template, at its place."""
    for each in problems:
        yield document.problem(place, each.code, each.what, each.why, each.fix, within=each.within)

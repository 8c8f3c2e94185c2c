"""Checks what is asked of the API: resources, filters and their values, orders, and what records become."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .folder import MANIFEST, place_of
from .places import Pointer
from .problems import Problem, did_you_mean, listed
from .resources import Filter, Resource
from .schemas import a_type, type_name
from .scopes import Kind, Scope
from .source import Document
from .specs import Specs, sources, templates_in
from .template_checks import check_templates
from .templates import is_template

_RANGE = ("gte", "gt", "lt", "lte")


def resource_of(
    specs: Specs, document: Document, place: Pointer, name: str, *, key: bool = False
) -> tuple[Resource | None, list[Problem]]:
    """Give a resource, or the problem that there is none; nothing of either where its file is faulty."""
    found = specs.resources.get(name)
    if found is not None or specs.folder.has("resource", name):
        return found, []
    what, why = f'the API has no resource "{name}"', f"{place_of('resource')} has {listed(specs.resources)}"
    return None, [document.problem(place, "unknown-resource", what, why, did_you_mean(name, specs.resources), key=key)]


def check_query(
    document: Document, place: Pointer, query: Mapping[str, Any], resource: Resource | None, scope: Scope
) -> Iterator[Problem]:
    """Check the filters of a question and what they are given."""
    for name, value in query.items():
        yield from check_templates(document, (*place, name), value, scope)
        if resource is None:
            continue
        problems = list(check_filter(document, (*place, name), name, resource, key=True))
        yield from problems or _check_value(document, (*place, name), value, resource.filters[name])


def check_constants(
    document: Document, place: Pointer, query: Mapping[str, Any], resource: Resource | None
) -> Iterator[Problem]:
    """Check filters that are the same in every question."""
    for name, value in query.items():
        if any(templates_in(value)):
            what, why = f'"{name}" takes no template here', "the same is asked whatever the record or the input"
            yield document.problem((*place, name), "no-template", what, why, "write the value itself")
        else:
            yield from check_query(document, place, {name: value}, resource, {})


def check_no_dictionary(
    specs: Specs, document: Document, place: Pointer, name: str, fix: str
) -> Iterator[Problem]:
    """Check that no join asks anything special of a dictionary."""
    if name in specs.dictionaries:
        what, why = f"nothing can be asked of {name} here", f"it is a dictionary ({MANIFEST}), and read whole"
        yield document.problem(place, "dictionary-query", what, why, fix, key=True)


def check_filter(
    document: Document, place: Pointer, name: str, resource: Resource, *, key: bool
) -> Iterator[Problem]:
    """Check that a resource has a filter."""
    if name not in resource.filters:
        what, why = f'{resource.name} has no filter "{name}"', f"filters are {listed(resource.filters)}"
        yield document.problem(place, "unknown-filter", what, why, did_you_mean(name, resource.filters), key=key)


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


def check_order(document: Document, place: Pointer, order: Any, kind: Kind) -> Iterator[Problem]:
    """Check the fields that something is ordered by."""
    fields = kind.fields()
    for index, each in enumerate(order):
        name = each.removesuffix(" desc")
        if fields is not None and name not in fields:
            what, why = f'there is no field "{name}" to order by', f"{kind.origin} has {listed(fields)}"
            yield document.problem((*place, index), "unknown-field", what, why, did_you_mean(name, fields))
        elif (field := kind.field(name)) is not None and field.has_no_order:
            what, why = f'nothing can be ordered by "{name}"', f"it is {field.described}"
            yield document.problem((*place, index), "no-order", what, why)


def check_as(
    specs: Specs, document: Document, place: Pointer, name: str | None, resource: Resource | None
) -> Iterator[Problem]:
    """Check that there is an object of this name, made from records of the resource."""
    if name is None:
        return
    spec = specs.objects.get(name)
    if spec is None:
        if not specs.folder.has("object", name):
            what, why = f'there is no object "{name}"', f"{place_of('object')} has {listed(specs.objects)}"
            yield document.problem(place, "unknown-object", what, why, did_you_mean(name, specs.objects))
        return
    known = [each for each in sources(spec.data) if each in specs.resources]
    if resource is not None and resource.name not in known and known == sources(spec.data) != []:
        what = f'the object "{name}" is made from {listed(known)}, not from {resource.name}'
        yield document.problem(place, "wrong-object", what)

"""Checks specs against each other and against the schemas: every name a spec uses must mean something."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .body_checks import check_bodies, check_bodies_used
from .folder import file_of
from .grammar import problem
from .object_checks import check_objects
from .operation_checks import check_ddl, check_operation
from .problems import Problem, did_you_mean, listed, nearest
from .question_checks import check_constants, check_no_dictionary, resource_of
from .schemas import metaschema, references
from .specs import KINDS, Specs
from .template_checks import check_name


def check_specs(specs: Specs) -> Iterator[Problem]:
    """Check every spec of a connector."""
    yield from _check_manifest(specs)
    yield from _check_page_sizes(specs)
    yield from check_objects(specs)
    yield from check_bodies(specs)
    for spec in specs.operations.values():
        yield from check_operation(specs, spec)
    for spec in specs.ddls.values():
        yield from check_ddl(specs, spec)
    for kind in KINDS:
        for spec in specs.of_kind(kind).values():
            yield from check_bodies_used(specs, spec.document, (), spec.data)
    named = {name for spec in specs.operations.values() for name in spec.data.get("include", ())}
    included = named | {nearest(name, specs.parts) for name in named - {*specs.parts}}
    for spec in specs.parts.values():
        yield from check_name(spec, "part")
        if spec.name not in included:
            yield spec.document.problem(("part",), "unused-part", "no operation includes this part", "", "remove it")


def _check_manifest(specs: Specs) -> Iterator[Problem]:
    yield from _check_credentials(specs)
    document, above = specs.manifest.document, ("dictionaries", "resources")
    for name in specs.joins:
        fix = f"write it into {'.'.join(above)}.{name}"
        yield from check_no_dictionary(specs, document, ("joins", name), name, fix)
    named = [((*above, name), query) for name, query in specs.dictionaries.items()]
    for place, query in [*named, *((("joins", name), query) for name, query in specs.joins.items())]:
        resource, problems = resource_of(specs, document, place, place[-1], key=True)
        yield from problems
        yield from check_constants(document, place, query, resource)


def _check_credentials(specs: Specs) -> Iterator[Problem]:
    document, schema = specs.manifest.document, specs.manifest.data.get("credentials", {})
    violations = metaschema().violations(schema)
    for violation in violations:
        yield problem(document, replace(violation, pointer=("credentials", *violation.pointer)))
    for pointer, reference in references(schema):
        what, why = f'"{reference}" can\'t be referred to here', "the schema of the credentials stands alone"
        yield document.problem(("credentials", *pointer), "standalone-ref", what, why, "write it out")
    name = specs.manifest.data.get("auth", {}).get("subject", {}).get("credential")
    known = schema.get("properties", {}) if not violations else {name: {}}
    if name is not None and name not in known:
        what, why = f'there is no credential "{name}"', f"credentials are {listed(known)}"
        place = ("auth", "subject", "credential")
        yield document.problem(place, "unknown-credential", what, why, did_you_mean(name, known))


def _check_page_sizes(specs: Specs) -> Iterator[Problem]:
    for resource in specs.resources.values():
        if resource.page_size == 0 and specs.dialect.size:
            document = specs.folder.documents[file_of("resource", resource.name)]
            what = f'"x-filters" has no "{specs.dialect.size}" with a maximum'
            why = "lists are read in pages of that size"
            yield document.problem(("x-filters",), "missing-key", what, why, key=True)

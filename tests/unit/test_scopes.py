"""What the names of a template mean, as far as the schemas tell."""

from typing import Any

import pytest

from connector_runtime.scopes import Kind, Later, Listed, check
from connector_runtime.templates import parse

BOOK: dict[str, Any] = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "integer"},
        "title": {"type": ["string", "null"]},
        "author": {"anyOf": [{"$ref": "#/$defs/author"}, {"type": "null"}]},
        "loans": {"type": "array", "items": {"$ref": "#/$defs/loan"}},
        "tags": {"type": ["object", "null"]},
        "map": {"type": "object"},
        "any": {},
        "rows": {"type": "array"},
    },
    "$defs": {
        "author": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
        "loan": {"oneOf": [{"properties": {"reader": {}}}, {"properties": {"lender": {}}}]},
    },
}
HERE = "names here are input, record, records, unknown"
SCOPE = {
    "record": Kind.of(BOOK, "schemas/api/books.json"),
    "input": Kind.of({"properties": {"job_id": {"type": "integer"}}}, "schemas/operations/get.input.json"),
    "records": Listed(of_each=Kind.of(BOOK, "schemas/api/books.json")),
    "unknown": Kind(),
}


@pytest.mark.parametrize(
    "template",
    [
        "{{ record.id }}",
        "{{ record.author.name }}",
        "{{ record.loans[0].reader or record.loans[0].lender }}",
        "{{ record.loans | map(attribute='reader') }}",
        "{{ record.tags.anything.deeper }}",
        "{{ record.map.anything }}",
        "{{ record.any.thing[0].else }}",
        "{{ record.rows[0].field }}",
        "{{ records | map(attribute='title') }}",
        "{{ records[0].author.name }}",
        "{{ unknown.a[0].b }}",
        "{{ input.job_id }}",
        "{{ 1 }}",
    ],
)
def test_names_that_mean_something(template: str) -> None:
    assert check(parse(template), SCOPE) == []


@pytest.mark.parametrize(
    ("template", "found"),
    [
        (
            "{{ recrod.id }}",
            [("unknown-name", 'there is no "recrod" here', HERE, 'did you mean "record"?')],
        ),
        (
            "{{ record.titel }}",
            [
                (
                    "unknown-field",
                    '"record.titel" does not exist',
                    "schemas/api/books.json has any, author, id, loans, map, rows, tags, title",
                    'did you mean "record.title"?',
                )
            ],
        ),
        (
            "{{ record.author.nam }}",
            [
                (
                    "unknown-field",
                    '"record.author.nam" does not exist',
                    '"record.author" has name',
                    'did you mean "record.author.name"?',
                )
            ],
        ),
        (
            "{{ record.title.first }}",
            [
                (
                    "unknown-field",
                    '"record.title.first" does not exist',
                    '"record.title" is a single value, without fields',
                    "",
                )
            ],
        ),
        (
            "{{ record.loans[0].date }}",
            [("unknown-field", '"record.loans.date" does not exist', '"record.loans" has lender, reader', "")],
        ),
        (
            "{{ input.jobid }}",
            [
                (
                    "unknown-input",
                    '"input.jobid" does not exist',
                    "schemas/operations/get.input.json has job_id",
                    'did you mean "input.job_id"?',
                )
            ],
        ),
        (
            "{{ a or a or b }}",
            [
                ("unknown-name", 'there is no "a" here', HERE, ""),
                ("unknown-name", 'there is no "b" here', HERE, ""),
            ],
        ),
    ],
)
def test_names_that_mean_nothing(template: str, found: list[tuple[str, ...]]) -> None:
    assert [(each.code, each.what, each.why, each.fix) for each in check(parse(template), SCOPE)] == found


def test_types() -> None:
    kind = Kind.of(BOOK, "x")
    types = {name: (kind.field(name) or Kind()).types() for name in BOOK["properties"]}
    assert types == {
        "id": {"integer"},
        "title": {"string"},
        "author": {"object"},
        "loans": {"array"},
        "tags": {"object"},
        "map": {"object"},
        "any": set(),
        "rows": {"array"},
    }
    assert SCOPE["unknown"].types() == set()
    assert SCOPE["records"].types() == {"array"}
    assert Kind.of({"anyOf": [{"type": "integer"}, {}]}, "x").types() == set()


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ record.author < 1 }}", "it is an object"),
        ("{{ 1 >= records }}", "it is a list"),
        ("{{ record.id < 1 or record.any < 1 or nowhere < 1 or unknown < 1 }}", ""),
    ],
)
def test_comparing_what_has_no_order(template: str, why: str) -> None:
    found = [each for each in check(parse(template), SCOPE) if each.code == "no-order"]
    assert [each.why for each in found] == ([why] if why else [])


def test_what_is_known_later() -> None:
    (problem,) = check(parse("{{ loan.id }}"), {**SCOPE, "loan": Later(why="w", fix="f")})
    assert (problem.code, problem.what, problem.why, problem.fix) == (
        "not-yet-known",
        '"loan" is not known here yet',
        "w",
        "f",
    )
    (problem,) = check(parse("{{ laon.id }}"), {**SCOPE, "loan": Later()})
    assert (problem.why, problem.fix) == (HERE, "")


def test_required_fields() -> None:
    assert Kind.of(BOOK, "x").required() == ["id"]
    assert Kind().required() == []
    assert Kind.of({}, "x").required() == []

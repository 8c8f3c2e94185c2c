"""JSON Schema: what each broken rule is called, references, bundling."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_runtime.schemas import (
    Schema,
    Validator,
    bundled,
    follow,
    metaschema,
    quoted,
    references,
    resolve,
    target,
    type_name,
)

CLOSED: Schema = {
    "type": "object",
    "properties": {"job_id": {"type": "integer", "description": "The job."}, "page": {"type": "integer"}},
    "required": ["job_id"],
    "additionalProperties": False,
}
EITHER: Schema = {"oneOf": [{"required": ["type2"]}, {"required": ["type"]}]}
PAIR: Schema = {"anyOf": [{"required": ["client_id", "client_secret"]}, {"required": ["access_token"]}]}
SHAPES: Schema = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "object", "required": ["value"], "properties": {"value": {"type": "string"}}},
    ]
}


@pytest.mark.parametrize(
    ("schema", "instance", "found"),
    [
        ({"type": "integer"}, "7", [" must be an integer, got a string"]),
        ({"type": "integer"}, 1.5, [" must be an integer, got a number"]),
        ({"type": "integer"}, True, [" must be an integer, got a boolean"]),
        ({"type": ["null", "string"]}, [], [" must be a string or null, got a list"]),
        ({"type": "object"}, None, [" must be an object, got null"]),
        ({"type": "array"}, {}, [" must be a list, got an object"]),
        ({"enum": ["a", 1, None, True]}, "x", [' must be one of "a", 1, null, true']),
        ({"const": "a"}, "x", [' must be "a"']),
        ({"const": 1}, 2, [" must be 1"]),
        ({"minimum": 1}, 0, [" must be at least 1"]),
        ({"maximum": 500}, 501, [" must be at most 500"]),
        ({"exclusiveMinimum": 0}, 0, [" must be more than 0"]),
        ({"exclusiveMaximum": 5}, 5, [" must be less than 5"]),
        ({"multipleOf": 5}, 7, [" must be a multiple of 5"]),
        ({"minLength": 1}, "", [" must not be empty"]),
        ({"minLength": 2}, "x", [" must have at least 2 characters"]),
        ({"maxLength": 1}, "xy", [" must have at most 1 character"]),
        ({"minItems": 1}, [], [" must not be empty"]),
        ({"minItems": 2}, [1], [" must have at least 2 entries"]),
        ({"maxItems": 1}, [1, 2], [" must have at most 1 entry"]),
        ({"minProperties": 1}, {}, [" must not be empty"]),
        ({"maxProperties": 2}, {"a": 1, "b": 2, "c": 3}, [" must have at most 2 entries"]),
        ({"uniqueItems": True}, [1, 1], [" must not hold the same entry twice"]),
        ({"pattern": "^a+$"}, "b", [" must match ^a+$"]),
        ({"pattern": "^[A-Z]{3}$", "examples": ["EUR"]}, "x", [" must look like EUR"]),
        ({"format": "date"}, "1.2.2024", [" must be an ISO 8601 date, such as 2024-03-01"]),
        ({"format": "date-time"}, "noon", [" must be an ISO 8601 date-time, such as 2024-03-01T09:00:00Z"]),
        ({"format": "email"}, "no address", [" must be a valid email"]),
        ({"format": "made-up"}, "anything", []),
        ({"properties": {"a": False}}, {"a": 1}, ["/a is not allowed here"]),
        ({"not": {"type": "string"}}, "x", [" does not fit what is declared"]),
        ({"contains": {"type": "string"}}, [1], [" does not fit what is declared"]),
        (CLOSED, {}, ["/job_id is required"]),
        (CLOSED, {"job_id": 1, "pgae": 2}, ['/pgae is not known; did you mean "page"?']),
        (CLOSED, {"job_id": 1, "zzz": 2}, ["/zzz is not known; known are job_id, page"]),
        ({"additionalProperties": False}, {"a": 1}, ["/a is not known; known are nothing"]),
        ({"properties": {"b": {}}, "unevaluatedProperties": False}, {"a": 1}, ["/a is not known; known are b"]),
        ({"propertyNames": {"pattern": "^a"}}, {"b": 1}, ["/b must match ^a"]),
        ({"dependentRequired": {"size": ["page"]}}, {"size": 1}, ['/page is required beside "size"']),
        ({"dependentSchemas": {"a": {"required": ["b"]}}}, {"a": 1}, ["/b is required"]),
        (EITHER, {}, [' needs "type2", or "type"']),
        (EITHER, {"type": 1, "type2": 1}, [' takes only one of "type2" and "type"']),
        (PAIR, {"client_id": "x"}, [' needs "client_secret", or "access_token"']),
        (PAIR, {}, [' needs "client_id" and "client_secret", or "access_token"']),
        ({"oneOf": [{"minimum": 1}, {"minimum": 2}]}, 3, [" fits more than one of the allowed forms"]),
        (SHAPES, 7, [" must be an object or a string, got an integer"]),
        (SHAPES, "", [" must not be empty"]),
        (SHAPES, {}, ["/value is required"]),
        (SHAPES, {"value": 1}, ["/value must be a string, got an integer"]),
        ({"anyOf": [{"minimum": 5}, {"multipleOf": 2}]}, 3, [" fits none of the allowed forms"]),
        (
            {"anyOf": [{"properties": {"a": {"type": "string"}}}, {"required": ["b"]}]},
            {"a": 1},
            ["/a must be a string, got an integer"],
        ),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1}, ["/b is required"]),
        (
            {"items": {"type": "integer"}},
            ["a", *range(8), "b", "c"],
            [f"/{index} must be an integer, got a string" for index in (0, 9, 10)],
        ),
        ({"properties": {"a/b~c": {"type": "null"}}}, {"a/b~c": 1}, ["/a~1b~0c must be null, got an integer"]),
        (
            {"properties": {"x": {"$ref": "#/$defs/x"}}, "$defs": {"x": CLOSED}},
            {"x": {"jobid": 1}},
            ["/x/job_id is required", '/x/jobid is not known; did you mean "job_id"?'],
        ),
    ],
)
def test_sentences(schema: Schema, instance: Any, found: list[str]) -> None:
    validator = Validator(schema)
    assert validator.accepts(instance) == (not found)
    assert [f"{each.path} {each.message}" for each in validator.violations(instance)] == found


def test_violation_tells_what_is_wanted() -> None:
    (missing,) = Validator(CLOSED).violations({})
    assert (missing.about, missing.known, missing.mapping, missing.is_unknown_key) == (
        "The job.",
        ("job_id",),
        (),
        False,
    )
    (unknown,) = Validator(CLOSED).violations({"job_id": 1, "x": 1})
    assert (unknown.known, unknown.mapping, unknown.is_unknown_key) == (("job_id", "page"), (), True)
    (beside,) = Validator({"dependentRequired": {"a": ["b"]}}).violations({"a": 1})
    assert (beside.keyword, beside.about) == ("dependentRequired", '"a" needs it')
    (either,) = Validator({"properties": {"x": EITHER}}).violations({"x": {}})
    assert (either.keyword, either.known, either.mapping) == ("oneOf", ("type2", "type"), ("x",))
    (word,) = Validator({"enum": ["a", None]}).violations(1)
    assert word.known == ("a",)


SECRET = "Ada Lovelace 4711"


@given(
    st.sampled_from(
        [
            {"type": "integer"},
            {"const": 1},
            {"enum": [1, 2]},
            {"pattern": "^x$"},
            {"format": "date"},
            {"format": "email"},
            {"maxLength": 1},
            {"minLength": 100},
            {"not": {"type": "string"}},
            {"oneOf": [{"type": "integer"}, {"maxLength": 2}]},
            {"oneOf": [{"type": "string"}, {"minLength": 2}]},
            {"anyOf": [{"const": 1}, {"const": 2}]},
        ]
    ),
    st.sampled_from([(), ("a",), ("a", 0)]),
)
def test_no_message_holds_a_value(schema: Schema, place: tuple[str | int, ...]) -> None:
    instance: Any = SECRET
    for part in reversed(place):
        instance = [instance] if isinstance(part, int) else {part: instance}
        schema = {"items": schema} if isinstance(part, int) else {"properties": {part: schema}}
    (violation,) = Validator(schema).violations(instance)
    assert violation.pointer == place
    assert "Lovelace" not in violation.message
    assert "4711" not in violation.message


def test_metaschema() -> None:
    assert metaschema().accepts({"type": "string"})
    found = {
        each.path: each.message for each in metaschema().violations({"type": "objekt", "required": "x", "minimum": "1"})
    }
    assert found == {
        "/minimum": "must be a number, got a string",
        "/required": "must be a list, got a string",
        "/type": 'must be one of "array", "boolean", "integer", "null", "number", "object", "string"',
    }


FILES: dict[str, Any] = {
    "schemas/operations/get.json": {
        "title": "Get",
        "properties": {
            "job": {"$ref": "../objects/job.json", "title": "Its job", "$defs": {"unused": {}}},
            "again": {"anyOf": [{"$ref": "../objects/job.json"}, {"type": "null"}]},
            "id": {"$ref": "../objects/job.json#/properties/id"},
            "own": {"$ref": "#/properties/job"},
        },
    },
    "schemas/objects/job.json": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"id": {"type": "integer"}, "parent": {"$ref": "job.json"}, "a/b": {"$ref": "#/anyOf/1"}},
        "anyOf": [{}, {"minProperties": 0}],
    },
    "schemas/objects/plain.json": {"type": "string"},
}


def test_bundled_schema_is_self_contained() -> None:
    schema = bundled(FILES, "schemas/operations/get.json")
    assert set(schema["$defs"]) == {
        "objects.job",
        "objects.job.anyOf.1",
        "objects.job.properties.id",
        "operations.get.properties.job",
    }
    assert "$schema" not in schema["$defs"]["objects.job"]
    assert schema["$defs"]["objects.job"]["properties"]["parent"] == {"$ref": "#/$defs/objects.job"}
    assert schema["properties"]["job"] == {"title": "Its job", "$ref": "#/$defs/objects.job"}
    validator = Validator(schema)
    assert validator.accepts({"job": {"id": 1, "parent": {"parent": {"id": 2}}}, "again": None, "id": 3})
    found = [each.path for each in validator.violations({"job": {"parent": {"id": "x"}}, "again": 1, "id": "3"})]
    assert found == ["/again", "/id", "/job/parent/id"]
    assert bundled(FILES, "schemas/objects/plain.json") == {"type": "string"}
    assert "$ref" in FILES["schemas/operations/get.json"]["properties"]["job"]


def test_bundled_schema_without_its_parts() -> None:
    with pytest.raises(KeyError):
        bundled({"a.json": {"$ref": "b.json"}}, "a.json")


def test_references_and_targets() -> None:
    found = dict(references(FILES["schemas/operations/get.json"]))
    assert found[("properties", "again", "anyOf", 0, "$ref")] == "../objects/job.json"
    assert len(found) == 4
    assert dict(references({"properties": {"$ref": {"type": "string"}}})) == {}
    assert target("a/b/c.json", "../d.json#/x/y~1z~0") == ("a/d.json", ("x", "y/z~"))
    assert target("a/b.json", "#/0") == ("a/b.json", ("0",))
    assert resolve(FILES, "schemas/objects/job.json", "#/anyOf/1") == {"minProperties": 0}
    assert follow({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"type": "null"}}}, {"$ref": "#/$defs/a"}) == {
        "type": "null"
    }


@pytest.mark.parametrize(
    ("value", "name"),
    [(None, "null"), (True, "boolean"), (1, "integer"), (1.0, "number"), ("", "string"), ([], "array"), ({}, "object")],
)
def test_type_names(value: Any, name: str) -> None:
    assert type_name(value) == name


def test_constants_in_a_sentence() -> None:
    assert [quoted(each) for each in ("a", None, True, False, 1.5)] == ['"a"', "null", "true", "false", "1.5"]


@pytest.mark.parametrize("keys", [("a", ""), ("", ""), ("a", "0"), ("a", "007"), ("", "+7"), ("a", "b/c~d"), ("a", 0)])
def test_place_below_odd_keys(keys: tuple[str | int, ...]) -> None:
    instance: Any = {"x": 1}
    for part in reversed(keys):
        instance = [instance] if isinstance(part, int) else {"other": {}, part: instance}
    anything: Schema = {"items": {"$ref": "#"}, "additionalProperties": {"$ref": "#"}}
    (violation,) = Validator({**anything, "properties": {"x": {"type": "string"}}}).violations(instance)
    assert (violation.pointer, violation.message) == ((*keys, "x"), "must be a string, got an integer")


def test_place_of_an_empty_key() -> None:
    (violation,) = Validator({"additionalProperties": {"type": "string"}}).violations({"": 1})
    assert (violation.pointer, violation.message) == (("",), "must be a string, got an integer")


def test_keyword_below_an_empty_key() -> None:
    inner: Schema = {"dependentRequired": {"a": ["b"]}, "required": ["c"], "properties": {"": {"enum": [1]}}}
    schema: Schema = {"properties": {"": inner, "x": {"additionalProperties": inner}}}
    instance = {"": {"a": 1, "": 2}, "x": {"": {"a": 1}}}
    found = [(each.pointer, each.message) for each in Validator(schema).violations(instance)]
    assert found == [
        (("", ""), "must be one of 1"),
        (("", "b"), "is required"),
        (("", "c"), "is required"),
        (("x", "", "b"), 'is required beside "a"'),
        (("x", "", "c"), "is required"),
    ]

"""Inputs: what counts as absent, defaults, every violation at once, never a value."""

from typing import Any

import pytest

from connector_runtime.errors import InvalidInput
from connector_runtime.inputs import InputCheck

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["id", "name"],
    "properties": {
        "id": {"type": "integer", "minimum": 1, "maximum": 9223372036854775807},
        "name": {"type": "string"},
        "page": {"$ref": "#/$defs/page"},
        "state": {"type": "string", "enum": ["open", "closed"], "x-ignore-case": True},
        "flag": {"type": "boolean", "default": False},
        "loans": {"type": "array", "items": {"$ref": "#/$defs/loan"}},
        "referrer": {
            "type": "object",
            "properties": {"type": {"type": "string"}, "type2": {"type": "string"}},
            "oneOf": [{"required": ["type2"]}, {"required": ["type"]}],
        },
    },
    "additionalProperties": False,
    "$defs": {
        "page": {"type": "integer", "minimum": 1, "default": 1},
        "loan": {
            "type": "object",
            "required": ["reader"],
            "properties": {"reader": {"type": "string"}, "at": {"type": "string", "format": "date"}},
            "additionalProperties": False,
        },
    },
}
CHECK = InputCheck(SCHEMA)


@pytest.mark.parametrize(
    ("given", "ready"),
    [
        ({}, {}),
        ({"page": None, "state": "", "loans": None}, {}),
        ({"page": 3}, {"page": 3}),
        ({"page": 2.0}, {"page": 2}),
        ({"state": "OPEN"}, {"state": "open"}),
        ({"flag": True}, {"flag": True}),
        ({"loans": []}, {"loans": []}),
        ({"loans": [{"reader": "Ada", "at": None}]}, {"loans": [{"reader": "Ada"}]}),
        ({"loans": [{"reader": "", "at": ""}]}, {"loans": [{"reader": ""}]}),
        ({"referrer": {"type": "", "type2": "x"}}, {"referrer": {"type2": "x"}}),
        ({"id": 9223372036854775807}, {"id": 9223372036854775807}),
    ],
)
def test_ready(given: dict[str, Any], ready: dict[str, Any]) -> None:
    value = {"id": 7, "name": "", **given}
    before = dict(value)
    found = CHECK.ready(value)
    assert found == {"id": 7, "name": "", "page": 1, "flag": False, **ready}
    assert type(found["page"]) is int
    assert value == before


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({}, ["/id is required", "/name is required"]),
        ({"id": None, "name": 7}, ["/id must be an integer, got null", "/name must be a string, got an integer"]),
        ({"id": "", "name": ""}, ["/id must be an integer, got a string"]),
        ({"id": "7", "name": "x"}, ["/id must be an integer, got a string"]),
        ({"id": True, "name": "x"}, ["/id must be an integer, got a boolean"]),
        ({"id": 1.5, "name": "x"}, ["/id must be an integer, got a number"]),
        ({"id": 0, "name": "x"}, ["/id must be at least 1"]),
        ({"id": 2**63, "name": "x"}, ["/id must be at most 9223372036854775807"]),
        ({"id": 10**40, "name": "x"}, ["/id must be at most 9223372036854775807"]),
        ({"id": 1, "name": "x", "stat": None}, ['/stat is not known; did you mean "state"?']),
        ({"id": 1, "name": "x", "state": "secret"}, ['/state must be one of "open", "closed"']),
        (
            {"id": 1, "name": "x", "loans": [{"reader": "a"}, {"raeder": "b", "at": "secret"}]},
            [
                "/loans/1/at must be an ISO 8601 date, such as 2024-03-01",
                '/loans/1/raeder is not known; did you mean "reader"?',
                "/loans/1/reader is required",
            ],
        ),
        ({"id": 1, "name": "x", "loans": {}}, ["/loans must be a list, got an object"]),
        ({"id": 1, "name": "x", "referrer": {"type": ""}}, ['/referrer needs "type2", or "type"']),
        (
            {"id": 1, "name": "x", "referrer": {"type": "a", "type2": "b"}},
            ['/referrer takes only one of "type2" and "type"'],
        ),
    ],
)
def test_every_violation_is_told(given: dict[str, Any], problems: list[str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        CHECK.ready(given)
    error = caught.value
    assert [f"{each.pointer} {each.message}" for each in error.errors] == problems
    many = f"the input has {len(problems)} problems"
    assert error.message == ("the input has a problem" if len(problems) == 1 else many)
    assert "secret" not in str(error.record())


@pytest.mark.parametrize(
    ("given", "got"), [(None, "null"), ([], "a list"), ("", "a string"), (0, "an integer"), ((1,), "a tuple")]
)
def test_what_is_no_object(given: Any, got: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        CHECK.ready(given)
    assert caught.value.message == f"the input must be an object, got {got}"


def deep() -> dict[str, Any]:
    """Nest lists deeper than any JSON."""
    value: Any = []
    for _ in range(100_000):
        value = [value]
    return {"id": 1, "name": "x", "loans": value}


@pytest.mark.parametrize(
    "given",
    [
        {"id": 1, "name": object()},
        {"id": 1, "name": {1, 2}},
        {1: 2},
        {"id": 1, "name": b"x"},
        {"id": 1, "name": "\ud800"},
        {"id": 1, "name": "x", "loans": ("\ud800",)},
        {"id": 10**5000, "name": "x"},
        deep(),
    ],
    ids=["object", "set", "key", "bytes", "surrogate", "tuple", "huge", "deep"],
)
def test_what_is_no_json(given: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        CHECK.ready(given)
    assert caught.value.message == "the input is not plain JSON data"


def test_what_was_caught_is_forgotten() -> None:
    """The error of a text that can't be encoded holds the text."""
    with pytest.raises(InvalidInput) as caught:
        CHECK.ready({"id": 1, "name": "Ada\ud800"})
    assert caught.value.__context__ is None


def test_of_very_many_problems_the_first_are_told() -> None:
    with pytest.raises(InvalidInput, match="100 problems or more") as caught:
        CHECK.ready({"id": 1, "name": "x", **{f"key {number}": number for number in range(100_000)}})
    assert len(caught.value.errors) == 100

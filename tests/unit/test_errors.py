"""Errors: one record, one text, one exit code each."""

import pickle
import re

import pytest

from connector_runtime import errors
from connector_runtime.errors import ConnectorError, InputProblem, InvalidInput, PartialWrite, RateLimited, SpecError
from connector_runtime.problems import Problem

KINDS = ConnectorError.__subclasses__()
EXIT_CODES = {
    "invalid_input": 3,
    "unauthorized": 4,
    "forbidden": 5,
    "not_found": 6,
    "conflict": 7,
    "rejected": 8,
    "rate_limited": 9,
    "unavailable": 10,
    "timeout": 11,
    "outcome_unknown": 12,
    "partial_write": 13,
    "unexpected_response": 14,
    "spec_error": 15,
}


def test_codes_and_exit_codes_never_change() -> None:
    assert {kind.code: kind.exit_code for kind in KINDS} == EXIT_CODES
    assert {kind.code for kind in KINDS if kind("x").retryable} == {"rate_limited", "unavailable", "timeout"}


def test_the_tree_is_as_drawn() -> None:
    drawn = re.findall(r"^[├└]── (\w+)", str(errors.__doc__), re.MULTILINE)
    assert drawn == [kind.__name__ for kind in KINDS]
    assert not [inner for kind in KINDS for inner in kind.__subclasses__()]
    assert all(kind.__doc__ for kind in KINDS)


def test_record() -> None:
    error = PartialWrite(
        "2 of 3 were written",
        operation="create_book",
        retry_after=2.5,
        errors=[InputProblem("/title", "is required")],
        upstream={"status": 422, "body": "{}", "request_id": "r1"},
        spec={"file": "a.yaml", "line": 1, "column": 2},
        completed=[{"resource": "books", "id": 7}],
        resume_token="t0k3n",
    )
    assert error.record() == {
        "code": "partial_write",
        "message": "2 of 3 were written",
        "operation": "create_book",
        "retryable": False,
        "retry_after": 2.5,
        "errors": [{"pointer": "/title", "message": "is required"}],
        "upstream": {"status": 422, "body": "{}", "request_id": "r1"},
        "spec": {"file": "a.yaml", "line": 1, "column": 2},
        "completed": [{"resource": "books", "id": 7}],
        "resume_token": "t0k3n",
    }
    assert ConnectorError("x").record() == {
        "code": "error",
        "message": "x",
        "operation": None,
        "retryable": False,
        "retry_after": None,
        "errors": [],
        "upstream": None,
        "spec": None,
        "completed": [],
        "resume_token": None,
    }


def test_text() -> None:
    assert str(RateLimited("come back")) == "come back [rate_limited]"
    error = InvalidInput(
        "2 problems", operation="get_book", errors=[InputProblem("/a", "is bad"), InputProblem("", "too")]
    )
    assert str(error) == "get_book: 2 problems [invalid_input]\n  /a is bad\n  / too"


def test_text_of_a_spec_error() -> None:
    problems = [Problem("a.yaml", 3, 5, "unknown-key", 'unknown key "x"'), Problem("b.yaml", 1, 1, "wrong-type", "y")]
    error = SpecError("the specs have 2 problems", problems=problems)
    assert str(error).splitlines() == [
        "the specs have 2 problems [spec_error]",
        '  a.yaml:3:5: unknown key "x" [unknown-key]',
        "  b.yaml:1:1: y [wrong-type]",
    ]
    assert error.record()["spec"] == {"file": "a.yaml", "line": 3, "column": 5}
    assert SpecError("none").record()["spec"] is None
    assert SpecError("own", problems=problems, spec={"file": "c"}).spec == {"file": "c"}


@pytest.mark.parametrize("kind", [ConnectorError, *KINDS])
def test_errors_travel_between_processes(kind: type[ConnectorError]) -> None:
    error = kind("x", operation="get_book", errors=[InputProblem("/a", "b")], retry_after=1.0)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert copy.record() == error.record()
    assert str(copy) == str(error)


def test_spec_error_travels_with_its_problems() -> None:
    error = SpecError("x", problems=[Problem("a.yaml", 1, 1, "a-b", "w")])
    assert pickle.loads(pickle.dumps(error)).problems == error.problems

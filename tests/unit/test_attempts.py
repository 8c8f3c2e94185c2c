"""What is told of requests: log records with their fields and levels, and people who look on and fail."""

import logging
from dataclasses import fields, replace
from typing import Any

import pytest

from connector_runtime.attempts import Attempt, log, tell

GOOD = Attempt("get_book", "books", "GET", "https://api.example", 1, 1_700_000_000.0, 0.25, 200, None, "req-1")
LOST = replace(GOOD, number=3, status=None, failure="lost", request_id=None)


def test_record_of_a_request_that_went_well(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "connector_runtime")
    log(GOOD)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("connector_runtime", logging.DEBUG)
    assert record.getMessage() == "get_book: GET books, attempt 1: 200 in 0.250 s"
    assert {name: getattr(record, name) for name in FIELDS} == {
        "operation": "get_book",
        "resource": "books",
        "method": "GET",
        "host": "https://api.example",
        "attempt": 1,
        "duration": 0.25,
        "status": 200,
        "failure": None,
        "request_id": "req-1",
    }


FIELDS = ("operation", "resource", "method", "host", "attempt", "duration", "status", "failure", "request_id")


def test_record_of_a_request_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    log(LOST)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "get_book: GET books, attempt 3: lost in 0.250 s"
    assert [getattr(record, name) for name in ("attempt", "status", "failure", "request_id")] == [3, None, "lost", None]


@pytest.mark.parametrize(
    ("status", "level"),
    [(200, "DEBUG"), (201, "DEBUG"), (302, "DEBUG"), (400, "WARNING"), (429, "WARNING"), (503, "WARNING")],
)
def test_levels(status: int, level: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "connector_runtime")
    log(replace(GOOD, status=status))
    assert [each.levelname for each in caplog.records] == [level]


def test_nothing_is_made_where_nobody_reads(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "connector_runtime")
    log(GOOD)
    caplog.set_level(logging.ERROR, "connector_runtime")
    log(LOST)
    assert caplog.records == []


def test_everybody_is_told_though_one_fails(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Any] = []

    def fail(_: Attempt) -> None:
        raise ValueError("looked too closely")

    tell([told.append, fail, told.append], GOOD)
    assert told == [GOOD, GOOD]
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("ERROR", "get_book: what watches this connection failed")
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ValueError)


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_process_comes_through(end: type[BaseException]) -> None:
    def leave(_: Attempt) -> None:
        raise end

    with pytest.raises(end):
        tell([leave], GOOD)


def test_attempt_has_no_field_for_what_was_sent_or_said() -> None:
    assert {each.name for each in fields(Attempt)} == {
        *("operation", "resource", "method", "host", "number", "started", "seconds", "status", "failure", "request_id")
    }

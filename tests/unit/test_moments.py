"""Moments: every ISO 8601 form in, UTC out."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_runtime.moments import in_utc, is_day, is_moment, moment


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("2024-03-01T09:00:00Z", "2024-03-01T09:00:00.000Z"),
        ("2024-03-01T09:00:00", "2024-03-01T09:00:00.000Z"),
        ("2024-03-01", "2024-03-01T00:00:00.000Z"),
        ("2024-03-01T09:00", "2024-03-01T09:00:00.000Z"),
        ("2024-03-01 09:00:00+02:00", "2024-03-01T07:00:00.000Z"),
        ("2024-03-01T00:30:00+0100", "2024-02-29T23:30:00.000Z"),
        ("2024-12-31T23:30:00-05:30", "2025-01-01T05:00:00.000Z"),
        ("20240301T090000Z", "2024-03-01T09:00:00.000Z"),
        ("2024-W09-5", "2024-03-01T00:00:00.000Z"),
        ("2024-03-01T09:00:00.5Z", "2024-03-01T09:00:00.500Z"),
        ("2024-03-01T09:00:00.123456Z", "2024-03-01T09:00:00.123456Z"),
        ("2024-03-01T09:00:00.123000Z", "2024-03-01T09:00:00.123Z"),
    ],
)
def test_moment_is_sent_in_utc(text: str, sent: str) -> None:
    assert is_moment(text)
    assert in_utc(text) == sent


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own time is not UTC."""
    monkeypatch.setenv("TZ", "XXX-9")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_no_offset_is_utc_wherever_the_machine_stands(elsewhere: None) -> None:
    assert in_utc("2024-03-01T09:00:00") == "2024-03-01T09:00:00.000Z"
    assert in_utc("2024-03-01") == "2024-03-01T00:00:00.000Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "noon",
        "1.3.2024",
        "2024-13-01",
        "2023-02-29",
        "2024-03-01T25:00:00Z",
        "1709283600",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_what_is_no_moment(text: str) -> None:
    assert not is_moment(text)
    with pytest.raises((ValueError, OverflowError)):
        moment(text)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_any_offset_is_the_same_moment(naive: datetime, minutes: int) -> None:
    at = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert moment(at.isoformat()) == at
    sent = in_utc(at.isoformat())
    assert sent.endswith("Z")
    assert moment(sent) == at
    assert moment(sent).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "right"), [("2024-02-29", True), ("2023-02-29", False), ("2024-03-01T00:00", False), ("", False)]
)
def test_days(text: str, right: bool) -> None:
    assert is_day(text) is right

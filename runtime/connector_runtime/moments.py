"""Moments and days: read in any ISO 8601 form, sent as UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime


def moment(text: str) -> datetime:
    """Read an ISO 8601 date-time, or a date as its midnight, in UTC; no offset means UTC.

    Raises ValueError or OverflowError when the text is neither.
    """
    value = datetime.fromisoformat(text)
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)


def in_utc(text: str) -> str:
    """Write a moment as the API takes it: 2024-03-01T09:00:00.000Z."""
    value = moment(text).replace(tzinfo=None)
    return value.isoformat(timespec="microseconds" if value.microsecond % 1000 else "milliseconds") + "Z"


def is_moment(text: str) -> bool:
    """Tell whether a text is an ISO 8601 date or date-time, offset optional."""
    try:
        moment(text)
    except (ValueError, OverflowError):
        return False
    return True


def is_day(text: str) -> bool:
    """Tell whether a text is an ISO 8601 date."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True

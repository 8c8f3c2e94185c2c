"""Points in time as the API writes them: UTC with milliseconds, `2024-12-15T03:55:00.000Z`."""

from datetime import UTC, date, datetime


def moment_text(seconds: float) -> str:
    """The text of a Unix time in seconds."""
    return _text(datetime.fromtimestamp(seconds, UTC))


def as_moment(text: str) -> str | None:
    """An ISO 8601 date-time in the API's spelling, or None when it is none. A date is its midnight."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return _text(parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC))


def as_date(text: str) -> str | None:
    """The calendar day of an ISO 8601 date or date-time; None when it is none."""
    moment = as_moment(text)
    return moment and moment[:10]


def is_date(text: str) -> bool:
    """Whether the text is a calendar day such as 2024-12-15."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _text(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"

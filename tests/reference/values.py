"""Small things that many objects share: points in time, custom field values, people in short."""

from datetime import UTC, date, datetime, time
from typing import Any

from .organisation import Organisation, Row


def moment(text: str | None) -> str | None:
    """A date-time as the contract spells it: whole seconds have no fraction."""
    return None if text is None else text.replace(".000Z", "Z")


def day(text: str | None) -> str | None:
    """The date part of a date or date-time."""
    return None if text is None else text[:10]


def point(text: str) -> datetime:
    """A point in time to compare with; without an offset it is UTC, a date alone is its midnight."""
    if len(text) == len("2024-01-31"):
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def within(row: Row, column: str, given: Row, name: str) -> bool:
    """Whether a row's moment is at or after `{name}_after` and before `{name}_before`."""
    after, before = given.get(f"{name}_after"), given.get(f"{name}_before")
    if not after and not before:
        return True
    if row[column] is None:
        return False
    at = point(row[column])
    return (not after or at >= point(after)) and (not before or at < point(before))


def plain_values(fields: Row | None) -> Row:
    """`custom_fields`: key to plain value."""
    return {key: entry["value"] if entry else None for key, entry in (fields or {}).items()}


def keyed_values(fields: Row | None) -> Row:
    """`keyed_custom_fields`: the API's map."""
    return fields or {}


def full_name(row: Row) -> str:
    """First and last name."""
    return " ".join(part for part in (row["first_name"], row["last_name"]) if part)


def user_name(user: Row) -> str | None:
    """What a user is called; an empty name counts as none."""
    return user["name"] or full_name(user) or None


def user_reference(organisation: Organisation, user_id: int | None) -> Row | None:
    """A user in short; of one that can't be read, the id and nothing else."""
    if user_id is None:
        return None
    user: dict[str, Any] | None = organisation.one("users", user_id)
    if user is None:
        return {"id": user_id, "first_name": None, "last_name": None, "name": None, "employee_id": None}
    return {
        "id": user_id,
        "first_name": user["first_name"],
        "last_name": user["last_name"],
        "name": user_name(user),
        "employee_id": user["employee_id"],
    }

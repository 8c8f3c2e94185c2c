"""Custom field values: written as a list of `{name_key | custom_field_id, value}`, read as a map by key."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..database import Database
from ..moments import is_date
from ..wire import unprocessable
from .change import Row

# facts, section 5.4: candidate fields take every type, application fields take these not
REFUSED_TYPES = {"application": ("rich_text", "currency_range", "number_range")}
Entry = Mapping[str, Any]


def read_map(database: Database, field_type: str, entries: Sequence[Entry]) -> dict[str, Row]:
    """The map that a read shows after writing the entries: name_key to `{name, type, value}`.

    Options are stored under their names. Raises ApiError 422 for an unknown field, type, value or option.
    """
    stored = {}
    for position, entry in enumerate(entries):
        field = _field(database, field_type, entry)
        problem = f"`{entry.get('name_key', entry.get('custom_field_id'))}` is no {field_type} custom field"
        if field and field["value_type"] not in REFUSED_TYPES.get(field_type, ()):
            value = _stored_value(database, field, entry["value"])
            if value is not None or entry["value"] is None:
                stored[field["name_key"]] = {
                    "name": field["name"],
                    "type": field["value_type"],
                    "value": value,
                }
                continue
            problem = f"`{entry['value']}` is no {field['value_type']} value of `{field['name_key']}`"
        raise unprocessable([{f"custom_fields/{position}": problem}])
    return stored


def _field(database: Database, field_type: str, entry: Entry) -> Row | None:
    column = "name_key" if "name_key" in entry else "id"
    value = entry.get("name_key", entry.get("custom_field_id"))
    found = database.rows("custom_fields", f"field_type = ? AND {column} = ?", (field_type, value))
    return found[0] if found else None


def _stored_value(database: Database, field: Row, value: Any) -> Any:
    """The value as it is kept, or None when the field does not take it."""
    kind = field["value_type"]
    if kind == "single_select":
        return _option_name(database, field, value)
    if kind == "multi_select":
        names = [_option_name(database, field, item) for item in value] if isinstance(value, list) else [None]
        return None if None in names else names
    if kind == "user":
        return value if _is_number(value) and database.get("users", value) else None
    return value if CHECKS.get(kind, _is_text)(value) else None


def _option_name(database: Database, field: Row, value: Any) -> Any:
    column = "id" if _is_number(value) else "name"
    where = f"custom_field_id = ? AND {column} = ?"
    found = database.rows("custom_field_options", where, (field["id"], value)) if _is_scalar(value) else []
    return found[0]["name"] if found else None


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str) or _is_number(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63


def _is_day(value: Any) -> bool:
    return isinstance(value, str) and is_date(value)


def _has(**checks: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """A check for an object with exactly these keys."""

    def check(value: Any) -> bool:
        exact = isinstance(value, dict) and value.keys() == checks.keys()
        return exact and all(checks[name](item) for name, item in value.items())

    return check


CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "yes_no": lambda value: isinstance(value, bool),
    "number": _is_number,
    "date": _is_day,
    "currency": _has(amount=_is_number, currency_code=_is_text),
    "currency_range": _has(min_amount=_is_number, max_amount=_is_number, currency_code=_is_text),
    "number_range": _has(min_value=_is_number, max_value=_is_number),
}

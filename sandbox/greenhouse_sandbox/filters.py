"""Query parameters of a list, turned into SQL conditions (facts: sections 3.2 and 6).

Kinds of filters in `resources.json`: ids and strings (comma lists), integer, string, enum, boolean, flag (a
boolean that changes what is left out), datetime_range, date_range, and option (a custom field's option id).
`field` is the column when it is not called as the filter; `item` the key inside the elements of an array
field; `through` a column of the table that the field's ids point to; `on` a child table that is tested.
"""

# ruff: noqa: S608 (names of tables and columns come from our own data files, values are always bound)

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .catalog import Resource
from .moments import as_date, as_moment

MAX_LIST = 50
OPERATORS = {"gte": ">=", "lte": "<=", "gt": ">", "lt": "<"}
INTEGER = re.compile(r"-?\d{1,18}")

Condition = tuple[str, Sequence[Any]]
Declared = Mapping[str, Any]


class FilterError(ValueError):
    """A value that a filter does not take; the text goes into the 422 body behind the parameter's name."""


def condition(known: Resource, name: str, value: str) -> Condition | None:
    """The SQL condition for one parameter and its value, or None when the value asks for everything.

    Raises FilterError when the API would refuse the value.
    """
    declared = known.filters[name]
    match declared["type"]:
        case "flag":
            sql = declared.get("true" if _truth(value) else "false")
            return (sql, ()) if sql else None
        case "option":
            return _holds_option(known, declared, _integer(value))
        case "datetime_range" | "date_range":
            return range_condition(known, name, _bounds(value))
        case "enum":
            return _member(known, name, [_stored_word(declared, value)])
        case type_:
            return _member(known, name, VALUES[type_](value))


def range_condition(known: Resource, name: str, bounds: Sequence[tuple[str, str]]) -> Condition:
    """The condition for date bounds, given as (operator, value) pairs in either spelling."""
    declared = known.filters[name]
    normal = as_date if declared["type"] == "date_range" else as_moment
    parameters: list[str] = []
    tests: list[str] = []
    for operator, text in bounds:
        moment = normal(text)
        if operator not in OPERATORS or moment is None:
            raise FilterError(f"`{operator}|{text}` is not a range such as gte|2024-01-01T00:00:00Z")
        tests.append(f'"{declared.get("field", name)}" {OPERATORS[operator]} ?')
        parameters.append(moment)
    sql = " AND ".join(tests)
    if "on" in declared:
        table, key = declared["on"].split(".")
        sql = f"EXISTS (SELECT 1 FROM {table} WHERE {table}.{key} = {known.name}.id AND {sql})"
    return sql, parameters


def _bounds(value: str) -> list[tuple[str, str]]:
    parts = value.split("|")
    if len(parts) % 2:
        raise FilterError(f"`{value}` is not a range such as gte|2024-01-01T00:00:00Z")
    return list(zip(parts[::2], parts[1::2], strict=True))


def _stored_word(declared: Declared, value: str) -> str:
    """The word that rows hold for an enum's value; `active` of applications is stored as `in_process`."""
    fold = str.lower if declared.get("ignore_case") else str
    for word in declared["values"]:
        if fold(word) == fold(value):
            return str(declared.get("stored", {}).get(word, word))
    raise FilterError(f"`{value}` is not one of: {', '.join(declared['values'])}")


def _holds_option(known: Resource, declared: Declared, option_id: int) -> Condition:
    """Rows whose custom field holds the option: the stored value is the option's name, or a list of names."""
    path = f"'$.{declared['field']}.\"' || field.name_key || '\".value'"
    sql = (
        "EXISTS (SELECT 1 FROM custom_field_options AS choice"
        " JOIN custom_fields AS field ON field.id = choice.custom_field_id"
        f" JOIN json_each({known.name}.document, {path}) AS held"
        " WHERE choice.id = ? AND field.field_type = ? AND held.value = choice.name)"
    )
    return sql, (option_id, declared["of"])


def _member(known: Resource, name: str, values: Sequence[Any]) -> Condition:
    """The field, or one of its elements when it is an array, is among the values."""
    declared = known.filters[name]
    field = declared.get("field", name)
    fold = "lower" if declared.get("ignore_case") else ""
    among = ", ".join([f"{fold}(?)"] * len(values))
    if "through" in declared:
        table, column = declared["through"].split(".")
        among = f"SELECT id FROM {table} WHERE {column} IN ({among})"
    if known.fields[field].type != "array":
        return f'{fold}({known.name}."{field}") IN ({among})', values
    element = f"value ->> '{declared['item']}'" if "item" in declared else "value"
    elements = f"json_each({known.name}.document, '$.{field}')"
    return f"EXISTS (SELECT 1 FROM {elements} WHERE {fold}({element}) IN ({among}))", values


def _split(value: str) -> list[str]:
    values = value.split(",")
    if len(values) > MAX_LIST:
        raise FilterError(f"array size is greater than: {MAX_LIST}")
    return values


def _integer(text: str) -> int:
    if not INTEGER.fullmatch(text):
        raise FilterError(f"`{text}` is not an integer")
    return int(text)


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise FilterError(f"`{text}` is not a boolean")
    return text == "true"


VALUES: Mapping[str, Callable[[str], Sequence[Any]]] = {
    "ids": lambda text: [_integer(one) for one in _split(text)],
    "strings": _split,
    "integer": lambda text: [_integer(text)],
    "string": lambda text: [text],
    "boolean": lambda text: [_truth(text)],
}

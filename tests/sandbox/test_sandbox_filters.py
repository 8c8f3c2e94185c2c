"""Every filter of every list, against a plain reading of the same rows in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from greenhouse_sandbox import Sandbox
from greenhouse_sandbox.catalog import RESOURCES

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller

Row = dict[str, Any]
Declared = Mapping[str, Any]

BUILT_IN = {"Lacking skill(s)/qualification(s)", "Other (add notes below)"}
# what a list leaves out when it is not told otherwise
HIDDEN: dict[str, tuple[str, Callable[[Row], bool]]] = {
    "users": ("show_service_accounts", lambda row: row["primary_email"] == ""),
    "rejection_reasons": ("include_defaults", lambda row: row["name"] in BUILT_IN),
    "job_posts": ("active", lambda row: not row["active"]),
}
SCALARS = {"integer", "string", "boolean", "enum", "ids", "strings"}


def elements(row: Row, declared: Declared, name: str) -> list[Any]:
    """The values of a row that a filter looks at."""
    value = row[declared.get("field", name)]
    values = value if isinstance(value, list) else [value]
    return [item[declared["item"]] if "item" in declared else item for item in values if item is not None]


def holds_option(row: Row, declared: Declared, option: Row, fields: dict[int, Row]) -> bool:
    field = fields[option["custom_field_id"]]
    entry = (row[declared["field"]] or {}).get(field["name_key"], {"value": None})
    held = entry["value"] if isinstance(entry["value"], list) else [entry["value"]]
    return field["field_type"] == declared["of"] and option["name"] in held


def visible(name: str, rows: list[Row], given: str) -> list[Row]:
    parameter, hidden = HIDDEN.get(name, (given, bool))
    return rows if parameter == given else [row for row in rows if not hidden(row)]


def scalar_cases(
    sandbox: Sandbox, name: str, parameter: str, declared: Declared, rows: list[Row]
) -> Iterator[tuple[str, set[int]]]:
    """(parameter value, expected ids) for values that occur in the rows."""
    fold = str.lower if declared.get("ignore_case") else lambda value: value
    keys = {}
    if "through" in declared:
        table, column = declared["through"].split(".")
        keys = {row["id"]: row[column] for row in sandbox.rows(table)}
    held: dict[Any, set[int]] = {}
    for row in rows:
        for element in elements(row, declared, parameter):
            value = keys.get(element) if keys else element
            if value is not None:
                held.setdefault(fold(value), set()).add(row["id"])
    stored = {value: word for word, value in declared.get("stored", {}).items()}
    for value, ids in list(held.items())[:3]:
        text = str(value).lower() if isinstance(value, bool) else str(stored.get(value, value))
        yield text.upper() if declared.get("ignore_case") else text, ids
    if declared["type"] in ("ids", "strings"):
        two = list(held)[:2]
        yield ",".join([*map(str, two), "7777"]), set().union(*(held[value] for value in two))


def range_cases(
    sandbox: Sandbox, parameter: str, declared: Declared, rows: list[Row]
) -> Iterator[tuple[dict[str, str], set[int]]]:
    column = declared.get("field", parameter)
    parents = rows
    if "on" in declared:
        table, key = declared["on"].split(".")
        parents = [row | {"id": row[key]} for row in sandbox.rows(table)]
    moments = sorted(row[column] for row in parents if row[column])
    low, high = moments[len(moments) // 4], moments[3 * len(moments) // 4]

    def between(test: Callable[[str], bool]) -> set[int]:
        return {row["id"] for row in parents if row[column] and test(row[column])}

    yield {parameter: f"gte|{low}"}, between(lambda m: m >= low)
    yield {parameter: f"lt|{high}"}, between(lambda m: m < high)
    yield {parameter: f"gt|{low}|lte|{high}"}, between(lambda m: low < m <= high)
    yield {f"{parameter}[gte]": low, f"{parameter}[lt]": high}, between(lambda m: low <= m < high)


def cases(sandbox: Sandbox, name: str, parameter: str, declared: Declared) -> Iterator[tuple[dict[str, Any], set[int]]]:
    rows = visible(name, sandbox.rows(name), parameter)
    if declared["type"] in SCALARS:
        for value, ids in scalar_cases(sandbox, name, parameter, declared, rows):
            yield {parameter: value}, ids
    elif declared["type"] == "option":
        fields = {field["id"]: field for field in sandbox.rows("custom_fields")}
        for option in sandbox.rows("custom_field_options"):
            ids = {row["id"] for row in rows if holds_option(row, declared, option, fields)}
            yield {parameter: option["id"]}, ids
    elif declared["type"] == "flag":
        test = FLAGS[name, parameter]
        yield {parameter: "true"}, {row["id"] for row in rows if test(row, rows, True)}
        yield {parameter: "false"}, {row["id"] for row in rows if test(row, rows, False)}
    else:
        yield from range_cases(sandbox, parameter, declared, rows)


def is_current(row: Row, rows: list[Row], flag: bool) -> bool:
    versions = [other["version"] for other in rows if other["application_id"] == row["application_id"]]
    return not flag or row["version"] == max(versions)


FLAGS: dict[tuple[str, str], Callable[[Row, list[Row], bool], bool]] = {
    ("candidates", "private"): lambda row, _, flag: flag or not row["private"],
    ("offers", "current_only"): is_current,
    ("users", "show_service_accounts"): lambda row, _, flag: flag or row["primary_email"] != "",
    ("rejection_reasons", "include_defaults"): lambda row, _, flag: flag or row["name"] not in BUILT_IN,
}
FILTERS = [(resource.name, parameter) for resource in RESOURCES.values() for parameter in resource.filters]


@pytest.mark.parametrize(("name", "parameter"), FILTERS)
def test_a_filter_finds_what_a_plain_reading_finds(generated: Caller, name: str, parameter: str) -> None:
    declared = RESOURCES[name].filters[parameter]
    expectations = list(cases(generated.sandbox, name, parameter, declared))
    for query, expected in expectations:
        found = {row["id"] for row in generated.rows(name, fields="id", per_page=500, **query)}
        assert found == expected, query
    assert any(expected for _, expected in expectations)
    everything = {row["id"] for row in generated.sandbox.rows(name)}
    assert any(expected != everything for _, expected in expectations)


@pytest.mark.parametrize("name", HIDDEN)
def test_some_rows_are_left_out_unless_asked_for(generated: Caller, name: str) -> None:
    _, hidden = HIDDEN[name]
    rows = generated.sandbox.rows(name)
    shown = {row["id"] for row in generated.rows(name, per_page=500)}
    assert shown == {row["id"] for row in rows if not hidden(row)} != {row["id"] for row in rows}


def test_filters_combine_by_and(generated: Caller) -> None:
    rows = generated.sandbox.rows("applications")
    job = next(row["job_id"] for row in rows if row["status"] == "rejected")
    found = {row["id"] for row in generated.rows("applications", job_ids=job, status="rejected")}
    expected = {row["id"] for row in rows if row["job_id"] == job and row["status"] == "rejected"}
    assert found == expected
    assert found < {row["id"] for row in rows if row["job_id"] == job}


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("created_at", "2024-01-01T00:00:00Z"),
        ("created_at", "after|2024-01-01T00:00:00Z"),
        ("created_at", "gte|yesterday"),
        ("created_at[after]", "2024-01-01T00:00:00Z"),
        ("created_at[gte]", "yesterday"),
        ("custom_field_option_id", "Remote"),
    ],
)
def test_a_value_the_filter_does_not_take_is_refused(samples: Caller, parameter: str, value: str) -> None:
    refusal = samples.json(samples.get("candidates", **{parameter: value}), 422)
    assert list(refusal["errors"][0]) == [parameter.split("[", maxsplit=1)[0]]


def test_moments_compare_as_points_in_time(samples: Caller) -> None:
    """The sample candidate was created at 10:00 UTC, which is noon in Zürich in May."""
    found = samples.rows("candidates", ids=12345, created_at="gte|2023-05-15T12:00:00+02:00")
    assert [row["id"] for row in found] == [12345]
    assert samples.rows("candidates", ids=12345, created_at="gt|2023-05-15T12:00:00+02:00") == []


def test_date_ranges_take_dates_and_moments(samples: Caller) -> None:
    assert [row["id"] for row in samples.rows("offers", starts_on="lte|2023-07-01")] == [54321]
    assert [row["id"] for row in samples.rows("offers", starts_on="lte|2023-07-01T10:00:00Z")] == [54321]


def test_offer_status_ignores_case_and_application_status_does_not(samples: Caller) -> None:
    assert [row["id"] for row in samples.rows("offers", status="accepted")] == [54322]
    assert samples.get("applications", status="Active").status == 422


@pytest.mark.parametrize(
    ("name", "column"),
    [
        (resource.name, field)
        for resource in RESOURCES.values()
        for field in resource.fields
        if field.endswith("_id") and resource.fields[field].type == "integer"
    ],
)
def test_id_filters_use_an_index(generated: Caller, name: str, column: str) -> None:
    plan = generated.sandbox._database.query(f"EXPLAIN QUERY PLAN SELECT 1 FROM {name} WHERE {column} IN (1, 2)")
    assert f"{name}_{column}" in plan[0][3]

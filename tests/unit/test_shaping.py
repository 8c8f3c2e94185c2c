"""The order in which joins are asked."""

from typing import Any

import pytest

from connector_runtime.shaping import _grouped, _Place, _scheduled


def places(*rows: tuple[str, str, tuple[str, ...]]) -> dict[Any, _Place]:
    """Make places of a root object: name, question, the names it waits for."""
    nothing: Any = None
    return {
        (name,): _Place(nothing, (name,), nothing, question, ((), *((each,) for each in after)))
        for name, question, after in rows
    }


CASES: dict[str, tuple[list[tuple[str, str, tuple[str, ...]]], list[set[str]]]] = {
    "one question, asked as late as its last place": (
        [("a", "users", ()), ("b", "details", ()), ("c", "users", ("b",))],
        [{"b"}, {"a", "c"}],
    ),
    "a place that waits for its own question": (
        [("parent", "departments", ()), ("above", "departments", ("parent",))],
        [{"parent"}, {"above"}],
    ),
    "two questions that wait for each other": (
        [("a", "A", ()), ("b", "B", ()), ("a2", "A", ("b",)), ("b2", "B", ("a",))],
        [{"a", "b"}, {"a2", "b2"}],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_levels(name: str) -> None:
    rows, wanted = CASES[name]
    by_path = places(*rows)
    groups = _grouped(by_path)
    levels = _scheduled(groups, by_path)
    found: dict[int, set[str]] = {}
    for key, members in groups.items():
        found.setdefault(levels[key], set()).update(each.path[0] for each in members)
    assert [found[level] for level in sorted(found)] == wanted

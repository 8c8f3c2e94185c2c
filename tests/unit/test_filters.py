"""The filters of templates."""

from typing import Any

import pytest

from connector_runtime.filters import FILTERS, get, item, text


@pytest.mark.parametrize(
    ("name", "arguments", "keywords", "result"),
    [
        ("map", [[{"a": 1}, {}, None]], {"attribute": "a"}, [1, None, None]),
        ("map", [None], {"attribute": "a"}, []),
        ("select", [[0, 1, "", "x", None, [], False]], {}, [1, "x"]),
        ("select", [None], {}, []),
        ("join", [["a", 1, None, True]], {}, "a1true"),
        ("join", [["a", "b"], ", "], {}, "a, b"),
        ("join", [None, ", "], {}, ""),
        ("default", [None, 7], {}, 7),
        ("default", [0, 7], {}, 0),
        ("default", ["", 7], {}, ""),
        ("pluck", [{"a": {"v": 1}, "b": {}, "c": None}, "v"], {}, {"a": 1, "b": None, "c": None}),
        ("pluck", [None, "v"], {}, {}),
        ("integers", [["7", 8, "009223372036854775807"]], {}, [7, 8, 9223372036854775807]),
        ("integers", [None], {}, None),
        ("integers", [[]], {}, []),
        ("common", [[3, 1, 2], [1, 3, 9]], {}, [3, 1]),
        ("common", [None, None], {}, None),
        ("common", [None, [1]], {}, [1]),
        ("common", [[1], None], {}, [1]),
        ("common", [[], [1]], {}, []),
        ("common", [None, []], {}, []),
        ("length", [[1, 2]], {}, 2),
        ("length", [None], {}, 0),
        ("lower", ["ÄB"], {}, "äb"),
        ("lower", [None], {}, None),
        ("day", ["2024-03-01T09:00:00Z"], {}, "2024-03-01"),
        ("day", ["2024-03-01"], {}, "2024-03-01"),
        ("day", [None], {}, None),
        ("unique", [[2, 1, 2, "1", 1]], {}, [2, 1, "1"]),
        ("unique", [None], {}, []),
        ("matching", [[{"n": "ADA"}, {"n": None}, {"n": 7}], "ada"], {"attribute": "n"}, [{"n": "ADA"}]),
        ("matching", [[{"n": "Straße"}], "STRASSE"], {"attribute": "n"}, [{"n": "Straße"}]),
        ("matching", [None, "x"], {"attribute": "n"}, []),
        ("having", [[{"n": 1}, {"n": True}, {"n": None}], None], {"attribute": "n"}, [{"n": None}]),
        ("having", [None, 1], {"attribute": "n"}, []),
        ("present", [[{"n": 0}, {"n": None}, {}]], {"attribute": "n"}, [{"n": 0}]),
        ("present", [None], {"attribute": "n"}, []),
        ("numbered", [["x", "y"], "a"], {}, ["a0", "a1"]),
        ("numbered", [["x"], "/", "/id"], {}, ["/0/id"]),
        ("numbered", [None, "a"], {}, []),
        ("number", ["12"], {}, 12),
        ("number", ["-1.50"], {}, -1.5),
        ("number", [3], {}, 3),
        ("number", [True], {}, None),
        ("number", ["1e5"], {}, None),
        ("number", ["12x"], {}, None),
        ("number", [str(2**63 - 1)], {}, 2**63 - 1),
        ("number", [str(-(2**63))], {}, -(2**63)),
        ("number", [str(2**63)], {}, None),
        ("number", [str(-(2**63) - 1)], {}, None),
        ("number", ["9" * 300 + ".5"], {}, 1e300),
        ("number", ["9" * 301 + ".5"], {}, None),
        ("number", ["9" * 10_000], {}, None),
        ("number", [None], {}, None),
        ("boolean", ["Yes"], {}, True),
        ("boolean", ["FALSE"], {}, False),
        ("boolean", ["1"], {}, None),
        ("boolean", [False], {}, False),
        ("boolean", [1], {}, None),
        ("boolean", [None], {}, None),
        ("decodes", ["Sm9obg=="], {}, True),
        ("decodes", ["%%A"], {}, False),
        ("decodes", [""], {}, False),
        ("page", [[1, 2, 3, 4, 5], 1, 2], {}, [1, 2]),
        ("page", [[1, 2, 3, 4, 5], 3, 2], {}, [5]),
        ("page", [[1, 2, 3, 4, 5], 4, 2], {}, []),
        ("page", [None, 1, 2], {}, []),
        ("tree", [None], {}, []),
    ],
)
def test_filter(name: str, arguments: list[Any], keywords: dict[str, Any], result: Any) -> None:
    found = FILTERS[name](*arguments, **keywords)
    assert found == result
    assert type(found) is type(result)


def node(number: int, *children: Any) -> dict[str, Any]:
    """Write an entry of a tree."""
    return {"id": number, "name": f"n{number}", "children": list(children)}


@pytest.mark.parametrize(
    ("parents", "tree"),
    [
        ({1: None, 2: 1, 3: 1, 4: 2}, [node(1, node(2, node(4)), node(3))]),
        ({4: 2, 2: 1, 1: None}, [node(1, node(2, node(4)))]),
        ({1: 99, 2: 1}, [node(1, node(2))]),
        ({1: 1}, [node(1)]),
        ({1: 2, 2: 1}, [node(1, node(2))]),
        ({1: 2, 2: 3, 3: 1, 4: 1}, [node(1, node(3, node(2)), node(4))]),
        ({4: 1, 1: 2, 2: 3, 3: 1}, [node(1, node(4), node(3, node(2)))]),
        ({1: None, 2: None}, [node(1), node(2)]),
    ],
)
def test_tree(parents: dict[int, int | None], tree: list[dict[str, Any]]) -> None:
    entries = [{"id": number, "name": f"n{number}", "parent_id": parent} for number, parent in parents.items()]
    before = [dict(each) for each in entries]
    assert FILTERS["tree"](entries) == tree
    assert entries == before


def test_filters_leave_their_input_as_it_is() -> None:
    values = [3, 1, 3]
    assert FILTERS["common"](values, None) is not values
    assert FILTERS["page"](values, 1, 9) is not values


@pytest.mark.parametrize(
    ("value", "written"), [(None, ""), (True, "true"), (False, "false"), (7, "7"), (1.5, "1.5"), ("x", "x")]
)
def test_text(value: Any, written: str) -> None:
    assert text(value) == written


@pytest.mark.parametrize("value", [[], {}, ["secret"]])
def test_text_of_no_text(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^a list or a mapping can't stand inside a text$"):
        text(value)


def test_reading_fields_and_entries() -> None:
    assert get({"a": 1}, "a") == 1
    assert get({}, "a") is None
    assert get(None, "a") is None
    with pytest.raises(TypeError, match=r'^"a" is read from something that has no fields$'):
        get("secret", "a")
    assert [item([1, 2], key) for key in (0, -1, -2, 2, -3)] == [1, 2, 1, None, None]
    assert item({"a": 1}, "a") == 1
    assert item(None, 0) is None
    with pytest.raises(TypeError):
        item(["x"], "a")

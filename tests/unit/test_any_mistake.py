"""Whatever a spec or schema holds, checking it ends, with problems that have a place in a file."""

import random
import shutil
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from connector_runtime import SpecError, load, validate

LIBRARY = Path(__file__).parents[1] / "fixtures" / "connector"
PATTERNS = ("*.yaml", "*/*.yaml", "*/*/*.yaml", "schemas/*/*.json")
FILES = [file.relative_to(LIBRARY) for pattern in PATTERNS for file in sorted(LIBRARY.glob(pattern))]
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    "{{ x",
    "{{ input }}",
    "{{ record.id }}",
    "id desc",
    [],
    {},
    [[]],
    [None],
]
ODD += [
    {"x": 1},
    {"$ref": "#"},
    {"$ref": "nowhere.json"},
    "get_book",
    "book",
    "books",
    ["book", "book"],
    {"ids": {"gte": []}},
]


def places(value: Any, pointer: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give every place in a document."""
    yield pointer
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(each, (*pointer, key))


def spoilt(data: Any, chance: random.Random) -> Any:
    """Change a few things at random places."""
    for _ in range(chance.randint(1, 3)):
        *above, last = chance.choice(list(places(data))) or (None,)
        if last is None:
            return deepcopy(chance.choice(ODD))
        parent = data
        for part in above:
            parent = parent[part]
        action = chance.choice(["replace", "drop", "add", "rename"])
        if action == "replace" or isinstance(parent, list):
            parent[last] = deepcopy(chance.choice(ODD))
        elif action == "drop":
            del parent[last]
        elif action == "rename":
            parent[f"{last}x"] = parent.pop(last)
        else:
            parent[chance.choice(["as", "when", "join", "with", "x", "id"])] = deepcopy(chance.choice(ODD))
    return data


@pytest.mark.parametrize("seed", range(40))
def test_any_mistake_is_told(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    folder = shutil.copytree(LIBRARY, tmp_path / "connector")
    for name in chance.sample(FILES, 2):
        file = folder / name
        data = spoilt(yaml.safe_load(file.read_text("utf-8")), chance)
        file.write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2))
    problems, _ = validate(folder)
    for each in problems:
        lines = (folder / each.file).read_text("utf-8").splitlines() if (folder / each.file).is_file() else []
        assert 1 <= each.line <= max(1, len(lines))
        assert 1 <= each.column <= max([1, *(len(line) + 1 for line in lines[each.line - 1 : each.line])])
    with suppress(SpecError):
        load(folder)

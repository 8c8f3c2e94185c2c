"""Whatever the size of what stands in a connector's files, checking it ends soon, with a problem at a place."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector_runtime import Problem, SpecError, load, validate
from connector_runtime.plans import Plan

LIBRARY = Path(__file__).parents[1] / "fixtures" / "connector"
BOOK = "operations/objects/book.yaml"
AUTHOR = "  author: {one: authors, id: author_id, as: author}\n"
SECONDS = 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound connector."""
    return shutil.copytree(LIBRARY, tmp_path / "connector")


@pytest.fixture(autouse=True)
def soon() -> Iterator[None]:
    """Nothing here takes long."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < SECONDS


def change(folder: Path, name: str, old: str, new: str) -> None:
    """Replace a text of a file."""
    text = (folder / name).read_text("utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new), "utf-8")


def told(folder: Path) -> list[tuple[str, str]]:
    """Give the file and the code of each problem, which loading finds too."""
    problems: list[Problem] = validate(folder)[0]
    with pytest.raises(SpecError):
        load(folder)
    return [(each.file, each.code) for each in problems]


def nested(folder: Path, level: int, joins: int) -> None:
    """Write an object that joins the next level several times."""
    join = "".join(f"  j{index}: {{one: books, id: id, as: level{level + 1}}}\n" for index in range(joins))
    head, end = f"object: level{level}\nfrom: books\n", 'output: {id: "{{ record.id }}"}\n'
    (folder / f"operations/objects/level{level}.yaml").write_text(head + (f"join:\n{join}" if joins else "") + end)
    shutil.copy(folder / "schemas/objects/author.json", folder / f"schemas/objects/level{level}.json")
    change(folder, f"schemas/objects/level{level}.json", '["id", "name"]', '["id"]')


def join_all(folder: Path, whens: list[str]) -> None:
    """Join something under each condition."""
    joins = [f'  j{i}: {{one: authors, id: author_id, when: "{{{{ {when} }}}}"}}\n' for i, when in enumerate(whens)]
    change(folder, BOOK, AUTHOR, AUTHOR + "".join(joins))


def test_joins_that_wait_for_each_other_in_a_row(folder: Path) -> None:
    whens = [f"record.id > {index} and j{index - 1}.id" if index else "record.id" for index in range(400)]
    join_all(folder, whens)
    assert validate(folder)[0] == []
    load(folder)


def test_joins_that_all_wait_for_all_before_them(folder: Path) -> None:
    whens = [" or ".join([f"j{before}.id" for before in range(index)] or ["record.id"]) for index in range(60)]
    join_all(folder, whens)
    assert validate(folder)[0] == []
    load(folder)


def test_too_many_joins(folder: Path) -> None:
    change(folder, BOOK, AUTHOR, AUTHOR + "".join(f"  j{i}: {{one: authors, id: author_id}}\n" for i in range(500)))
    assert told(folder) == [(BOOK, "too-many-joins")]


def test_objects_that_double_at_each_level(folder: Path) -> None:
    for level in range(19):
        nested(folder, level, 2 if level < 18 else 0)
    found = sorted(f"operations/objects/level{level}.yaml" for level in range(11))
    assert told(folder) == [(each, "too-many-joins") for each in found]


def test_objects_in_objects_in_objects(folder: Path) -> None:
    for level in range(1200):
        nested(folder, level, 1 if level < 1199 else 0)
    assert len(told(folder)) == 1200 - 21


def test_twenty_levels_are_enough(folder: Path) -> None:
    for level in range(21):
        nested(folder, level, 1 if level < 20 else 0)
    change(folder, "operations/get_book.yaml", "as: book", "as: level0")
    assert validate(folder)[0] == []
    load(folder)


def test_steps_that_wait_for_each_other_in_a_row(folder: Path) -> None:
    steps = "".join(f'  s{index}: {{value: "{{{{ s{index - 1} }}}}"}}\n' for index in range(1, 600))
    change(folder, "operations/get_book.yaml", "request:\n", f"request:\n  s0: {{value: x}}\n{steps}")
    assert validate(folder)[0] == []
    plan = load(folder).operations["get_book"]._plan
    assert isinstance(plan, Plan)
    assert len(plan.stages) == 600


def test_many_mistakes_on_one_line(folder: Path) -> None:
    (folder / BOOK).write_text("[" + "&a x, " * 50_000 + "x]")
    problems, _ = validate(folder)
    assert len([each for each in problems if each.file == BOOK]) == 50_000
    assert not any(each.excerpt for each in problems)


def test_anchors_are_never_followed(folder: Path) -> None:
    laughs = "".join(f"l{index}: &l{index} [{', '.join([f'*l{index - 1}'] * 10)}]\n" for index in range(1, 40))
    (folder / BOOK).write_text(f"l0: &l0 [x]\n{laughs}")
    assert {each for each in told(folder) if each[0] == BOOK} == {(BOOK, "yaml-anchor")}


@pytest.mark.parametrize("text", ["[" * 900_000, '{"a":' * 180_000, "- " * 400_000, "? " * 400_000, "{a: " * 200_000])
def test_brackets_without_an_end(folder: Path, text: str) -> None:
    (folder / BOOK).write_text(text)
    assert {(BOOK, "too-deep")} & {*told(folder)} or {(BOOK, "yaml-syntax")} & {*told(folder)}
    (folder / "schemas/objects/book.json").write_text(text)
    assert ("schemas/objects/book.json", "json-syntax") in told(folder)


def test_schema_nested_too_deep(folder: Path) -> None:
    text = (folder / "schemas/objects/author.json").read_text("utf-8")
    inner = '{"properties": {"inner": ' * 300 + "{}" + "}}" * 300
    text = text.replace('"properties": {', f'"$defs": {inner}, "properties": {{')
    (folder / "schemas/objects/author.json").write_text(text)
    assert ("schemas/objects/author.json", "too-deep") in told(folder)

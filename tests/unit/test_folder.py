"""Which files belong to a connector, and how they are read: from its own folder only, and never without an end."""

import os
import shutil
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from connector_runtime import Problem, validate
from connector_runtime.errors import SpecError
from connector_runtime.folder import locate, read_folder

LIBRARY = Path(__file__).parents[1] / "fixtures" / "connector"
FILES = sum(file.is_file() for file in LIBRARY.rglob("*"))
OPERATION = "operation: get_author\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound connector."""
    return shutil.copytree(LIBRARY, tmp_path / "connector")


def put(folder: Path, name: str, text: str = OPERATION) -> None:
    """Write a file of a connector."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def told(problems: list[Problem]) -> list[tuple[str, str, str, str]]:
    """Give what problems of whole files say."""
    assert [(each.line, each.column) for each in problems] == [(1, 1)] * len(problems)
    return [(each.file, each.code, each.why, each.fix) for each in problems]


PLACES = (
    "its files are connector.yaml and those in operations, operations/objects, operations/parts, "
    "operations/bodies, ddl, schemas/api, schemas/objects, schemas/operations"
)


@pytest.mark.parametrize(
    ("name", "why", "fix"),
    [
        ("operations/object/book.yaml", PLACES, "move it to operations/objects, or out of operations"),
        ("operations/y2023/december/xmas/get_book.yaml", PLACES, "move it to one of these, or out of operations"),
        ("ddl/archived/list_authors_ddl.yaml", PLACES, "move it to one of these, or out of ddl"),
        ("schemas/books.json", PLACES, "move it to schemas/api, or out of schemas"),
        ("schemas/operations/old/x.JSON", PLACES, "move it to schemas/operations, or out of schemas"),
        ("operation/get_author.yaml", PLACES, "move it to operations"),
        ("operations/get_author.YML", "operations holds .yaml files", "name it get_author.yaml"),
        ("schemas/api/books.yaml", "schemas/api holds .json files", "name it books.json"),
    ],
)
def test_stray_files(folder: Path, name: str, why: str, fix: str) -> None:
    put(folder, name)
    if name.startswith(("operations/", "ddl/", "schemas/")):  # elsewhere a repository may hold what it likes
        assert told(validate(folder)[0]) == [(name, "stray-file", why, fix)]
    problems, checked = validate(folder / name)
    assert told(problems) == [(name, "stray-file", why, fix)]
    assert checked == 0


@pytest.mark.parametrize("name", ["docs/x.yaml", "tests/cases/get_book/found.yaml", "x.json", "operations/notes"])
def test_file_that_is_no_part_of_the_connector(folder: Path, name: str) -> None:
    put(folder, name)
    assert validate(folder) == ([], FILES)
    (problem,), checked = validate(folder / name)
    assert (problem.file, problem.code, problem.what) == (name, "stray-file", "this file is not part of the connector")
    assert checked == 0


def test_copy_of_the_grammar_is_for_editors(folder: Path) -> None:
    put(folder, "schemas/spec/operation.json", "{}")
    assert validate(folder) == ([], FILES)
    (problem,), _ = validate(folder / "schemas/spec/operation.json")
    assert problem.why == "schemas/spec serves editors; the grammar that files are held against belongs to the runtime"


def test_links_within_the_connector_are_followed(folder: Path) -> None:
    shutil.move(folder / "operations" / "objects", folder / "shared")
    (folder / "operations" / "objects").symlink_to("../shared")
    (folder / "ddl" / "list_authors_ddl.yaml").rename(folder / "authors.yaml")
    (folder / "ddl" / "list_authors_ddl.yaml").symlink_to("../authors.yaml")
    (folder / "operations" / "again").symlink_to(".")
    assert validate(folder) == ([], FILES)


@pytest.mark.parametrize("name", ["connector.yaml", "operations/get_book.yaml", "schemas/objects/book.json", "ddl"])
def test_links_out_of_the_connector_are_refused(folder: Path, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "elsewhere"
    shutil.move(folder / name, outside)
    (folder / name).symlink_to(outside)
    refused = Problem(
        name,
        1,
        1,
        "foreign-file",
        "this link leads out of the connector",
        "a connector is read from its own folder only",
        "put what it leads to in its place",
    )
    found = read_folder(folder)
    assert found.problems == [refused]
    assert not [each for each in found.documents if each.startswith(name)]
    assert refused in validate(folder)[0]


def test_what_is_no_file_is_not_opened(folder: Path) -> None:
    os.mkfifo(folder / "operations" / "pipe.yaml")
    (folder / "ddl" / "device.yaml").symlink_to("/dev/zero")
    (folder / "ddl" / "nowhere.yaml").symlink_to("gone.yaml")
    (folder / "ddl" / "circle.yaml").symlink_to("circle.yaml")
    (folder / "schemas" / "api" / "folder.json").mkdir()
    codes = {each.file: each.code for each in read_folder(folder).problems}
    assert codes == {
        "operations/pipe.yaml": "unreadable-file",
        "ddl/device.yaml": "foreign-file",
        "ddl/nowhere.yaml": "unreadable-file",
        "ddl/circle.yaml": "unreadable-file",
        "schemas/api/folder.json": "unreadable-file",
    }
    assert {each.file for each in validate(folder)[0]} == set(codes)


def test_large_file(folder: Path) -> None:
    put(folder, "operations/get_book.yaml", "# " + "x" * 1_000_000)
    (problem,) = read_folder(folder).problems
    assert (problem.code, problem.why) == ("large-file", "a file of a connector has at most 1000000 bytes")


def test_name_that_is_no_text(folder: Path) -> None:
    (folder / "ddl" / os.fsdecode(b"list_\xff_ddl.yaml")).write_text("ddl: list_x_ddl\n")
    assert "ddl/list_\\udcff_ddl.yaml" in {each.file for each in validate(folder)[0]}


def refusing(*_: Any) -> BytesIO:
    """Refuse to open anything."""
    raise PermissionError(13, "Permission denied")


def test_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "connector.yaml", "")
    monkeypatch.setattr(Path, "open", refusing)
    problem = Problem("connector.yaml", 1, 1, "unreadable-file", "this file can't be read: Permission denied")
    assert read_folder(tmp_path).problems == [problem]


def test_folder_that_cannot_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "iterdir", refusing)
    found = read_folder(folder).problems
    assert [(each.file, each.what) for each in found] == [
        (place, "this folder can't be read: Permission denied") for place in ("operations", "ddl", "schemas")
    ]


def test_folder_without_connector(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"no connector at .*: a connector is a folder that holds a connector\.ya"):
        locate(tmp_path)
    put(tmp_path, "x.yaml", "")
    with pytest.raises(SpecError, match="there is no connector"):
        locate(tmp_path / "x.yaml")

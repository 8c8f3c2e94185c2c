"""Finds a connector's files and reads them: from a folder, a checkout, or the installed package."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from .errors import SpecError
from .problems import Problem, nearest
from .source import Document, read_json, read_yaml

MANIFEST = "connector.yaml"

# Where the files of each kind stand; NAME is the name of what a file holds.
LAYOUT = {
    "operation": "operations/NAME.yaml",
    "object": "operations/objects/NAME.yaml",
    "part": "operations/parts/NAME.yaml",
    "body": "operations/bodies/NAME.yaml",
    "ddl": "ddl/NAME.yaml",
    "resource": "schemas/api/NAME.json",
    "schema": "schemas/objects/NAME.json",
    "input": "schemas/operations/NAME.input.json",
    "output": "schemas/operations/NAME.output.json",
}
_GRAMMAR = "schemas/spec"
_ENDINGS = {each.rpartition("/")[0]: each[each.rindex(".") :] for each in LAYOUT.values()}
_TOPS = tuple({place.partition("/")[0]: None for place in _ENDINGS})
_STRAYS = (".yml", ".yaml", ".json")
_MAXIMUM_SIZE = 1_000_000


def file_of(kind: str, name: str) -> str:
    """Give the file that holds what has this kind and name."""
    return LAYOUT[kind].replace("NAME", name)


def place_of(kind: str) -> str:
    """Give the folder in which the files of a kind stand."""
    return LAYOUT[kind].rpartition("/")[0]


@dataclass
class Folder:
    """The files of a connector as documents, by their name below its root, and what could not be read."""

    root: Traversable
    documents: dict[str, Document] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @cached_property
    def schemas(self) -> dict[str, Any]:
        """The JSON Schema files by name."""
        return {name: document.data for name, document in self.documents.items() if name.endswith(".json")}

    def has(self, kind: str, name: str) -> bool:
        """Tell whether there is such a file, readable or not."""
        return file_of(kind, name) in self.names

    def beside(self, kind: str) -> Iterator[tuple[str, Document]]:
        """Give the documents that stand where this kind does, with the name their file has."""
        for name, document in self.documents.items():
            directory, _, file = name.rpartition("/")
            if directory == place_of(kind):
                yield file.rpartition(".")[0], document


def bundle() -> Traversable:
    """Find the connector that this package ships: inside the installed package, or the checkout around it."""
    packaged = _packaged()
    return packaged if packaged.joinpath(MANIFEST).is_file() else Path(__file__).parents[2]


def _packaged() -> Traversable:
    return files(__package__).joinpath("bundle")


def locate(path: str | Path | None) -> Traversable:
    """Find the connector's root: the folder given (or around the file given), else the current one, else the bundle.

    Raises SpecError when there is no connector.
    """
    if path is None:
        here = Path.cwd()
        return here if here.joinpath(MANIFEST).is_file() else bundle()
    start = Path(path).absolute()
    for place in (start, *start.parents) if start.is_file() else (start,):
        if place.joinpath(MANIFEST).is_file():
            return place
    raise SpecError(f"there is no connector at {path}: a connector is a folder that holds a {MANIFEST}")


def read_folder(root: Traversable) -> Folder:
    """Read every file of a connector: ordinary files of its own folder, in the places of the layout."""
    folder = Folder(root)
    _read(folder, MANIFEST, root.joinpath(MANIFEST))
    ahead = [(place, root.joinpath(place)) for place in reversed(_TOPS) if root.joinpath(place).is_dir()]
    while ahead:
        place, directory = ahead.pop()
        for entry in _entries(folder, place, directory):
            name = f"{place}/{entry.name}".encode("utf-8", "backslashreplace").decode()
            if entry.name.endswith(_ENDINGS.get(place, "/")):
                _read(folder, name, entry)
            elif entry.is_dir() and name != _GRAMMAR and (name in _ENDINGS or not _is_link(entry)):
                ahead.append((name, entry))
            elif entry.name.lower().endswith(_STRAYS) and entry.is_file():
                folder.problems.append(stray(name))
    return folder


def stray(name: str) -> Problem:
    """Make the problem that a file is no part of the connector."""
    place, _, file = name.rpartition("/")
    what, why = "this file is not part of the connector", f"its files are {MANIFEST} and those in {', '.join(_ENDINGS)}"
    near, top = nearest(place, _ENDINGS), place.partition("/")[0]
    fix = f"move it to {near}" if near else ""
    if place in _ENDINGS:
        why = f"{place} holds {_ENDINGS[place]} files"
        fix = f"name it {file.rpartition('.')[0] or file}{_ENDINGS[place]}"
    elif place == _GRAMMAR:
        why = f"{_GRAMMAR} serves editors; the grammar that files are held against belongs to the runtime"
        fix = ""
    elif top in _TOPS:
        fix = f"move it to {near or 'one of these'}, or out of {top}"
    return Problem(name, 1, 1, "stray-file", what, why, fix)


def read_grammar() -> dict[str, Any]:
    """Read the grammar of specs, which belongs to the runtime."""
    grammar = Folder(bundle())
    for file in _entries(grammar, _GRAMMAR, bundle().joinpath(_GRAMMAR)):
        _read(grammar, f"{_GRAMMAR}/{file.name}", file)
    return grammar.schemas


def _entries(folder: Folder, place: str, directory: Traversable) -> list[Traversable]:
    if _is_refused(folder, place, directory):
        return []
    try:
        return sorted(directory.iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        folder.problems.append(_unreadable(place, f"this folder can't be read: {error.strerror}"))
        return []


def _read(folder: Folder, name: str, file: Traversable) -> None:
    folder.names.append(name)
    if _is_refused(folder, name, file):
        return
    if not file.is_file():
        folder.problems.append(_unreadable(name, "this is not a file, or a link that leads nowhere"))
        return
    try:
        with file.open("rb") as opened:
            raw = opened.read(_MAXIMUM_SIZE + 1)
    except OSError as error:
        folder.problems.append(_unreadable(name, f"this file can't be read: {error.strerror}"))
        return
    if len(raw) > _MAXIMUM_SIZE:
        what, fix = "this file is too large", "split it, or move what repeats to a file of its own"
        why = f"a file of a connector has at most {_MAXIMUM_SIZE} bytes"
        folder.problems.append(Problem(name, 1, 1, "large-file", what, why, fix))
        return
    document, problems = (read_yaml if name.endswith(".yaml") else read_json)(name, raw)
    folder.problems.extend(problems)
    if document is not None:
        folder.documents[name] = document


def _is_refused(folder: Folder, name: str, file: Traversable) -> bool:
    """Tell whether something leads out of the connector, which is a problem then."""
    # Installers may make a link of each file of a package: where those lead is theirs to say.
    if not _is_link(file) or folder.root == _packaged():
        return False
    if Path(os.path.realpath(str(file))).is_relative_to(os.path.realpath(str(folder.root))):
        return False
    why, fix = "a connector is read from its own folder only", "put what it leads to in its place"
    folder.problems.append(Problem(name, 1, 1, "foreign-file", "this link leads out of the connector", why, fix))
    return True


def _is_link(entry: Traversable) -> bool:
    return isinstance(entry, Path) and entry.is_symlink()


def _unreadable(name: str, what: str) -> Problem:
    return Problem(name, 1, 1, "unreadable-file", what)

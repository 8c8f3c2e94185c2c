"""Finds a connector's files and reads them: from a folder, a checkout, or the installed package."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from .errors import SpecError
from .problems import Problem
from .source import Document, read_json, read_yaml

MANIFEST = "connector.yaml"
_PLACES = {
    "operations": ".yaml",
    "operations/objects": ".yaml",
    "operations/parts": ".yaml",
    "operations/bodies": ".yaml",
    "ddl": ".yaml",
    "schemas/api": ".json",
    "schemas/objects": ".json",
    "schemas/operations": ".json",
}
_GRAMMAR = "schemas/spec"
_STRAYS = (".yml", ".yaml", ".json")


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

    def below(self, place: str) -> Iterator[tuple[str, Document]]:
        """Give the documents right below a place, with the name their file has."""
        for name, document in self.documents.items():
            directory, _, file = name.rpartition("/")
            if directory == place:
                yield file.rpartition(".")[0], document


def bundle() -> Traversable:
    """Find the connector that this package ships: inside the installed package, or the checkout around it."""
    packaged = files(__package__).joinpath("bundle")
    if packaged.joinpath(MANIFEST).is_file():
        return packaged
    return Path(__file__).parents[2]


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
    """Read every file of a connector."""
    folder = Folder(root)
    _read(folder, MANIFEST, root.joinpath(MANIFEST))
    for place, ending in _PLACES.items():
        for file in _files(root, place):
            name = f"{place}/{file.name}"
            if file.name.endswith(ending):
                _read(folder, name, file)
            elif file.name.endswith(_STRAYS):
                why, fix = f"{place} holds {ending} files", f"name it {file.name.rpartition('.')[0]}{ending}"
                folder.problems.append(Problem(name, 1, 1, "stray-file", "this file is not read", why, fix))
    return folder


def read_grammar() -> dict[str, Any]:
    """Read the grammar of specs, which belongs to the runtime."""
    grammar = Folder(bundle())
    for file in _files(bundle(), _GRAMMAR):
        _read(grammar, f"{_GRAMMAR}/{file.name}", file)
    return grammar.schemas


def _files(root: Traversable, place: str) -> list[Traversable]:
    directory = root.joinpath(place)
    found = [file for file in directory.iterdir() if file.is_file()] if directory.is_dir() else []
    return sorted(found, key=lambda file: file.name)


def _read(folder: Folder, name: str, file: Traversable) -> None:
    folder.names.append(name)
    try:
        raw = file.read_bytes()
    except OSError as error:
        folder.problems.append(Problem(name, 1, 1, "unreadable-file", f"this file can't be read: {error.strerror}"))
        return
    document, problems = (read_yaml if name.endswith(".yaml") else read_json)(name, raw)
    folder.problems.extend(problems)
    if document is not None:
        folder.documents[name] = document

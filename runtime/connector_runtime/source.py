"""The only door to PyYAML: files as data that remembers where each value stands.

YAML is read strictly: no YAML 1.1 words and numbers (``no``, ``012``, ``12:30`` are text), no duplicate keys,
no anchors, no tags. JSON is read by a JSON parser; its positions are worked out only when a problem needs one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import orjson
import yaml

from .problems import Problem

Pointer = tuple[str | int, ...]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_QUOTED = ("'", '"', "|", ">")
_CORE_TAG = "tag:yaml.org,2002:"
_MAXIMUM_DEPTH = 60


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value or a key begins; line and column count from 1. `plain`: text stands there as written."""

    line: int
    column: int
    plain: bool = False


@dataclass(slots=True)
class Document:
    """One file of a connector: its data, and the place of every value in it."""

    name: str
    text: str
    data: Any
    values: dict[Pointer, Mark] = field(default_factory=dict)
    keys: dict[Pointer, Mark] = field(default_factory=dict)

    def problem(
        self,
        pointer: Pointer,
        code: str,
        what: str,
        why: str = "",
        fix: str = "",
        *,
        key: bool = False,
        within: str = "",
    ) -> Problem:
        """Make a problem at a value (or at its key); `within` narrows it to that text inside the value."""
        mark = self._mark(pointer, key)
        line, column = mark.line, mark.column
        lines = self.text.splitlines()
        excerpt = lines[line - 1] if line <= len(lines) else ""
        if within and mark.plain:
            found = re.search(rf"(?<![\w.]){re.escape(within)}(?!\w)", excerpt[column - 1 :])
            column += found.start() if found else 0
        return Problem(self.name, line, column, code, what, why, fix, excerpt)

    def _mark(self, pointer: Pointer, key: bool) -> Mark:
        if not self.values:
            _positions(self)
        place = (self.keys if key else self.values).get(pointer)
        while place is None and pointer:
            pointer = pointer[:-1]
            place = self.values.get(pointer)
        return place or Mark(1, 1)


def read_yaml(name: str, raw: bytes) -> tuple[Document | None, list[Problem]]:
    """Read a YAML file strictly; give the document, or None with the problems that stop it."""
    text, problems = _decoded(name, raw)
    if problems:
        return None, problems
    document = Document(name, text, None)
    document.data, problems = _positions(document)
    return (None if problems else document), problems


def read_json(name: str, raw: bytes) -> tuple[Document | None, list[Problem]]:
    """Read a JSON file; give the document, or None with the problem that stops it."""
    text, problems = _decoded(name, raw)
    if problems:
        return None, problems
    try:
        return Document(name, text, orjson.loads(text)), []
    except orjson.JSONDecodeError as error:
        empty = Document(name, text, None, values={(): Mark(error.lineno, error.colno)})
        return None, [empty.problem((), "json-syntax", f"this is not JSON: {error.msg}")]


def duplicate_keys(document: Document) -> list[Problem]:
    """Find keys written twice in a JSON document, which a JSON parser passes over silently."""
    return _positions(Document(document.name, document.text, None))[1]


def _decoded(name: str, raw: bytes) -> tuple[str, list[Problem]]:
    try:
        return raw.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        what = f"byte {raw[error.start]:#04x} is not UTF-8"
        return "", [Problem(name, line, column, "not-utf8", what, fix="save the file as UTF-8")]


def _positions(document: Document) -> tuple[Any, list[Problem]]:
    # A tab is as wide as a space here, and JSON strings hold none, so columns stay true.
    text = document.text.replace("\t", " ") if document.name.endswith(".json") else document.text
    walk = _Walk(document)
    data = None
    try:
        node = yaml.compose(text, Loader=_LOADER)
        data = walk.value(node, ()) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)
        context = f" ({error.context})" if error.context else ""
        document.values[()] = place
        walk.problems.append(document.problem((), "yaml-syntax", f"this is not YAML: {error.problem}{context}"))
    except yaml.YAMLError as error:
        what = f"this is not YAML: {str(error).splitlines()[0]}"
        walk.problems.append(Problem(document.name, 1, 1, "yaml-syntax", what))
    return data, walk.problems


class _Walk:
    """Turns YAML nodes into data, noting every place and every mistake."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.seen: set[int] = set()

    def value(self, node: yaml.Node, pointer: Pointer) -> Any:
        mark = Mark(node.start_mark.line + 1, node.start_mark.column + 1, _is_plain(node))
        self.document.values[pointer] = mark
        if id(node) in self.seen:
            return self._refuse(pointer, "yaml-alias", "aliases are not allowed", "write the value out")
        self.seen.add(id(node))
        if not node.tag.startswith(_CORE_TAG):
            return self._refuse(pointer, "yaml-tag", f"the tag {node.tag} is not allowed", "remove the tag")
        if len(pointer) > _MAXIMUM_DEPTH:
            return self._refuse(pointer, "yaml-depth", f"nested deeper than {_MAXIMUM_DEPTH} levels", "")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, pointer)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each, (*pointer, index)) for index, each in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return node.value if node.style in _QUOTED else _scalar(node.value)

    def _mapping(self, node: yaml.MappingNode, pointer: Pointer) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            inner = (*pointer, str(key))
            mark = Mark(key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if key is None:
                self.document.values[inner] = mark
                self._refuse(inner, "yaml-key", "a key must be text", "")
            elif key in result:
                first = self.document.keys[inner].line
                self.document.values[inner] = mark
                what = f'the key "{key}" stands twice'
                self._refuse(inner, "duplicate-key", what, "keep one of them", f"first on line {first}")
            else:
                self.document.keys[inner] = mark
                result[key] = self.value(value_node, inner)
        return result

    def _refuse(self, pointer: Pointer, code: str, what: str, fix: str, why: str = "") -> None:
        self.problems.append(self.document.problem(pointer, code, what, why, fix))


def _is_plain(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.start_mark.line == node.end_mark.line


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text

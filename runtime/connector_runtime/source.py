"""The only door to PyYAML: files as data that remembers where each value stands.

YAML is read strictly: no YAML 1.1 words and numbers (``no``, ``012``, ``12:30`` are text), no duplicate keys,
no anchors, no tags. JSON is read by a JSON parser; its places are worked out only when a problem needs one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any

import orjson
import yaml

from .places import Mark, Places, Pointer, json_places
from .problems import NUMBERS, Problem, is_too_large

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_QUOTED = ("'", '"', "|", ">")
_MAXIMUM_DEPTH = 60
_LONGEST_EXCERPT = 500
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_LINE_ENDS = {".yaml": re.compile("\r\n|[\r\n\x85\u2028\u2029]"), ".json": re.compile("\n")}

# What helps against the commonest mistakes, by the parser's words.
_REMEDIES = {
    "mapping values are not allowed": "put the text in quotes if its colon is meant",
    "cannot start any token": "indent with spaces, not tabs; put a text that begins with @ or ` in quotes",
    "found unexpected end of stream": "close the quotes",
}
_TOO_DEEP = ("too-deep", f"nested deeper than {_MAXIMUM_DEPTH} levels", "nothing is read so deep down")
_TOO_LARGE = ("number-too-large", "this number is too large", NUMBERS)
# More digits than Python turns into a number without being asked to.
_DIGITS = 1_000
_ONE = "a file holds one document"


@dataclass(slots=True)
class Document:
    """One file of a connector: its data, and the place of every value in it."""

    name: str
    text: str
    data: Any
    _places: Places | None = field(default=None, repr=False)
    _lines: list[str] = field(default_factory=list, repr=False)

    @property
    def places(self) -> Places:
        """Where every key and value stands."""
        if self._places is None:
            self._places = json_places(self.text) if self.name.endswith(".json") else _Walk(self).places
        return self._places

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
        mark = self.places.find(pointer, key=key)
        return self.problem_at(_narrowed(self.lines, mark, within), code, what, why, fix)

    def problem_at(self, mark: Mark, code: str, what: str, why: str = "", fix: str = "") -> Problem:
        """Make a problem at a place."""
        lines = self.lines
        excerpt = lines[mark.line - 1] if mark.line <= len(lines) else ""
        shown = excerpt if len(excerpt) <= _LONGEST_EXCERPT else ""
        return Problem(self.name, mark.line, mark.column, code, what, why, fix, shown)

    @property
    def lines(self) -> list[str]:
        """The text's lines."""
        if not self._lines:
            self._lines = _LINE_ENDS[self.name[-5:]].split(self.text)
        return self._lines


def _narrowed(lines: list[str], mark: Mark, within: str) -> Mark:
    """Find a text inside a value: a path of names as it stands, else its last name."""
    for wanted, before in ((within, r"(?<![\w.])"), (within.rpartition(".")[2], r"(?<!\w)")):
        edges = (before, r"(?!\w)") if re.match(r"\w", wanted) else ("", "")
        pattern = re.compile(re.escape(wanted).join(edges))
        for number in range(mark.line, mark.last + 1) if wanted else ():
            found = pattern.search(lines[number - 1], mark.column - 1 if number == mark.line else 0)
            if found:
                return Mark(number, found.start() + 1)
    return mark


def read_yaml(name: str, raw: bytes) -> tuple[Document | None, list[Problem]]:
    """Read a YAML file strictly; give the document, or None with the problems that stop it."""
    text, problems = _decoded(name, raw)
    if problems:
        return None, problems
    document = Document(name, text, None)
    walk = _Walk(document)
    document.data, document._places = walk.data, walk.places
    problems = [*walk.problems, *duplicate_keys(document)]
    return (None if problems else document), problems


def read_json(name: str, raw: bytes) -> tuple[Document | None, list[Problem]]:
    """Read a JSON file; give the document, or None with the problem that stops it."""
    text, problems = _decoded(name, raw)
    if problems:
        return None, problems
    document = Document(name, text, None)
    try:
        document.data = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        mark = Mark(error.lineno, error.colno)
        return None, [document.problem_at(mark, "json-syntax", f"this is not JSON: {error.msg}")]
    problems = [document.problem(pointer, *fault) for pointer, fault in _faults(document.data, ())]
    return (None if problems else document), problems


def _faults(value: Any, pointer: Pointer) -> Iterator[tuple[Pointer, tuple[str, str, str]]]:
    """Find what a file must not hold, whatever it is: code, what, why."""
    if isinstance(value, dict | list):
        if len(pointer) >= _MAXIMUM_DEPTH:
            yield pointer, _TOO_DEEP
            return
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _faults(each, (*pointer, key))
    elif isinstance(value, int | float) and is_too_large(value):
        yield pointer, _TOO_LARGE


def duplicate_keys(document: Document) -> list[Problem]:
    """Find keys written twice in a document: a parser takes the last and passes over the first silently."""
    return [_duplicate(document, *each) for each in document.places.twice]


def _duplicate(document: Document, pointer: Pointer, mark: Mark) -> Problem:
    first = document.places.keys[pointer].line
    what = f'the key "{pointer[-1]}" stands twice'
    return document.problem_at(mark, "duplicate-key", what, f"first on line {first}", "keep one of them")


def _decoded(name: str, raw: bytes) -> tuple[str, list[Problem]]:
    try:
        return raw.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = len(raw[raw.rfind(b"\n", 0, error.start) + 1 : error.start].decode("utf-8", "replace")) + 1
        what = f"byte {raw[error.start]:#04x} is not UTF-8"
        return "", [Problem(name, line, column, "not-utf8", what, fix="save the file as UTF-8")]


class _TooDeep(Exception):
    """Nothing more is read of a file."""


class _Walk:
    """Turns YAML into data, noting every place and every mistake."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.places = Places()
        self.problems: list[Problem] = []
        self.data = self._root(document.text)

    def _root(self, text: str) -> Any:
        unprintable = _UNPRINTABLE.search(text)
        if unprintable:
            line = text.count("\n", 0, unprintable.start()) + 1
            mark = Mark(line, unprintable.start() - text.rfind("\n", 0, unprintable.start()))
            what = f"the character U+{ord(unprintable[0]):04X} can't be printed"
            return self._refuse(mark, "yaml-syntax", f"this is not YAML: {what}", "", "remove it")
        self.events = yaml.parse(text, Loader=_LOADER)
        try:
            return self._document()
        except _TooDeep:
            return None
        except yaml.MarkedYAMLError as error:
            return self._refuse(_mark_of(error, text), "yaml-syntax", *_explained(error))

    def _document(self) -> Any:
        """Read the one document there may be. Nothing goes deeper than it is allowed to, and no further then."""
        data, documents = None, 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    fix = "remove the ---"
                    return self._refuse(_mark(event), "yaml-syntax", "a second document begins here", _ONE, fix)
                data = self._value(next(self.events), ())
        return data

    def _value(self, event: yaml.Event, pointer: Pointer) -> Any:
        mark = _mark(event)
        self.places.values[pointer] = mark
        refusal = _refusal(event)
        if refusal:
            self._refuse(mark, *refusal)
            return self._skip(event)
        if isinstance(event, yaml.CollectionStartEvent) and len(pointer) >= _MAXIMUM_DEPTH:
            raise self._too_deep(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(pointer)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(pointer)
        assert isinstance(event, yaml.ScalarEvent)
        value = event.value if event.style in _QUOTED else _scalar(event.value)
        return self._refuse(mark, *_TOO_LARGE) if isinstance(value, int | float) and is_too_large(value) else value

    def _mapping(self, pointer: Pointer) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while not isinstance(key := next(self.events), yaml.MappingEndEvent):
            mark, inner = _mark(key), (*pointer, getattr(key, "value", ""))
            if not isinstance(key, yaml.ScalarEvent) or _refusal(key):
                self._refuse(mark, "yaml-key", "a key must be plain text")
                self._skip(key)
                self._skip(next(self.events))
            elif self.places.add_key(inner, mark):
                result[key.value] = self._value(next(self.events), inner)
            else:
                self._skip(next(self.events))
        return result

    def _sequence(self, pointer: Pointer) -> list[Any]:
        result: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            result.append(self._value(event, (*pointer, len(result))))
        return result

    def _skip(self, event: yaml.Event) -> None:
        """Pass over a value with all that is in it."""
        depth = int(isinstance(event, yaml.CollectionStartEvent))
        while depth:
            event = next(self.events)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAXIMUM_DEPTH:
                raise self._too_deep(event)

    def _too_deep(self, event: yaml.Event) -> _TooDeep:
        self._refuse(_mark(event), *_TOO_DEEP)
        return _TooDeep()

    def _refuse(self, mark: Mark, code: str, what: str, why: str = "", fix: str = "") -> None:
        self.problems.append(self.document.problem_at(mark, code, what, why, fix))


def _refusal(event: yaml.Event) -> tuple[str, str, str, str] | None:
    """Tell what is not taken of YAML: code, what, why, fix."""
    if getattr(event, "anchor", None) is not None:
        return "yaml-anchor", "anchors and aliases are not allowed", "", "write the value out each time"
    if getattr(event, "tag", None) is not None:
        return "yaml-tag", "tags are not allowed", "", "remove the tag"
    return None


def _mark(event: yaml.Event) -> Mark:
    assert event.start_mark is not None
    assert event.end_mark is not None
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1, event.end_mark.line + 1)


def _mark_of(error: yaml.MarkedYAMLError, text: str) -> Mark:
    # What is open to the end of the file is mended where it began.
    at_end = error.problem_mark is None or not text[error.problem_mark.index :].strip()
    mark = error.context_mark if at_end and error.context_mark else error.problem_mark
    return Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)


def _explained(error: yaml.MarkedYAMLError) -> tuple[str, str, str]:
    remedy = next((fix for words, fix in _REMEDIES.items() if words in str(error.problem)), "")
    context = f" {error.context}" if error.context and error.context.startswith("while") else ""
    return f"this is not YAML: {error.problem}{context}", "", remedy


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < _DIGITS else inf
    if _FLOAT.fullmatch(text):
        return float(text)
    return text

"""Checks specs against the grammar, and leaves of a faulty spec what can still be checked further."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from .problems import Problem
from .schemas import Validator, Violation, bundled
from .source import Document, Pointer

_CODES = {
    "required": "missing-key",
    "dependentRequired": "missing-key",
    "additionalProperties": "unknown-key",
    "type": "wrong-type",
}


class Grammar:
    """The grammar of one connector's files: one schema each for connector, operation, object, ddl, case."""

    def __init__(self, files: Mapping[str, Any]) -> None:
        names = {name.rpartition("/")[2].removesuffix(".json"): name for name in files}
        self._validators = {kind: Validator(bundled(files, name)) for kind, name in names.items()}

    def check(self, kind: str, document: Document) -> tuple[dict[str, Any], list[Problem]]:
        """Check a document; give its data without the faulty parts, and the problems."""
        validator = self._validators[kind]
        if validator.accepts(document.data):
            return document.data, []
        violations = validator.violations(document.data)
        problems = [problem(document, each) for each in violations]
        sound = deepcopy(document.data) if isinstance(document.data, dict) else {}
        while nested := [each for each in violations if sound and _fault(each)]:
            for each in sorted(nested, key=lambda each: len(each.pointer), reverse=True):
                _remove(sound, _fault(each))
            violations = validator.violations(sound)
        return sound, problems


def problem(document: Document, violation: Violation) -> Problem:
    """Make a problem of a violation: at the value, or at the key where the key is the mistake."""
    pointer, name = violation.pointer, str(violation.pointer[-1]) if violation.pointer else ""
    code = _CODES.get(violation.keyword, "wrong-value")
    if violation.key:
        what = f'unknown key "{name}"{_inside(pointer[:-1])}'
        from_known = ", ".join(violation.known)
        return document.problem(pointer, code, what, f"known keys are {from_known}", violation.suggestion, key=True)
    if violation.keyword == "required":
        return document.problem(pointer[:-1], code, f'"{name}" is missing{_inside(pointer[:-1])}')
    what = f'"{name}" {violation.message}' if name else f"this file {violation.message}"
    return document.problem(pointer, code, what)


def _inside(pointer: Pointer) -> str:
    return f" in {'.'.join(map(str, pointer))}" if pointer else ""


def _fault(violation: Violation) -> Pointer:
    """Give the part that a violation makes unusable; () when that is the whole document."""
    pointer = violation.pointer[:-1] if violation.keyword == "required" else violation.pointer
    while pointer and isinstance(pointer[-1], int):
        pointer = pointer[:-1]
    return pointer


def _remove(data: Any, pointer: Pointer) -> None:
    for part in pointer[:-1]:
        if not isinstance(data, dict) or part not in data:
            return
        data = data[part]
    if isinstance(data, dict):
        data.pop(pointer[-1], None)

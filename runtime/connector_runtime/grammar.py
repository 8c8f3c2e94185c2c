"""Checks specs against the grammar, and leaves of a faulty spec what can still be checked further."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from .places import Pointer
from .problems import Problem, did_you_mean, listed, nearest
from .schemas import Validator, Violation, bundled
from .source import Document

_CODES = {
    "required": "missing-key",
    "dependentRequired": "missing-key",
    "additionalProperties": "unknown-key",
    "type": "wrong-type",
}
_MISSING = ("required", "dependentRequired")
_NEEDS = (*_MISSING, "oneOf", "anyOf")

# What the grammar's patterns mean, in words.
_FORMS = {
    r"\{\{": 'must be a template, such as "{{ input.id }}"',
    r"^(/|\{\{)": "must be a JSON pointer into the input, such as /id, or a template",
    r"^\{\{ *input\.[a-z0-9_]+ *\}\}$": 'must be one input, such as "{{ input.id }}"',
    "^[a-z][a-z0-9_]*$": "must be a name: lower-case letters, digits and _",
    "^[a-z][a-z0-9_]*_ddl$": "must be a name that ends in _ddl: lower-case letters, digits and _",
    "^[a-z][a-z0-9_]*( desc)?$": "must be FIELD or FIELD desc",
    r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$": "must be FIELD or JOIN.FIELD",
    "^https?://": "must begin with https:// or http://",
    "^https?://[^/]+$": "must be https:// or http:// and a host, nothing after it",
    "^(/[^/]+)*$": "must begin with / and not end with one",
    "^(/[^/?#]+)+$": "must begin with /, and be a path without ? and #",
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
        problems = [problem(document, each) for each in violations if not _is_slip(each, violations)]
        sound = deepcopy(document.data) if isinstance(document.data, dict) else {}
        removed = True
        while removed and (faults := {_fault(each) for each in violations if sound} - {()}):
            removed = sum(_remove(sound, fault) for fault in sorted(faults, key=len, reverse=True)) > 0
            violations = validator.violations(sound)
        return sound, problems


def problem(document: Document, violation: Violation) -> Problem:
    """Make a problem of a violation: at the value, or at the key where the key is the mistake."""
    pointer, name = violation.pointer, _named(violation.pointer)
    code = _CODES.get(violation.keyword, "wrong-value")
    if violation.keyword in _NEEDS and violation.known:
        code = "missing-key"
    if violation.is_unknown_key:
        why, fix = f"known keys are {listed(violation.known)}", did_you_mean(str(pointer[-1]), violation.known)
        return document.problem(pointer, code, f"unknown key {name}{_inside(pointer[:-1])}", why, fix, key=True)
    if violation.keyword in _MISSING:
        what = f"{name} is missing{_inside(pointer[:-1])}"
        return document.problem(pointer[:-1], code, what, violation.about)
    if document.data is None:
        return document.problem((), code, "this file is empty")
    message = _FORMS.get(violation.known[0], violation.message) if len(violation.known) == 1 else violation.message
    if document.name.endswith(".yaml"):
        message = message.replace("an object", "a mapping")  # "object" has a meaning of its own there
    key = violation.keyword == "propertyNames"
    return document.problem(pointer, code, f"{name or 'this file'} {message}", key=key)


def _is_slip(violation: Violation, violations: Sequence[Violation]) -> bool:
    """Tell whether a key is missing only because it is misspelt, which is said already."""
    unknown = [each for each in violations if each.is_unknown_key and each.mapping == violation.mapping]
    slips = {nearest(str(each.pointer[-1]), each.known) for each in unknown}
    return violation.keyword in _NEEDS and not slips.isdisjoint(violation.known)


def _named(pointer: Pointer) -> str:
    if pointer and isinstance(pointer[-1], int):
        names = [part for part in pointer if isinstance(part, str)]
        return f'entry {pointer[-1] + 1} of "{names[-1]}"' if names else f"entry {pointer[-1] + 1}"
    return f'"{pointer[-1]}"' if pointer else ""


def _inside(pointer: Pointer) -> str:
    return f" in {'.'.join(map(str, pointer))}" if pointer else ""


def _fault(violation: Violation) -> Pointer:
    """Give the part that a violation makes unusable; () when that is the whole document."""
    pointer = violation.mapping if violation.keyword in _MISSING else violation.pointer
    while pointer and isinstance(pointer[-1], int):
        pointer = pointer[:-1]
    return pointer


def _remove(data: Any, pointer: Pointer) -> bool:
    """Take a part out of a document; tell whether it was there."""
    for part in pointer[:-1]:
        data = data[part]
    return data.pop(pointer[-1], data) is not data

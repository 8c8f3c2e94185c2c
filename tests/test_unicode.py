"""Any text goes through every template unchanged: into requests and rows on the way in, out of rows on the way out.

A few examples run every time, always the same. For many, and new ones each time:
CONNECTOR_FUZZ=5000 pytest tests/test_unicode.py
"""

import os
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.conftest import ROOT
from tests.test_hostile_input import TEXTS, formed, marked
from tests.test_untrusted_answers import sample
from tests.texts import MARK, Pointer, Recorder, filled, places

from connector_runtime import Connection, ConnectorError, InvalidInput, load
from greenhouse_sandbox import Sandbox
from greenhouse_sandbox.catalog import RESOURCES

LOADED = load(ROOT)
WANTED = int(os.environ.get("CONNECTOR_FUZZ", "0"))
ANY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
# What text is made of where texts go wrong: signs that others cut, join, fold, turn or take for the end.
SIGNS = (
    "a Z\0\t\n\r\x1b\x7f\x85\xa0ßİıſΣςé\u0301\u200d\u202e\u2028\ufeff\ufffd\uffff🦉\U0010ffff"
    "&=%+,;|{}\"'\\<>"
)
ODD = st.text(st.sampled_from(SIGNS), min_size=1, max_size=40)
Place = tuple[str, int, Pointer]


def examples(number: int) -> settings:
    """Settings for a few examples, the same every time, or for as many as are wanted."""
    unhealthy = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    count, same = WANTED or number, not WANTED
    return settings(
        max_examples=count, derandomize=same, database=None, deadline=None, suppress_health_check=unhealthy
    )


def leaves(value: Any, pointer: Pointer = ()) -> Iterator[tuple[Pointer, str]]:
    """Every text in a value, with where it stands."""
    if isinstance(value, str):
        yield pointer, value
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from leaves(each, (*pointer, key))


def stored(sandbox: Sandbox) -> Iterator[tuple[Place, str]]:
    """Every text in a sandbox's rows."""
    for name in RESOURCES:
        for row in sandbox.rows(name):
            for pointer, text in leaves(row):
                yield (name, row["id"], pointer), text


@cache
def opened() -> tuple[Sandbox, Recorder, Connection]:
    """One sandbox for all that goes in; each call is taken back."""
    sandbox = Sandbox()
    recorder = Recorder(sandbox)
    return sandbox, recorder, LOADED.connect(sandbox.credentials, transport=recorder)


def went(operation: str, given: Any, text: str) -> tuple[dict[Pointer, set[str]], set[Any]]:
    """Call, and take back: where a text arrived in requests, and where in rows."""
    sandbox, recorder, connection = opened()
    recorder.reset()
    connection.call(operation, given)
    made = {(name, pointer) for (name, _, pointer), found in stored(sandbox) if found == text}
    return marked(recorder.reset(), text), made


@cache
def inputs() -> list[tuple[str, Pointer]]:
    """Every place of an input whose text goes to the API in a call that comes to a good end."""
    found = []
    for operation in LOADED.operations.values():
        for pointer in places(operation.input_schema):
            text = formed(operation, pointer)(MARK)
            try:
                arrived, _ = went(operation.name, filled(operation, pointer, text), text)
            except ConnectorError:
                opened()[1].reset()
                continue
            found += [(operation.name, pointer)] if arrived else []
    return found


@cache
def clean(operation: str, pointer: Pointer) -> tuple[set[Pointer], set[Any]]:
    """Where the text of a place goes."""
    text = formed(LOADED.operations[operation], pointer)(MARK)
    arrived, made = went(operation, filled(LOADED.operations[operation], pointer, text), text)
    return set(arrived), made


def test_most_inputs_are_tried() -> None:
    assert {operation for operation, _ in inputs()} >= {"create_candidate", "create_candidate_note", "list_jobs"}
    assert any(clean(*each)[1] for each in inputs())


@pytest.mark.parametrize("text", [ANY, ODD], ids=["any", "odd"])
def test_what_goes_in(text: st.SearchStrategy[str]) -> None:
    @examples(150)
    @given(st.sampled_from(inputs()), text)
    def goes_in(place: tuple[str, Pointer], text: str) -> None:
        operation, pointer = place
        text = formed(LOADED.operations[operation], pointer)(text)
        try:
            arrived, made = went(operation, filled(LOADED.operations[operation], pointer, text), text)
        except InvalidInput:
            # Too long, or no base64: test_hostile_input sees to it that nothing odd is sent before.
            opened()[1].reset()
            return
        where, rows = clean(operation, pointer)
        assert arrived.keys() >= where
        assert made >= rows

    goes_in()


READS = [name for name, each in LOADED.operations.items() if each.effect == "read"]


def replaced(row: dict[str, Any], pointer: Pointer, text: str) -> dict[str, Any]:
    """A row's column with another text at a place in it."""
    changed = deepcopy(row)
    within: Any = changed
    for key in pointer[:-1]:
        within = within[key]
    within[pointer[-1]] = text
    return {str(pointer[0]): changed[str(pointer[0])]}


class Shown:
    """A reading operation on a sandbox of its own, and the places in rows whose text it shows."""

    def __init__(self, operation: str) -> None:
        """Find the places: what shows up when it is changed."""
        self.operation = operation
        self.sandbox = Sandbox()
        self.is_list_of_choices = operation.endswith("_ddl")
        self.input = {key: each for key, each in sample(operation).items() if key not in ("page", "search")}
        before = "\n".join(self.called())
        texts = ((place, text) for place, text in stored(self.sandbox) if text in before)
        self.places = [place for place, text in texts if self._shows(place, text)]

    def called(self) -> list[str]:
        """Call, with nothing remembered, and give all texts of the output."""
        with LOADED.connect(self.sandbox.credentials, transport=self.sandbox.transport()) as connection:
            output = connection.call(self.operation, self.input)
        return [text for _, text in leaves(output)]

    def change(self, place: Place, text: str) -> None:
        """Change a text in a row."""
        name, row_id, pointer = place
        row = next(each for each in self.sandbox.rows(name) if each["id"] == row_id)
        self.sandbox.update(name, row_id, replaced(row, pointer, text))

    def _shows(self, place: Place, text: str) -> bool:
        self.change(place, MARK)
        try:
            return any(MARK in text for text in self.called())
        except ConnectorError:
            return False
        finally:
            self.change(place, text)


@cache
def shown(operation: str) -> Shown:
    """Find the places once."""
    return Shown(operation)


@pytest.mark.parametrize("operation", READS)
def test_what_comes_out(operation: str) -> None:
    known = shown(operation)

    @examples(6)
    @given(st.one_of(ANY, ODD))
    @example("".join(TEXTS))
    def comes_out(text: str) -> None:
        written = [f"{text}{number}" for number, _ in enumerate(known.places)]
        for place, each in zip(known.places, written, strict=True):
            known.change(place, each)
        found = known.called()
        # A choice is shown without blanks around it.
        wanted = {each.strip() if known.is_list_of_choices else each for each in written}
        # A name is shown as it is; in names that are put together, with its neighbours.
        assert not [each for each in wanted if not any(each in text for text in found)]

    comes_out()


def test_most_outputs_are_tried() -> None:
    assert len(shown("get_candidate").places) > 10
    # Choices that never change, and an offer, which has no text of anybody's own.
    none = {"list_attachment_content_types_ddl", "get_offer"}
    assert not [name for name in READS if name not in none and not shown(name).places]

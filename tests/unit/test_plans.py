"""What a step asks, and what tells it from other steps."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from connector_runtime import load
from connector_runtime.listing import Call, Listing
from connector_runtime.memory import Memory
from connector_runtime.plans import Operation, Plan, Question, Step
from connector_runtime.resources import Dialect, Reader, Resource

LIBRARY = Path(__file__).parents[1] / "fixtures" / "connector"
DIALECT = Dialect("/v1", "per_page", "cursor", "fields", ",", "|")
BOOKS = Resource.from_schema(
    "books", {"properties": {"id": {"type": "integer"}}, "x-path": "/books", "x-filters": {}}, DIALECT
)
EVERY_INPUT = ("added_after", "added_before", "author_id", "isbn", "page", "reader", "size")
CALL = Call(DIALECT, Memory(300, 600), (), 0.0, lambda: 0.0, 0.0)


def key(question: Question, given: dict[str, Any]) -> Any:
    """What a list with this question is remembered by."""
    reader = Reader.of(BOOKS, None)
    return Listing(reader, (question.part({"input": given}, reader, CALL),)).key()


def asking(place: Any = "a", inputs: tuple[str, ...] = ("x",)) -> Question:
    """A question with a test of its rows."""
    return Question(lambda _: {}, lambda of: of[0]["id"] == of[1].get("x"), place, inputs)


def test_lists_are_remembered_by_their_test_and_what_it_reads() -> None:
    plain = Question(lambda _: {})
    assert key(plain, {"x": 1}) == key(plain, {"x": 2})
    assert key(plain, {"x": 1}) != key(asking(), {"x": 1})
    assert key(asking(), {"x": 1, "page": 1}) == key(asking(), {"page": 2, "x": 1})
    assert key(asking(), {"x": 1}) != key(asking(), {"x": 2})
    assert key(asking(), {"x": 1}) != key(asking(), {"x": "1"})
    assert key(asking(), {"x": 1}) != key(asking("b"), {"x": 1})
    assert key(asking(inputs=("x", "y")), {"x": 1}) != key(asking(inputs=("x", "y")), {"y": 1})
    assert key(asking(inputs=()), {"x": 1}) == key(asking(inputs=()), {"x": 2})


def test_test_of_rows_sees_the_input() -> None:
    reader = Reader.of(BOOKS, None)
    part = asking().part({"input": {"x": 2}}, reader, CALL)
    assert part.kept([{"id": 1}, {"id": 2}]) == [{"id": 2}]


@pytest.mark.parametrize(
    ("where", "inputs"),
    [
        ("{{ row.in_print }}", ()),
        ("{{ row.isbn == input.isbn or row.id == input.size }}", ("isbn", "size")),
        # The whole input is all that an input may hold.
        ("{{ row.title in (input | as('loan_entry', late=1)) }}", EVERY_INPUT),
    ],
)
def test_what_a_test_of_rows_reads(tmp_path: Path, where: str, inputs: tuple[str, ...]) -> None:
    folder = shutil.copytree(LIBRARY, tmp_path / "connector")
    spec = folder / "operations/list_books.yaml"
    text = spec.read_text("utf-8")
    spec.write_text(text.replace("    page:", f'    where: "{where}"\n    page:'), "utf-8")
    (question,) = step(load(folder).operations["list_books"], "books").questions
    assert question.inputs == inputs
    assert question.place == ("operations/list_books.yaml", ("request", "books", "where"))


def test_what_tells_rows_that_were_asked_for_is_read(connector: Any) -> None:
    """Nothing else needs these fields, but an API that takes no notice of the filter would not be noticed."""
    for name, field in (("job_stages_for_job", "job_id"), ("job_custom_field_options", "custom_field_id")):
        asked = connector.operations[f"list_{name}_ddl"]._plan.step.reader.fields
        assert sorted(asked) == sorted([field, "id", "name", "sort_order"])
    plan = connector.operations["create_candidate"]._plan
    (attachments,) = [each for each in plan.writes if each.name == "attachments"]
    assert sorted(attachments.found.reader.fields) == ["application_id", "filename", "id"]


def step(operation: Operation, name: str) -> Step:
    """A step of an operation."""
    plan = operation._plan
    assert isinstance(plan, Plan)
    (found,) = [each for stage in plan.stages for each in stage if each.name == name]
    assert isinstance(found, Step)
    return found

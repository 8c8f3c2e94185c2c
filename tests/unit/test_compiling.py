"""What specs become: plans."""

import shutil
from pathlib import Path

from connector_runtime import load, validate
from connector_runtime.plans import Plan, Step

LIBRARY = Path(__file__).parents[1] / "fixtures" / "connector"


def change(folder: Path, name: str, old: str, new: str) -> None:
    """Replace a text of a file."""
    text = (folder / name).read_text("utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new), "utf-8")


def steps(folder: Path, operation: str) -> dict[str, Step]:
    """Give the steps of an operation that ask something."""
    plan = load(folder).operations[operation]._plan
    assert isinstance(plan, Plan)
    return {each.name: each for stage in (*plan.stages, *plan.later) for each in stage if isinstance(each, Step)}


def test_rows_are_tested_with_every_input_that_may_count(tmp_path: Path) -> None:
    folder = shutil.copytree(LIBRARY, tmp_path / "connector")
    change(folder, "operations/lend_book.yaml", "late=open | length", "late=1")
    assert steps(folder, "lend_book")["open"].questions[0].inputs == ()
    change(folder, "operations/parts/reader.yaml", "not row.returned", "row.reader == input.reader")
    assert steps(folder, "lend_book")["open"].questions[0].inputs == ("reader",)
    change(folder, "operations/parts/reader.yaml", "row.reader == input.reader", "input[row.reader]")
    every = ("book_id", "reader", "resume_token", "tags", "user_id")
    assert steps(folder, "lend_book")["open"].questions[0].inputs == every


def test_field_that_is_worked_out_is_asked_for(tmp_path: Path) -> None:
    folder = shutil.copytree(LIBRARY, tmp_path / "connector")
    change(folder, "operations/lend_book.yaml", "book is not none", "book[input.reader] is not none")
    assert steps(folder, "lend_book")["book"].reader.fields is None


def test_file_of_a_resource_may_refer_to_itself(tmp_path: Path) -> None:
    folder = shutil.copytree(LIBRARY, tmp_path / "connector")
    change(folder, "schemas/api/books.json", '"isbn": {"type": ["string", "null"]}', '"isbn": {"$ref": "#/$defs/isbn"}')
    change(folder, "schemas/api/books.json", '"x-path"', '"$defs": {"isbn": {"type": ["string", "null"]}},\n  "x-path"')
    change(folder, "operations/objects/book.yaml", "{{ record.isbn }}", "{{ record.isbn.x }}")
    (problem,) = validate(folder)[0]
    assert problem.why == '"record.isbn" is a single value, without fields'
    change(folder, "operations/objects/book.yaml", "{{ record.isbn.x }}", "{{ record.isbn }}")
    assert steps(folder, "get_book").keys() == {"book"}

"""Behind the counter: rows by hand, files, generated organisations."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from greenhouse_sandbox import Sandbox
from greenhouse_sandbox.catalog import RESOURCES

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller

Row = dict[str, Any]
Organisation = dict[str, list[Row]]


def test_an_inserted_row_gets_defaults_and_the_next_id(fresh: Caller) -> None:
    sandbox = fresh.sandbox
    highest = max(row["id"] for row in sandbox.rows("jobs"))
    id_ = sandbox.insert("jobs", {"name": "Gardener", "opened_at": "2023-05-01T12:00:00+02:00"})
    assert id_ == highest + 1
    (row,) = fresh.rows("jobs", ids=id_)
    assert row["created_at"] == row["updated_at"] == "2023-11-14T22:13:20.000Z"
    assert row["opened_at"] == "2023-05-01T10:00:00.000Z"
    assert (row["status"], row["confidential"], row["department_id"]) == ("open", False, None)


def test_the_id_of_a_deleted_row_does_not_come_back(fresh: Caller) -> None:
    sandbox = fresh.sandbox
    id_ = sandbox.insert("jobs", {"name": "Gardener"})
    sandbox.delete("jobs", id_)
    assert fresh.rows("jobs", ids=id_) == []
    assert sandbox.insert("jobs", {"name": "Gardener"}) == id_ + 1


def test_an_update_changes_only_what_it_names(fresh: Caller) -> None:
    before = fresh.rows("users", ids=1002)[0]
    fresh.sandbox.update("users", 1002, {"deactivated": True})
    assert fresh.rows("users", ids=1002, deactivated="true") == [before | {"deactivated": True}]


def test_hidden_columns_survive_an_update(fresh: Caller) -> None:
    fresh.sandbox.update("users", 900, {"name": "Robot"})
    assert fresh.rows("users", ids=900) == []
    fresh.sandbox.update("users", 900, {"service_account": False})
    assert fresh.rows("users", ids=900)[0]["name"] == "Robot"


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda s: s.insert("candidate", {}), "there is no resource 'candidate'; did you mean 'candidates'?"),
        (lambda s: s.rows("zzz"), "there is no resource 'zzz'"),
        (lambda s: s.insert("jobs", {"nam": "x"}), "jobs has no column 'nam'; did you mean 'name'?"),
        (lambda s: s.update("jobs", 12345, {"nam": "x"}), "jobs has no column 'nam'; did you mean 'name'?"),
        (lambda s: s.insert("jobs", {"id": 12345}), "jobs already has a row 12345"),
        (lambda s: s.update("jobs", 1, {}), "jobs has no row 1"),
        (lambda s: s.delete("jobs", 1), "jobs has no row 1"),
    ],
)
def test_a_mistake_is_named(fresh: Caller, action: Callable[[Sandbox], object], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("?", r"\?")) as raised:
        action(fresh.sandbox)
    assert str(raised.value) == message


def test_a_file_keeps_its_rows(caller: type[Caller], tmp_path: Path) -> None:
    path = tmp_path / "rows.db"
    with Sandbox(str(path)) as sandbox:
        sandbox.insert("departments", {"name": "Kitchen"})
        rows = sandbox.rows("departments")
    with Sandbox(path) as sandbox:
        assert sandbox.rows("departments") == rows
        assert rows[-1]["name"] == "Kitchen"


def test_a_file_keeps_its_size(tmp_path: Path) -> None:
    path = tmp_path / "rows.db"
    Sandbox(path, size=10).close()
    with pytest.raises(ValueError, match="holds an organisation of size 10, not 20"):
        Sandbox(path, size=20)
    for size in (0, 10):
        with Sandbox(path, size=size) as sandbox:
            assert len(sandbox.rows("candidates")) == 10


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.db"
    path.write_text("not a database, but long enough to be taken for the header of one" * 20)
    with pytest.raises(OSError, match="file is not a database"):
        Sandbox(path)


@pytest.mark.parametrize("size", [1, 37])
def test_the_same_size_gives_the_same_organisation(size: int) -> None:
    with Sandbox(size=size) as one, Sandbox(size=size) as two:
        assert len(one.rows("candidates")) == size
        for name in RESOURCES:
            assert one.rows(name) == two.rows(name)


def test_another_size_gives_another_organisation(generated: Caller) -> None:
    with Sandbox(size=37) as other:
        assert other.rows("candidates")[0] != generated.sandbox.rows("candidates")[0]


@pytest.fixture(scope="module")
def large() -> Iterator[Organisation]:
    with Sandbox(size=2000) as sandbox:
        yield {name: sandbox.rows(name) for name in RESOURCES}


@pytest.mark.parametrize("name", RESOURCES)
def test_every_nullable_column_is_null_somewhere_and_filled_elsewhere(large: Organisation, name: str) -> None:
    for column, field in RESOURCES[name].fields.items():
        if field.nullable:
            assert {row[column] is None for row in large[name]} == {True, False}, column


def test_generated_applications_come_in_every_kind_and_are_consistent(large: Organisation) -> None:
    applications = large["applications"]
    assert {row["status"] for row in applications} == {"in_process", "rejected", "hired", "converted"}
    stages = {row["id"]: row for row in large["job_interview_stages"]}
    for row in applications:
        current = row["status"] == "in_process" and not row["prospect"]
        assert (row["stage_id"] is not None) == (row["job_interview_stage_id"] is not None) == current
        assert not current or stages[row["job_interview_stage_id"]]["job_id"] == row["job_id"]
        assert row["prospect"] == bool(row["prospective_job_ids"]) == (row["job_id"] is None)
    pairs = [(row["candidate_id"], row["job_id"]) for row in applications if row["job_id"]]
    assert len(pairs) == len(set(pairs))


REFERENCES = {
    "applications": {
        "candidate_id": "candidates",
        "job_id": "jobs",
        "source_id": "sources",
        "referrer_id": "referrers",
    },
    "application_stages": {
        "application_id": "applications",
        "job_interview_stage_id": "job_interview_stages",
    },
    "offers": {"application_id": "applications", "opening_id": "openings", "candidate_id": "candidates"},
    "rejection_details": {"application_id": "applications", "rejection_note_id": "notes"},
    "prospect_details": {"application_id": "applications", "pool_stage_id": "prospect_pool_stages"},
    "attachments": {"application_id": "applications"},
    "candidate_educations": {
        "degree_custom_field_option_id": "custom_field_options",
        "candidate_id": "candidates",
    },
    "interview_kits": {"job_interview_id": "job_interviews"},
    "openings": {"application_id": "applications", "close_reason_id": "close_reasons"},
    "jobs": {"department_id": "departments", "copied_from_id": "jobs"},
    "offices": {"parent_id": "offices", "primary_in_house_contact_user_id": "users"},
    "referrers": {"user_id": "users"},
}


@pytest.mark.parametrize("name", REFERENCES)
def test_references_lead_somewhere(samples: Caller, large: Organisation, name: str) -> None:
    for organisation in (large, {known: samples.sandbox.rows(known) for known in RESOURCES}):
        for column, target in REFERENCES[name].items():
            ids = {row["id"] for row in organisation[target]}
            referred = {row[column] for row in organisation[name]} - {None}
            assert referred <= ids, column


def test_ids_need_more_than_32_bits(large: Organisation) -> None:
    assert max(row["id"] for row in large["applications"]) > 2**32


def test_requests_are_remembered_in_order(fresh: Caller) -> None:
    requests = fresh.sandbox.requests
    requests.clear()
    fresh.token()
    fresh.get("jobs", status="open", fields="id")
    fresh.get("zzz")
    seen = [(one.method, one.path, one.query, one.status) for one in requests]
    assert seen == [
        ("POST", "/token", {}, 200),
        ("GET", "/v3/jobs", {"status": "open", "fields": "id"}, 200),
        ("GET", "/v3/zzz", {}, 404),
    ]


def test_eight_threads_read_and_write_at_once(fresh: Caller) -> None:
    def work(number: int) -> tuple[int, int]:
        created = fresh.send("POST", "candidates", {"first_name": f"T{number}", "last_name": "Thread", "tags": ["new"]})
        page = fresh.get("candidates", per_page=500)
        assert page.status == 200
        return json.loads(created.body)["candidate"]["id"], len(json.loads(page.body))

    before = len(fresh.sandbox.rows("candidates"))
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(work, range(64)))
    assert len({id_ for id_, _ in done}) == 64
    assert max(seen for _, seen in done) == before + 64
    assert [row["name"] for row in fresh.sandbox.rows("candidate_tags")].count("new") == 1

"""Creates and the one change: what is stored, what is answered, what is refused and leaves no trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from greenhouse_sandbox import Sandbox
from greenhouse_sandbox.catalog import RESOURCES

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller

Row = dict[str, Any]

NOW = "2023-11-14T22:13:20.000Z"
PERSON = {"first_name": "Zoë", "last_name": "Ångström"}
NOTE = {"candidate_id": 12345, "body": "Hello", "visibility": "private", "note_type": "NOTE"}
MAIL = NOTE | {
    "note_type": "EMAIL",
    "subject": "Hi",
    "email_from": ["a@x.com"],
    "email_to": ["b@x.com", "c@x.com"],
}
FILE = {"application_id": 22222, "filename": "cv.pdf", "type": "resume"}
JOB = {"candidate_id": 12345, "job_id": 12345}
PROSPECT = {"candidate_id": 12345, "prospect": True}
FIELD = {"name_key": "years_of_experience", "value": 5}


def counts(sandbox: Sandbox) -> dict[str, int]:
    return {name: len(sandbox.rows(name)) for name in RESOURCES}


def create(caller: Caller, path: str, body: Any) -> Any:
    return caller.json(caller.send("POST", path, body), 201)


def test_a_candidate_with_everything(fresh: Caller) -> None:
    body = PERSON | {
        "company": "Example Labs",
        "phone_numbers": [{"value": "1", "type": "mobile"}, {"value": "2", "type": "home"}],
        "email_addresses": [{"value": "zoe@example.com", "type": "work"}],
        "social_media_addresses": [{"value": "https://social.example.com/zoe"}],
        "tags": ["Java", "Quick learner"],
        "linked_user_ids": [1002],
        "custom_fields": [
            FIELD,
            {"custom_field_id": 1002, "value": [101, 103]},
            {"custom_field_id": 1001, "value": None},
        ],
        "application": {"job_id": 54321, "source_id": 1, "recruiter_id": 1002, "referrer_id": 503},
    }
    answer = create(fresh, "candidates", body)
    candidate, application = answer["candidate"], answer["application"]
    assert candidate["id"] == 78902
    assert candidate == fresh.rows("candidates", email="ZOE@example.com")[0]
    assert [phone["type"] for phone in candidate["phone_numbers"]] == ["home", "mobile"]
    assert candidate["created_at"] == candidate["last_activity_at"] == NOW
    assert (candidate["private"], candidate["can_email"]) == (False, True)
    assert candidate["custom_fields"] == {
        "years_of_experience": {"name": "Years of Experience", "type": "number", "value": 5},
        "preferred_work_location": {
            "name": "Preferred Work Location",
            "type": "multi_select",
            "value": ["Remote", "Hybrid"],
        },
        "current_salary": {"name": "Current Salary", "type": "short_text", "value": None},
    }
    assert application == fresh.rows("applications", candidate_ids=candidate["id"])[0]
    assert (application["job_interview_stage_id"], application["stage_name"]) == (1234, "Application Review")
    (stage,) = fresh.rows("application_stages", application_ids=application["id"])
    assert (stage["id"], stage["current"], stage["entered_at"]) == (application["stage_id"], True, NOW)
    tags = {row["id"]: row["name"] for row in fresh.rows("candidate_tags")}
    applied = fresh.rows("applied_candidate_tags", candidate_ids=candidate["id"])
    assert {tags[row["candidate_tag_id"]] for row in applied} == {"Java", "Quick learner"}
    assert len(tags) == 5


def test_a_candidate_without_an_application(fresh: Caller) -> None:
    answer = create(fresh, "candidates", PERSON)
    assert answer["application"] is None
    assert (answer["candidate"]["custom_fields"], answer["candidate"]["tags"]) == ({}, [])
    assert fresh.rows("applications", candidate_ids=answer["candidate"]["id"]) == []


def test_a_prospect_gets_details_and_no_stage(fresh: Caller) -> None:
    asked = {
        "prospect": True,
        "job_ids": [1002, 1001],
        "prospect_pool_id": 301,
        "prospect_pool_stage_id": 312,
        "prospect_owner_id": 1005,
        "prospective_department_id": 1003,
    }
    application = create(fresh, "candidates", PERSON | {"application": asked})["application"]
    assert (application["prospect"], application["job_id"], application["stage_id"]) == (True, None, None)
    assert application["prospective_job_ids"] == [1002, 1001]
    (details,) = fresh.rows("prospect_details", application_ids=application["id"])
    assert details["pool_stage_id"] == 312
    assert (details["prospect_owner_id"], details["department_id"], details["office_id"]) == (
        1005,
        1003,
        None,
    )


def test_an_application_with_a_stage_and_a_date_of_its_own(fresh: Caller) -> None:
    application = create(
        fresh, "applications", JOB | {"initial_stage_id": 44444, "created_at": "2023-01-05T10:00:00+01:00"}
    )
    assert application["job_interview_stage_id"] == 44444
    assert (application["created_at"], application["last_activity_at"]) == ("2023-01-05T09:00:00.000Z", NOW)
    assert fresh.rows("candidates", ids=12345)[0]["last_activity_at"] == NOW


def test_a_note_is_by_whoever_acts(fresh: Caller) -> None:
    note = create(fresh, "notes", NOTE | {"application_id": 22222})
    assert (note["user_id"], note["visibility"], note["type"]) == (1001, "privately_visible", "NOTE")
    assert create(fresh, "notes", NOTE | {"user_id": 67890})["user_id"] == 67890
    assert note["body_with_tags"] is None


def test_mentions_are_read_as_names(fresh: Caller) -> None:
    text = "@[Ada Example](user:1001), ask @[Bob](user:1002) @[nobody] a@b.example"
    note = create(fresh, "notes", NOTE | {"body": text})
    assert note["body"] == "Ada Example, ask Bob @[nobody] a@b.example"
    assert note["body_with_tags"] == text


def test_without_a_sub_the_integration_user_acts(caller: type[Caller]) -> None:
    with Sandbox() as sandbox:
        assert create(caller(sandbox), "notes", NOTE)["user_id"] == 900


def test_an_email_note_joins_its_addresses(fresh: Caller) -> None:
    note = create(fresh, "notes", MAIL | {"email_cc": []})
    assert (note["email_from"], note["email_to"], note["email_cc"]) == ("a@x.com", "b@x.com, c@x.com", [])


def test_a_note_for_nobody_is_stored(fresh: Caller) -> None:
    note = create(fresh, "notes", NOTE | {"candidate_id": 424242})
    assert fresh.rows("notes", candidate_ids=424242) == [note]


def test_a_new_resume_replaces_the_old_one(fresh: Caller) -> None:
    first = create(fresh, "attachments", FILE | {"content": "base64encodedcontent..."})
    letter = create(fresh, "attachments", FILE | {"type": "cover_letter", "url": "https://example.com/letter"})
    second = create(fresh, "attachments", FILE | {"content": "SGVsbG8=", "visibility": "admin_only"})
    types = {row["id"]: row["type"] for row in fresh.rows("attachments", application_ids=22222)}
    assert types == {first["id"]: "other", letter["id"]: "cover_letter", second["id"]: "resume"}
    assert (second["candidate_id"], second["url"].rpartition("/")[2]) == (12345, "cv.pdf")


def test_the_latest_education_is_the_one_in_progress(fresh: Caller) -> None:
    body = {"candidate_id": 1004, "school_name_custom_field_option_id": 3101, "start_date": "2020-09-01"}
    row = create(fresh, "candidate_educations", body)
    assert (row["start_at"], row["start_date_month"], row["start_date_year"]) == (
        "2020-09-01T00:00:00.000Z",
        9,
        2020,
    )
    latest = fresh.rows("candidate_educations", candidate_ids=1004, latest="true")
    assert [one["id"] for one in latest] == [row["id"]]


def test_a_former_job_is_not_the_latest(fresh: Caller) -> None:
    body = {"candidate_id": 1004, "company_name": "Old", "title": "Clerk", "start_date": "2020-01-01"}
    assert create(fresh, "candidate_employments", body | {"end_date": "2021-01-01"})["latest"] is False
    assert create(fresh, "candidate_employments", body)["latest"] is True
    assert len(fresh.rows("candidate_employments", candidate_ids=1004, latest="true")) == 1


def test_tags_are_made_and_applied_one_by_one(fresh: Caller) -> None:
    tag = create(fresh, "candidate_tags", {"name": "Punctual"})
    create(fresh, "applied_candidate_tags", {"candidate_id": 12345, "candidate_tag_id": tag["id"]})
    assert fresh.rows("candidates", tag="Punctual")[0]["tags"] == ["Java", "Spring Boot", "Punctual"]


def test_a_change_touches_only_the_keys_it_sends(fresh: Caller) -> None:
    (before,) = fresh.rows("candidates", ids=67890)
    changed = fresh.json(
        fresh.send(
            "PATCH",
            "candidates/67890",
            {"is_private": True, "tags": ["AWS", "New"], "custom_fields": [FIELD]},
        )
    )
    fields = {"years_of_experience": {"name": "Years of Experience", "type": "number", "value": 5}}
    assert changed == before | {
        "private": True,
        "tags": ["AWS", "New"],
        "custom_fields": fields,
        "updated_at": NOW,
    }
    assert len(fresh.rows("applied_candidate_tags", candidate_ids=67890)) == 2
    assert fresh.rows("candidates", ids=67890, private="false") == []


def test_a_change_of_a_candidate_that_is_not_there(fresh: Caller) -> None:
    refusal = fresh.json(fresh.send("PATCH", "candidates/424242", {}), 404)
    assert refusal == {"message": "Resource not found", "errors": "Candidate not found"}


def lacks(*names: str) -> str:
    return f"object at root is missing required properties: {', '.join(names)}"


def extra(path: str) -> str:
    return f"object property at `{path}` is a disallowed additional property"


def person(**keys: Any) -> Row:
    return PERSON | keys


def custom(**entry: Any) -> Row:
    return PERSON | {"custom_fields": [entry]}


REFUSED = [
    ("candidates", {"last_name": "X"}, lacks("first_name")),
    ("candidates", [], "object at root is not of type: object"),
    ("candidates", person(is_private=True), extra("/is_private")),
    ("candidates", person(first_name="x" * 256), {"first_name": "string length is greater than: 255"}),
    ("candidates", person(first_name=None), {"first_name": "is not of type: string"}),
    ("candidates", person(can_email=1), {"can_email": "is not of type: boolean"}),
    ("candidates", person(linked_user_ids=[True]), {"linked_user_ids/0": "is not of type: integer"}),
    ("candidates", person(linked_user_ids=[1]), {"linked_user_ids/0": "`1` was not found in users"}),
    ("candidates", person(tags="Java"), {"tags": "is not of type: array"}),
    (
        "candidates",
        person(email_addresses=[{"value": "a", "type": "home"}]),
        {"email_addresses/0/type": "`home` is not one of: personal, work, other"},
    ),
    (
        "candidates",
        person(addresses=[{"value": "a"}]),
        "object at `/addresses/0` is missing required properties: type",
    ),
    (
        "candidates",
        person(social_media_addresses=[{"value": "a", "type": "other"}]),
        extra("/social_media_addresses/0/type"),
    ),
    ("candidates", person(application={"job_id": 1}), {"application/job_id": "`1` was not found in jobs"}),
    ("candidates", person(application={"job_id": 12345, "job_ids": []}), extra("/application/job_ids")),
    (
        "candidates",
        person(application={}),
        "object at `/application` is missing required properties: job_id",
    ),
    (
        "candidates",
        person(application={"prospect": False}),
        {"application/prospect": "`False` is not one of: True"},
    ),
    (
        "candidates",
        person(tags=["New"], application={"job_id": 12345, "initial_stage_id": 1234}),
        {"initial_stage_id": "`1234` is no stage of this job"},
    ),
    (
        "candidates",
        person(application={"prospect": True, "prospect_pool_stage_id": 311}),
        {"prospect_pool_stage_id": "`311` is no stage of this pool"},
    ),
    (
        "candidates",
        custom(name_key="shoe_size", value=1),
        {"custom_fields/0": "`shoe_size` is no candidate custom field"},
    ),
    (
        "candidates",
        custom(name_key="notice_period", value="x"),
        {"custom_fields/0": "`notice_period` is no candidate custom field"},
    ),
    (
        "candidates",
        custom(name_key="years_of_experience", value="5"),
        {"custom_fields/0": "`5` is no number value of `years_of_experience`"},
    ),
    (
        "candidates",
        custom(custom_field_id=1002, value=["Moon"]),
        {"custom_fields/0": "`['Moon']` is no multi_select value of `preferred_work_location`"},
    ),
    (
        "candidates",
        custom(custom_field_id=1002, value="Remote"),
        {"custom_fields/0": "`Remote` is no multi_select value of `preferred_work_location`"},
    ),
    (
        "candidates",
        custom(custom_field_id=1002, name_key="x", value=None),
        "object at `/custom_fields/0` must have exactly one of: name_key, custom_field_id",
    ),
    ("applications", {"candidate_id": 12345}, lacks("job_id")),
    ("applications", JOB | {"candidate_id": 1}, {"candidate_id": "`1` was not found in candidates"}),
    (
        "applications",
        JOB | {"job_id": 54321},
        {"job_id": "the candidate already has an application on this job"},
    ),
    ("applications", JOB | {"created_at": "soon"}, {"created_at": "does not match format: date-time"}),
    ("applications", JOB | {"source_id": 999}, {"source_id": "`999` was not found in sources"}),
    ("applications", PROSPECT | {"job_ids": [1001, 9]}, {"job_ids/1": "`9` was not found in jobs"}),
    ("notes", {}, lacks("candidate_id", "body", "visibility", "note_type")),
    ("notes", NOTE | {"note_type": "note"}, {"note_type": "`note` is not one of: NOTE, ACTIVITY, EMAIL"}),
    (
        "notes",
        NOTE | {"visibility": "privately_visible"},
        {"visibility": "`privately_visible` is not one of: public, private, admin_only"},
    ),
    ("notes", MAIL, lacks("email_cc")),
    ("notes", NOTE | {"email_cc": []}, extra("/email_cc")),
    (
        "notes",
        NOTE | {"application_id": 98765},
        {"application_id": "`98765` is no application of this candidate"},
    ),
    ("notes", NOTE | {"user_id": 1}, {"user_id": "`1` was not found in users"}),
    ("attachments", FILE, "object at root must have exactly one of: content, url"),
    (
        "attachments",
        FILE | {"content": "SGVsbG8=", "url": "https://example.com"},
        "object at root must have exactly one of: content, url",
    ),
    ("attachments", FILE | {"content": "..."}, {"content": "does not match format: base64"}),
    ("attachments", FILE | {"content": "SGVsbG8=", "content_type": "a"}, extra("/content_type")),
    (
        "attachments",
        FILE | {"content": "SGVsbG8=", "visibility": "nobody"},
        {"visibility": "`nobody` is not one of: admin_only, private, public"},
    ),
    (
        "candidate_educations",
        {"candidate_id": 1004, "degree_custom_field_option_id": 3101},
        {"degree_custom_field_option_id": "`3101` is not an option of degree"},
    ),
    (
        "candidate_educations",
        {"candidate_id": 1004, "start_date_month": 13},
        {"start_date_month": "`13` is not between 1 and 12"},
    ),
    (
        "candidate_employments",
        {"candidate_id": 1004, "company_name": "A", "title": "B", "start_date": "2020-13-01"},
        {"start_date": "does not match format: date"},
    ),
    ("candidate_tags", {"name": "Java"}, {"name": "has already been taken"}),
    ("applied_candidate_tags", {"candidate_id": 12345, "tag": "Java"}, lacks("candidate_tag_id")),
    (
        "applied_candidate_tags",
        {"candidate_id": 12345, "candidate_tag_id": 1},
        {"candidate_tag_id": "has already been taken"},
    ),
]


@pytest.mark.parametrize(("path", "body", "error"), REFUSED)
def test_a_refused_create_says_why_and_stores_nothing(fresh: Caller, path: str, body: Any, error: Any) -> None:
    before = counts(fresh.sandbox)
    refusal = fresh.json(fresh.send("POST", path, body), 422)
    assert refusal["message"] == "Unprocessable Content"
    assert refusal["errors"][0] == error
    assert counts(fresh.sandbox) == before


@pytest.mark.parametrize("name", ["virus.exe", "noextension", "script.SH.sh"])
def test_a_file_name_must_be_allowed(fresh: Caller, name: str) -> None:
    refusal = fresh.json(fresh.send("POST", "attachments", FILE | {"filename": name, "content": "SGVsbG8="}), 422)
    assert refusal["errors"][0]["filename"].startswith("does not match pattern")


def test_everything_wrong_with_a_body_is_said_at_once(fresh: Caller) -> None:
    refusal = fresh.json(fresh.send("POST", "candidates", {"first_name": 1, "x": 2}), 422)
    assert refusal["errors"] == [
        lacks("last_name"),
        {"first_name": "is not of type: string"},
        extra("/x"),
    ]


def test_a_body_that_is_no_json_is_a_bad_request(fresh: Caller) -> None:
    reply = fresh.sandbox.handle("POST", "/v3/notes", fresh.headers, b"{")
    assert fresh.json(reply, 400) == {"message": "Bad Request"}


def test_a_refused_change_leaves_the_candidate_alone(fresh: Caller) -> None:
    (before,) = fresh.rows("candidates", ids=67890)
    body = {"tags": ["New"], "title": "Chief", "custom_fields": [{"name_key": "x", "value": 1}]}
    assert fresh.send("PATCH", "candidates/67890", body).status == 422
    assert fresh.rows("candidates", ids=67890) == [before]
    assert "New" not in [row["name"] for row in fresh.rows("candidate_tags")]


VALUES = [
    ("short_text", "x", 1),
    ("long_text", "x", []),
    ("yes_no", True, "true"),
    ("number", 1.5, True),
    ("date", "2024-02-29", "2023-02-29"),
    ("user", 1001, 1),
    ("single_select", "Blue", "Green"),
    ("single_select", 1, 424242),
    ("multi_select", [], ["Green"]),
    ("currency", {"amount": 1, "currency_code": "EUR"}, {"amount": "1", "currency_code": "EUR"}),
    (
        "currency_range",
        {"min_amount": 1, "max_amount": 2, "currency_code": "EUR"},
        {"min_amount": 1, "currency_code": "EUR"},
    ),
    ("number_range", {"min_value": 1, "max_value": 2}, [1, 2]),
]


@pytest.mark.parametrize(("kind", "taken", "refused"), VALUES)
def test_a_custom_field_takes_the_values_of_its_type(fresh: Caller, kind: str, taken: Any, refused: Any) -> None:
    field = fresh.sandbox.insert("custom_fields", {"name": "F", "name_key": "f", "value_type": kind})
    option = fresh.sandbox.insert("custom_field_options", {"custom_field_id": field, "name": "Blue"})
    value = option if (kind, taken) == ("single_select", 1) else taken
    candidate = create(fresh, "candidates", custom(name_key="f", value=value))["candidate"]
    stored = "Blue" if kind == "single_select" else taken
    assert candidate["custom_fields"] == {"f": {"name": "F", "type": kind, "value": stored}}
    assert fresh.send("POST", "candidates", custom(name_key="f", value=refused)).status == 422


def test_application_fields_take_no_ranges(fresh: Caller) -> None:
    fresh.sandbox.insert(
        "custom_fields",
        {"name": "F", "name_key": "f", "value_type": "number_range", "field_type": "application"},
    )
    entry = {"name_key": "f", "value": {"min_value": 1, "max_value": 2}}
    refusal = fresh.json(fresh.send("POST", "applications", JOB | {"custom_fields": [entry]}), 422)
    assert refusal["errors"] == [{"custom_fields/0": "`f` is no application custom field"}]


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, 2**70])
def test_a_number_beyond_64_bits_is_no_id(fresh: Caller, number: int) -> None:
    assert fresh.send("POST", "notes", NOTE | {"application_id": number}).status == 422
    assert fresh.send("POST", "candidates", custom(custom_field_id=1002, value=[number])).status == 422

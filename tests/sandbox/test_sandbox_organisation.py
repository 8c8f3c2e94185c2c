"""The seeded organisation gives the published samples, derived from its rows by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller

Row = dict[str, Any]


def flat(entries: Row) -> Row:
    return {key: entry and entry["value"] for key, entry in entries.items()}


class Derivation:
    """Contract objects from records, as directly as possible: one lookup per reference, no sharing."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    def one(self, resource: str, row_id: Any) -> Any:
        return next(iter(self.caller.rows(resource, ids=row_id))) if row_id else None

    def user(self, user_id: int | None) -> Any:
        user = self.one("users", user_id)
        keys = ("id", "first_name", "last_name", "name", "employee_id")
        return user and {key: user[key] for key in keys}

    def application(self, row: Row) -> Row:
        source, job = self.one("sources", row["source_id"]), self.one("jobs", row["job_id"])
        referrer = self.one("referrers", row["referrer_id"])
        return {
            "id": row["id"],
            "candidate_id": row["candidate_id"],
            "prospect": row["prospect"],
            "status": {"in_process": "active"}.get(row["status"], row["status"]),
            "applied_at": row["created_at"],
            "rejected_at": row["rejected_at"],
            "last_activity_at": row["last_activity_at"],
            "location": row["location_address"] and {"address": row["location_address"]},
            "source": {"id": source["id"], "public_name": source["name"]},
            "credited_to": self.user(referrer["user_id"]),
            "rejection_reason": None,
            "rejection_details": None,
            "jobs": [{"id": job["id"], "name": job["name"]}],
            "current_stage": {"id": row["job_interview_stage_id"], "name": row["stage_name"]},
            "answers": row["answers"] or [],
            "prospect_detail": {"prospect_pool": None, "prospect_stage": None, "prospect_owner": None},
        }

    def candidate(self, row: Row) -> Row:
        applications = self.caller.rows("applications", candidate_ids=row["id"])[::-1]
        recruiters = [one["recruiter_id"] for one in applications if one["recruiter_id"]]
        coordinators = [one["coordinator_id"] for one in applications if one["coordinator_id"]]
        copied = [key for key in JOHN if key in row and key not in ("custom_fields", "attachments")]
        return {key: row[key] for key in copied} | {
            "last_activity": row["last_activity_at"],
            "is_private": row["private"],
            "photo_url": None,
            "recruiter": self.user(recruiters[-1]) if recruiters else None,
            "coordinator": self.user(coordinators[-1]) if coordinators else None,
            "applications": [self.application(one) for one in applications],
            "application_ids": [one["id"] for one in applications],
            "attachments": [
                {key: one[key] for key in ("filename", "url", "type")}
                for one in self.caller.rows("attachments", candidate_ids=row["id"])
            ],
            "educations": self.caller.rows("candidate_educations", candidate_ids=row["id"]),
            "employments": self.caller.rows("candidate_employments", candidate_ids=row["id"]),
            "custom_fields": flat(row["custom_fields"]),
            "keyed_custom_fields": row["custom_fields"],
        }


NO_PROSPECT = {"prospect_pool": None, "prospect_stage": None, "prospect_owner": None}
NO_SALARIES = {"current_salary": None, "desired_salary": None}
JANE = {"id": 11111, "first_name": "Jane", "last_name": "Smith", "name": "Jane Smith", "employee_id": "EMP001"}
MIKE = {"id": 22222, "first_name": "Mike", "last_name": "Johnson", "name": "Mike Johnson", "employee_id": "EMP002"}

ALICE = {
    "photo_url": None,
    "addresses": [],
    "applications": [
        {
            "credited_to": {
                "id": 67890,
                "first_name": "John",
                "last_name": "Doe",
                "name": "John Doe",
                "employee_id": None,
            },
            "prospect_detail": NO_PROSPECT,
            "rejection_details": None,
            "prospect": False,
            "status": "active",
            "rejected_at": None,
            "answers": [],
            "applied_at": "2023-05-15T10:30:00.000Z",
            "location": None,
            "jobs": [{"id": 54321, "name": "Software Engineer"}],
            "candidate_id": 12345,
            "current_stage": {"id": 98765, "name": "Phone Interview"},
            "rejection_reason": None,
            "last_activity_at": "2023-05-16T14:45:00.000Z",
            "source": {"id": 11111, "public_name": "Company Website"},
            "id": 22222,
        }
    ],
    "keyed_custom_fields": NO_SALARIES,
    "employments": [],
    "custom_fields": NO_SALARIES,
    "application_ids": [22222],
    "created_at": "2023-05-15T10:00:00.000Z",
    "recruiter": None,
    "educations": [],
    "is_private": False,
    "coordinator": None,
    "attachments": [],
    "last_name": "Smith",
    "social_media_addresses": [],
    "updated_at": "2023-05-16T14:45:00.000Z",
    "title": None,
    "last_activity": "2023-05-16T14:45:00.000Z",
    "tags": ["Java", "Spring Boot"],
    "phone_numbers": [],
    "first_name": "Alice",
    "id": 12345,
    "company": None,
    "website_addresses": [],
    "email_addresses": [{"value": "alice.smith@example.com", "type": "personal"}],
}

JOHN = {
    "id": 67890,
    "first_name": "John",
    "last_name": "Doe",
    "company": "ABC Corp",
    "title": "Software Engineer",
    "created_at": "2023-02-15T10:30:00.000Z",
    "updated_at": "2023-06-20T14:45:00.000Z",
    "last_activity": "2023-06-20T14:45:00.000Z",
    "is_private": False,
    "photo_url": None,
    "attachments": [
        {
            "filename": "john_doe_resume.pdf",
            "url": "https://example.com/resumes/john_doe_resume.pdf",
            "type": "resume",
        }
    ],
    "application_ids": [98765],
    "phone_numbers": [{"value": "+1 555-123-4567", "type": "mobile"}],
    "addresses": [{"value": "123 Main St, Anytown, USA 12345", "type": "home"}],
    "email_addresses": [{"value": "johndoe@example.com", "type": "personal"}],
    "website_addresses": [{"value": "https://johndoe.com", "type": "personal"}],
    "social_media_addresses": [{"value": "https://linkedin.com/in/johndoe"}],
    "recruiter": JANE,
    "coordinator": MIKE,
    "tags": ["Java", "Python", "AWS"],
    "applications": [
        {
            "id": 98765,
            "candidate_id": 67890,
            "prospect": False,
            "applied_at": "2023-06-01T09:00:00.000Z",
            "rejected_at": None,
            "last_activity_at": "2023-06-20T14:45:00.000Z",
            "location": {"address": "456 Tech Ave, Silicon Valley, CA 94000"},
            "source": {"id": 33333, "public_name": "Company Website"},
            "credited_to": JANE,
            "rejection_reason": None,
            "rejection_details": None,
            "jobs": [{"id": 12345, "name": "Senior Software Engineer"}],
            "status": "active",
            "current_stage": {"id": 44444, "name": "Phone Interview"},
            "answers": [{"question": "Years of experience", "answer": "5"}],
            "prospect_detail": NO_PROSPECT,
        }
    ],
    "educations": [],
    "employments": [],
    "custom_fields": NO_SALARIES,
    "keyed_custom_fields": NO_SALARIES,
}


def test_get_candidate(samples: Caller) -> None:
    (row,) = samples.rows("candidates", ids=12345)
    assert Derivation(samples).candidate(row) == ALICE


def test_list_candidates(samples: Caller) -> None:
    on_job = {row["candidate_id"] for row in samples.rows("applications", job_ids=12345, prospect="false")}
    assert on_job == {67890, 78901}
    window = {"created_at": "gte|2023-01-01T00:00:00Z", "updated_at": "lt|2023-06-30T23:59:59Z"}
    both = samples.rows("candidates", ids="67890,78901", **window)
    assert {row["id"] for row in both} == on_job
    (row,) = samples.rows("candidates", ids="67890,78901", email="johndoe@example.com", **window)
    assert Derivation(samples).candidate(row) == JOHN


def test_the_users_drop_down(samples: Caller) -> None:
    users = samples.rows("users", deactivated="false")
    assert sorted((user["id"], user["name"]) for user in users) == [
        (1001, "John Doe"),
        (1002, "Jane Smith"),
        (1003, "Mike Johnson"),
        (1004, "Emily Brown"),
        (1005, "Chris Lee"),
    ]


def test_the_stages_of_the_sample_job(samples: Caller) -> None:
    window = {"created_at": "gte|2023-01-01T00:00:00Z", "updated_at": "lt|2023-06-30T23:59:59Z"}
    stages = samples.rows("job_interview_stages", job_ids=12345, **window)
    derived = {}
    for stage in stages:
        interviews = samples.rows("job_interviews", job_interview_stage_ids=stage["id"])
        kits = {one["id"]: samples.rows("interview_kits", job_interview_ids=one["id"]) for one in interviews}
        derived[stage["id"], stage["name"]] = {
            (one["id"], one["name"]): [(kit["id"], kit["exercises"]) for kit in kits[one["id"]]] for one in interviews
        }
    assert derived == {
        (67890, "Phone Screen"): {(11111, "Initial Phone Interview"): [(22222, None)]},
        (67891, "On-site Interview"): {
            (11112, "Technical Interview"): [(22223, None)],
            (11113, "Culture Fit Interview"): [(22224, None)],
        },
    }


def test_the_current_offer_of_the_sample_application(samples: Caller) -> None:
    (offer,) = samples.rows("offers", application_ids=12345, current_only="true")
    assert (offer["id"], offer["version"], offer["status"], offer["starts_on"]) == (54321, 1, "Created", "2023-07-01")
    assert (offer["job_id"], offer["sent_on"], offer["resolved_at"]) == (98765, None, None)
    assert {key: value for key, value in flat(offer["custom_fields"]).items() if value} == {
        "employment_type": "Full-time"
    }


def test_the_offices(samples: Caller) -> None:
    offices = [(one["id"], one["name"], one["location"], one["parent_id"]) for one in samples.rows("offices")]
    assert offices[::-1] == [
        (1, "Headquarters", "New York", None),
        (2, "West Coast Office", "San Francisco", 1),
        (3, "European Office", "London", 1),
    ]


def test_the_drop_downs_of_job_custom_fields(samples: Caller) -> None:
    fields = samples.rows("custom_fields", field_type="job", active="true")
    assert {one["id"]: one["name"] for one in fields} == {
        1: "Experience Level",
        2: "Required Skills",
        3: "Salary Range",
        4: "Remote Work Option",
        5: "Preferred Degree",
    }
    options = samples.rows("custom_field_options", custom_field_ids=12345, active="true")
    assert {one["id"]: one["name"] for one in options} == {
        1: "Entry Level",
        2: "Mid Level",
        3: "Senior Level",
        4: "Executive",
    }


def test_everything_the_sample_prospect_refers_to_exists(samples: Caller, caller: type[Caller]) -> None:
    assert caller(samples.sandbox, sub=12345).get("jobs", ids="1001,1002").status == 200
    assert {row["id"] for row in samples.rows("jobs", ids="1001,1002")} == {1001, 1002}
    assert samples.rows("sources", ids=5001)
    assert samples.rows("users", ids=67890)
    assert samples.rows("users", primary_email="recruiter@company.com")[0]["id"] == 1002
    assert samples.rows("custom_fields", field_type="candidate", name="years of experience")

"""Jobs and the stages of their plans."""

from .organisation import Organisation, Row
from .places import department, job_office
from .values import keyed_values, moment, plain_values, user_reference


def job(organisation: Organisation, row: Row) -> Row:
    """A job with its team and openings."""
    same = ("id", "name", "requisition_id", "notes", "confidential", "is_template", "copied_from_id", "status")
    department_id = row["department_id"]
    openings = organisation.many("openings", "job_id", row["id"])
    return {
        **{name: row[name] for name in same},
        "created_at": moment(row["created_at"]),
        "opened_at": moment(row["opened_at"]),
        "closed_at": moment(row["closed_at"]),
        "updated_at": moment(row["updated_at"]),
        "departments": [] if department_id is None else [department(organisation, department_id)],
        "offices": [job_office(organisation, office_id) for office_id in row["office_ids"] or []],
        "hiring_team": _hiring_team(organisation, row["id"]),
        "custom_fields": plain_values(row["custom_fields"]),
        "keyed_custom_fields": keyed_values(row["custom_fields"]),
        "openings": [_opening(organisation, each) for each in openings],
    }


def _hiring_team(organisation: Organisation, job_id: int) -> Row:
    managers = organisation.many("job_hiring_managers", "job_id", job_id)
    owners = organisation.many("job_owners", "job_id", job_id)
    return {
        "hiring_managers": _members(organisation, managers, responsible=False),
        "recruiters": _members(
            organisation, [each for each in owners if each["type"] == "recruiter"], responsible=True
        ),
        "coordinators": _members(
            organisation, [each for each in owners if each["type"] == "coordinator"], responsible=True
        ),
        "sourcers": _members(organisation, [each for each in owners if each["type"] == "sourcer"], responsible=False),
    }


def _members(organisation: Organisation, rows: list[Row], *, responsible: bool) -> list[Row]:
    members = []
    for row in sorted(rows, key=lambda each: each["user_id"]):
        extra = {"responsible": row["responsible"]} if responsible else {}
        members.append({**(user_reference(organisation, row["user_id"]) or {}), **extra})
    return members


def _opening(organisation: Organisation, row: Row) -> Row:
    return {
        "id": row["id"],
        "opening_id": row["opening_id"],
        "status": "open" if row["open"] else "closed",
        "opened_at": moment(row["opened_at"]),
        "closed_at": moment(row["closed_at"]),
        "application_id": row["application_id"],
        "close_reason": organisation.named("close_reasons", row["close_reason_id"]),
    }


def job_stage(organisation: Organisation, row: Row) -> Row:
    """A stage with its active interviews."""
    interviews = organisation.many("job_interviews", "job_interview_stage_id", row["id"])
    return {
        "id": row["id"],
        "name": row["name"],
        "created_at": moment(row["created_at"]),
        "updated_at": moment(row["updated_at"]),
        "active": row["active"],
        "job_id": row["job_id"],
        "priority": row["sort_order"],
        "interviews": [
            {
                "id": each["id"],
                "name": each["name"],
                "schedulable": each["scheduling_type"] == "needs_scheduling",
                "estimated_minutes": each["duration"],
                "interview_kit": _interview_kit(organisation, each["id"]),
            }
            for each in in_order(interviews)
            if each["active"]
        ],
    }


def _interview_kit(organisation: Organisation, interview_id: int) -> Row | None:
    for kit in organisation.many("interview_kits", "job_interview_id", interview_id):
        questions = organisation.many("scorecard_questions", "interview_kit_id", kit["id"])
        return {
            "id": kit["id"],
            "content": kit["exercises"],
            "questions": [
                {"id": each["id"], "question": each["question"]} for each in in_order(questions) if each["active"]
            ],
        }
    return None


def in_order(rows: list[Row]) -> list[Row]:
    """Rows by sort_order, then id."""
    return sorted(rows, key=lambda each: (each["sort_order"], each["id"]))

"""Creating applications, for `POST /v3/applications` and inside `POST /v3/candidates`."""

from collections.abc import Mapping
from typing import Any

from ..moments import as_moment
from ..wire import unprocessable
from .change import Change, Row
from .custom_fields import read_map

COPIED = ("source_id", "recruiter_id", "coordinator_id", "referrer_id")


def create_application(change: Change, body: Mapping[str, Any]) -> Row:
    application = add_application(change, body["candidate_id"], body)
    change.touch(body["candidate_id"])
    return application


def add_application(change: Change, candidate_id: int, body: Mapping[str, Any]) -> Row:
    """Stores a candidate application (with its first stage) or a prospect application (with its details).

    `body` is checked already, apart from what only the rows can tell. Raises ApiError 422 for a second
    application on a job, a stage of another job, or a pool stage of another pool.
    """
    created = as_moment(body.get("created_at", change.now))
    row = {
        "candidate_id": candidate_id,
        "status": "in_process",
        "created_at": created,
        "updated_at": change.now,
        "last_activity_at": change.now,
        "custom_fields": read_map(change.database, "application", body.get("custom_fields", [])),
        **{name: body.get(name) for name in COPIED},
    }
    return _add_prospect(change, row, body) if "prospect" in body else _add_candidate(change, row, body)


def _add_candidate(change: Change, row: Row, body: Mapping[str, Any]) -> Row:
    job_id = body["job_id"]
    pair = (row["candidate_id"], job_id)
    if change.database.rows("applications", "candidate_id = ? AND job_id = ?", pair):
        raise unprocessable([{"job_id": "the candidate already has an application on this job"}])
    stage = _first_stage(change, job_id, body.get("initial_stage_id"))
    application = change.add("applications", {**row, "job_id": job_id})
    if stage is None:
        return application
    entered = change.add(
        "application_stages",
        {
            "application_id": application["id"],
            "job_interview_stage_id": stage["id"],
            "entered_at": change.now,
            "current": True,
        },
    )
    current = {"stage_id": entered["id"], "job_interview_stage_id": stage["id"], "stage_name": stage["name"]}
    change.change("applications", application["id"], current)
    return change.get("applications", application["id"])


def _first_stage(change: Change, job_id: int, asked: int | None) -> Row | None:
    """The stage asked for, else the first active one of the plan; a job without a plan has none."""
    if asked is not None:
        stage = change.get("job_interview_stages", asked)
        if stage["job_id"] != job_id:
            raise unprocessable([{"initial_stage_id": f"`{asked}` is no stage of this job"}])
        return stage
    plan = change.database.rows("job_interview_stages", "job_id = ? AND active = 1", (job_id,))
    return min(plan, key=lambda stage: (stage["sort_order"], stage["id"]), default=None)


def _add_prospect(change: Change, row: Row, body: Mapping[str, Any]) -> Row:
    pool_id, stage_id = body.get("prospect_pool_id"), body.get("prospect_pool_stage_id")
    if stage_id and change.get("prospect_pool_stages", stage_id)["prospect_pool_id"] != pool_id:
        raise unprocessable([{"prospect_pool_stage_id": f"`{stage_id}` is no stage of this pool"}])
    jobs = body.get("job_ids", [])
    application = change.add("applications", {**row, "prospect": True, "prospective_job_ids": jobs})
    change.add(
        "prospect_details",
        {
            "application_id": application["id"],
            "pool_id": pool_id,
            "pool_stage_id": stage_id,
            "prospect_owner_id": body.get("prospect_owner_id"),
            "department_id": body.get("prospective_department_id"),
            "office_id": body.get("prospective_office_id"),
        },
    )
    return application

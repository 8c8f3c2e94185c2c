"""Applications and offers."""

from .organisation import Organisation, Row
from .values import day, keyed_values, moment, plain_values, user_reference


def application(organisation: Organisation, row: Row) -> Row:
    """An application; it has one shape everywhere."""
    address = row["location_address"]
    return {
        "id": row["id"],
        "candidate_id": row["candidate_id"],
        "prospect": row["prospect"],
        "applied_at": moment(row["created_at"]),
        "rejected_at": moment(row["rejected_at"]),
        "last_activity_at": moment(row["last_activity_at"]),
        "location": None if address is None else {"address": address},
        "source": _source(organisation, row),
        "credited_to": _credited_to(organisation, row),
        "rejection_reason": _rejection_reason(organisation, row),
        "rejection_details": _rejection_details(organisation, row),
        "jobs": _jobs(organisation, row),
        "job_post_id": row["job_post_id"],
        "status": "active" if row["status"] == "in_process" else row["status"],
        "current_stage": _current_stage(organisation, row),
        "answers": row["answers"] or [],
        "prospect_detail": _prospect_detail(organisation, row),
        "custom_fields": plain_values(row["custom_fields"]),
        "keyed_custom_fields": keyed_values(row["custom_fields"]),
    }


def _source(organisation: Organisation, row: Row) -> Row | None:
    source = organisation.named("sources", row["source_id"])
    return source and {"id": source["id"], "public_name": source["name"]}


def _credited_to(organisation: Organisation, row: Row) -> Row | None:
    if row["referrer_id"] is None:
        return None
    # the contract leaves open what an unreadable referrer is: somebody without a name
    referrer = organisation.one("referrers", row["referrer_id"]) or {"user_id": None, "name": None}
    if referrer["user_id"] is not None:
        return user_reference(organisation, referrer["user_id"])
    return {"id": None, "first_name": None, "last_name": None, "name": referrer["name"], "employee_id": None}


def _rejection_reason(organisation: Organisation, row: Row) -> Row | None:
    reason_id = row["rejection_reason_id"]
    if reason_id is None:
        return None
    reason = organisation.one("rejection_reasons", reason_id)
    if reason is None:
        return {"id": reason_id, "name": None, "type": {"id": None, "name": None}}
    kind = reason["type"]
    return {"id": reason_id, "name": reason["name"], "type": {"id": kind["id"], "name": kind["name"]}}


def _rejection_details(organisation: Organisation, row: Row) -> Row | None:
    if row["status"] != "rejected":
        return None
    for details in organisation.many("rejection_details", "application_id", row["id"]):
        answers = details["question_custom_fields"]
        return {"custom_fields": plain_values(answers), "keyed_custom_fields": keyed_values(answers)}
    return None


def _jobs(organisation: Organisation, row: Row) -> list[Row]:
    job_ids = row["prospective_job_ids"] if row["prospect"] else [row["job_id"]]
    found = [organisation.named("jobs", job_id) for job_id in job_ids]
    return [job for job in found if job]


def _current_stage(organisation: Organisation, row: Row) -> Row | None:
    if row["prospect"]:
        return None
    if row["job_interview_stage_id"] is not None:
        return {"id": row["job_interview_stage_id"], "name": row["stage_name"]}
    visited = organisation.many("application_stages", "application_id", row["id"])
    if not visited:
        return None
    last = max(visited, key=lambda visit: (visit["current"], visit["entered_at"] or "", visit["id"]))
    return organisation.named("job_interview_stages", last["job_interview_stage_id"])


def _prospect_detail(organisation: Organisation, row: Row) -> Row:
    found = organisation.many("prospect_details", "application_id", row["id"])
    details = found[0] if found else {"pool_id": None, "pool_stage_id": None, "prospect_owner_id": None}
    owner = user_reference(organisation, details["prospect_owner_id"])
    return {
        "prospect_pool": organisation.named("prospect_pools", details["pool_id"]),
        "prospect_stage": organisation.named("prospect_pool_stages", details["pool_stage_id"]),
        "prospect_owner": owner and {"id": owner["id"], "name": owner["name"]},
    }


def offer(_: Organisation, row: Row) -> Row:
    """One version of an offer."""
    return {
        "id": row["id"],
        "version": row["version"],
        "application_id": row["application_id"],
        "job_id": row["job_id"],
        "candidate_id": row["candidate_id"],
        "created_at": moment(row["created_at"]),
        "updated_at": moment(row["updated_at"]),
        "sent_at": day(row["sent_on"]),
        "resolved_at": moment(row["resolved_at"]),
        "starts_at": day(row["starts_on"]),
        "status": row["status"].lower(),
        "custom_fields": plain_values(row["custom_fields"]),
        "keyed_custom_fields": keyed_values(row["custom_fields"]),
    }

"""Applications in every state, with the history, papers and offers of each."""

from itertools import cycle
from typing import Any

from .draft import Draft, Row

# how many applications a candidate has, and what becomes of them: in rounds, so that a few dozen vary too
AMOUNTS = (1, 1, 0, 1, 2, 1, 1, 1, 3, 1, 1, 1)
FATES = ("in_process", "rejected", "in_process", "prospect", "hired", "rejected", "in_process", "converted")


def add_applications(draft: Draft) -> None:
    stages: dict[int, list[Row]] = {}
    for stage in draft.rows["job_interview_stages"]:
        stages.setdefault(stage["job_id"], []).append(stage)
    jobs = draft.rows["jobs"]
    fates, amounts = cycle(FATES), cycle(AMOUNTS)
    for number, candidate in enumerate(draft.rows.get("candidates", [])):
        moments = []
        for job in draft.random.sample(jobs, next(amounts)):
            application = _add_application(draft, candidate, job, next(fates), stages[job["id"]])
            _add_papers(draft, application, number)
            moments.append(application["last_activity_at"] or application["created_at"])
        candidate["last_activity_at"] = max(moments, default=None)


def _add_application(draft: Draft, candidate: Row, job: Row, fate: str, stages: list[Row]) -> Row:
    prospect = fate in ("prospect", "converted")
    created = draft.moment(900, 1500)
    application = draft.add(
        "applications",
        candidate_id=candidate["id"],
        job_id=None if prospect else job["id"],
        job_post_id=draft.maybe(draft.id_of("job_posts"), 0.4),
        recruiter_id=draft.maybe(draft.id_of("users"), 0.6),
        coordinator_id=draft.maybe(draft.id_of("users"), 0.4),
        referrer_id=draft.maybe(draft.id_of("referrers"), 0.4),
        source_id=draft.maybe(draft.id_of("sources"), 0.9),
        agency_note_id=draft.maybe(4711, 0.02),
        status="in_process" if fate == "prospect" else fate,
        needs_decision=draft.pick([None, False, True]),
        prospect=prospect,
        location_address=draft.maybe(draft.word("cities"), 0.3),
        answers=draft.maybe([{"question": "Notice period?", "answer": "Three months"}], 0.3),
        prospective_job_ids=[job["id"]] if prospect else [],
        custom_fields=draft.custom_values("application"),
        created_at=created,
        last_activity_at=draft.maybe(created, 0.97),
    )
    if prospect:
        _add_prospect_details(draft, application)
    else:
        _add_history(draft, application, stages, fate)
    return application


def _add_prospect_details(draft: Draft, application: Row) -> None:
    stage = draft.pick(draft.rows["prospect_pool_stages"])
    pooled = draft.chance(0.7)
    draft.add(
        "prospect_details",
        application_id=application["id"],
        pool_id=stage["prospect_pool_id"] if pooled else None,
        pool_stage_id=stage["id"] if pooled and draft.chance(0.8) else None,
        prospect_owner_id=draft.maybe(draft.id_of("users"), 0.5),
        department_id=draft.maybe(draft.id_of("departments"), 0.5),
        office_id=draft.maybe(draft.id_of("offices"), 0.5),
    )


def _add_history(draft: Draft, application: Row, stages: list[Row], fate: str) -> None:
    """One row per visited stage; the last one is current while the application is in process."""
    visited = stages[: 1 + application["id"] % len(stages)]
    for position, stage in enumerate(visited):
        current = fate == "in_process" and position == len(visited) - 1
        row = draft.add(
            "application_stages",
            application_id=application["id"],
            job_interview_stage_id=stage["id"],
            entered_at=application["created_at"] if current else draft.maybe(application["created_at"], 0.7),
            exited_at=None if current else draft.moment(1500, 1600),
            days_in_stage=draft.random.randrange(30),
            current=current,
        )
        if current:
            application.update(stage_id=row["id"], job_interview_stage_id=stage["id"], stage_name=stage["name"])
    if fate == "rejected":
        _reject(draft, application)
    if fate == "hired" or (fate == "in_process" and application["id"] % 4 == 0):
        _add_offers(draft, application, accepted=fate == "hired")


def _reject(draft: Draft, application: Row) -> None:
    note = draft.add("notes", body="Not this time.", **_note_columns(draft, application))
    application["rejected_at"] = note["created_at"]
    application["rejection_reason_id"] = draft.maybe(draft.id_of("rejection_reasons"), 0.9)
    draft.add(
        "rejection_details",
        application_id=application["id"],
        rejected_by_id=draft.maybe(draft.id_of("users"), 0.8),
        rejection_reason_id=application["rejection_reason_id"],
        rejection_note_id=draft.maybe(note["id"], 0.5),
        rejected_at=draft.maybe(note["created_at"], 0.9),
        question_custom_fields=draft.custom_values("rejection_question"),
    )


def _add_offers(draft: Draft, application: Row, *, accepted: bool) -> None:
    """One to three versions; only the last one can be anything but deprecated."""
    versions = 1 + application["id"] % 3
    for version in range(1, versions + 1):
        last = version == versions
        status = ("Accepted" if accepted else draft.pick(["Created", "Rejected"])) if last else "Deprecated"
        draft.add(
            "offers",
            version=version,
            application_id=application["id"],
            job_id=application["job_id"],
            candidate_id=application["candidate_id"],
            opening_id=draft.maybe(draft.id_of("openings"), 0.5),
            status=status,
            sent_on=draft.maybe(draft.day(1500, 1550), 0.7),
            starts_on=draft.maybe(draft.day(1551, 1650), 0.7),
            resolved_at=draft.moment(1551, 1600) if status in ("Accepted", "Rejected") else None,
            custom_fields=draft.custom_values("offer"),
        )
    if accepted:
        opening = draft.pick(draft.rows["openings"])
        if not opening["open"] and not opening.get("application_id"):
            opening["application_id"] = application["id"]


def _add_papers(draft: Draft, application: Row, number: int) -> None:
    kinds = ("resume", "cover_letter", "other", "take_home_test")[: (1, 2, 0, 1, 4)[number % 5]]
    for kind in kinds:
        filename = f"{kind}_{application['id']}.pdf"
        draft.add(
            "attachments",
            application_id=application["id"],
            candidate_id=draft.maybe(application["candidate_id"], 0.99),
            type=kind,
            filename=filename,
            url=f"https://files.example.com/{application['id']}/{filename}",
        )
    if number % 3 == 0:
        columns = _note_columns(draft, application)
        if columns["type"] == "EMAIL":
            columns |= {
                "subject": "Your application",
                "email_from": "user0@example.com",
                "email_to": "person@example.com",
                "email_cc": ["user1@example.com"],
                "email_attachment_file_names": draft.maybe("resume.pdf", 0.5),
            }
        draft.add("notes", body=draft.maybe(draft.word("questions"), 0.95), **columns)


def _note_columns(draft: Draft, application: Row) -> dict[str, Any]:
    return {
        "candidate_id": draft.maybe(application["candidate_id"], 0.95),
        "application_id": draft.maybe(application["id"], 0.5),
        "user_id": draft.maybe(draft.id_of("users"), 0.8),
        "type": draft.pick(["NOTE", "NOTE", "ACTIVITY", "EMAIL"]),
        "body_with_tags": draft.maybe("@[Someone](user:1001) please look", 0.1),
        "visibility": draft.pick(["publicly_visible", "privately_visible", "admin_only_visible", None]),
        "import_hash": draft.maybe("9f86d081", 0.05),
    }

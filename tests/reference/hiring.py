"""Random jobs, candidates and applications."""

from .draft import DAYS, MOMENTS, Draft
from .organisation import Row


def add_jobs(draft: Draft, fields: list[Row]) -> None:
    """Jobs with their plans, teams and openings."""
    for _ in draft.amount(draft.size):
        chosen = {
            field["name_key"]: {
                "name": field["name"],
                "type": field["value_type"],
                "value": draft.maybe(
                    draft.some(field["options"]) if draft.chance() else draft.random.choice([*field["options"], "none"])
                ),
            }
            for field in fields
        }
        job = draft.add(
            "jobs",
            name=draft.text(),
            requisition_id=draft.maybe(draft.random.choice(("R1", "r1", "R 2"))),
            notes=draft.maybe("<p>2024-01-01T00:00:00.000Z</p>"),
            confidential=draft.chance(),
            status=draft.random.choice(("open", "draft", "closed")),
            opened_at=draft.maybe(draft.moment()),
            closed_at=draft.maybe(draft.moment()),
            is_template=draft.random.choice((None, False, False, True)),
            copied_from_id=draft.link("jobs"),
            department_id=draft.link("departments"),
            office_ids=draft.maybe(draft.ids_of("offices"), 0.8),
            custom_fields=draft.random.choice((chosen, draft.custom_values())),
        )
        _add_plan(draft, job["id"])
        _add_team(draft, job["id"])
    _add_plan(draft, draft.id_of("jobs", gone=1))


def _add_plan(draft: Draft, job_id: int) -> None:
    for _ in draft.amount(4):
        stage = draft.add(
            "job_interview_stages",
            job_id=job_id,
            name=draft.text(),
            sort_order=draft.random.randrange(3),
            active=draft.chance(0.7),
        )
        for _ in draft.amount(3):
            interview = draft.add(
                "job_interviews",
                job_id=job_id,
                job_interview_stage_id=stage["id"],
                name=draft.text(),
                sort_order=draft.random.randrange(3),
                scheduling_type=draft.random.choice((None, "none", "needs_scheduling", "take_home_test", "offer")),
                duration=draft.maybe(45),
                active=draft.chance(0.8),
            )
            if draft.chance(0.7):
                _add_kit(draft, job_id, interview["id"])


def _add_kit(draft: Draft, job_id: int, interview_id: int) -> None:
    kit = draft.add("interview_kits", job_id=job_id, job_interview_id=interview_id, exercises=draft.maybe(draft.text()))
    for _ in draft.amount(3):
        draft.add(
            "scorecard_questions",
            interview_kit_id=kit["id"],
            question=draft.text(),
            sort_order=draft.random.randrange(2),
            active=draft.chance(0.7),
        )


def _add_team(draft: Draft, job_id: int) -> None:
    for user_id in draft.ids_of("users"):
        draft.add("job_hiring_managers", job_id=job_id, user_id=user_id)
    for kind in ("recruiter", "coordinator", "sourcer"):
        for user_id in draft.ids_of("users"):
            responsible = kind != "sourcer" and draft.chance()
            draft.add("job_owners", job_id=job_id, user_id=user_id, type=kind, responsible=responsible)
    for _ in draft.amount(3):
        draft.add(
            "openings",
            job_id=job_id,
            opening_id=draft.maybe(draft.random.choice(("O-1", "o-1", "2"))),
            open=draft.chance(),
            opened_at=draft.maybe(draft.moment()),
            closed_at=draft.maybe(draft.moment()),
            application_id=draft.link("applications"),
            close_reason_id=draft.link("close_reasons"),
        )


def add_candidates(draft: Draft) -> None:
    """Candidates with their addresses, educations and employments."""
    for number in draft.amount(2 * draft.size):
        candidate = draft.add(
            "candidates",
            first_name=draft.name(),
            last_name=draft.name(),
            company=draft.maybe(draft.text()),
            title=draft.maybe(draft.text()),
            last_activity_at=draft.maybe(draft.moment()),
            private=draft.random.choice((None, False, True)),
            can_email=draft.chance(),
            tags=draft.some(["sql", "Sql", "🏷"]),
            linked_user_ids=draft.ids_of("users"),
            phone_numbers=[{"value": draft.text(), "type": "mobile"} for _ in draft.amount(2)],
            addresses=[{"value": f"{draft.text()}\nTown", "type": "home"} for _ in draft.amount(2)],
            email_addresses=[{"value": each, "type": "work"} for each in _addresses(draft, number)],
            website_addresses=[{"value": draft.text(), "type": "blog"} for _ in draft.amount(2)],
            social_media_addresses=[{"value": draft.text()} for _ in draft.amount(2)],
            custom_fields=draft.custom_values(),
        )
        _add_past(draft, candidate["id"])


def _addresses(draft: Draft, number: int) -> list[str]:
    return draft.some(
        [f"P{number}@Example.com", "Shared@example.com", "shared@EXAMPLE.com", f"p{number}+x@example.org"]
    )


def _add_past(draft: Draft, candidate_id: int) -> None:
    for _ in draft.amount(2):
        options = {
            f"{key}_custom_field_option_id": draft.link("custom_field_options")
            for key in ("school_name", "degree", "discipline")
        }
        start, end = draft.maybe(draft.moment()), draft.maybe(draft.moment())
        draft.add("candidate_educations", candidate_id=candidate_id, start_at=start, end_at=end, **options)
    for _ in draft.amount(2):
        draft.add(
            "candidate_employments",
            candidate_id=candidate_id,
            company_name=draft.text(),
            title=draft.text(),
            start_date=draft.day(),
            end_date=draft.maybe(draft.day()),
        )


def add_applications(draft: Draft) -> None:
    """Applications in every state, some of candidates or on jobs that are gone."""
    for _ in draft.amount(4 * draft.size):
        prospect = draft.chance(0.35)
        jobs = draft.ids_of("jobs") if prospect else []
        status = draft.random.choice(("in_process", "rejected", "hired", "converted"))
        application = draft.add(
            "applications",
            candidate_id=draft.id_of("candidates", gone=0.03),
            prospect=prospect,
            job_id=draft.random.choice([None, None, *jobs, draft.id_of("jobs")]) if prospect else draft.id_of("jobs"),
            prospective_job_ids=jobs,
            status=status,
            job_post_id=draft.maybe(9),
            recruiter_id=draft.link("users"),
            coordinator_id=draft.link("users"),
            referrer_id=draft.link("referrers"),
            source_id=draft.link("sources"),
            rejection_reason_id=draft.link("rejection_reasons") if status == "rejected" else None,
            rejected_at=draft.moment() if status == "rejected" else None,
            last_activity_at=draft.maybe(draft.moment()),
            location_address=draft.maybe(draft.random.choice((draft.text(), ""))),
            answers=draft.random.choice((None, [], [{"question": draft.text(), "answer": draft.text()}])),
            custom_fields=draft.custom_values(),
        )
        _add_history(draft, application)
        _add_offers(draft, application)
        _add_papers(draft, application)


def _add_history(draft: Draft, application: Row) -> None:
    current = draft.chance(0.6) and application["status"] == "in_process"
    if application["prospect"] and draft.chance(0.8):
        _add_prospect_details(draft, application["id"])
    if current:
        stage = {"job_interview_stage_id": draft.id_of("job_interview_stages"), "stage_name": draft.maybe(draft.text())}
        draft.sandbox.update("applications", application["id"], stage)
    for position in draft.amount(3):
        draft.add(
            "application_stages",
            application_id=application["id"],
            job_interview_stage_id=draft.id_of("job_interview_stages"),
            entered_at=draft.maybe(draft.moment()),
            current=position == 0 and draft.chance(),
        )
    if (application["status"] == "rejected" and draft.chance(0.7)) or draft.chance(0.1):
        draft.add(
            "rejection_details",
            application_id=application["id"],
            rejection_reason_id=application["rejection_reason_id"],
            question_custom_fields=draft.custom_values(),
        )


def _add_prospect_details(draft: Draft, application_id: int) -> None:
    draft.add(
        "prospect_details",
        application_id=application_id,
        pool_id=draft.link("prospect_pools"),
        pool_stage_id=draft.link("prospect_pool_stages"),
        prospect_owner_id=draft.link("users"),
        department_id=draft.link("departments"),
        office_id=draft.link("offices"),
    )


def _add_offers(draft: Draft, application: Row) -> None:
    versions = [1, 2, 10][: draft.random.choice((0, 0, 0, 1, 3))]
    for version in draft.random.sample(versions, len(versions)):
        draft.add(
            "offers",
            version=version,
            application_id=application["id"],
            job_id=application["job_id"] or 404,
            candidate_id=application["candidate_id"],
            status=draft.random.choice(("Created", "Accepted", "Rejected", "Deprecated")),
            sent_on=draft.random.choice((None, *DAYS, "2023-06-30T00:00:00.000Z")),
            starts_on=draft.random.choice((None, *DAYS)),
            resolved_at=draft.random.choice((None, *MOMENTS)),
            custom_fields=draft.custom_values(),
        )


def _add_papers(draft: Draft, application: Row) -> None:
    for _ in draft.amount(2):
        draft.add(
            "attachments",
            application_id=application["id"],
            candidate_id=draft.maybe(application["candidate_id"], 0.9),
            type=draft.random.choice(("resume", "cover_letter", "other", "form_attachment")),
            filename=draft.text(),
            url=f"https://files.example.com/{application['id']}?a=b&c=d",
            visibility=draft.random.choice(("public", "admin_only")),
        )

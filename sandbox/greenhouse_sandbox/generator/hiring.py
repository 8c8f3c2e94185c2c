"""Jobs with everything that hangs on them: plan, team, openings, posts."""

from .draft import Draft, Row


def add_jobs(draft: Draft) -> None:
    for number in range(8 + draft.size // 250):
        job = _add_job(draft, number)
        _add_plan(draft, job)
        _add_team(draft, job)
        _add_openings(draft, job)
        for active in (True, number % 3 != 0):
            _add_post(draft, job, active)
    for pool in draft.rows["prospect_pools"]:
        pool["job_ids"] = draft.some([job["id"] for job in draft.rows["jobs"]], 2)


def _add_job(draft: Draft, number: int) -> Row:
    status = ("open", "open", "open", "closed", "draft")[number % 5]
    earlier = draft.rows.get("jobs", [])
    return draft.add(
        "jobs",
        name=f"{draft.word('levels')} {draft.word('job_titles')}",
        requisition_id=draft.maybe(f"REQ-{1000 + number // 2}", 0.7),
        notes=draft.maybe("<p>Hiring for growth.</p>", 0.4),
        confidential=number % 6 == 5,
        status=status,
        opened_at=None if status == "draft" else draft.moment(300, 900),
        closed_at=draft.moment(901, 1500) if status == "closed" else None,
        is_template=draft.pick([None, False]) if number % 7 else number > 0,
        copied_from_id=draft.pick(earlier)["id"] if earlier and number % 3 == 1 else None,
        department_id=draft.maybe(draft.id_of("departments")),
        office_ids=draft.maybe(draft.some([row["id"] for row in draft.rows["offices"]], 3), 0.7),
        custom_fields=draft.custom_values("job"),
    )


def _add_plan(draft: Draft, job: Row) -> None:
    for order, name in enumerate(draft.words["stages"]):
        stage = draft.add("job_interview_stages", job_id=job["id"], name=name, sort_order=order, active=order != 2)
        for slot in range(1, 1 + (order > 0) + order % 2):
            _add_interview(draft, stage, slot)


def _add_interview(draft: Draft, stage: Row, slot: int) -> None:
    scheduling = draft.pick(["none", "needs_scheduling", "take_home_test", "offer", None])
    interview = draft.add(
        "job_interviews",
        job_interview_stage_id=stage["id"],
        job_id=stage["job_id"],
        name=f"{stage['name']} {slot}",
        sort_order=slot,
        scheduling_type=scheduling,
        duration=draft.maybe(draft.pick([30, 45, 60]), 0.7),
        summary=draft.maybe("Meet the team", 0.5),
        instructions=draft.maybe("Be kind", 0.5),
        active=draft.chance(0.9),
        require_scorecard=None if scheduling in ("none", "offer") else draft.chance(0.5),
    )
    if scheduling in ("none", "offer"):
        return
    kit = draft.add(
        "interview_kits",
        job_id=stage["job_id"],
        job_interview_id=interview["id"],
        exercises=draft.maybe("<p>Read the résumé first.</p>", 0.5),
        anonymize_candidate=draft.maybe(False, 0.5),
        anonymize_resumes=draft.maybe(False, 0.5),
    )
    draft.add("default_interviewers", user_id=draft.id_of("users"), interview_kit_id=kit["id"])
    for order, question in enumerate(draft.words["questions"]):
        draft.add(
            "scorecard_questions",
            interview_kit_id=kit["id"],
            question=question,
            sort_order=order,
            active=order != 2,
            answer_type=draft.pick(["text", "yes_no", "single_select"]),
            required=draft.chance(0.5),
        )


def _add_team(draft: Draft, job: Row) -> None:
    users = [user["id"] for user in draft.rows["users"][:-1]]
    for user_id in draft.some(users, 2):
        draft.add("job_hiring_managers", job_id=job["id"], user_id=user_id)
    for kind in ("recruiter", "coordinator", "sourcer"):
        for number, user_id in enumerate(draft.some(users, 2)):
            responsible = kind != "sourcer" and number == 0
            draft.add("job_owners", job_id=job["id"], user_id=user_id, type=kind, responsible=responsible)


def _add_openings(draft: Draft, job: Row) -> None:
    for number in range(1 + job["id"] % 3):
        closed = job["status"] == "closed" or draft.chance(0.2)
        draft.add(
            "openings",
            job_id=job["id"],
            opening_id=draft.maybe(f"{job['id']}-{number}", 0.7),
            open=not closed,
            opened_at=job["opened_at"],
            closed_at=draft.moment(901, 1500) if closed else None,
            close_reason_id=draft.id_of("close_reasons") if closed else None,
            target_start_on=draft.maybe(draft.day(1500, 1600), 0.5),
            sort_order=number,
            custom_fields=draft.custom_values("opening"),
        )


def _add_post(draft: Draft, job: Row, active: bool) -> None:
    draft.add(
        "job_posts",
        job_id=job["id"],
        job_board_id=draft.pick([11, 12]),
        title=job["name"],
        internal=draft.chance(0.2),
        active=active,
        live=active and draft.chance(0.6),
        featured=draft.chance(0.1),
        first_published_at=draft.maybe(draft.moment(300, 900)),
        content=draft.maybe("<p>Join us.</p>"),
        language=draft.maybe("en"),
        public_url=draft.maybe(f"https://boards.example.com/{job['id']}", 0.6),
        demographic_question_set_id=draft.maybe(7, 0.2),
    )

"""Candidates and what hangs on the person: tags, schools, former jobs."""

from .draft import Draft, Row


def add_candidates(draft: Draft) -> None:
    schools, degrees, disciplines = (
        [row["id"] for row in draft.rows["custom_field_options"] if row["custom_field_id"] == field["id"]]
        for field in draft.rows["custom_fields"]
        if field["field_type"] == "standard"
    )
    for number in range(draft.size):
        candidate = _add_candidate(draft, number)
        for latest in ([True], [True, False])[number % 2][: number % 4]:
            _add_education(draft, candidate, latest, schools, degrees, disciplines)
        for latest in ([True], [False, True])[number % 3 == 0][: number % 5]:
            _add_employment(draft, candidate, latest)


def _add_candidate(draft: Draft, number: int) -> Row:
    first, last = draft.word("first_names"), draft.word("last_names")
    tags = draft.some(draft.rows["candidate_tags"], 3)
    candidate = draft.add(
        "candidates",
        first_name=draft.maybe(first, 0.98),
        last_name=draft.maybe(last, 0.98),
        preferred_name=draft.maybe(first[:4], 0.1),
        company=draft.maybe(draft.word("company_names"), 0.6),
        title=draft.maybe(draft.word("job_titles"), 0.6),
        private=draft.pick([None, False, False, False, True]),
        can_email=number % 9 != 0,
        time_zone=draft.maybe(draft.word("time_zones"), 0.3),
        tags=[tag["name"] for tag in tags],
        linked_user_ids=[1002] if number == 0 else [],
        phone_numbers=[{"value": f"+1 555 {number:07d}", "type": "mobile"}] if number % 3 else [],
        addresses=[{"value": f"{number} Main Street\n{draft.word('cities')}", "type": "home"}][: number % 2],
        email_addresses=_addresses(number),
        website_addresses=[{"value": f"https://p{number}.example.com", "type": "portfolio"}][: number % 4 == 1],
        social_media_addresses=[{"value": f"https://social.example.com/p{number}"}][: number % 5 == 1],
        custom_fields=draft.custom_values("candidate"),
    )
    for tag in tags:
        draft.add("applied_candidate_tags", candidate_id=candidate["id"], candidate_tag_id=tag["id"])
    return candidate


def _addresses(number: int) -> list[dict[str, str]]:
    """None, one or two addresses; the second shares nothing with other candidates either."""
    both = [
        {"value": f"Person.{number}@example.com", "type": "personal"},
        {"value": f"p{number}@work.example.com", "type": "work"},
    ]
    return both[: (1, 2, 1, 0, 1)[number % 5]]


def _add_education(
    draft: Draft, candidate: Row, latest: bool, schools: list[int], degrees: list[int], disciplines: list[int]
) -> None:
    started, ended = draft.moment(0, 365), draft.maybe(draft.moment(800, 1400))
    draft.add(
        "candidate_educations",
        candidate_id=candidate["id"],
        school_name_custom_field_option_id=draft.maybe(draft.pick(schools)),
        degree_custom_field_option_id=draft.maybe(draft.pick(degrees)),
        discipline_custom_field_option_id=draft.maybe(draft.pick(disciplines)),
        start_at=draft.maybe(started),
        end_at=ended,
        latest=latest,
        start_date_month=draft.maybe(int(started[5:7])),
        start_date_year=draft.maybe(int(started[:4])),
        end_date_month=int(ended[5:7]) if ended else None,
        end_date_year=int(ended[:4]) if ended else None,
    )


def _add_employment(draft: Draft, candidate: Row, latest: bool) -> None:
    draft.add(
        "candidate_employments",
        candidate_id=candidate["id"],
        company_name=draft.word("company_names"),
        title=draft.word("job_titles"),
        start_date=draft.day(0, 600),
        end_date=draft.maybe(draft.day(601, 1400), 0.5) if latest else draft.day(601, 1400),
        latest=latest or draft.pick([None, False]),
    )

"""Random inputs for the reading operations, made from what an organisation holds."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any

from .organisation import Organisation, Row

GONE = 404_404
Pick = Callable[[Random, Organisation], Any]


def ids(resource: str, column: str = "id") -> Pick:
    """Draws a value of a column, or an id that nothing has."""

    def pick(random: Random, organisation: Organisation) -> int:
        values = [row[column] for row in organisation.rows(resource) if row[column] is not None]
        return int(random.choice(values)) if values and random.random() < 0.9 else GONE

    return pick


def words(resource: str, column: str) -> Pick:
    """Draws a text of a column; null and the empty text count as absent."""

    def pick(random: Random, organisation: Organisation) -> str | None:
        values = [row[column] for row in organisation.rows(resource)] or [None]
        chosen: str | None = random.choice([*values, "nothing has this", f"{values[0]},{values[-1]}"])
        return chosen

    return pick


def moments(resource: str, column: str) -> Pick:
    """Draws a moment that a row has, in one of the spellings that inputs may have."""

    def pick(random: Random, organisation: Organisation) -> str:
        values = [row[column] for row in organisation.rows(resource) if row[column]] or ["2023-01-01T00:00:00.000Z"]
        at = datetime.fromisoformat(random.choice(values))
        offset = timezone(timedelta(minutes=random.choice((0, 330, -480))))
        spellings = [
            at.astimezone(offset).isoformat(timespec="milliseconds"),
            at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            at.replace(tzinfo=None).isoformat(timespec="milliseconds"),
            at.date().isoformat(),
        ]
        return random.choice(spellings)

    return pick


def days(resource: str, column: str) -> Pick:
    """Draws a day that a row has."""

    def pick(random: Random, organisation: Organisation) -> str:
        known = [row[column][:10] for row in organisation.rows(resource) if row[column]]
        return str(random.choice([*known, "2023-01-01"]))

    return pick


def one_of(*values: Any) -> Pick:
    """Draws one of these."""
    return lambda random, _: random.choice(values)


def emails(random: Random, organisation: Organisation) -> str | None:
    """An address of a candidate, in any letter case."""
    known = [each["value"] for row in organisation.rows("candidates") for each in row["email_addresses"]]
    address: str = random.choice([*known, "nobody@example.com"])
    return random.choice((address, address.upper(), address.lower()))


def user_emails(random: Random, organisation: Organisation) -> str | None:
    """An address of a user, in any letter case."""
    known = [row["email"] for row in organisation.rows("user_emails")]
    known += [row["primary_email"] for row in organisation.rows("users")]
    address: str = random.choice([*known, "nobody@example.com"])
    return random.choice((address, address.upper(), address.lower()))


def candidate_ids(random: Random, organisation: Organisation) -> list[int | str]:
    """Any number of ids, as numbers or digits, some of nobody, some twice."""
    known = [row["id"] for row in organisation.rows("candidates")]
    chosen = random.sample(known, random.randint(0, len(known)))
    chosen += chosen[:2] + [GONE + number for number in range(random.choice((0, 1, 60)))]
    random.shuffle(chosen)
    return [str(each) if random.random() < 0.5 else each for each in chosen]


def choice_value(resource: str, column: str = "id") -> Pick:
    """A value of a drop-down, as it is or as text."""

    def pick(random: Random, organisation: Organisation) -> int | str:
        value: int | str = random.choice([row[column] for row in organisation.rows(resource)] or [GONE])
        return random.choice((value, str(value)))

    return pick


def dated(resource: str, *names: str) -> dict[str, Pick]:
    """The date filters on `{name}_at` columns."""
    return {
        f"{name}_{end}": moments(resource, f"{name}_at")
        for name in names or ("created", "updated")
        for end in ("after", "before")
    }


def choices(resource: str, column: str = "id") -> dict[str, Pick]:
    """The inputs of every drop-down."""
    return {
        "search": one_of("", "a", "Z", "é", "{{", "иван", "1", "ss", "nothing has this"),
        "value": choice_value(resource, column),
    }


FILTERS: dict[str, dict[str, Pick]] = {
    "list_applications": {
        "job_id": ids("jobs"),
        "status": one_of("active", "Active", "HIRED", "converted", "rejected", None, ""),
        **{k: v for k, v in dated("applications", "created", "last_activity").items() if k != "last_activity_before"},
    },
    "list_candidates": {
        "job_id": ids("applications", "job_id"),
        "email": emails,
        "candidate_ids": candidate_ids,
        **dated("candidates"),
    },
    "list_custom_fields": {
        "field_type": one_of("candidate", "job", "offer", "application", "rejection_question", None),
        "include_inactive": one_of(True, False, None),
    },
    "list_departments": {"render_as": one_of("list", "tree")},
    "list_job_stages": dated("job_interview_stages"),
    "list_job_stages_for_job": dated("job_interview_stages"),
    "list_jobs": {
        "status": one_of("open", "closed", "draft"),
        "requisition_id": words("jobs", "requisition_id"),
        "opening_id": words("openings", "opening_id"),
        "department_id": ids("jobs", "department_id"),
        "external_department_id": words("departments", "external_id"),
        "office_id": ids("offices"),
        "external_office_id": words("offices", "external_id"),
        "custom_field": ids("custom_fields"),
        "custom_field_option_id": ids("custom_field_options"),
        **dated("jobs"),
    },
    "list_offers": {
        "status": one_of("created", "accepted", "rejected", "deprecated", "unresolved"),
        "sent_after": days("offers", "sent_on"),
        "sent_before": days("offers", "sent_on"),
        **dated("offers", "created", "updated", "resolved"),
    },
    "list_offers_by_application": {},
    "list_offices": {"render_as": one_of("list", "tree")},
    "list_sources": {},
    "list_users": {"email": user_emails, "employee_id": words("users", "employee_id"), **dated("users")},
    "list_candidate_custom_fields_ddl": choices("custom_fields", "name_key"),
    "list_candidates_ddl": choices("candidates"),
    "list_job_custom_field_options_ddl": choices("custom_field_options"),
    "list_job_custom_fields_ddl": choices("custom_fields"),
    "list_job_stages_for_job_ddl": choices("job_interview_stages"),
    "list_jobs_ddl": choices("jobs"),
    "list_sources_ddl": choices("sources"),
    "list_users_ddl": choices("users"),
}
REQUIRED: dict[str, dict[str, Pick]] = {
    "list_job_stages_for_job": {"job_id": ids("job_interview_stages", "job_id")},
    "list_job_stages_for_job_ddl": {"job_id": ids("job_interview_stages", "job_id")},
    "list_offers_by_application": {"application_id": ids("offers", "application_id")},
    "list_job_custom_field_options_ddl": {"custom_field": ids("custom_field_options", "custom_field_id")},
}


# filters on the same thing, which have to hold together
PAIRS = {
    "list_applications": ("job_id", "status"),
    "list_candidates": ("job_id", "candidate_ids"),
    "list_custom_fields": ("field_type", "include_inactive"),
    "list_jobs": ("office_id", "external_office_id"),
    "list_users": ("email", "employee_id"),
}


def draw(random: Random, organisation: Organisation, operation: str, most: int) -> Row:
    """An input with up to `most` optional filters; where it may have two, often two that belong together."""
    picks = FILTERS[operation]
    chosen = random.sample(sorted(picks), min(most, random.randint(0, len(picks))))
    if most > 1 and operation in PAIRS and random.random() < 0.3:
        chosen = list(PAIRS[operation])
    given = {name: pick(random, organisation) for name, pick in REQUIRED.get(operation, {}).items()}
    return given | {name: picks[name](random, organisation) for name in chosen}

"""What the drop-downs return: every choice, as text and value."""

from collections.abc import Callable, Iterable
from typing import Any

from .jobs import in_order
from .lists import Missing
from .organisation import Organisation, Row
from .people import is_service_account
from .values import full_name, user_name

FIRST_CONTENT_TYPES = {
    "application/pdf": "PDF",
    "application/msword": "Word Document",
    "image/jpeg": "Image (JPEG)",
    "image/png": "Image (PNG)",
    "text/plain": "Plain Text",
}
CONTENT_TYPES = {
    *("application/atom+xml", "application/javascript", "application/json", "application/msgpack"),
    *("application/msword", "application/pdf", "application/rss+xml", "application/vnd.ms-excel"),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    *("application/vnd.ms-powerpoint", "application/xml", "application/x-www-form-urlencoded", "application/x-yaml"),
    *("application/zip", "multipart/form-data", "image/bmp", "image/gif", "image/jpeg", "image/png", "image/tiff"),
    *("text/calendar", "text/css", "text/csv", "text/html", "text/javascript", "text/plain", "text/vcard"),
    "video/mpeg",
}


def _choices(rows: Iterable[Row], text: Callable[[Row], str | None], value: str = "id") -> list[Row]:
    return [{"text": text(row) or str(row[value]), "value": row[value]} for row in rows]


def _named(rows: Iterable[Row], value: str = "id") -> list[Row]:
    return _choices(rows, lambda row: row["name"], value)


def _sorted(choices: list[Row]) -> list[Row]:
    return sorted(choices, key=lambda choice: choice["text"].casefold())


def candidate_custom_fields(organisation: Organisation, _: Row) -> list[Row]:
    """Candidate fields that are not archived, by name and name_key."""
    rows = [row for row in organisation.newest("custom_fields") if row["field_type"] == "candidate"]
    return _sorted(_named([row for row in rows if row["active"]], "name_key"))


def candidates(organisation: Organisation, _: Row) -> list[Row]:
    """All candidates by first and last name."""
    return _sorted(_choices(organisation.newest("candidates"), full_name))


def job_custom_field_options(organisation: Organisation, given: Row) -> list[Row]:
    """A field's active options in their order; a field that does not exist has none."""
    options = organisation.many("custom_field_options", "custom_field_id", given["custom_field"])
    return _named([row for row in in_order(options) if row["active"]])


def job_custom_fields(organisation: Organisation, _: Row) -> list[Row]:
    """Active job fields."""
    rows = [row for row in organisation.newest("custom_fields") if row["field_type"] == "job"]
    return _sorted(_named([row for row in rows if row["active"]]))


def job_stages_for_job(organisation: Organisation, given: Row) -> list[Row]:
    """A job's active stages in plan order."""
    stages = in_order(organisation.many("job_interview_stages", "job_id", given["job_id"]))
    rows = [row for row in stages if row["active"]]
    if not rows and organisation.one("jobs", given["job_id"]) is None:
        raise Missing("jobs", given["job_id"])
    return _named(rows)


def jobs(organisation: Organisation, _: Row) -> list[Row]:
    """Jobs, without templates."""
    return _sorted(_named([row for row in organisation.newest("jobs") if not row["is_template"]]))


def sources(organisation: Organisation, _: Row) -> list[Row]:
    """Sources."""
    return _sorted(_named(organisation.newest("sources")))


def users(organisation: Organisation, _: Row) -> list[Row]:
    """People who can sign in."""
    rows = [row for row in organisation.newest("users") if not row["deactivated"] and not is_service_account(row)]
    return _sorted(_choices(rows, user_name))


def chosen(choices: list[Row], given: Row) -> list[Row]:
    """The choices that the inputs `search` and `value` leave."""
    search, value = given.get("search"), given.get("value")
    if search not in (None, ""):
        choices = [each for each in choices if str(search).casefold() in each["text"].casefold()]
    if value not in (None, ""):
        choices = [each for each in choices if str(each["value"]) == str(value)]
    return choices


CHOICES: dict[str, Callable[[Organisation, Row], list[dict[str, Any]]]] = {
    "list_candidate_custom_fields_ddl": candidate_custom_fields,
    "list_candidates_ddl": candidates,
    "list_job_custom_field_options_ddl": job_custom_field_options,
    "list_job_custom_fields_ddl": job_custom_fields,
    "list_job_stages_for_job_ddl": job_stages_for_job,
    "list_jobs_ddl": jobs,
    "list_sources_ddl": sources,
    "list_users_ddl": users,
}

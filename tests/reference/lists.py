"""What the list operations return: all records that match, in order, before they are cut into pages."""

from collections.abc import Callable, Iterable

from .applications import application, offer
from .fields import custom_field
from .jobs import in_order, job, job_stage
from .organisation import Organisation, Row
from .people import candidate, has_address, is_service_account, user
from .places import department, listed_office, trees
from .values import within


class Missing(Exception):
    """The operation fails: a parent that does not exist has nothing to list."""


def _dated(rows: Iterable[Row], given: Row, *columns: str) -> list[Row]:
    """The rows that are within every date filter of the input."""
    names = columns or ("created", "updated")
    return [row for row in rows if all(within(row, f"{name}_at", given, name) for name in names)]


def _of_parent(organisation: Organisation, parent: str, parent_id: int, rows: list[Row]) -> list[Row]:
    if not rows and organisation.one(parent, parent_id) is None:
        raise Missing(parent, parent_id)
    return rows


def applications(organisation: Organisation, given: Row) -> list[Row]:
    """Newest first; on a job its candidates, then its prospects: whose job it is, then who is considered for it."""
    rows = _dated(organisation.newest("applications"), given, "created", "last_activity")
    if given.get("status"):
        status = given["status"].lower()
        rows = [row for row in rows if row["status"] == {"active": "in_process"}.get(status, status)]
    if given.get("job_id"):
        on_it = [row for row in rows if row["job_id"] == given["job_id"]]
        others = [row for row in rows if row["job_id"] != given["job_id"] and row["prospect"]]
        rows = [row for row in on_it if not row["prospect"]] + [row for row in on_it if row["prospect"]]
        rows += [row for row in others if given["job_id"] in row["prospective_job_ids"]]
    return [application(organisation, row) for row in rows]


def candidates(organisation: Organisation, given: Row) -> list[Row]:
    """Newest first; every filter has to be met."""
    rows = _dated(organisation.newest("candidates"), given)
    if given.get("job_id"):
        on_job = [row for row in organisation.rows("applications") if row["job_id"] == given["job_id"]]
        ids = {row["candidate_id"] for row in on_job if not row["prospect"]}
        rows = [row for row in rows if row["id"] in ids]
    if given.get("candidate_ids"):
        wanted = {int(each) for each in given["candidate_ids"]}
        rows = [row for row in rows if row["id"] in wanted]
    if given.get("email"):
        email = given["email"].lower()
        rows = [row for row in rows if email in [each["value"].lower() for each in row["email_addresses"]]]
    return [candidate(organisation, row) for row in rows]


def custom_fields(organisation: Organisation, given: Row) -> list[Row]:
    """Newest first; archived ones only when they are asked for."""
    include = bool(given.get("include_inactive"))
    rows = [row for row in organisation.newest("custom_fields") if include or row["active"]]
    if given.get("field_type"):
        rows = [row for row in rows if row["field_type"] == given["field_type"]]
    return [custom_field(organisation, row, include_inactive=include) for row in rows]


def departments(organisation: Organisation, given: Row) -> list[Row]:
    """Newest first, or trees by their roots."""
    if given.get("render_as") == "tree":
        return trees(organisation, "departments")
    return [department(organisation, row["id"]) for row in organisation.newest("departments")]


def offices(organisation: Organisation, given: Row) -> list[Row]:
    """Newest first, or trees by their roots."""
    if given.get("render_as") == "tree":
        return trees(organisation, "offices")
    return [listed_office(organisation, row) for row in organisation.newest("offices")]


def job_stages(organisation: Organisation, given: Row) -> list[Row]:
    """Newest first, inactive ones too."""
    return [job_stage(organisation, row) for row in _dated(organisation.newest("job_interview_stages"), given)]


def job_stages_for_job(organisation: Organisation, given: Row) -> list[Row]:
    """In plan order, inactive ones too."""
    stages = organisation.many("job_interview_stages", "job_id", given["job_id"])
    rows = _of_parent(organisation, "jobs", given["job_id"], _dated(stages, given))
    return [job_stage(organisation, row) for row in in_order(rows)]


def jobs(organisation: Organisation, given: Row) -> list[Row]:
    """Newest first, templates too; `custom_field` filters nothing."""
    rows = _dated(organisation.newest("jobs"), given)
    for name in ("status", "requisition_id", "department_id"):
        if given.get(name):
            rows = [row for row in rows if row[name] == given[name]]
    if given.get("office_id"):
        rows = [row for row in rows if given["office_id"] in (row["office_ids"] or [])]
    if given.get("opening_id"):
        openings = organisation.rows("openings")
        ids = {each["job_id"] for each in openings if each["opening_id"] == given["opening_id"]}
        rows = [row for row in rows if row["id"] in ids]
    if given.get("external_department_id"):
        ids = _labelled(organisation, "departments", given["external_department_id"])
        rows = [row for row in rows if row["department_id"] in ids]
    if given.get("external_office_id"):
        ids = _labelled(organisation, "offices", given["external_office_id"])
        rows = [row for row in rows if ids & set(row["office_ids"] or [])]
    if given.get("custom_field_option_id"):
        rows = [row for row in rows if _holds(organisation, row, given["custom_field_option_id"])]
    return [job(organisation, row) for row in rows]


def _labelled(organisation: Organisation, resource: str, external_id: str) -> set[int]:
    return {row["id"] for row in organisation.rows(resource) if row["external_id"] == external_id}


def _holds(organisation: Organisation, row: Row, option_id: int) -> bool:
    """Whether a job's custom field has an option selected; the API stores the option's name, or a list of names."""
    option = organisation.one("custom_field_options", option_id)
    field = option and organisation.one("custom_fields", option["custom_field_id"])
    if option is None or field is None or field["field_type"] != "job":
        return False
    entry = (row["custom_fields"] or {}).get(field["name_key"]) or {"value": None}
    value = entry["value"]
    return bool(option["name"] in value if isinstance(value, list) else option["name"] == value)


def offers(organisation: Organisation, given: Row) -> list[Row]:
    """Newest first."""
    rows = _dated(organisation.newest("offers"), given, "created", "updated", "resolved")
    rows = [row for row in rows if within(row, "sent_on", given, "sent")]
    if given.get("status"):
        status = {"unresolved": "created"}.get(given["status"], given["status"])
        rows = [row for row in rows if row["status"].lower() == status]
    return [offer(organisation, row) for row in rows]


def offers_by_application(organisation: Organisation, given: Row) -> list[Row]:
    """Every version, newest first."""
    rows = organisation.many("offers", "application_id", given["application_id"])[::-1]
    rows = _of_parent(organisation, "applications", given["application_id"], rows)
    return [offer(organisation, row) for row in rows]


def sources(organisation: Organisation, _: Row) -> list[Row]:
    """Newest first."""
    return [{name: row[name] for name in ("id", "name", "type")} for row in organisation.newest("sources")]


def users(organisation: Organisation, given: Row) -> list[Row]:
    """Newest first, without service accounts."""
    rows = [row for row in _dated(organisation.newest("users"), given) if not is_service_account(row)]
    if given.get("employee_id"):
        rows = [row for row in rows if row["employee_id"] == given["employee_id"]]
    if given.get("email"):
        rows = [row for row in rows if has_address(organisation, row, given["email"])]
    return [user(organisation, row) for row in rows]


LISTS: dict[str, Callable[[Organisation, Row], list[Row]]] = {
    "list_applications": applications,
    "list_candidates": candidates,
    "list_custom_fields": custom_fields,
    "list_departments": departments,
    "list_job_stages": job_stages,
    "list_job_stages_for_job": job_stages_for_job,
    "list_jobs": jobs,
    "list_offers": offers,
    "list_offers_by_application": offers_by_application,
    "list_offices": offices,
    "list_sources": sources,
    "list_users": users,
}
UNPAGED = ("list_job_stages_for_job",)
PAGE_SIZES = {
    name: "per_page" if name in ("list_job_stages", "list_sources") else "results_per_page"
    for name in LISTS
    if name not in UNPAGED
}

"""How many requests an operation may take: its formula, as data, over an organisation's rows.

A call costs the pages of its listings and ⌈distinct ids / 50⌉ requests per joined resource. Each dictionary is read
once per connection.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from .organisation import Organisation, Row
from .people import is_service_account

CHUNK, PAGE = 50, 500
DICTIONARIES = {
    *("close_reasons", "departments", "offices", "prospect_pools", "prospect_pool_stages"),
    *("rejection_reasons", "sources"),
}
Ids = dict[str, set[int]]
Needs = Callable[[Organisation, list[Row]], Ids]


def ids_in(rows: list[Row], column: str) -> set[int]:
    """The ids that a column holds."""
    return {row[column] for row in rows if row[column] is not None}


def nothing(_: Organisation, __: list[Row]) -> Ids:
    """The rows say everything themselves."""
    return {}


def of_applications(organisation: Organisation, rows: list[Row]) -> Ids:
    """What applications are joined with, and by which ids."""
    prospects = [row for row in rows if row["prospect"]]
    others = [row for row in rows if not row["prospect"]]
    past = [row for row in others if row["job_interview_stage_id"] is None]
    referrers = [row for row in organisation.rows("referrers") if row["id"] in ids_in(rows, "referrer_id")]
    details = [organisation.many("prospect_details", "application_id", row["id"]) for row in prospects]
    found = [each for group in details for each in group]
    return {
        "jobs": ids_in(others, "job_id") | {each for row in prospects for each in row["prospective_job_ids"]},
        "sources": ids_in(rows, "source_id"),
        "referrers": ids_in(rows, "referrer_id"),
        "users": ids_in(referrers, "user_id") | ids_in(found, "prospect_owner_id"),
        "rejection_reasons": ids_in(rows, "rejection_reason_id"),
        "rejection_details": {row["id"] for row in rows if row["status"] == "rejected"},
        "application_stages": ids_in(past, "id"),
        "job_interview_stages": {_last_stage(organisation, row) for row in past},
        "prospect_details": ids_in(prospects, "id"),
        "prospect_pools": ids_in(found, "pool_id"),
        "prospect_pool_stages": ids_in(found, "pool_stage_id"),
    }


def _last_stage(organisation: Organisation, row: Row) -> int:
    visits = organisation.many("application_stages", "application_id", row["id"])
    last = max(visits, key=lambda visit: (visit["current"], visit["entered_at"] or "", visit["id"]))
    return int(last["job_interview_stage_id"])


def of_candidates(organisation: Organisation, rows: list[Row]) -> Ids:
    """What candidates are joined with: all that hangs on them, and what their applications are joined with."""
    ids = ids_in(rows, "id")
    applications = [each for row_id in ids for each in organisation.many("applications", "candidate_id", row_id)]
    educations = [each for row_id in ids for each in organisation.many("candidate_educations", "candidate_id", row_id)]
    needs = of_applications(organisation, applications)
    for row_id in ids:
        newest = organisation.many("applications", "candidate_id", row_id)
        newest = sorted(newest, key=lambda each: (each["created_at"], each["id"]), reverse=True)
        for column in ("recruiter_id", "coordinator_id"):
            needs["users"] |= set([each[column] for each in newest if each[column] is not None][:1])
    options = [ids_in(educations, f"{key}_custom_field_option_id") for key in ("school_name", "degree", "discipline")]
    owned = ("applications", "attachments", "candidate_educations", "candidate_employments")
    return needs | dict.fromkeys(owned, ids) | {"custom_field_options": set().union(*options)}


def of_jobs(organisation: Organisation, rows: list[Row]) -> Ids:
    """What jobs are joined with."""
    ids = ids_in(rows, "id")
    team = [row for row in organisation.rows("job_owners") if row["job_id"] in ids]
    team += [row for row in organisation.rows("job_hiring_managers") if row["job_id"] in ids]
    openings = [row for row in organisation.rows("openings") if row["job_id"] in ids]
    return {
        "departments": ids_in(rows, "department_id"),
        "offices": {each for row in rows for each in row["office_ids"] or []},
        **dict.fromkeys(("job_hiring_managers", "job_owners", "openings"), ids),
        "users": ids_in(team, "user_id"),
        "close_reasons": ids_in(openings, "close_reason_id"),
    }


def of_stages(organisation: Organisation, rows: list[Row]) -> Ids:
    """What stages are joined with."""
    ids = ids_in(rows, "id")
    interviews = [row for row in organisation.rows("job_interviews") if row["job_interview_stage_id"] in ids]
    active = {row["id"] for row in interviews if row["active"]}
    kits = [row for row in organisation.rows("interview_kits") if row["job_interview_id"] in active]
    return {"job_interviews": ids, "interview_kits": active, "scorecard_questions": ids_in(kits, "id")}


def of_users(_: Organisation, rows: list[Row]) -> Ids:
    """What users are joined with."""
    return {"user_emails": {row["id"] for row in rows if not row["emails"]}}


def of_fields(_: Organisation, rows: list[Row]) -> Ids:
    """What custom fields are joined with."""
    return {"custom_field_options": ids_in(rows, "id")}


def of_places(resource: str) -> Needs:
    """What departments or offices in list form are joined with: their own dictionary."""
    return lambda _, rows: {resource: ids_in(rows, "id")}


@dataclass
class Formula:
    """An operation's input, the listing requests it takes, the rows it shows and what those are joined with."""

    operation: str
    given: Row
    listings: dict[str, int]
    rows: list[Row]
    needs: Needs = nothing

    def requests(self, organisation: Organisation, *, first: bool) -> Counter[str]:
        """The requests by resource; only the first call of a connection reads dictionaries."""
        counted = Counter(self.listings)
        for resource, ids in self.needs(organisation, self.rows).items():
            if resource not in DICTIONARIES:
                counted[resource] += chunks(ids)
            elif first and ids:
                counted[resource] += pages(organisation.rows(resource))
        return +counted


def chunks(ids: set[int] | list[int]) -> int:
    """How many requests ask for these ids."""
    return -(-len(ids) // CHUNK)


def pages(rows: list[Row]) -> int:
    """How many requests read all these rows."""
    return max(1, -(-len(rows) // PAGE))


def reads(organisation: Organisation) -> list[Formula]:
    """The get operations, each for the record that is joined with the most."""
    formulas = []
    shown: list[tuple[str, str, str, Needs]] = [
        ("get_application", "application_id", "applications", of_applications),
        ("get_candidate", "candidate_id", "candidates", of_candidates),
        ("get_job", "job_id", "jobs", of_jobs),
        ("get_offer", "offer_id", "offers", nothing),
        ("get_user", "user_id", "users", of_users),
    ]
    for operation, name, resource, needs in shown:
        row = max(organisation.rows(resource)[:300], key=lambda each: _joins(organisation, each, needs))
        formulas.append(Formula(operation, {name: row["id"]}, {resource: 1}, [row], needs))
    application_id = organisation.rows("offers")[0]["application_id"]
    given = {"application_id": application_id}
    return [*formulas, Formula("get_current_offer_by_application", given, {"offers": 1}, [])]


def _joins(organisation: Organisation, row: Row, needs: Needs) -> int:
    return sum(bool(ids) for ids in needs(organisation, [row]).values())


def lists(organisation: Organisation) -> list[Formula]:
    """The list operations without filters, as large a page as there is."""
    shown: list[tuple[str, str, Needs]] = [
        ("list_applications", "applications", of_applications),
        ("list_candidates", "candidates", of_candidates),
        ("list_job_stages", "job_interview_stages", of_stages),
        ("list_jobs", "jobs", of_jobs),
        ("list_offers", "offers", nothing),
        ("list_sources", "sources", nothing),
    ]
    formulas = []
    for operation, resource, needs in shown:
        size = "per_page" if operation in ("list_job_stages", "list_sources") else "results_per_page"
        rows = organisation.newest(resource)[:PAGE]
        formulas.append(Formula(operation, {size: PAGE}, {resource: 1}, rows, needs))
    active = [row for row in organisation.newest("custom_fields") if row["active"]]
    people = [row for row in organisation.newest("users") if not is_service_account(row)]
    departments, offices = organisation.rows("departments"), organisation.rows("offices")
    tree = {"render_as": "tree"}
    return [
        *formulas,
        Formula("list_custom_fields", {}, {"custom_fields": 1}, active, of_fields),
        Formula("list_users", {}, {"users": 1}, people[:100], of_users),
        Formula("list_departments", {}, {"departments": 1}, departments, of_places("departments")),
        Formula("list_departments", tree, {"departments": pages(departments)}, departments),
        Formula("list_offices", {}, {"offices": pages(offices)}, offices, of_places("offices")),
        Formula("list_offices", tree, {"offices": pages(offices)}, offices),
    ]


def filtered(organisation: Organisation) -> list[Formula]:
    """Lists whose filters lead through other resources."""
    on_jobs = Counter(row["job_id"] for row in organisation.rows("applications") if row["job_id"] is not None)
    job_id = on_jobs.most_common(1)[0][0]
    applications = organisation.many("applications", "job_id", job_id)
    considered = [row for row in organisation.rows("applications") if job_id in row["prospective_job_ids"]]
    people = {row["candidate_id"] for row in applications}
    candidates = [row for row in organisation.rows("candidates") if row["id"] in people]
    some = organisation.rows("candidates")[:120]
    stages = organisation.many("job_interview_stages", "job_id", job_id)
    opening = next(row for row in organisation.rows("openings") if row["opening_id"])
    offer = organisation.rows("offers")[0]
    user = next(row for row in organisation.rows("users") if row["emails"])
    on_job, page = {"job_id": job_id}, {"results_per_page": PAGE}
    given = {"application_id": offer["application_id"]}
    return [
        # candidates, prospects whose job it is, prospects considered for it
        Formula("list_applications", on_job | page, {"applications": 3}, applications + considered, of_applications),
        Formula(
            "list_candidates",
            on_job | page,
            {"applications": pages(applications), "candidates": chunks(people)},
            candidates,
            of_candidates,
        ),
        Formula(
            "list_candidates",
            {"candidate_ids": [row["id"] for row in some]} | page,
            {"candidates": chunks(ids_in(some, "id"))},
            some,
            of_candidates,
        ),
        Formula(
            "list_jobs",
            {"opening_id": opening["opening_id"]},
            {"openings": 1, "jobs": 1},
            organisation.many("jobs", "id", opening["job_id"]),
            of_jobs,
        ),
        Formula("list_users", {"email": user["primary_email"]}, {"user_emails": 1, "users": 1}, [user], of_users),
        Formula("list_job_stages_for_job", on_job, {"job_interview_stages": 1}, stages, of_stages),
        Formula("list_offers_by_application", given, {"offers": 1}, []),
        *_missing_or_not(organisation, job_id),
    ]


def _missing_or_not(organisation: Organisation, job_id: int) -> list[Formula]:
    """Lists of a parent: whether it exists is only asked when there is nothing to list."""
    with_offer = ids_in(organisation.rows("offers"), "application_id")
    bare = next(row["id"] for row in organisation.rows("applications") if row["id"] not in with_offer)
    late = {"job_id": job_id, "created_after": "2099-01-01"}
    return [
        Formula("list_offers_by_application", {"application_id": bare}, {"offers": 1, "applications": 1}, []),
        Formula("list_job_stages_for_job", late, {"job_interview_stages": 1, "jobs": 1}, []),
        Formula("list_job_stages_for_job_ddl", {"job_id": job_id}, {"job_interview_stages": 1}, []),
    ]


def drop_downs(organisation: Organisation) -> list[Formula]:
    """The drop-downs: as many pages as it takes."""
    field_id = organisation.rows("custom_field_options")[0]["custom_field_id"]
    return [
        Formula("list_attachment_content_types_ddl", {}, {}, []),
        Formula("list_candidate_custom_fields_ddl", {}, {"custom_fields": 1}, []),
        Formula("list_candidates_ddl", {}, {"candidates": pages(organisation.rows("candidates"))}, []),
        Formula("list_job_custom_field_options_ddl", {"custom_field": field_id}, {"custom_field_options": 1}, []),
        Formula("list_job_custom_fields_ddl", {}, {"custom_fields": 1}, []),
        Formula("list_jobs_ddl", {}, {"jobs": pages(organisation.rows("jobs"))}, []),
        Formula("list_sources_ddl", {}, {"sources": pages(organisation.rows("sources"))}, []),
        Formula("list_users_ddl", {}, {"users": pages(organisation.rows("users"))}, []),
    ]

"""What the get operations return."""

from collections.abc import Callable

from .applications import application, offer
from .jobs import job
from .organisation import Organisation, Row
from .people import candidate, user

Shape = Callable[[Organisation, Row], Row]
# by operation: the key of its flag, the input that names the record, the resource, the object's shape
READS: dict[str, tuple[str, str, str, Shape]] = {
    "get_application": ("application_found", "application_id", "applications", application),
    "get_candidate": ("candidate_found", "candidate_id", "candidates", candidate),
    "get_job": ("job_found", "job_id", "jobs", job),
    "get_offer": ("offer_found", "offer_id", "offers", offer),
    "get_user": ("user_found", "user_id", "users", user),
}


def read(organisation: Organisation, operation: str, given: Row) -> Row:
    """The output of a get operation."""
    flag, name, resource, shape = READS[operation]
    row = organisation.one(resource, given[name])
    return {flag: row is not None, "body": row and shape(organisation, row)}


def current_offer(organisation: Organisation, given: Row) -> Row:
    """The latest version of an application's offer."""
    offers = organisation.many("offers", "application_id", given["application_id"])
    row = max(offers, key=lambda each: each["version"], default=None)
    return {"offer_found": row is not None, "body": row and offer(organisation, row)}

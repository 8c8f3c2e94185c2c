"""The writes of the emulator: eight creates and one change (facts: sections 5.2 and 6)."""

from collections.abc import Callable, Mapping
from typing import Any

from ..wire import no_record
from .applications import create_application
from .body import check_body
from .candidates import apply_tag, change_candidate, create_candidate, create_tag
from .change import Change, Row
from .records import create_attachment, create_education, create_employment, create_note

CREATES: Mapping[str, Callable[[Change, Mapping[str, Any]], Row]] = {
    "candidates": create_candidate,
    "applications": create_application,
    "notes": create_note,
    "attachments": create_attachment,
    "candidate_educations": create_education,
    "candidate_employments": create_employment,
    "candidate_tags": create_tag,
    "applied_candidate_tags": apply_tag,
}


def create(change: Change, resource: str, body: Any) -> Row:
    """Checks the body, stores what it asks for or nothing at all, and returns the answer. Raises ApiError."""
    with change.database.transaction():
        check_body(change.database, f"POST {resource}", body)
        return CREATES[resource](change, body)


def patch_candidate(change: Change, row_id: int, body: Any) -> Row:
    """As `create`, for `PATCH /v3/candidates/{id}`; ApiError 404 when there is no such candidate."""
    with change.database.transaction():
        if change.database.get("candidates", row_id) is None:
            raise no_record("Candidate")
        check_body(change.database, "PATCH candidates", body)
        return change_candidate(change, row_id, body)


__all__ = ["CREATES", "Change", "create", "patch_candidate"]

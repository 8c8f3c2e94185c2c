"""Candidates and users."""

from .applications import application
from .organisation import Organisation, Row
from .values import keyed_values, moment, plain_values, user_name, user_reference

SAME = (
    *("id", "first_name", "last_name", "company", "title", "can_email", "tags", "linked_user_ids"),
    *("phone_numbers", "addresses", "email_addresses", "website_addresses", "social_media_addresses"),
)


def candidate(organisation: Organisation, row: Row) -> Row:
    """A candidate with everything that hangs on the person."""
    applications = organisation.many("applications", "candidate_id", row["id"])
    return {
        **{name: row[name] for name in SAME},
        "created_at": moment(row["created_at"]),
        "updated_at": moment(row["updated_at"]),
        "last_activity": moment(row["last_activity_at"]),
        "is_private": bool(row["private"]),
        "photo_url": None,
        "attachments": [_attachment(each) for each in organisation.many("attachments", "candidate_id", row["id"])],
        "application_ids": [each["id"] for each in applications],
        "recruiter": _newest(organisation, applications, "recruiter_id"),
        "coordinator": _newest(organisation, applications, "coordinator_id"),
        "applications": [application(organisation, each) for each in applications],
        "educations": [
            _education(organisation, each)
            for each in organisation.many("candidate_educations", "candidate_id", row["id"])
        ],
        "employments": [
            {name: each[name] for name in ("id", "company_name", "title", "start_date", "end_date")}
            for each in organisation.many("candidate_employments", "candidate_id", row["id"])
        ],
        "custom_fields": plain_values(row["custom_fields"]),
        "keyed_custom_fields": keyed_values(row["custom_fields"]),
    }


def _newest(organisation: Organisation, applications: list[Row], column: str) -> Row | None:
    """The user that the newest application with one names."""
    holders = [each for each in applications if each[column] is not None]
    if not holders:
        return None
    return user_reference(organisation, max(holders, key=lambda each: (each["created_at"], each["id"]))[column])


def _attachment(row: Row) -> Row:
    return {
        "filename": row["filename"],
        "url": row["url"],
        "type": row["type"],
        "created_at": moment(row["created_at"]),
    }


def _education(organisation: Organisation, row: Row) -> Row:
    names = {}
    for key in ("school_name", "degree", "discipline"):
        option = organisation.one("custom_field_options", row[f"{key}_custom_field_option_id"])
        names[key] = option and option["name"]
    return {"id": row["id"], **names, "start_date": moment(row["start_at"]), "end_date": moment(row["end_at"])}


def user(organisation: Organisation, row: Row) -> Row:
    """A user."""
    return {
        "id": row["id"],
        "name": user_name(row),
        "first_name": row["first_name"],
        "last_name": row["last_name"],
        "primary_email_address": row["primary_email"],
        "updated_at": moment(row["updated_at"]),
        "created_at": moment(row["created_at"]),
        "disabled": row["deactivated"],
        "site_admin": row["site_admin"],
        "emails": row["emails"] or _addresses(organisation, row),
        "employee_id": row["employee_id"],
        "linked_candidate_ids": row["linked_candidate_ids"],
    }


def _addresses(organisation: Organisation, row: Row) -> list[str]:
    primary = row["primary_email"].lower()
    found: list[str] = [each["email"] for each in organisation.many("user_emails", "user_id", row["id"])]
    return [each for each in found if each.lower() == primary] + [each for each in found if each.lower() != primary]


def is_service_account(user_row: Row) -> bool:
    """Service accounts are the users without an e-mail address (the marker itself is never sent)."""
    return not user_row["primary_email"]


def has_address(organisation: Organisation, row: Row, address: str) -> bool:
    """Whether it is a user's primary or secondary address."""
    known = [row["primary_email"], *row["emails"], *_addresses(organisation, row)]
    return address.lower() in [each.lower() for each in known]

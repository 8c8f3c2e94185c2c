"""Creating what hangs on candidates and applications: notes, attachments, schools, former jobs."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from ..moments import as_moment
from ..wire import unprocessable
from .body import disallowed, lacking
from .change import Change, Row

EMAIL_KEYS = ("email_from", "email_to", "email_cc")
VISIBILITY = {
    "public": "publicly_visible",
    "private": "privately_visible",
    "admin_only": "admin_only_visible",
}
MENTION = re.compile(r"@\[([^\]]*)\]\(user:\d+\)")
ONE_OF_A_KIND = ("resume", "cover_letter")

Order = Callable[[Row], tuple[bool, str, str, int]]


def create_note(change: Change, body: Mapping[str, Any]) -> Row:
    """Stores a note, also for a candidate that does not exist (facts, section 5.2: seen live).

    Its text is read back with mentions as plain names, and once more as it was sent (section 6.3).
    """
    _check_note(change, body)
    text, mentions = MENTION.subn(r"\1", body["body"])
    note = change.add(
        "notes",
        {
            "candidate_id": body["candidate_id"],
            "application_id": body.get("application_id"),
            "user_id": body.get("user_id", change.actor),
            "type": body["note_type"],
            "subject": body.get("subject"),
            "body": text,
            "body_with_tags": body["body"] if mentions else None,
            "visibility": VISIBILITY[body["visibility"]],
            "email_from": ", ".join(body["email_from"]) if "email_from" in body else None,
            "email_to": ", ".join(body["email_to"]) if "email_to" in body else None,
            "email_cc": body.get("email_cc"),
        },
    )
    change.touch(body["candidate_id"])
    return note


def _check_note(change: Change, body: Mapping[str, Any]) -> None:
    email = body["note_type"] == "EMAIL"
    missing = [name for name in ("subject", *EMAIL_KEYS) if name not in body] if email else []
    if missing:
        raise unprocessable([lacking("root", missing)])
    surplus = [] if email else [name for name in EMAIL_KEYS if name in body]
    if surplus:
        raise unprocessable([disallowed(f"/{name}") for name in surplus])
    application_id = body.get("application_id")
    if application_id and change.get("applications", application_id)["candidate_id"] != body["candidate_id"]:
        raise unprocessable([{"application_id": f"`{application_id}` is no application of this candidate"}])


def create_attachment(change: Change, body: Mapping[str, Any]) -> Row:
    """Stores the entry, not the bytes. A new resume or cover letter makes the previous one `other`."""
    application = change.get("applications", body["application_id"])
    if body["type"] in ONE_OF_A_KIND:
        where = "application_id = ? AND type = ?"
        for previous in change.database.rows("attachments", where, (application["id"], body["type"])):
            change.change("attachments", previous["id"], {"type": "other"})
    attachment = change.add(
        "attachments",
        {
            "application_id": application["id"],
            "candidate_id": application["candidate_id"],
            "type": body["type"],
            "filename": body["filename"],
            "visibility": body.get("visibility", "public"),
        },
    )
    url = f"https://attachments.example.com/{attachment['id']}/{quote(body['filename'])}"
    change.change("attachments", attachment["id"], {"url": url})
    change.touch(application["candidate_id"])
    return change.get("attachments", attachment["id"])


def create_education(change: Change, body: Mapping[str, Any]) -> Row:
    """`start_date` and `end_date` are read back as `start_at`, `end_at` and their month and year."""
    row = {name: value for name, value in body.items() if name not in ("start_date", "end_date")}
    for end in ("start", "end"):
        day = body.get(f"{end}_date")
        if day:
            row[f"{end}_at"] = as_moment(day)
            row.setdefault(f"{end}_date_month", int(day[5:7]))
            row.setdefault(f"{end}_date_year", int(day[:4]))
    education = change.add("candidate_educations", row)
    _keep_latest(change, "candidate_educations", body["candidate_id"], _education_order)
    return change.get("candidate_educations", education["id"])


def create_employment(change: Change, body: Mapping[str, Any]) -> Row:
    employment = change.add("candidate_employments", body)
    _keep_latest(change, "candidate_employments", body["candidate_id"], _employment_order)
    return change.get("candidate_employments", employment["id"])


def _keep_latest(change: Change, resource: str, candidate_id: int, order: Order) -> None:
    """At most one row of a candidate is the latest."""
    rows = change.database.rows(resource, "candidate_id = ?", (candidate_id,))
    newest = max(rows, key=order)
    for row in rows:
        if row["latest"] != (row is newest):
            change.change(resource, row["id"], {"latest": row is newest})


def _education_order(row: Row) -> tuple[bool, str, str, int]:
    return row["end_at"] is None, row["end_at"] or "", row["start_at"] or "", row["id"]


def _employment_order(row: Row) -> tuple[bool, str, str, int]:
    return row["end_date"] is None, row["end_date"] or "", row["start_date"], row["id"]

"""Creating and changing candidates, with their tags."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..wire import unprocessable
from .applications import add_application
from .change import Change, Row
from .custom_fields import read_map

PHONE_ORDER = ("home", "work", "mobile", "skype", "other")


def create_candidate(change: Change, body: Mapping[str, Any]) -> Row:
    """Answers `{candidate, application}`; without `application` in the body none is made (INFERRED: null)."""
    row = {"private": False, "last_activity_at": change.now, "custom_fields": {}, **_columns(change, body)}
    candidate = change.add("candidates", row)
    _apply_tags(change, candidate["id"], body.get("tags", []))
    asked = body.get("application")
    application = None if asked is None else add_application(change, candidate["id"], asked)
    return {"candidate": candidate, "application": application}


def change_candidate(change: Change, row_id: int, body: Mapping[str, Any]) -> Row:
    """Touches only the keys sent; lists and custom fields replace what was there."""
    columns = _columns(change, body)
    if "tags" in body:
        change.database.execute("DELETE FROM applied_candidate_tags WHERE candidate_id = ?", (row_id,))
        _apply_tags(change, row_id, body["tags"])
    change.change("candidates", row_id, columns)
    return change.get("candidates", row_id)


def create_tag(change: Change, body: Mapping[str, Any]) -> Row:
    """Refuses a name that exists: tags are unique in the organisation (the words are INFERRED)."""
    if change.database.rows("candidate_tags", "name = ?", (body["name"],)):
        raise unprocessable([{"name": "has already been taken"}])
    return change.add("candidate_tags", body)


def apply_tag(change: Change, body: Mapping[str, Any]) -> Row:
    candidate_id, tag_id = body["candidate_id"], body["candidate_tag_id"]
    where = "candidate_id = ? AND candidate_tag_id = ?"
    if change.database.rows("applied_candidate_tags", where, (candidate_id, tag_id)):
        raise unprocessable([{"candidate_tag_id": "has already been taken"}])
    tags = change.get("candidates", candidate_id)["tags"]
    name = change.get("candidate_tags", tag_id)["name"]
    change.change("candidates", candidate_id, {"tags": [*tags, name]})
    return change.add("applied_candidate_tags", body)


def _columns(change: Change, body: Mapping[str, Any]) -> Row:
    """The candidate's columns that a body names."""
    columns = {name: value for name, value in body.items() if name not in ("application", "is_private")}
    if "is_private" in body:
        columns["private"] = body["is_private"]
    if "tags" in body:
        columns["tags"] = list(dict.fromkeys(body["tags"]))
    if "phone_numbers" in body:
        columns["phone_numbers"] = sorted(body["phone_numbers"], key=lambda one: PHONE_ORDER.index(one["type"]))
    if "custom_fields" in body:
        columns["custom_fields"] = read_map(change.database, "candidate", body["custom_fields"])
    return columns


def _apply_tags(change: Change, candidate_id: int, names: Sequence[str]) -> None:
    """Links the tags to the candidate; unknown ones are created on the fly."""
    for name in dict.fromkeys(names):
        found = change.database.rows("candidate_tags", "name = ?", (name,))
        tag = found[0] if found else change.add("candidate_tags", {"name": name})
        change.add("applied_candidate_tags", {"candidate_id": candidate_id, "candidate_tag_id": tag["id"]})

"""Custom fields with their options."""

from .jobs import in_order
from .organisation import Organisation, Row


def custom_field(organisation: Organisation, row: Row, *, include_inactive: bool) -> Row:
    """A custom field; without `include_inactive` only its active options."""
    same = (
        *("id", "name", "field_type", "value_type", "private", "required", "require_approval"),
        *("trigger_new_version", "name_key", "description", "expose_in_job_board_api", "api_only"),
        "template_token_string",
    )
    options = in_order(organisation.many("custom_field_options", "custom_field_id", row["id"]))
    return {
        **{name: row[name] for name in same},
        "active": bool(row["active"]),
        "priority": row["sort_order"],
        "custom_field_options": [
            {
                "id": each["id"],
                "name": each["name"],
                "priority": each["sort_order"],
                "external_id": each["external_id"],
            }
            for each in options
            if include_inactive or each["active"]
        ],
    }

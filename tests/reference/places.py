"""Departments and offices, as lists and as trees."""

from .organisation import Organisation, Row


def _family(organisation: Organisation, resource: str, row: Row) -> Row:
    """What an entry in list form says about those above and below it."""
    parent = organisation.one(resource, row["parent_id"])
    children = organisation.many(resource, "parent_id", row["id"])
    word = resource.removesuffix("s")
    return {
        "parent_id": row["parent_id"],
        f"parent_{word}_external_id": parent and parent["external_id"],
        "child_ids": [each["id"] for each in children],
        f"child_{word}_external_ids": [each["external_id"] for each in children if each["external_id"] is not None],
        "external_id": row["external_id"],
    }


def department(organisation: Organisation, department_id: int) -> Row:
    """A department in list form; of one that can't be read, the id and nothing else."""
    row = organisation.one("departments", department_id) or {
        "id": department_id,
        "name": None,
        "parent_id": None,
        "external_id": None,
    }
    return {"id": row["id"], "name": row["name"], **_family(organisation, "departments", row)}


def job_office(organisation: Organisation, office_id: int) -> Row:
    """An office in the list form that jobs show."""
    row = organisation.one("offices", office_id) or {
        "id": office_id,
        "name": None,
        "location": None,
        "primary_in_house_contact_user_id": None,
        "parent_id": None,
        "external_id": None,
    }
    return {
        "id": row["id"],
        "name": row["name"],
        "location": {"name": row["location"]},
        "primary_contact_user_id": row["primary_in_house_contact_user_id"],
        **_family(organisation, "offices", row),
    }


def listed_office(organisation: Organisation, row: Row) -> Row:
    """An office as list_offices shows it."""
    return {
        "id": row["id"],
        "name": row["name"],
        "location": row["location"],
        "primary_contact_id": row["primary_in_house_contact_user_id"],
        **_family(organisation, "offices", row),
    }


def trees(organisation: Organisation, resource: str) -> list[Row]:
    """The roots, newest first, each with its children inside, newest first too.

    Nothing is ever left out: of parents in a circle the newest is a root, and the circle ends there.
    """
    rows = organisation.newest(resource)
    tops = [row["id"] for row in rows if organisation.one(resource, row["parent_id"]) is None]
    tops += _tops_of_circles(organisation, resource, rows)
    return [_node(organisation, resource, row, set(tops)) for row in rows if row["id"] in tops]


def _tops_of_circles(organisation: Organisation, resource: str, rows: list[Row]) -> set[int]:
    tops = set()
    for row in rows:
        above, at = [row["id"]], organisation.one(resource, row["parent_id"])
        while at and at["id"] not in above:
            above.append(at["id"])
            at = organisation.one(resource, at["parent_id"])
        if at:
            tops.add(max(above[above.index(at["id"]) :]))
    return tops


def _node(organisation: Organisation, resource: str, row: Row, tops: set[int]) -> Row:
    place = {}
    if resource == "offices":
        place = {"location": row["location"], "primary_contact_id": row["primary_in_house_contact_user_id"]}
    children = organisation.many(resource, "parent_id", row["id"])[::-1]
    return {
        "id": row["id"],
        "name": row["name"],
        **place,
        "children": [_node(organisation, resource, each, tops) for each in children if each["id"] not in tops],
        "external_id": row["external_id"],
    }

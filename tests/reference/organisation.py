"""An organisation's rows, by id and by what they belong to."""

from collections.abc import Callable
from functools import cache
from typing import Any

Row = dict[str, Any]


class Organisation:
    """What the API holds, read once; lists are in ascending id unless their name says otherwise."""

    def __init__(self, rows: Callable[[str], list[Row]]) -> None:
        self.rows = cache(rows)
        self._by_id: dict[str, dict[int, Row]] = {}
        self._groups: dict[tuple[str, str], dict[int, list[Row]]] = {}

    def newest(self, resource: str) -> list[Row]:
        """All rows in the order in which the API lists them."""
        return self.rows(resource)[::-1]

    def one(self, resource: str, row_id: int | None) -> Row | None:
        """The row with an id, if there is one."""
        if resource not in self._by_id:
            self._by_id[resource] = {row["id"]: row for row in self.rows(resource)}
        return None if row_id is None else self._by_id[resource].get(row_id)

    def many(self, resource: str, column: str, value: int) -> list[Row]:
        """The rows whose column holds a value."""
        groups = self._groups.setdefault((resource, column), {})
        if not groups:
            for row in self.rows(resource):
                groups.setdefault(row[column], []).append(row)
        return groups.get(value, [])

    def named(self, resource: str, row_id: int | None) -> Row | None:
        """`{id, name}` of what an id points to: null without an id, name null if it can't be read."""
        if row_id is None:
            return None
        row = self.one(resource, row_id)
        return {"id": row_id, "name": row["name"] if row else None}

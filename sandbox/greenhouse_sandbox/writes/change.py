"""What every write needs: the rows, who acts, and when."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..database import Database

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One write in progress, inside a transaction. `actor` is a user id, `now` the moment as text."""

    database: Database
    actor: int | None
    now: str

    def add(self, resource: str, row: Mapping[str, Any]) -> Row:
        """Stores a row and returns it as the API sends it."""
        return self.get(resource, self.database.insert(resource, row, self.now))

    def change(self, resource: str, row_id: int, changes: Mapping[str, Any]) -> None:
        self.database.update(resource, row_id, {"updated_at": self.now, **changes})

    def get(self, resource: str, row_id: int) -> Row:
        """A row that is known to exist."""
        row = self.database.get(resource, row_id)
        assert row is not None
        return row

    def touch(self, candidate_id: int) -> None:
        """Notes activity on a candidate, if it exists at all: a note may name one that does not."""
        if self.database.get("candidates", candidate_id):
            self.change("candidates", candidate_id, {"last_activity_at": self.now})

"""The rows, in SQLite: one table per resource, one ready JSON document per row.

A list sends the documents as they are stored, so reading a page parses nothing. Every scalar field is also
a virtual column, computed by SQLite from the document; the id columns are indexed. Hidden columns are real.
"""

# ruff: noqa: S608 (names of tables and columns come from our own data files, values are always bound)

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from typing import Any

import orjson

from .catalog import RESOURCES, Field, Resource, resource
from .moments import as_moment

FIRST_MOMENT = "2023-01-01T00:00:00.000Z"
BASE_TABLES = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE tokens (token TEXT PRIMARY KEY, user_id INTEGER, expires_at REAL NOT NULL) WITHOUT ROWID;
"""


class Database:
    """One SQLite connection behind a lock. `path` None keeps the rows in memory.

    Raises OSError when the file can't be opened, or is no database.
    """

    def __init__(self, path: "str | PathLike[str] | None") -> None:
        self._lock = threading.RLock()
        try:
            self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        except sqlite3.Error as error:
            raise OSError(f"{path}: {error}") from None
        try:
            self._prepare()
        except sqlite3.Error as error:
            self.close()
            raise OSError(f"{path}: {error}") from None

    def _prepare(self) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        if not self.query("SELECT 1 FROM sqlite_master WHERE name = 'settings'"):
            tables = BASE_TABLES + "".join(_table(known) for known in RESOURCES.values())
            self._connection.executescript(tables)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; a transaction inside another one is part of it."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Runs one statement and returns how many rows it changed."""
        with self._lock:
            return self._connection.execute(sql, parameters).rowcount

    def insert_all(self, name: str, rows: Iterable[Mapping[str, Any]], moment: str = FIRST_MOMENT) -> None:
        """Adds rows that carry their ids."""
        known = resource(name)
        columns = ["id", "document", *known.hidden]
        marks = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})"
        with self.transaction():
            self._connection.executemany(sql, (_values(known, known.complete(row, moment)) for row in rows))

    def insert(self, name: str, row: Mapping[str, Any], moment: str) -> int:
        """Adds one row and returns its id; without an id it gets one above every id the table ever had.

        Raises ValueError for an unknown resource or column, or an id that is taken.
        """
        resource(name)
        with self.transaction():
            used = self.query("SELECT seq FROM sqlite_sequence WHERE name = ?", (name,))
            row_id: int = row.get("id") or (used[0][0] if used else 0) + 1
            try:
                self.insert_all(name, [{**_normal(name, row), "id": row_id}], moment)
            except sqlite3.IntegrityError as error:
                raise ValueError(f"{name} already has a row {row_id}") from error
        return row_id

    def update(self, name: str, row_id: int, changes: Mapping[str, Any]) -> None:
        """Changes some columns of one row; ValueError when there is no such row or column."""
        known = resource(name)
        with self.transaction():
            changed = {**self._stored(known, row_id), **_normal(name, changes), "id": row_id}
            row = known.complete(changed, FIRST_MOMENT)
            columns = ", ".join(f"{column} = ?" for column in ("document", *known.hidden))
            self.execute(f"UPDATE {name} SET {columns} WHERE id = ?", (*_values(known, row)[1:], row_id))

    def delete(self, name: str, row_id: int) -> None:
        """Removes one row for good; ValueError when there is none."""
        resource(name)
        if not self.execute(f"DELETE FROM {name} WHERE id = ?", (row_id,)):
            raise ValueError(f"{name} has no row {row_id}")

    def get(self, name: str, row_id: int) -> dict[str, Any] | None:
        """One record as the API sends it."""
        found = self.query(f"SELECT document FROM {resource(name).name} WHERE id = ?", (row_id,))
        return orjson.loads(found[0][0]) if found else None

    def rows(self, name: str, where: str = "1", parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Records as the API sends them, ascending id."""
        sql = f"SELECT document FROM {resource(name).name} WHERE {where} ORDER BY id"
        return [orjson.loads(document) for (document,) in self.query(sql, parameters)]

    def _stored(self, known: Resource, row_id: int) -> dict[str, Any]:
        columns = ", ".join(["document", *known.hidden])
        found = self.query(f"SELECT {columns} FROM {known.name} WHERE id = ?", (row_id,))
        if not found:
            raise ValueError(f"{known.name} has no row {row_id}")
        document, *hidden = found[0]
        return {**orjson.loads(document), **dict(zip(known.hidden, hidden, strict=True))}


def _normal(name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with its date-times in the API's spelling, whatever ISO 8601 spelling they came in."""
    fields = resource(name).fields
    return {
        column: as_moment(value) or value
        if isinstance(value, str) and column in fields and fields[column].type == "datetime"
        else value
        for column, value in row.items()
    }


def _values(known: Resource, row: Mapping[str, Any]) -> tuple[Any, ...]:
    document = orjson.dumps({name: row[name] for name in known.fields}).decode()
    return row["id"], document, *(row[name] for name in known.hidden)


def _table(known: Resource) -> str:
    """The SQL of one resource's table. AUTOINCREMENT, so that the id of a deleted row never comes back."""
    scalars = {name: field for name, field in known.fields.items() if name != "id" and _is_scalar(field)}
    columns = ["id INTEGER PRIMARY KEY AUTOINCREMENT", "document TEXT NOT NULL", *known.hidden]
    # the declared type matters: without it SQLite would not use the index in a join on an INTEGER column
    columns += [f"\"{name}\" {_sql_type(field)} AS (document ->> '$.{name}')" for name, field in scalars.items()]
    indexes = [
        f'CREATE INDEX {known.name}_{name} ON {known.name} ("{name}");' for name in scalars if name.endswith("_id")
    ]
    return "\n".join([f"CREATE TABLE {known.name} ({', '.join(columns)});", *indexes, ""])


def _is_scalar(field: Field) -> bool:
    return field.type not in ("array", "object")


def _sql_type(field: Field) -> str:
    return "INTEGER" if field.type in ("integer", "boolean") else "TEXT"

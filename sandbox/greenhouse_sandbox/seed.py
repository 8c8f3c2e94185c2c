"""The organisation of the published samples, read from `organisation.json`."""

from .catalog import read_data
from .database import Database


def plant(database: Database) -> None:
    """Stores the sample organisation; columns that a row leaves out get their defaults."""
    for name, rows in read_data("organisation.json").items():
        database.insert_all(name, rows)

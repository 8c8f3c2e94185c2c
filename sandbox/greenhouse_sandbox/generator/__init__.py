"""Generated organisations: any number of candidates, and always the same ones for the same number."""

from ..catalog import read_data
from ..database import Database
from .applications import add_applications
from .company import add_company
from .draft import Draft
from .hiring import add_jobs
from .people import add_candidates


def generate(database: Database, size: int) -> None:
    """Stores an organisation with exactly `size` candidates; 20 000 take a few seconds."""
    draft = Draft(size, read_data("words.json"))
    add_company(draft)
    add_jobs(draft)
    add_candidates(draft)
    add_applications(draft)
    for name, rows in draft.rows.items():
        database.insert_all(name, rows)

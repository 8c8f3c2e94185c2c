"""A random organisation in the making: rows go straight into a sandbox."""

from collections.abc import Sequence
from random import Random
from typing import Any, TypeVar

from greenhouse_sandbox import Sandbox
from greenhouse_sandbox.catalog import RESOURCES

from .organisation import Row

T = TypeVar("T")

WORDS = (
    "Ada",
    "Zoë",
    "王伟",
    "Иван",
    "سلمى",
    "O'Neill",
    'a "b" {{ c }}',
    "É clair",
    "null",
    "2024-01-01T00:00:00.000Z",
    "🚀",
    "Straße",
    "STRASSE",
    "x" * 300,
)
# few, so that ties are common
MOMENTS = (
    "2021-02-03T04:05:06.000Z",
    "2021-02-03T04:05:06.789Z",
    "2022-12-31T23:59:59.999Z",
    "2023-01-01T00:00:00.000Z",
    "2023-01-01T00:00:00.010Z",
    "2024-02-29T12:00:00.000Z",
)
DAYS = ("2023-01-01", "2023-06-30", "2024-02-29")


class Draft:
    """Draws rows with `random`; `size` is how many of the big things there are at most."""

    def __init__(self, sandbox: Sandbox, random: Random, size: int) -> None:
        self.sandbox = sandbox
        self.random = random
        self.size = size
        self.ids: dict[str, list[int]] = {name: [] for name in RESOURCES}

    def add(self, resource: str, /, **columns: Any) -> Row:
        """Adds a row with random id and dates; gives it with its id."""
        row_id = self.random.choice((self.random.randrange(1, 10**6), self.random.randrange(2**33, 10**17)))
        if row_id in self.ids[resource]:
            row_id = max(self.ids[resource]) + 1
        row = {"id": row_id, "created_at": self.moment(), "updated_at": self.moment(), **columns}
        self.sandbox.insert(resource, row)
        self.ids[resource].append(row_id)
        return row

    def moment(self) -> str:
        """One of a few points in time."""
        return self.random.choice(MOMENTS)

    def day(self) -> str:
        """One of a few days."""
        return self.random.choice(DAYS)

    def chance(self, probability: float = 0.5) -> bool:
        """True with a probability."""
        return self.random.random() < probability

    def maybe(self, value: T, probability: float = 0.6) -> T | None:
        """The value, or null."""
        return value if self.chance(probability) else None

    def text(self) -> str:
        """A word, made more or less unique."""
        return self.random.choice(WORDS) + (f" {self.random.randrange(100)}" if self.chance() else "")

    def name(self) -> str | None:
        """A name, sometimes empty or null."""
        return self.random.choice((None, "", self.text(), self.text(), self.text()))

    def amount(self, most: int) -> range:
        """As many numbers as a thing has children."""
        return range(self.random.randint(0, most))

    def some(self, values: Sequence[T], most: int = 3) -> list[T]:
        """A few different values in any order."""
        return self.random.sample(list(values), self.random.randint(0, min(most, len(values))))

    def id_of(self, resource: str, gone: float = 0.1) -> int:
        """The id of a row, or now and then of one that does not exist."""
        known = self.ids[resource]
        if not known or self.chance(gone):
            return self.random.choice((404, 10**17 + 404))
        return self.random.choice(known)

    def ids_of(self, resource: str) -> list[int]:
        """A few different ids, not all of which need to exist."""
        return list(dict.fromkeys(self.id_of(resource) for _ in self.amount(3)))

    def link(self, resource: str) -> int | None:
        """An id of a row, or null."""
        return self.maybe(self.id_of(resource))

    def custom_values(self, keys: Sequence[str] = ("pay", "start", "skills")) -> Row | None:
        """A custom field map: null, empty, or entries of every kind."""
        values: tuple[Any, ...] = (
            None,
            "text",
            "",
            0,
            12.5,
            True,
            ["a", "b"],
            [],
            {"amount": 1, "currency_code": "EUR"},
        )
        entries: dict[str, Row | None] = {
            key: {"name": self.text(), "type": "short_text", "value": self.random.choice(values)}
            for key in self.some(keys)
        }
        if self.chance(0.1):
            entries["unset"] = None
        return None if self.chance(0.2) else entries

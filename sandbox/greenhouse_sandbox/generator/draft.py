"""An organisation in the making: rows by resource, and a random generator of its own."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any, TypeVar

from ..moments import moment_text

T = TypeVar("T")
Row = dict[str, Any]

BEGIN = int(datetime(2019, 1, 1, tzinfo=UTC).timestamp())
DAY = 86_400
# ids of the big tables need more than 32 bits, as the vendor's do
FIRST_IDS = {
    "users": 1001,
    "candidates": 4_000_000_001,
    "applications": 5_000_000_001,
    "notes": 9_007_199_001,
}


class Draft:
    """Collects rows; `size` (candidates) seeds the random generator and scales everything else."""

    def __init__(self, size: int, words: Mapping[str, Any]) -> None:
        self.size = size
        self.words = words
        self.random = Random(size)  # noqa: S311 (repeatable is the point)
        self.rows: dict[str, list[Row]] = {}

    def add(self, name: str, /, **columns: Any) -> Row:
        """Adds one row with the next id; without `created_at` it gets a random moment."""
        rows = self.rows.setdefault(name, [])
        created = columns.pop("created_at", None) or self.moment(0, 1500)
        row = {
            "id": FIRST_IDS.get(name, 101) + len(rows),
            "created_at": created,
            "updated_at": created,
        } | columns
        rows.append(row)
        return row

    def moment(self, first_day: int, last_day: int) -> str:
        """A random moment between two days, counted from the start of 2019."""
        milliseconds = int((first_day + self.random.random() * (last_day - first_day)) * DAY * 1000)
        return moment_text(BEGIN + milliseconds / 1000)

    def day(self, first_day: int, last_day: int) -> str:
        return self.moment(first_day, last_day)[:10]

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def maybe(self, value: T, probability: float = 0.8) -> T | None:
        """The value, or null now and then."""
        return value if self.chance(probability) else None

    def pick(self, values: Sequence[T]) -> T:
        return values[int(self.random.random() * len(values))]

    def word(self, kind: str) -> str:
        return str(self.pick(self.words[kind]))

    def some(self, values: Sequence[T], at_most: int) -> list[T]:
        """Up to `at_most` different values."""
        return self.random.sample(values, self.random.randint(0, min(at_most, len(values))))

    def id_of(self, name: str) -> int:
        """The id of a random row."""
        return int(self.pick(self.rows[name])["id"])

    def custom_values(self, field_type: str) -> dict[str, Row] | None:
        """A custom field map as the API sends it: usually every field, sometimes empty or null."""
        if self.chance(0.15):
            return self.pick([None, {}])
        fields = [field for field in self.rows["custom_fields"] if field["field_type"] == field_type]
        return {
            field["name_key"]: {
                "name": field["name"],
                "type": field["value_type"],
                "value": self.maybe(self._value(field), 0.6),
            }
            for field in fields
        }

    def _value(self, field: Row) -> Any:
        options = [o["name"] for o in self.rows["custom_field_options"] if o["custom_field_id"] == field["id"]]
        kind = field["value_type"]
        if options:
            return self.pick(options) if kind == "single_select" else self.some(options, 3)
        amount = self.random.randrange(30, 120) * 1000
        values = {
            "short_text": f"{self.word('cities')}, {self.word('company_names')}",
            "number": self.random.randrange(40),
            "yes_no": self.chance(0.5),
            "date": "2024-03-01",
            "currency": {"amount": amount, "currency_code": "EUR"},
            "currency_range": {"min_amount": amount, "max_amount": amount + 10_000, "currency_code": "USD"},
            "number_range": {"min_value": 1, "max_value": 5},
            "user": 1001,
        }
        return values[kind]

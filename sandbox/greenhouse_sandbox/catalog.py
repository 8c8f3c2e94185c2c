"""The 36 resources as data: fields, hidden columns and filters, read from `resources.json`.

A field is written `type[?][=default]`: `?` marks null as allowed. Types are integer, string, boolean, date,
datetime, array and object. A hidden column is stored and filtered on, and never sent.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import orjson

EMPTY: Mapping[str, Any] = {"integer": 0, "string": "", "boolean": False, "array": [], "object": {}}


@dataclass(frozen=True, slots=True)
class Field:
    """One column: its type, whether null is allowed, and the value of a row that does not name it."""

    type: str
    nullable: bool
    default: Any

    @classmethod
    def parse(cls, text: str) -> "Field":
        declared, _, default = text.partition("=")
        type_ = declared.removesuffix("?")
        nullable = declared.endswith("?")
        empty = None if nullable else EMPTY.get(type_)
        words = {"true": True, "1": 1}
        return cls(type_, nullable, words.get(default, default) if default else empty)


@dataclass(frozen=True, slots=True)
class Resource:
    """One list of the API, e.g. `/v3/jobs`: what its rows hold and what it can be asked for."""

    name: str
    fields: Mapping[str, Field]
    hidden: Mapping[str, Field]
    filters: Mapping[str, Mapping[str, Any]]
    single_get: bool
    defaults: Mapping[str, Any]

    def scope(self, action: str) -> str:
        return f"harvest:{self.name}:{action}"

    def complete(self, row: Mapping[str, Any], moment: str) -> dict[str, Any]:
        """The row with every column, in the declared order; `moment` fills the dates that may not be null.

        Raises ValueError that names an unknown column and the nearest known one.
        """
        for name in row.keys() - self.defaults.keys():
            raise ValueError(f"{self.name} has no column {name!r}{nearest(name, self.defaults)}")
        complete = {**self.defaults, **row}
        for name, field in self.fields.items():
            if complete[name] is None and not field.nullable:
                complete[name] = moment[:10] if field.type == "date" else moment
        return complete


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of an error sentence: `; did you mean 'x'?`, or nothing when no known name is close."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def read_data(name: str) -> Any:
    """The content of one of the package's JSON files."""
    return orjson.loads(files(__package__).joinpath(name).read_bytes())


def resource(name: str) -> Resource:
    """Raises ValueError that names the nearest resource."""
    if name not in RESOURCES:
        raise ValueError(f"there is no resource {name!r}{nearest(name, RESOURCES)}")
    return RESOURCES[name]


def _parse(name: str, declared: Mapping[str, Any]) -> Resource:
    fields = {key: Field.parse(text) for key, text in declared["fields"].items()}
    hidden = {key: Field.parse(text) for key, text in declared.get("hidden", {}).items()}
    standard: dict[str, Mapping[str, Any]] = {
        "ids": {"type": "ids", "field": "id"},
        "created_at": {"type": "datetime_range"},
        "updated_at": {"type": "datetime_range"},
    }
    return Resource(
        name,
        fields,
        hidden,
        standard | declared["filters"],
        declared.get("single_get", False),
        {key: field.default for key, field in (fields | hidden).items()},
    )


RESOURCES: Mapping[str, Resource] = {
    name: _parse(name, declared) for name, declared in read_data("resources.json").items()
}

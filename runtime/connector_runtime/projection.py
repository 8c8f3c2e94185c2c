"""Works out which fields of each resource the templates read, so that only these are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .specs import Spec, Specs, fields_read

# Field names, or None where a template takes the whole record.
Fields = set[str] | None


def union(fields: Fields, others: Fields) -> Fields:
    """Put two sets of fields together."""
    return None if fields is None or others is None else fields | others


def order_of(spec: Mapping[str, Any]) -> tuple[tuple[str, bool], ...]:
    """Give the (field, descending) pairs of a spec's `order`."""
    return tuple((each.removesuffix(" desc"), each.endswith(" desc")) for each in spec.get("order", ()))


def ordered_by(spec: Mapping[str, Any]) -> set[str]:
    """Give the fields that a spec orders by."""
    return {name for name, _ in order_of(spec)}


def target_of(join: Mapping[str, Any]) -> str:
    """Give the resource that a join joins."""
    return str(join.get("one") or join.get("many"))


class Projection:
    """The fields that a connector's objects read."""

    def __init__(self, specs: Specs) -> None:
        self._specs = specs
        self._dictionaries: dict[str, Fields] = {}
        for spec in specs.objects.values():
            for name, join in spec.data.get("join", {}).items():
                resource = target_of(join)
                known = self._dictionaries.get(resource, set())
                self._dictionaries[resource] = union(known, self._of_rows(spec, name, join))

    def of_object(self, name: str) -> Fields:
        """Give the fields that an object reads of its record."""
        spec = self._specs.objects[name]
        keys = {each.get("id") or each.get("ids") or "id" for each in spec.data.get("join", {}).values()}
        return union({each for each in keys if "." not in each}, fields_read(spec.data, "record"))

    def of_join(self, spec: Spec, name: str) -> Fields:
        """Give the fields that are read of a join's rows; those of a dictionary by any join, for all share it."""
        join = spec.data["join"][name]
        resource = target_of(join)
        if resource in self._specs.dictionaries:
            return self._dictionaries[resource]
        return self._of_rows(spec, name, join)

    def _of_rows(self, spec: Spec, name: str, join: Mapping[str, Any]) -> Fields:
        keys = [str(each.get("id") or each.get("ids")).split(".") for each in spec.data["join"].values()]
        fields: Fields = {path[1] for path in keys if len(path) == 2 and path[0] == name} | ordered_by(join)
        if "by" in join:
            matched = self._specs.resources[target_of(join)].filters[join["by"]].field
            fields = union(fields, {matched} if matched else set())
        own = self.of_object(join["as"]) if "as" in join else fields_read(spec.data, name, each="many" in join)
        return union(union(fields, fields_read(join.get("where"), "row")), own)

"""Compiles objects: their joins, the function that builds their output, and when each join can be asked."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from .bodies import Bodies
from .functions import compiled
from .joins import Context, Group, Join, Node, Path, Shape
from .projection import Fields, Projection, order_of, target_of, union
from .resources import Reader
from .specs import Spec, Specs, names_read

# How an object's functions get at the record and at what the object is given; joins stand between.
_OBJECT = {"record": "of[0]", "given": "of[-1]"}


class Shaper:
    """Compiles the objects of a connector, each once."""

    def __init__(self, specs: Specs, projection: Projection, bodies: Bodies) -> None:
        self._specs = specs
        self._projection = projection
        self._bodies = bodies
        self._shapes: dict[str, Shape] = {}

    def shape(self, name: str) -> Shape:
        """Compile an object together with the order in which everything below it is asked."""
        made = self._shape(name)
        return Shape(name, made.joins, made.build, made.given, self._levels(name))

    def _shape(self, name: str) -> Shape:
        if name not in self._shapes:
            self._shapes[name] = self._compiled(self._specs.objects[name])
        return self._shapes[name]

    def _compiled(self, spec: Spec) -> Shape:
        access, plain, bindings = dict(_OBJECT), dict(_OBJECT), dict(self._bodies.bindings)
        joins: list[Join] = []
        for slot, (name, join) in enumerate(spec.data.get("join", {}).items(), start=1):
            shape = self._shape(join["as"]) if "as" in join else None
            joins.append(self._join(spec, name, slot, plain, shape))
            access[name] = f"of[{slot}]"
            if shape is None:
                plain[name] = f"of[{slot}]"
                continue
            bindings[f"build_{name}"] = shape.build
            one = f"(None if of[{slot}] is None else build_{name}(of[{slot}]))"
            access[name] = one if "one" in join else f"[build_{name}(each) for each in of[{slot}]]"
        build = compiled(spec.document, ("output",), spec.data["output"], access, bindings)
        return Shape(spec.name, tuple(joins), build, spec.data.get("given", {}))

    def _join(self, spec: Spec, name: str, slot: int, plain: Mapping[str, str], shape: Shape | None) -> Join:
        join = spec.data["join"][name]

        def function(word: str, access: Mapping[str, str]) -> Callable[[Any], Any] | None:
            place = ("join", name, word)
            return compiled(spec.document, place, join[word], access, self._bodies.bindings) if word in join else None

        by = self._specs.resources[target_of(join)].filters[join["by"]].field if "by" in join else None
        base, _, field = str(join.get("id") or join.get("ids") or "id").rpartition(".")
        key = _key([*spec.data["join"]].index(base) + 1 if base else 0, field)
        when, where = function("when", plain), function("where", {"row": "of[0]", "given": "of[1]"})
        return Join(name, slot, "many" in join, by, key, when, where, order_of(join), shape)

    def _levels(self, name: str) -> tuple[tuple[Group, ...], ...]:
        """Group the joins below an object by what they ask, and give the groups in the order they can be asked."""
        places = {each.path: each for each in self._places(name, ())}
        groups = _grouped(places)
        levels = _scheduled(groups, places)
        ordered: dict[int, list[Group]] = {}
        for key, members in groups.items():
            ordered.setdefault(levels[key], []).append(self._group(members))
        return tuple(tuple(ordered[level]) for level in sorted(ordered))

    def _places(self, name: str, path: Path) -> Iterator[_Place]:
        spec = self._specs.objects[name]
        for made in self._shape(name).joins:
            join = spec.data["join"][made.name]
            yield _Place.of(spec, (*path, made.name), made, target_of(join) in self._specs.dictionaries)
            if "as" in join:
                yield from self._places(join["as"], (*path, made.name))

    def _group(self, members: list[_Place]) -> Group:
        first = members[0].spec.data["join"][members[0].path[-1]]
        resource = self._specs.resources[target_of(first)]
        dictionary = self._specs.dictionaries.get(resource.name)
        fields: Fields = set()
        for each in members:
            fields = union(fields, self._projection.of_join(each.spec, each.path[-1]))
        asked = {**self._specs.joins.get(resource.name, {}), **first.get("query", {})}
        query = asked if dictionary is None else dictionary
        nodes = tuple(Node(each.path, each.join) for each in members)
        return Group(Reader.of(resource, fields), first.get("by", "ids"), query, dictionary is not None, nodes)


@dataclass(frozen=True, slots=True)
class _Place:
    """A join at its place below a root object: what it asks, and the places it has to wait for."""

    spec: Spec
    path: Path
    join: Join
    question: Hashable
    after: tuple[Path, ...]

    @classmethod
    def of(cls, spec: Spec, path: Path, made: Join, is_dictionary: bool) -> _Place:
        join = spec.data["join"][made.name]
        base = str(join.get("id") or join.get("ids") or "").rpartition(".")[0]
        siblings = {base, *names_read(join.get("when"))} - {"", *_OBJECT}
        query = () if is_dictionary else tuple(sorted(join.get("query", {}).items()))
        after = (path[:-1], *((*path[:-1], each) for each in siblings))
        return cls(spec, path, made, (target_of(join), join.get("by", "ids"), query), after)


Groups = dict[Hashable, list[_Place]]


def _grouped(places: Mapping[Path, _Place]) -> Groups:
    """Put together the places that ask the same, unless one of them waits for another."""
    groups: Groups = {}
    turns = dict(chain.from_iterable(_turns(each, places) for each in {place.question for place in places.values()}))
    for path, place in places.items():
        groups.setdefault((place.question, turns[path]), []).append(place)
    if _is_circular(groups, places):
        # Two questions wait for each other: then only places of the same depth go together.
        groups, depths = {}, dict[Path, int]()
        for path, place in places.items():
            depths[path] = 1 + max((depths[each] for each in place.after if each in depths), default=-1)
            groups.setdefault((place.question, depths[path]), []).append(place)
    return groups


def _turns(question: Hashable, places: Mapping[Path, _Place]) -> Iterator[tuple[Path, int]]:
    """Give each place of a question, and how often that was asked before on the longest way to there.

    A place stands after those it waits for.
    """
    asked: dict[Path, int] = {}
    for path, place in places.items():
        before = max((asked[each] for each in place.after if each in asked), default=0)
        asked[path] = before + (place.question == question)
        if place.question == question:
            yield path, before


def _is_circular(groups: Groups, places: Mapping[Path, _Place]) -> bool:
    return max(_scheduled(groups, places).values(), default=0) >= len(places)


def _scheduled(groups: Groups, places: Mapping[Path, _Place]) -> dict[Hashable, int]:
    """Give each group the first level at which everything that any of it waits for is known."""
    of_place = {place.path: key for key, members in groups.items() for place in members}
    levels = dict.fromkeys(groups, 0)
    for _ in range(len(places) + 1):
        for key, members in groups.items():
            awaited = [levels[of_place[path]] + 1 for each in members for path in each.after if path in places]
            levels[key] = max([levels[key], *awaited])
    return levels


def _key(slot: int, field: str) -> Callable[[Context], Any]:
    return lambda of: None if of[slot] is None else of[slot].get(field)

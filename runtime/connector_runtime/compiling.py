"""Compiles sound specs into plans: plain functions and tables, nothing left to parse at call time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .functions import compiled
from .inputs import InputCheck
from .joins import Context, Group, Join, Node, Path, Shape
from .plans import DropDown, Operation, Plan, Step
from .resources import Reader
from .schemas import Validator
from .source import Pointer
from .specs import Spec, Specs, fields_read, names_read

# The fields that templates read of a record; None means all of them.
Fields = set[str] | None


def compile_operations(specs: Specs) -> dict[str, Operation]:
    """Compile every operation and drop-down of a connector whose specs have no problem."""
    compiler = _Compiler(specs)
    plans = {name: compiler.operation(spec) for name, spec in specs.operations.items()}
    plans.update({name: compiler.drop_down(spec) for name, spec in specs.ddls.items()})
    return dict(sorted(plans.items()))


class _Compiler:
    def __init__(self, specs: Specs) -> None:
        self._specs = specs
        self._objects: dict[str, _Object] = {}
        self._dictionary_fields: dict[str, Fields] = {}
        for spec in specs.objects.values():
            for name, join in spec.data.get("join", {}).items():
                resource = join.get("one") or join["many"]
                known = self._dictionary_fields.get(resource, set())
                self._dictionary_fields[resource] = _union(known, self.row_fields(spec, name, join))

    def operation(self, spec: Spec) -> Operation:
        request = spec.data["request"]
        levels: dict[str, int] = {}
        stages: list[list[Step]] = []
        for name, step in request.items():
            levels[name] = max((levels[each] + 1 for each in names_read(step) if each in levels), default=0)
            stages += [[]] if levels[name] == len(stages) else []
            stages[levels[name]].append(self._step(spec, name, step, [*levels][:-1]))
        output = self._function(spec, ("output",), ["input", *request])
        paged = next((each for stage in stages for each in stage if each.page is not None), None)
        return self._public(spec, "main", Plan(tuple(map(tuple, stages)), output, paged.page if paged else None))

    def drop_down(self, spec: Spec) -> Operation:
        data = spec.data
        read = _union(fields_read(data["text"], "record"), fields_read(data["value"], "record"))
        fields = self.object_fields(data["as"]) if "as" in data else _union(read, set(_order_fields(data)))
        step = self._read(spec, (), "choices", ["input"], fields)
        entry = compiled(
            spec.document, (), {"text": data["text"], "value": data["value"]}, {"record": "of[0]", "input": "of[1]"}, {}
        )
        return self._public(spec, "ddl", DropDown(step, entry, _order(data)))

    def _public(self, spec: Spec, kind: str, plan: Plan | DropDown) -> Operation:
        contract = f"schemas/operations/{spec.name}"
        given, taken = self._specs.schema(f"{contract}.input.json"), self._specs.schema(f"{contract}.output.json")
        assert given is not None and taken is not None
        title, description = spec.data["title"], spec.data.get("description", "")
        check, result = InputCheck(given), Validator(taken)
        return Operation(spec.name, title, description, kind, "read", given, taken, plan, check, result)

    def _step(self, spec: Spec, name: str, step: Mapping[str, Any], earlier: list[str]) -> Step:
        fields = self.object_fields(step["as"]) if "as" in step else fields_read(spec.data, name)
        return self._read(spec, ("request", name), name, ["input", *earlier], fields)

    def _read(self, spec: Spec, place: Pointer, name: str, scope: list[str], fields: Fields) -> Step:
        step = spec.data
        for part in place:
            step = step[part]

        def function(word: str) -> Callable[[Any], Any] | None:
            return self._function(spec, (*place, word), scope) if word in step else None

        shape = self.shape(step["as"]) if "as" in step else None
        reader = Reader.of(self._specs.resources[step.get("first") or step["list"]], fields)
        query = function("query") or _empty
        first = "first" in step
        return Step(name, first, reader, query, function("when"), function("page"), function("size"), shape)

    def _function(self, spec: Spec, place: Pointer, names: list[str]) -> Callable[[Any], Any]:
        value = spec.data
        for part in place:
            value = value[part]
        return compiled(spec.document, place, value, {name: f"of[{name!r}]" for name in names}, {})

    def object_fields(self, name: str) -> Fields:
        """Give the fields that an object reads of its record."""
        spec = self._specs.objects[name]
        keys = {each.get("id") or each.get("ids") or "id" for each in spec.data.get("join", {}).values()}
        return _union({each for each in keys if "." not in each}, fields_read(spec.data, "record"))

    def row_fields(self, spec: Spec, name: str, join: Mapping[str, Any]) -> Fields:
        """Give the fields that are read of a join's rows."""
        keys = [str(each.get("id") or each.get("ids")).split(".") for each in spec.data["join"].values()]
        fields = {path[1] for path in keys if len(path) == 2 and path[0] == name} | {*_order_fields(join)}
        if "by" in join:
            matched = self._specs.resources[join.get("one") or join["many"]].filters[join["by"]].field
            fields |= {matched} if matched else set()
        own = self.object_fields(join["as"]) if "as" in join else fields_read(spec.data, name)
        return _union(_union(fields, fields_read(join.get("where"), "row")), own)

    def object(self, name: str) -> _Object:
        """Compile an object, once."""
        if name not in self._objects:
            self._objects[name] = _Object(self, self._specs, self._specs.objects[name])
        return self._objects[name]

    def shape(self, name: str) -> Shape:
        """Compile an object together with the order in which everything below it is asked."""
        made = self.object(name)
        return Shape(name, made.joins, made.build, self._levels(made))

    def _levels(self, root: _Object) -> tuple[tuple[Group, ...], ...]:
        nodes = list(_nodes(root, ()))
        groups: dict[Any, list[_Node]] = {}
        for each in nodes:
            groups.setdefault(each.group, []).append(each)
        level = dict.fromkeys(groups, 0)
        by_path = {each.path: each for each in nodes}
        for _ in nodes:
            for key, members in groups.items():
                after = [level[by_path[path].group] for each in members for path in each.after if path in by_path]
                level[key] = max([level[key], *(each + 1 for each in after)])
        ordered: list[list[Group]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
        for key, members in groups.items():
            ordered[level[key]].append(self._group(members))
        return tuple(tuple(each) for each in ordered if each)

    def _group(self, members: list[_Node]) -> Group:
        first = members[0].join
        resource = self._specs.resources[first.get("one") or first["many"]]
        dictionary = self._specs.dictionaries.get(resource.name)
        fields: Fields = set()
        for each in members:
            fields = _union(fields, self.row_fields(each.owner, each.path[-1], each.join))
        if dictionary is not None:
            fields = self._dictionary_fields[resource.name]
        query = first.get("query", {}) if dictionary is None else dictionary
        nodes = tuple(Node(each.path, each.made) for each in members)
        return Group(Reader.of(resource, fields), first.get("by", "ids"), query, dictionary is not None, nodes)


class _Object:
    """An object's joins and the function that builds its output."""

    def __init__(self, compiler: _Compiler, specs: Specs, spec: Spec) -> None:
        self.spec = spec
        self.inner: dict[str, _Object] = {}
        self._specs = specs
        access, plain, bindings = {"record": "of[0]"}, {"record": "of[0]"}, {}
        joins: list[Join] = []
        for slot, (name, join) in enumerate(spec.data.get("join", {}).items(), start=1):
            shape = None
            access[name] = f"of[{slot}]"
            if "as" in join:
                self.inner[name] = inner = compiler.object(join["as"])
                shape = Shape(join["as"], inner.joins, inner.build)
                bindings[f"build_{name}"] = inner.build
                one = f"(None if of[{slot}] is None else build_{name}(of[{slot}]))"
                access[name] = one if "one" in join else f"[build_{name}(each) for each in of[{slot}]]"
            joins.append(self._join(name, slot, join, plain, shape))
            if "as" not in join:
                plain[name] = f"of[{slot}]"
        self.joins = tuple(joins)
        self.build = compiled(spec.document, ("output",), spec.data["output"], access, bindings)

    def _join(self, name: str, slot: int, join: dict[str, Any], plain: dict[str, str], shape: Shape | None) -> Join:
        def function(word: str, access: Mapping[str, str]) -> Callable[[Any], Any] | None:
            place = ("join", name, word)
            return compiled(self.spec.document, place, join[word], access, {}) if word in join else None

        resource = self._specs.resources[join.get("one") or join["many"]]
        by = resource.filters[join["by"]].field if "by" in join else None
        base, _, field = str(join.get("id") or join.get("ids") or "id").rpartition(".")
        key = _key([*self.spec.data["join"]].index(base) + 1 if base else 0, field)
        when, where = function("when", plain), function("where", {"row": "of"})
        return Join(name, slot, "many" in join, by, key, when, where, _order(join), shape)


class _Node:
    """A join at its place below a root object, with the places it has to wait for."""

    def __init__(self, owner: _Object, path: Path, join: dict[str, Any], made: Join, is_dictionary: bool) -> None:
        self.owner, self.path, self.join, self.made = owner.spec, path, join, made
        base = str(join.get("id") or join.get("ids") or "").rpartition(".")[0]
        siblings = {base, *names_read(join.get("when"))} - {"", "record"}
        self.after = [path[:-1], *((*path[:-1], each) for each in siblings)]
        query = () if is_dictionary else tuple(sorted(join.get("query", {}).items()))
        self.group = (join.get("one") or join["many"], join.get("by", "ids"), query)


def _nodes(owner: _Object, path: Path) -> list[_Node]:
    found: list[_Node] = []
    for made in owner.joins:
        join = owner.spec.data["join"][made.name]
        resource = join.get("one") or join["many"]
        here = (*path, made.name)
        found.append(_Node(owner, here, join, made, resource in owner._specs.dictionaries))
        if made.name in owner.inner:
            found += _nodes(owner.inner[made.name], here)
    return found


def _key(slot: int, field: str) -> Callable[[Context], Any]:
    return lambda of: None if of[slot] is None else of[slot].get(field)


def _empty(_: Any) -> dict[str, Any]:
    return {}


def _union(fields: Fields, others: Fields) -> Fields:
    return None if fields is None or others is None else fields | others


def _order(spec: Mapping[str, Any]) -> tuple[tuple[str, bool], ...]:
    return tuple((each.removesuffix(" desc"), each.endswith(" desc")) for each in spec.get("order", ()))


def _order_fields(spec: Mapping[str, Any]) -> list[str]:
    return [name for name, _ in _order(spec)]

"""Compiles sound specs into plans: plain functions and tables, nothing left to parse at call time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .bodies import Bodies
from .folder import file_of
from .functions import compiled
from .inputs import InputCheck
from .places import Pointer
from .plans import DropDown, Effect, Kind, Operation, Parent, Plan, Question, Step, Value
from .projection import Fields, Projection, order_of, ordered_by, union
from .resources import Reader, Resource
from .schemas import Validator
from .shaping import Shaper
from .specs import Spec, Specs, fields_read, names_read, steps_of
from .templates import parse
from .writing import Check, Each, Found, Write


def compile_operations(specs: Specs) -> dict[str, Operation]:
    """Compile every operation and drop-down of a connector whose specs have no problem."""
    compiler = _Compiler(specs)
    plans = {name: compiler.operation(spec) for name, spec in specs.operations.items()}
    plans.update({name: compiler.drop_down(spec) for name, spec in specs.ddls.items()})
    return dict(sorted(plans.items()))


# Steps that wait for a write come after every step that does not.
_AFTER_WRITES = 1_000


class _Compiler:
    def __init__(self, specs: Specs) -> None:
        self._specs = specs
        self._bodies = Bodies(specs)
        self._projection = Projection(specs)
        self._shaper = Shaper(specs, self._projection, self._bodies)

    def operation(self, spec: Spec) -> Operation:
        blocks = self._specs.blocks(spec)
        writes = {name: (block, write) for block, name, write in steps_of(blocks, "write")}
        steps = {name: (block, step) for block, name, step in steps_of(blocks, "request")}
        names = ["input", *steps, *writes]
        stages: dict[int, list[Step | Value]] = {}
        for name, level in _levels_of(steps, set(writes)).items():
            stages.setdefault(level, []).append(self._request(blocks, *steps[name], name, names))
        ordered = [(level, tuple(stages[level])) for level in sorted(stages)]
        made = tuple(self._write(blocks, *writes[name], name, names) for name in writes)
        numbered = [(block, index) for block in blocks for index, _ in enumerate(block.data.get("check", ()))]
        checks = [self._check(block, index, names) for block, index in numbered]
        reads = [each for _, stage in ordered for each in stage if isinstance(each, Step)]
        plan = Plan(
            tuple(stage for level, stage in ordered if level < _AFTER_WRITES),
            tuple(checks),
            made,
            tuple(stage for level, stage in ordered if level >= _AFTER_WRITES),
            self._function(spec, ("output",), names),
            self._function(spec, ("acting_user",), ["input"]) if "acting_user" in spec.data else None,
            next((each.page for each in reads if each.page is not None), None),
        )
        return self._public(spec, "main", plan)

    def _request(
        self, blocks: list[Spec], block: Spec, step: Mapping[str, Any], name: str, names: list[str]
    ) -> Step | Value:
        place = ("request", name)
        if "value" in step:
            when = self._function(block, (*place, "when"), names) if "when" in step else None
            return Value(name, self._function(block, (*place, "value"), names), when)
        fields: Fields = self._projection.of_object(step["as"]) if "as" in step else set()
        for each in blocks if "as" not in step else ():
            fields = union(fields, fields_read(each.data, name, each="list" in step))
        return self._step(blocks[0], block, place, name, names, fields)

    def _check(self, block: Spec, index: int, names: list[str]) -> Check:
        place, check = ("check", index), block.data["check"][index]
        each, inner = self._each(block, place, check, names)
        that = self._function(block, (*place, "that"), inner)
        at = self._function(block, (*place, "at"), inner)
        return Check(each, that, at, check["message"], check.get("code", "invalid_input"))

    def _write(
        self, blocks: list[Spec], block: Spec, write: Mapping[str, Any], name: str, names: list[str]
    ) -> Write:
        place = ("write", name)
        each, inner = self._each(block, place, write, names)

        def function(word: str) -> Callable[[Any], Any] | None:
            return self._function(block, (*place, word), inner) if word in write else None

        resource = self._specs.resources[write.get("create") or write["update"]]
        found = None
        if "found" in write:
            at = (*place, "found", "where")
            access = {"row": "of[0]", **{key: f"of[1][{key!r}]" for key in inner}}
            where = compiled(block.document, at, write["found"]["where"], access, self._bodies.bindings)
            asked = _fields_asked_by(resource, write["found"]["query"])
            reader = Reader.of(resource, union(asked, fields_read(write["found"]["where"], "row")))
            found = Found(reader, self._function(block, (*place, "found", "query"), inner), where)
        body = self._function(block, (*place, "body"), inner)
        # Of the records in its answer those that templates name; else the answer is the record itself.
        ids = frozenset(field for each in blocks for field in fields_read(each.data, name) or ()) or frozenset({"id"})
        return Write(name, resource, ids, function("id"), each, function("when"), body, found)

    def _each(
        self, block: Spec, place: Pointer, spec: Mapping[str, Any], names: list[str]
    ) -> tuple[Each, list[str]]:
        loops: list[tuple[str, Callable[[Any], Any]]] = []
        inner = list(names)
        for name in spec.get("each", {}):
            loops.append((name, self._function(block, (*place, "each", name), inner)))
            inner += [name, f"{name}_index"]
        return Each(tuple(loops)), inner

    def drop_down(self, spec: Spec) -> Operation:
        data = spec.data
        if "choices" in data:
            return self._public(spec, "ddl", DropDown(None, dict, True, tuple(data["choices"])))
        read = union(fields_read(data["text"], "record"), fields_read(data["value"], "record"))
        fields = self._projection.of_object(data["as"]) if "as" in data else read
        step = self._step(spec, spec, (), "choices", ["input"], fields)
        entry = {"text": data["text"], "value": data["value"]}
        build = compiled(spec.document, (), entry, {"record": "of[0]", "input": "of[1]"}, self._bodies.bindings)
        return self._public(spec, "ddl", DropDown(step, build, "order" in data))

    def _public(self, spec: Spec, kind: Kind, plan: Plan | DropDown) -> Operation:
        given, taken = (self._specs.schema(file_of(end, spec.name)) for end in ("input", "output"))
        assert given is not None
        assert taken is not None
        title, description = spec.data["title"], spec.data.get("description", "")
        check, result = InputCheck(given), Validator(taken)
        effect: Effect = "create" if isinstance(plan, Plan) and plan.writes else "read"
        return Operation(spec.name, title, description, kind, effect, given, taken, plan, check, result)

    def _step(self, operation: Spec, spec: Spec, place: Pointer, name: str, scope: list[str], fields: Fields) -> Step:
        step = _at(spec.data, place)

        def function(word: str) -> Callable[[Any], Any] | None:
            return self._function(spec, (*place, word), scope) if word in step else None

        resource = self._specs.resources[step.get("first") or step["list"]]
        parts = step.get("parts", [{}])
        for part in (step, *parts):
            fields = union(fields, _fields_asked_by(resource, part.get("query", {})))
            fields = union(fields, fields_read(part.get("where"), "row"))
        return Step(
            name,
            Reader.of(resource, union(fields, ordered_by(step))),
            tuple(self._question(operation, spec, place, index, part, scope) for index, part in enumerate(parts)),
            "first" in step,
            function("when"),
            function("page"),
            function("size"),
            order_of(step),
            self._parent(spec, (*place, "parent")) if "parent" in step else None,
            self._shaper.shape(step["as"]) if "as" in step else None,
            function("with"),
        )

    def _question(
        self, operation: Spec, spec: Spec, place: Pointer, index: int, part: Mapping[str, Any], scope: list[str]
    ) -> Question:
        step = _at(spec.data, place)
        own = (*place, "parts", index)
        queries = [self._function(spec, (*place, "query"), scope)] if "query" in step else []
        queries += [self._function(spec, (*own, "query"), scope)] if part else []
        where_at = (*own, "where") if "where" in part else (*place, "where")
        where = part.get("where", step.get("where"))
        if where is None:
            return Question(_merged(queries))
        keep = compiled(spec.document, where_at, where, {"row": "of[0]", "input": "of[1]"}, self._bodies.bindings)
        inputs = fields_read(where, "input")
        if inputs is None:
            inputs = {*(self._specs.kind(file_of("input", operation.name)).fields() or ())}
        return Question(_merged(queries), keep, (spec.document.name, where_at), tuple(sorted(inputs)))

    def _parent(self, spec: Spec, place: Pointer) -> Parent:
        ((name, id_template),) = _at(spec.data, place).items()
        (path,) = parse(id_template).paths
        reader = Reader.of(self._specs.resources[name], {"id"})
        return Parent(reader, self._function(spec, (*place, name), ["input"]), "/" + path.parts[1])

    def _function(self, spec: Spec, place: Pointer, names: list[str]) -> Callable[[Any], Any]:
        access = {name: f"of[{name!r}]" for name in names}
        return compiled(spec.document, place, _at(spec.data, place), access, self._bodies.bindings)


def _levels_of(steps: Mapping[str, tuple[Spec, Mapping[str, Any]]], writes: set[str]) -> dict[str, int]:
    """Give the stage of each step: after the steps it names; far later when it waits for a write."""
    named = {name: names_read(step) for name, (_, step) in steps.items()}
    levels: dict[str, int] = {}
    found = {name: _AFTER_WRITES if named[name] & writes else 0 for name in steps}
    while levels != found:  # a step waits for steps that wait for others; in sound specs not for itself
        levels = found
        after = {name: [levels[each] + 1 for each in named[name] if each in levels] for name in levels}
        found = {name: max([level, *after[name]]) for name, level in levels.items()}
    return levels


def _fields_asked_by(resource: Resource, query: Mapping[str, Any]) -> set[str]:
    """Give the fields that tell the rows that a query asks for by ids from others: they are read in any case."""
    return {field for name in query if (field := resource.filters[name].by_ids)}


def _at(value: Any, place: Pointer) -> Any:
    for part in place:
        value = value[part]
    return value


def _merged(queries: list[Callable[[Any], Any]]) -> Callable[[Any], dict[str, Any]]:
    return lambda scope: {key: value for query in queries for key, value in query(scope).items()}

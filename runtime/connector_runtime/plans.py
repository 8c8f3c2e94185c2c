"""Runs compiled operations: what to ask next, what to make of the answers. No I/O, no clock, no threads."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

from .errors import Conflict, ConnectorError, InputProblem, InvalidInput, NotFound, SpecError
from .exchange import Exchange, together
from .filters import text
from .functions import located
from .inputs import InputCheck
from .joins import Shape, shaped, sorted_rows
from .listing import Call, Listing, Part, read_first, read_list, read_page, read_remembered
from .resources import Reader, Row
from .schemas import Schema, Validator
from .turns import Lane
from .writing import RESUME, Check, Function, Journal, Scope, Write, check_all, write_all

Kind = Literal["main", "ddl"]
Effect = Literal["read", "create"]

Approve = Callable[[Any], Any]

# The errors of checks, by their code; the first weighs most.
_CHECKED = {kind.code: kind for kind in (InvalidInput, NotFound, Conflict)}


@dataclass(frozen=True, slots=True)
class Question:
    """What a part of a list asks: its filters, and the test of its rows.

    `place` is where the test stands, `inputs` are those it reads: together they tell it from every other test.
    """

    query: Function
    where: Function | None = None
    place: Hashable = ()
    inputs: tuple[str, ...] = ()

    def part(self, scope: Scope, reader: Reader, call: Call) -> Part:
        """Put the question for a call."""
        selection = reader.resource.select(self.query(scope), call.dialect)
        where, given = self.where, scope["input"]
        if where is None:
            return Part(selection)
        read = [given.get(name) for name in self.inputs]
        return Part(selection, lambda row: where((row, given)), (self.place, read))


@dataclass(frozen=True, slots=True)
class Parent:
    """The record that a list belongs to: how to read it, its id, and the input that names it."""

    reader: Reader
    id: Function
    pointer: str

    def check(self, scope: Scope, call: Call) -> Exchange[None]:
        """Raise NotFound when the parent does not exist."""
        selection = self.reader.resource.select({"ids": self.id(scope)}, call.dialect)
        if (yield from read_first(call, self.reader, selection)) is None:
            message = f"no record of {self.reader.resource.name} has this id"
            raise NotFound("what the list belongs to does not exist", errors=[InputProblem(self.pointer, message)])


@dataclass(frozen=True, slots=True)
class Step:
    """One read of an operation. `first`: the first record or None; else a list, all of it or one page."""

    name: str
    reader: Reader
    questions: tuple[Question, ...]
    first: bool = False
    when: Function | None = None
    page: Function | None = None
    size: Function | None = None
    order: tuple[tuple[str, bool], ...] = ()
    parent: Parent | None = None
    shape: Shape | None = None
    given: Function | None = None

    def run(self, scope: Scope, call: Call, page_of_operation: int | None) -> Exchange[Any]:
        """Read, and build the objects where the step names one."""
        if self.when is not None and not self.when(scope):
            return None
        rows = yield from self._rows(scope, call, page_of_operation)
        if not rows and self.parent is not None:
            yield from self.parent.check(scope, call)
        given = {} if self.given is None else self.given(scope)
        values = rows if self.shape is None else (yield from shaped(call, self.shape, rows, given))
        return (values[0] if values else None) if self.first else values

    def _rows(self, scope: Scope, call: Call, page_of_operation: int | None) -> Exchange[list[Row]]:
        listing = Listing(self.reader, tuple(each.part(scope, self.reader, call) for each in self.questions))
        if self.first:
            row = yield from read_first(call, self.reader, listing.parts[0].selection)
            return [] if row is None else [row]
        if self.page is not None and self.size is not None:
            return (yield from read_page(call, listing, self.page(scope), self.size(scope)))
        if page_of_operation is None:
            rows = yield from read_list(call, listing)
        else:
            rows = yield from read_remembered(call, listing, anew=page_of_operation == 1)
        return sorted_rows(rows, self.order)


@dataclass(frozen=True, slots=True)
class Value:
    """A value of an operation that is worked out, without asking."""

    name: str
    value: Function
    when: Function | None

    def run(self, scope: Scope, call: Call, page_of_operation: int | None) -> Exchange[Any]:  # noqa: ARG002
        """Work the value out; null when the step is left out."""
        yield from ()
        return self.value(scope) if self.when is None or self.when(scope) else None


Stage = tuple[Step | Value, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A main operation: reads in stages, those of one stage side by side; checks; writes; further reads; the output."""

    stages: tuple[Stage, ...]
    checks: tuple[Check, ...]
    writes: tuple[Write, ...]
    later: tuple[Stage, ...]
    output: Function
    acting_user: Function | None
    page: Function | None

    def run(self, operation: str, given: Mapping[str, Any], call: Call, approved: Approve) -> Exchange[Any]:
        """Run the steps and build the output."""
        scope: Scope = {"input": given}
        if not self.writes:
            page = None if self.page is None else self.page(scope)
            yield from self._read(self.stages, scope, call, page)
            return approved(self.output(scope))
        journal = Journal.opened(operation, given, self.writes, call.utc())
        try:
            yield from self._write(given, scope, call, journal)
            yield from self._read(self.later, scope, call, None)
            return approved(self.output(scope))
        except Exception as error:
            cause = error if isinstance(error, ConnectorError) else located(error)
            raise journal.told(cause or SpecError(type(error).__name__)) from None
        except GeneratorExit:
            raise
        except BaseException as interruption:
            # From outside, at any line: of the write that was being made nothing is certain.
            raise interruption from journal.interrupted(call.utc())

    def _write(self, given: Mapping[str, Any], scope: Scope, call: Call, journal: Journal) -> Exchange[None]:
        yield from self._read(self.stages, scope, call, None)
        # A call that goes on from a token has passed its checks; what it wrote would fail them now.
        if RESUME not in given:
            check_all(self.checks, scope, _CHECKED)
        acting = None if self.acting_user is None else text(self.acting_user(scope))
        yield from write_all(call, acting, self.writes, scope, journal)

    def _read(self, stages: tuple[Stage, ...], scope: Scope, call: Call, page: int | None) -> Exchange[None]:
        for stage in stages:
            results = yield from together([step.run(scope, call, page) for step in stage])
            scope.update(zip((step.name for step in stage), results, strict=True))


@dataclass(frozen=True, slots=True)
class DropDown:
    """A drop-down list: every record as a choice of text and value, or choices that never change."""

    step: Step | None
    entry: Function
    ordered: bool
    choices: tuple[dict[str, Any], ...] = ()

    def run(self, _: str, given: Mapping[str, Any], call: Call, approved: Approve) -> Exchange[Any]:
        """Give the choices in order, narrowed by `search` and `value` where these are given."""
        choices = list(self.choices)
        if self.step is not None:
            records = yield from self.step.run({"input": given}, call, None)
            choices = [self._choice(record, given) for record in records]
        if not self.ordered:
            choices.sort(key=lambda choice: choice["text"].casefold())
        search, value = given.get("search", "").casefold(), given.get("value")
        return approved(
            {
                "result": [
                    dict(choice)
                    for choice in choices
                    if search in choice["text"].casefold() and (value is None or text(value) == text(choice["value"]))
                ]
            }
        )

    def _choice(self, record: Any, given: Mapping[str, Any]) -> dict[str, Any]:
        choice = self.entry((record, given))
        shown = text(choice["text"]).strip()
        return {"text": shown or text(choice["value"]), "value": choice["value"]}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a connector, as hosts see it: names, kind, effect, and its self-contained schemas."""

    name: str
    title: str
    description: str
    kind: Kind
    effect: Effect
    _given: Schema = field(repr=False)
    _taken: Schema = field(repr=False)
    _plan: Plan | DropDown = field(repr=False)
    _input: InputCheck = field(repr=False)
    _output: Validator = field(repr=False)

    @property
    def input_schema(self) -> Schema:
        """The JSON Schema of its inputs; a copy, to do with as one likes."""
        return deepcopy(self._given)

    @property
    def output_schema(self) -> Schema:
        """The JSON Schema of its outputs; a copy too."""
        return deepcopy(self._taken)

    @property
    def lane(self) -> Lane:
        """Whether people wait for it ("interactive"), or it reads pages of a list ("bulk") and can stand back."""
        return "bulk" if isinstance(self._plan, Plan) and self._plan.page is not None else "interactive"

    def ready(self, given: Any) -> dict[str, Any]:
        """Check an input and fill in defaults. Raises InvalidInput with every violation."""
        return self._input.ready(given)

    def run(self, given: Any, call: Call) -> Exchange[dict[str, Any]]:
        """Run the operation: yields batches of requests, receives their outcomes, returns the output.

        Raises ConnectorError. An output that breaks the contract is never given.
        """
        try:
            output: dict[str, Any] = yield from self._plan.run(self.name, self.ready(given), call, self._approved)
            return output
        except ConnectorError as error:
            error.operation = self.name
            raise
        except Exception as error:
            problem = located(error)
            if problem is None:
                raise
            problem.operation = self.name
            raise problem from None

    def _approved(self, output: Any) -> Any:
        """Give an output that keeps the contract. Raises SpecError for one that breaks it."""
        if self._output.accepts(output):
            return output
        first = self._output.violations(output)[0]
        raise SpecError(f"the output breaks the contract: {first.path or '/'} {first.message}")

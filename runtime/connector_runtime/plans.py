"""Runs compiled operations: what to ask next, what to make of the answers. No I/O, no clock, no threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .errors import ConnectorError, SpecError
from .exchange import Exchange, together
from .filters import text
from .functions import located
from .inputs import InputCheck
from .joins import Shape, shaped, sorted_rows
from .listing import Call, read_all, read_first, read_page, read_remembered
from .resources import Reader
from .schemas import Schema, Validator

Scope = dict[str, Any]
Function = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One read of an operation. `first`: the first record or None; else a list, all of it or one page."""

    name: str
    first: bool
    reader: Reader
    query: Function
    when: Function | None
    page: Function | None
    size: Function | None
    shape: Shape | None

    def run(self, scope: Scope, call: Call, page_of_operation: int | None) -> Exchange[Any]:
        """Read, and build the objects where the step names one."""
        if self.when is not None and not self.when(scope):
            return None
        selection = self.reader.resource.select(self.query(scope), call.dialect)
        if self.first:
            row = yield from read_first(call, self.reader, selection)
            rows = [] if row is None else [row]
        elif self.page is not None and self.size is not None:
            rows = yield from read_page(call, self.reader, selection, self.page(scope), self.size(scope))
        elif page_of_operation is not None:
            rows = yield from read_remembered(call, self.reader, selection, anew=page_of_operation == 1)
        else:
            (rows,) = yield from read_all(call, [(self.reader, selection)])
        values = rows if self.shape is None else (yield from shaped(call, self.shape, rows))
        return (values[0] if values else None) if self.first else values


@dataclass(frozen=True, slots=True)
class Plan:
    """A main operation: steps in stages, those of one stage side by side; then its output."""

    stages: tuple[tuple[Step, ...], ...]
    output: Function
    page: Function | None

    def run(self, given: Mapping[str, Any], call: Call) -> Exchange[Any]:
        """Run the steps and build the output."""
        scope: Scope = {"input": given}
        page = None if self.page is None else self.page(scope)
        for stage in self.stages:
            results = yield from together([step.run(scope, call, page) for step in stage])
            scope.update(zip((step.name for step in stage), results, strict=True))
        return self.output(scope)


@dataclass(frozen=True, slots=True)
class DropDown:
    """A drop-down list: every record as a choice of text and value."""

    step: Step
    entry: Function
    order: tuple[tuple[str, bool], ...]

    def run(self, given: Mapping[str, Any], call: Call) -> Exchange[Any]:
        """Read every record; give the choices in order, narrowed by `search` and `value` where these are given."""
        records = yield from self.step.run({"input": given}, call, None)
        choices = [self._choice(record, given) for record in sorted_rows(records, self.order)]
        if not self.order:
            choices.sort(key=lambda choice: choice["text"].casefold())
        search, value = given.get("search", "").casefold(), given.get("value")
        return {
            "result": [
                choice
                for choice in choices
                if search in choice["text"].casefold() and (value is None or text(value) == text(choice["value"]))
            ]
        }

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
    kind: Literal["main", "ddl"]
    effect: Literal["read", "create"]
    input_schema: Schema = field(repr=False)
    output_schema: Schema = field(repr=False)
    _plan: Plan | DropDown = field(repr=False)
    _input: InputCheck = field(repr=False)
    _output: Validator = field(repr=False)

    def ready(self, given: Any) -> dict[str, Any]:
        """Check an input and fill in defaults. Raises InvalidInput with every violation."""
        return self._input.ready(given)

    def run(self, given: Any, call: Call) -> Exchange[dict[str, Any]]:
        """Run the operation: yields batches of requests, receives their outcomes, returns the output.

        Raises ConnectorError. An output that breaks the contract is never given.
        """
        try:
            output: dict[str, Any] = yield from self._plan.run(self.ready(given), call)
            if self._output.accepts(output):
                return output
            first = self._output.violations(output)[0]
            raise SpecError(f"the output breaks the contract: {first.path or '/'} {first.message}")
        except ConnectorError as error:
            error.operation = self.name
            raise
        except Exception as error:
            problem = located(error)
            if problem is None:
                raise
            problem.operation = self.name
            raise problem from None

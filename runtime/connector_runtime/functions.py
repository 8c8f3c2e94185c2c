"""Turns the templates of a spec into one plain Python function, and its failures back into spec lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from .errors import SpecError
from .filters import FILTERS, get, item, text
from .places import Pointer
from .source import Document
from .templates import is_template, parse

_NAMESPACE: dict[str, Any] = {
    "__builtins__": {each.__name__: each for each in (isinstance, str, int, float, dict, type(None))},
    "get": get,
    "item": item,
    "text": text,
    **{f"f_{name}": function for name, function in FILTERS.items()},
}

# How a function gets at a name: a Python expression over its one argument, by name.
Access = Mapping[str, str]


def compiled(
    document: Document, pointer: Pointer, value: Any, access: Access, bindings: Mapping[str, Any]
) -> Callable[[Any], Any]:
    """Compile a value of a spec, with every template in it, to a function of one argument `of`.

    `access` says how each name is read from that argument, `bindings` are further values the access needs.
    """
    writer = _Writer()
    writer.write(value, pointer)
    known = {name: place for name, place in writer.names.items() if name in access}
    prelude = [f"    v_{name} = {access[name]}\n" for name in known]
    source = "".join(["def function(of):\n", *prelude, "    return (\n", *writer.lines, "    )\n"])
    # One line of source for each name and template, the line of `return` between; the first has number 2.
    places = dict(enumerate([*known.values(), pointer, *writer.places], start=2))
    namespace = {**_NAMESPACE, **bindings, "__document__": document, "__places__": places}
    exec(compile(source, f"<{document.name}>", "exec"), namespace)  # noqa: S102 - made from checked templates only
    function: Callable[[Any], Any] = namespace["function"]
    return function


class _Writer:
    """Writes Python source, one line a template, so that a failing line tells which template it was."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.places: list[Pointer] = []
        self.names: dict[str, Pointer] = {}

    def write(self, value: Any, pointer: Pointer, before: str = "", after: str = "") -> None:
        if isinstance(value, dict):
            self._line(f"{before}{{", pointer)
            for key, each in value.items():
                self.write(each, (*pointer, key), f"{key!r}: ", ",")
            self._line(f"}}{after}", pointer)
        elif isinstance(value, list):
            self._line(f"{before}[", pointer)
            for index, each in enumerate(value):
                self.write(each, (*pointer, index), "", ",")
            self._line(f"]{after}", pointer)
        elif is_template(value):
            template = parse(value)
            for path in template.paths:
                self.names.setdefault(path.parts[0], pointer)
            self._line(f"{before}{template.python}{after}", pointer)
        else:
            self._line(f"{before}{value!r}{after}", pointer)

    def _line(self, line: str, pointer: Pointer) -> None:
        self.lines.append(f"        {line}\n")
        self.places.append(pointer)


def located(error: Exception) -> SpecError | None:
    """Make the error of a template that failed at call time; None when it was not a template that failed."""
    trace: TracebackType | None = error.__traceback__
    found: tuple[Document, Pointer] | None = None
    while trace is not None:
        names = trace.tb_frame.f_globals
        if "__places__" in names and trace.tb_lineno in names["__places__"]:
            found = names["__document__"], names["__places__"][trace.tb_lineno]
        trace = trace.tb_next
    if found is None:
        return None
    document, pointer = found
    problem = document.problem(pointer, "template-failed", "this template can't be computed with what was read")
    return SpecError(f"{problem.what} ({type(error).__name__})", problems=[problem])

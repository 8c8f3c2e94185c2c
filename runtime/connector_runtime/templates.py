"""The only door to Jinja2: templates are parsed by it, checked, and turned into Python expressions.

A safe subset: names, fields, literals, operators, conditionals and a fixed list of filters. A string that is
exactly one ``{{ … }}`` keeps the value's type; anything else is text. Null goes through: a field of null is null.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes

from .filters import FILTERS
from .problems import did_you_mean, listed

# Names that Jinja2's grammar gives a meaning of their own are no names of ours.
_TESTS = {"none": "{} is None", "string": "isinstance({}, str)", "mapping": "isinstance({}, dict)"}
_COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "in": "in", "notin": "not in"}
_BINARY: dict[type[nodes.Node], str] = {nodes.And: "and", nodes.Or: "or", nodes.Add: "+", nodes.Sub: "-"}
_WHOLE = re.compile(r"\{\{(?:(?!\}\}).)*\}\}", re.DOTALL)


class TemplateProblem(Exception):
    """A template that can't be used: what, why, fix, and the text in it that is meant."""

    def __init__(self, code: str, what: str, why: str = "", fix: str = "", within: str = "") -> None:
        super().__init__(what)
        self.code, self.what, self.why, self.fix, self.within = code, what, why, fix, within


@dataclass(frozen=True, slots=True)
class Path:
    """A name and the fields read from it: ``input.job_id`` is ("input", "job_id"); "[]" stands for each entry."""

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(part for part in self.parts if part != "[]")


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: its Python expression over locals ``v_<name>``, and the paths it reads."""

    text: str
    python: str
    paths: tuple[Path, ...]


def is_template(value: Any) -> bool:
    """Tell whether a value of a spec is a template rather than a constant."""
    return isinstance(value, str) and ("{{" in value or "{%" in value or "{#" in value)


@cache
def _environment() -> Environment:
    return Environment(keep_trailing_newline=True)  # noqa: S701 - nothing is rendered, only parsed


@lru_cache(maxsize=4096)
def parse(text: str) -> Template:
    """Parse a template into a Python expression. Raises TemplateProblem."""
    try:
        body = _environment().parse(text).body
    except TemplateSyntaxError as error:
        raise TemplateProblem("template-syntax", f"this template can't be read: {error.message}") from None
    parts: list[str] = []
    paths: list[Path] = []
    for output in body:
        if not isinstance(output, nodes.Output):
            raise _refused("statements", "only {{ … }} may stand in a template")
        for node in output.nodes:
            if isinstance(node, nodes.TemplateData):
                parts.append(repr(node.data))
            else:
                parts.append(_expression(node))
                paths.extend(_paths(node))
    if _WHOLE.fullmatch(text) and len(parts) == 1:
        return Template(text, parts[0], tuple(paths))
    pieces = ", ".join(part if _is_literal(part) else f"text({part})" for part in parts)
    return Template(text, f"''.join(({pieces},))", tuple(paths))


def _is_literal(part: str) -> bool:
    return part[:1] in "'\""


def _expression(node: nodes.Node) -> str:  # noqa: PLR0911 - one line per kind of node
    match node:
        case nodes.Const(value=value) if value is None or isinstance(value, bool | int | float | str):
            return repr(value) if not isinstance(value, str) else f"({value!r})"
        case nodes.Name(name=name):
            return f"v_{name}"
        case nodes.Getattr(node=inner, attr=name):
            return f"get({_expression(inner)}, {_public(name)!r})"
        case nodes.Getitem(node=inner, arg=nodes.Const(value=str() as name)):
            return f"get({_expression(inner)}, {_public(name)!r})"
        case nodes.Getitem(node=inner, arg=nodes.Const() | nodes.Name() | nodes.Neg() | nodes.Getattr() as key):
            return f"item({_expression(inner)}, {_expression(key)})"
        case nodes.Not(node=inner):
            return f"(not {_expression(inner)})"
        case nodes.Neg(node=inner):
            return f"(-{_expression(inner)})"
        case nodes.BinExpr() if type(node) in _BINARY:
            return f"({_expression(node.left)} {_BINARY[type(node)]} {_expression(node.right)})"
        case nodes.Compare():
            rest = " ".join(f"{_COMPARISONS[each.op]} {_expression(each.expr)}" for each in node.ops)
            return f"({_expression(node.expr)} {rest})"
        case nodes.CondExpr():
            return _condition(node)
        case nodes.List(items=items):
            return f"[{', '.join(map(_expression, items))}]"
        case nodes.Dict(items=pairs):
            return "{" + ", ".join(f"{_expression(each.key)}: {_expression(each.value)}" for each in pairs) + "}"
        case nodes.Test():
            return _test(node)
        case nodes.Filter():
            return _filter(node)
        case nodes.Concat():
            raise _refused("~", "write the parts as text, or use | join", "~")
        case nodes.Call():
            raise _refused("calls", f"use a filter: {listed(FILTERS)}", "(")
        case _:
            raise _refused(type(node).__name__.lower(), "use names, fields, literals, operators and filters")


def _condition(node: nodes.CondExpr) -> str:
    if node.expr2 is None:
        raise TemplateProblem("template-unsupported", '"if" needs an "else" here', "", "add: else none", " if ")
    return f"({_expression(node.expr1)} if {_expression(node.test)} else {_expression(node.expr2)})"


def _test(node: nodes.Test) -> str:
    if node.name not in _TESTS or node.args:
        why = f"tests are {listed(_TESTS)}"
        raise TemplateProblem("unknown-test", f'there is no test "{node.name}"', why, "", node.name)
    return f"({_TESTS[node.name].format(_expression(node.node))})"


def _filter(node: nodes.Filter) -> str:
    if node.node is None or node.name not in FILTERS or node.dyn_args or node.dyn_kwargs:
        hint = did_you_mean(node.name, FILTERS)
        what = f'there is no filter "{node.name}"'
        raise TemplateProblem("unknown-filter", what, f"filters are {listed(FILTERS)}", hint, node.name)
    arguments = [_expression(each) for each in (node.node, *node.args)]
    arguments += [f"{each.key}={_expression(each.value)}" for each in node.kwargs]
    return f"f_{node.name}({', '.join(arguments)})"


def _public(name: str) -> str:
    if name.startswith("_"):
        raise TemplateProblem("template-unsupported", f'"{name}" can\'t be read', "names begin with a letter", "", name)
    return name


def _refused(what: str, fix: str, within: str = "") -> TemplateProblem:
    return TemplateProblem("template-unsupported", f"{what} can't stand in a template", "", fix, within)


def _paths(node: nodes.Node) -> Iterator[Path]:
    path = _path(node)
    if path:
        yield Path(path)
        return
    if isinstance(node, nodes.Filter) and node.node is not None:
        attribute = [each.value for each in node.kwargs if each.key == "attribute"]
        base = _path(node.node)
        if base and attribute and isinstance(attribute[0], nodes.Const):
            yield Path((*base, "[]", str(attribute[0].value)))
            return
    for child in node.iter_child_nodes():
        yield from _paths(child)


def _path(node: nodes.Node | None) -> tuple[str, ...]:
    match node:
        case nodes.Name(name=name):
            return (name,)
        case nodes.Getattr(node=inner, attr=name) | nodes.Getitem(node=inner, arg=nodes.Const(value=str() as name)):
            base = _path(inner)
            return (*base, name) if base else ()
        case nodes.Getitem(node=inner, arg=nodes.Const(value=int()) | nodes.Neg()):
            base = _path(inner)
            return (*base, "[]") if base else ()
        case _:
            return ()

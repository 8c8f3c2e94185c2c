"""The only door to Jinja2: templates are parsed by it, checked, and turned into Python expressions.

A safe subset: names, fields, literals, operators, conditionals and a fixed list of filters. A string that is
exactly one ``{{ … }}`` keeps the value's type; anything else is text. Null goes through: a field of null is null.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from inspect import Parameter, signature
from itertools import accumulate
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes

from .filters import FILTERS, KEEPING
from .problems import NUMBERS, did_you_mean, is_too_large, listed

# Names that Jinja2's grammar gives a meaning of their own are no names of ours.
TESTS = {
    "none": "isinstance({}, NoneType)",
    "string": "isinstance({}, str)",
    "number": "isinstance({}, (int, float))",
    "mapping": "isinstance({}, dict)",
}
_COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "in": "in", "notin": "not in"}
_ORDERED = ("lt", "lteq", "gt", "gteq")
_BINARY: dict[type[nodes.Node], str] = {nodes.And: "and", nodes.Or: "or", nodes.Add: "+", nodes.Sub: "-"}
_KEYS = (nodes.Const, nodes.Name, nodes.Neg, nodes.Getattr, nodes.BinExpr)
_NAMED = {"Mul": "*", "Div": "/", "FloorDiv": "//", "Mod": "%", "Pow": "**", "Pos": "+ as a sign", "Getitem": "[ ]"}
_MAXIMUM_DEPTH = 50
_MAXIMUM_LENGTH = 10_000
# A string in Python source, as repr writes it.
_STRING = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")


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
    """A parsed template: its Python expression over locals ``v_<name>``, the paths it reads, the bodies it
    uses with the names it gives them, the paths whose values it asks which comes first."""

    text: str
    python: str
    paths: tuple[Path, ...]
    bodies: tuple[tuple[str, tuple[str, ...]], ...] = ()
    compared: tuple[Path, ...] = ()


def is_template(value: Any) -> bool:
    """Tell whether a value of a spec is a template rather than a constant."""
    return isinstance(value, str) and ("{{" in value or "{%" in value or "{#" in value)


@cache
def _environment() -> Environment:
    return Environment(keep_trailing_newline=True)  # noqa: S701 - nothing is rendered, only parsed


@lru_cache(maxsize=4096)
def parse(text: str) -> Template:
    """Parse a template into a Python expression. Raises TemplateProblem."""
    if len(text) > _MAXIMUM_LENGTH:
        why = f"it may have {_MAXIMUM_LENGTH} characters"
        raise TemplateProblem("template-unsupported", "this template is too long", why, "make it simpler")
    try:
        return _parsed(text, _environment().parse(text).body)
    except TemplateSyntaxError as error:
        raise TemplateProblem("template-syntax", f"this template can't be read: {_in_our_words(error)}") from None
    except ValueError:
        raise _too_large("") from None  # Python does not even read such a number
    except RecursionError:
        raise _refused("so many brackets", "make it simpler") from None


def _parsed(text: str, body: list[nodes.Node]) -> Template:
    if not all(isinstance(output, nodes.Output) for output in body):
        raise _refused("statements", "only {{ … }} may stand in a template")
    pieces = [node for output in body for node in output.iter_child_nodes()]
    computed = [node for node in pieces if not isinstance(node, nodes.TemplateData)]
    literals = [node.data for node in pieces if isinstance(node, nodes.TemplateData)]
    parts = [_expression(node) for node in computed]
    if not pieces:
        raise _refused("a comment alone", "write it as a comment of the file, after #")
    if _depth(parts) > _MAXIMUM_DEPTH:
        raise _refused("so many brackets", "make it simpler")
    if literals and len(computed) == 1 and not "".join(literals).strip():
        why = "only a string that is one {{ … }} and nothing else keeps the type of its value"
        fix = "remove the white space; a block keeps its value's type with >- or |-"
        raise TemplateProblem("template-space", "white space around a template makes a text of its value", why, fix)
    paths = tuple(path for node in computed for path in _paths(node))
    compares = [each for output in body for each in output.find_all(nodes.Compare)]
    used = [each for output in body for each in output.find_all(nodes.Filter) if each.name == "as"]
    bodies = tuple((_body(each), tuple(str(given.key) for given in each.kwargs)) for each in used)
    compared = tuple(path for each in compares for path in _ordered(each))
    if not literals and len(computed) == 1:
        return Template(text, parts[0], paths, bodies, compared)
    texts = [repr(n.data) if isinstance(n, nodes.TemplateData) else f"text({_expression(n)})" for n in pieces]
    return Template(text, f"''.join(({', '.join(texts)},))", paths, bodies, compared)


def _ordered(node: nodes.Compare) -> Iterator[Path]:
    """Find the paths on both sides of each <, <=, > and >=."""
    left: nodes.Node = node.expr
    for each in node.ops:
        yield from (Path(path) for side in (left, each.expr) if each.op in _ORDERED and (path := _path(side)))
        left = each.expr


def _depth(parts: list[str]) -> int:
    """Tell how deep the brackets of expressions are nested; Python has a limit of its own."""
    signs = "".join(_STRING.sub("", part) for part in parts)
    return max(accumulate(((sign in "([{") - (sign in ")]}") for sign in signs), initial=0))


def _in_our_words(error: TemplateSyntaxError) -> str:
    said = str(error.message).removesuffix(".")
    for name, sign in {"'begin of print statement'": '"{{"', "'end of print statement'": '"}}"'}.items():
        said = said.replace(name, sign)
    return said[:1].lower() + said[1:]


def _expression(node: nodes.Node) -> str:
    match node:
        case nodes.Const(value=value) if value is None or isinstance(value, bool | int | float | str):
            return f"({value!r})" if isinstance(value, str) else repr(_sized(value))
        case nodes.Name(name=name):
            return f"v_{name}"
        case nodes.Getattr(node=inner, attr=name):
            return f"get({_expression(inner)}, {_public(name)!r})"
        case nodes.Getitem(node=inner, arg=nodes.Const(value=str() as name)):
            return f"get({_expression(inner)}, {_public(name)!r})"
        case nodes.Getitem(node=inner, arg=key) if isinstance(key, _KEYS):
            return f"item({_expression(inner)}, {_expression(key)})"
        case nodes.Not(node=inner):
            return f"(not {_expression(inner)})"
        case nodes.Neg(node=inner):
            return f"(-{_expression(inner)})"
        case nodes.BinExpr() if type(node) in _BINARY:
            left = _expression(node.left)
            left = left[1:-1] if type(node.left) is type(node) else left  # a + b + c needs brackets once
            return f"({left} {_BINARY[type(node)]} {_expression(node.right)})"
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
            kind = type(node).__name__
            raise _refused(_NAMED.get(kind, kind.lower()), "use names, fields, literals, and, or, not, +, -, filters")


def _sized(value: Any) -> Any:
    """Give a number that JSON can write too."""
    if value is not None and is_too_large(value):
        raise _too_large(str(value))
    return value


def _too_large(within: str) -> TemplateProblem:
    return TemplateProblem("number-too-large", "this number is too large", NUMBERS, "write it as a text", within)


def _condition(node: nodes.CondExpr) -> str:
    if node.expr2 is None:
        raise TemplateProblem("template-unsupported", '"if" needs an "else" here', "", "add: else none", "if")
    return f"({_expression(node.expr1)} if {_expression(node.test)} else {_expression(node.expr2)})"


def _test(node: nodes.Test) -> str:
    if node.name not in TESTS or node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
        why = f"tests are {listed(TESTS)}"
        raise TemplateProblem("unknown-test", f'there is no test "{node.name}"', why, "", node.name)
    return f"({TESTS[node.name].format(_expression(node.node))})"


def _filter(node: nodes.Filter) -> str:
    if node.name == "as" and node.node is not None:
        if node.dyn_args or node.dyn_kwargs or len({each.key for each in node.kwargs}) < len(node.kwargs):
            usage = "write: … | as('NAME', name=…), each name once"
            raise TemplateProblem("wrong-arguments", 'the filter "as" takes other arguments', "", usage, "as")
        return f"as_({_expression(node.node)}, {_body(node)!r}, {{{_given(node)}}})"
    if node.node is None or node.name not in FILTERS:
        hint = did_you_mean(node.name, FILTERS)
        what = f'there is no filter "{node.name}"'
        raise TemplateProblem("unknown-template-filter", what, f"filters are {listed(FILTERS)}", hint, node.name)
    keywords = {str(each.key): _expression(each.value) for each in node.kwargs}
    if not _takes(node, len(keywords)):
        usage = _usage(node.name)
        what = f'the filter "{node.name}" takes other arguments'
        raise TemplateProblem("wrong-arguments", what, "", usage, node.name)
    arguments = [_expression(each) for each in (node.node, *node.args)]
    arguments += [f"{key}={each}" for key, each in keywords.items()]
    return f"f_{node.name}({', '.join(arguments)})"


def _takes(node: nodes.Filter, keywords: int) -> bool:
    if node.dyn_args or node.dyn_kwargs or len(node.kwargs) != keywords:
        return False
    if any(each.key == "attribute" and not isinstance(each.value, nodes.Const) for each in node.kwargs):
        return False  # which fields are read is known before anything runs
    try:
        given = dict.fromkeys(str(each.key) for each in node.kwargs)
        signature(FILTERS[node.name]).bind(node.node, *node.args, **given)
    except TypeError:
        return False
    return True


def _usage(name: str) -> str:
    _, *wanted = signature(FILTERS[name]).parameters.values()
    each = [f"{one.name}='…'" if one.kind is Parameter.KEYWORD_ONLY else one.name for one in wanted]
    return f"write: … | {name}({', '.join(each)})" if each else f"write: … | {name}"


def _body(node: nodes.Filter) -> str:
    match node.args:
        case [nodes.Const(value=str() as name)]:
            return name
        case _:
            what, fix = '"as" takes the name of a body', "write: | as('NAME')"
            raise TemplateProblem("template-unsupported", what, "", fix, "as")


def _given(node: nodes.Filter) -> str:
    return ", ".join(f"{each.key!r}: {_expression(each.value)}" for each in node.kwargs)


def _public(name: str) -> str:
    if name.startswith("_"):
        raise TemplateProblem("template-unsupported", f'"{name}" can\'t be read', "names begin with a letter", "", name)
    return name


def _refused(what: str, fix: str, within: str = "") -> TemplateProblem:
    return TemplateProblem("template-unsupported", f"{what} can't stand in a template", "", fix, within)


def _paths(node: nodes.Node) -> Iterator[Path]:
    """Find every path that an expression reads."""
    path = _path(node)
    if path:
        yield Path(path)
        yield from _passed(node)
        return
    for child in node.iter_child_nodes():
        yield from _paths(child)


def _passed(node: nodes.Node) -> Iterator[Path]:
    """Find what is read on the way along a path: what filters look at, the keys of entries."""
    if isinstance(node, nodes.Filter) and node.node is not None:
        for each in (*node.args, *(argument.value for argument in node.kwargs)):
            yield from _paths(each)
        if _attribute(node):
            yield Path((*_path(node.node), "[]", _attribute(node)))
        yield from _passed(node.node)
    elif isinstance(node, nodes.Getitem):
        yield from _paths(node.arg)
        yield from _passed(node.node)
    elif isinstance(node, nodes.Getattr):
        yield from _passed(node.node)


def _path(node: nodes.Node | None) -> tuple[str, ...]:
    match node:
        case nodes.Name(name=name):
            return (name,)
        case nodes.Getattr(node=inner, attr=name) | nodes.Getitem(node=inner, arg=nodes.Const(value=str() as name)):
            base = _path(inner)
            return (*base, name) if base else ()
        case nodes.Getitem(node=inner):
            base = _path(inner)
            return (*base, "[]") if base else ()
        case nodes.Filter(name="map", node=inner):
            base = _path(inner)
            return (*base, "[]", _attribute(node)) if base else ()
        case nodes.Filter(name=name, node=inner) if name in KEEPING:
            return _path(inner)
        case _:
            return ()


def _attribute(node: nodes.Filter) -> str:
    names = [each.value for each in node.kwargs if each.key == "attribute"]
    return str(names[0].value) if names and isinstance(names[0], nodes.Const) else ""

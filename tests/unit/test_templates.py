"""Templates: what may stand in one, what comes out, and that plain Jinja2 says the same."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.sandbox import SandboxedEnvironment

from connector_runtime.errors import SpecError
from connector_runtime.filters import FILTERS, get, item, text
from connector_runtime.functions import compiled, located
from connector_runtime.source import Document, read_yaml
from connector_runtime.specs import fields_read
from connector_runtime.templates import Path, TemplateProblem, is_template, parse

SCOPE: dict[str, Any] = {
    "input": {"id": 7, "name": "Ada", "empty": "", "items": [3, 1], "zero": 0},
    "rows": [
        {"id": 1, "name": "Zoë", "of": {"id": 5}, "on": True},
        {"id": 2, "name": None, "of": None, "on": False},
        {"id": 2, "name": "ada", "of": {"id": 5}, "on": True},
    ],
    "number": 2.5,
    "word": "x\n'y'\\",
    "nothing": None,
    "yes": True,
    "fields": {"a": {"value": 1}, "b": {"value": None}},
}


def run(template: Any, **scope: Any) -> Any:
    """Compile a value of a spec and call it."""
    document = Document("t.yaml", "", {})
    function = compiled(document, (), template, {name: f"of[{name!r}]" for name in scope}, {})
    return function(scope)


BRACKETS = "so many brackets can't stand in a template"


class Plain(SandboxedEnvironment):
    """Jinja2 itself, reading fields as the compiled templates do: of mappings only, null passed on."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Read a field."""
        return get(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Read an entry."""
        return item(obj, argument)


PLAIN = Plain(keep_trailing_newline=True, finalize=text)
PLAIN.filters = dict(FILTERS)


def outcome(function: Any, *arguments: Any, **named: Any) -> Any:
    """Give the result with its type, or just that there was none."""
    try:
        result = function(*arguments, **named)
    except (TypeError, ValueError, AttributeError):
        return "failed"
    return type(result), result


EXPRESSIONS = [
    "input.id",
    "input['id']",
    "input.missing",
    "input.missing.deeper",
    "nothing.field",
    "input.items",
    "input.items[0]",
    "input.items[-1]",
    "input.items[5]",
    "input.items[input.zero]",
    "rows[0].of.id",
    "rows[1].of.id",
    "rows[0]['of']['id']",
    "rows[number]",
    "nothing[0]",
    "number.field",
    "word",
    "'a' 'b'",
    "'quote \\' and \" and \\\\ and \\n'",
    "1",
    "1.5",
    "1e5",
    "'007'",
    "-1",
    "- input.id",
    "true",
    "none",
    "[]",
    "{}",
    "[1, [2, 'x'], none]",
    "{'a': {'b': {'c': input.id}}, 1: 2}",
    "input.id + 1",
    "input.id - number",
    "1 - 2 - 3",
    "1 - (2 - 3)",
    "'a' + word",
    "'a' + 1",
    "input.id == 7",
    "input.id == 7.0 and yes",
    "1 < 2 < 3",
    "1 < input.id > 3 != 4",
    "'d' in input.name",
    "7 not in input.items",
    "7 in nothing",
    "nothing < 1",
    "not yes",
    "not nothing == yes",
    "not (yes and nothing)",
    "yes and input.name or word",
    "nothing or input.empty",
    "input.empty or nothing or 'last'",
    "input.id is none",
    "nothing is none",
    "nothing is not none",
    "input is mapping and word is string and number is number",
    "'yes' if input.items else 'no'",
    "'a' if nothing else 'b' if yes else 'c'",
    "rows | map(attribute='id')",
    "rows | map(attribute='of')",
    "nothing | map(attribute='id')",
    "rows | map(attribute='id') | unique",
    "rows | map(attribute='name') | select | join(', ')",
    "(rows | map(attribute='id')) + [9]",
    "rows | length",
    "nothing | length + 1",
    "input.name | lower",
    "nothing | lower",
    "nothing | default('x') | lower",
    "input.empty | default('x')",
    "fields | pluck('value')",
    "nothing | pluck('value')",
    "['1', 2] | integers",
    "['x'] | integers",
    "[1, 2, 3] | common([3, 1])",
    "nothing | common(nothing)",
    "'2024-03-01T09:00:00Z' | day",
    "rows | matching('ADA', attribute='name')",
    "rows | matching(input.name, attribute='name') | length",
    "input.items | page(2, 1)",
    "input.items | join",
    "-input.items[0] | default(3)",
    "[input.id, 1][0]",
    "({'a': 1}).a",
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expression_means_what_jinja2_says(expression: str) -> None:
    plain = PLAIN.compile_expression(expression, undefined_to_none=False)
    assert outcome(run, f"{{{{ {expression} }}}}", **SCOPE) == outcome(plain, **SCOPE)
    inside = f"[{{{{ {expression} }}}}]"
    assert outcome(run, inside, **SCOPE) == outcome(PLAIN.from_string(inside).render, **SCOPE)


NAMES = ["input.id", "input.name", "input.items", "rows[0].of.id", "rows", "nothing", "number", "word", "yes", "fields"]
LITERALS = ["0", "1", "2.5", "'a'", "''", "none", "true", "false", "[]", "{}", "[1, 'a']", "{'a': 1}", "'}}'"]


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Build a larger expression of smaller ones, in brackets or not."""
    name = st.sampled_from(NAMES)
    operator = st.sampled_from(["+", "-", "==", "!=", "<", ">=", "in", "not in", "and", "or"])
    suffix = st.sampled_from(
        [".a", "[0]", "['a']", " is none", " is not none", " is string", " is mapping"]
        + [
            f" | {name}"
            for name in ("length", "select", "unique", "lower", "join('-')", "map(attribute='id')", "pluck('a')")
        ]
    )
    return st.one_of(
        st.tuples(inner, operator, inner).map(lambda each: "({}) {} ({})".format(*each)),
        st.tuples(name, operator, name, operator, name).map(" ".join),
        st.tuples(inner, suffix).map(lambda each: "(({}){})".format(*each)),
        inner.map("({})".format),
        inner.map("(not {})".format),
        inner.map("-({})".format),
        st.tuples(inner, inner, inner).map(lambda each: "({}) if ({}) else ({})".format(*each)),
        st.tuples(inner, inner).map(lambda each: "[{}, {}]".format(*each)),
        inner.map("{{'k': {}}}".format),
        st.tuples(inner, inner).map(lambda each: "({}) | default({})".format(*each)),
    )


@settings(max_examples=300)
@given(st.recursive(st.sampled_from(NAMES + LITERALS), grown, max_leaves=8))
def test_any_expression_means_what_jinja2_says(expression: str) -> None:
    plain = PLAIN.compile_expression(expression, undefined_to_none=False)
    assert outcome(run, f"{{{{ {expression} }}}}", **SCOPE) == outcome(plain, **SCOPE)
    inside = f"a {{{{ {expression} }}}} b"
    assert outcome(run, inside, **SCOPE) == outcome(PLAIN.from_string(inside).render, **SCOPE)


@pytest.mark.parametrize(
    "value", ["007", "123", "1e5", "None", "true", "[1]", "", "é🦉", "a\nb\n", "{{ x }}", "'", '"', "\\"]
)
def test_text_stays_text(value: str) -> None:
    assert run("{{ value }}", value=value) == value
    assert run("<{{ value }}>", value=value) == f"<{value}>"


@given(st.text())
def test_any_text_survives(value: str) -> None:
    assert run("{{ value }}", value=value) == value
    assert run("{{ value }}{{ value }}", value=value) == value * 2


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("{{ n }}", 7),
        ("{{n}}", 7),
        ("{{- n -}}", 7),
        ("{{ n }} {{ n }}", "7 7"),
        ("{{ n }}{{ n }}", "77"),
        ("{{ '}}' }}", "}}"),
        ("{{ {'a': {'b': n}} }}", {"a": {"b": 7}}),
        ("{{ n }}{# said #}", 7),
        ("a {# said #}b", "a b"),
        ("{% raw %}{{ n }}{% endraw %}", "{{ n }}"),
        ("{{ z }}", None),
        ("[{{ z }}]", "[]"),
        ("{{ t }}/{{ n > 3 }}", "true/true"),
        ("no template", "no template"),
        (7, 7),
        (None, None),
        ([1, "{{ n }}", {"a": ["{{ n }}"]}], [1, 7, {"a": [7]}]),
        ({"k'\n\"": "{{ n }}"}, {"k'\n\"": 7}),
        ({}, {}),
    ],
)
def test_values_of_a_spec(template: Any, result: Any) -> None:
    found = run(template, n=7, z=None, t=True)
    assert found == result
    assert type(found) is type(result)


def test_what_is_a_template() -> None:
    assert [is_template(each) for each in ("{{ a }}", "x {% y %}", "{# z #}", "{ a }", 7, None, ["{{ a }}"])] == [
        True,
        True,
        True,
        False,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("template", "code", "what"),
    [
        ("{{ a", "template-syntax", 'this template can\'t be read: unexpected end of template, expected "}}"'),
        ("{{ }}", "template-syntax", 'this template can\'t be read: expected an expression, got "}}"'),
        ("{{ a b }}", "template-syntax", "this template can't be read: expected token \"}}\", got 'b'"),
        ("{{ a ! }}", "template-syntax", "this template can't be read: unexpected char '!' at 5"),
        ("{% for x in y %}{{ x }}{% endfor %}", "template-unsupported", "statements can't stand in a template"),
        ("{% set x = 1 %}", "template-unsupported", "statements can't stand in a template"),
        ("{# note #}", "template-unsupported", "a comment alone can't stand in a template"),
        ("{{ a() }}", "template-unsupported", "calls can't stand in a template"),
        ("{{ a.b(1) }}", "template-unsupported", "calls can't stand in a template"),
        ("{{ a ~ b }}", "template-unsupported", "~ can't stand in a template"),
        ("{{ a * 2 }}", "template-unsupported", "* can't stand in a template"),
        ("{{ a / 2 }}", "template-unsupported", "/ can't stand in a template"),
        ("{{ a // 2 }}", "template-unsupported", "// can't stand in a template"),
        ("{{ a % 2 }}", "template-unsupported", "% can't stand in a template"),
        ("{{ a ** 2 }}", "template-unsupported", "** can't stand in a template"),
        ("{{ +a }}", "template-unsupported", "+ as a sign can't stand in a template"),
        ("{{ a, b }}", "template-unsupported", "tuple can't stand in a template"),
        ("{{ a[1:2] }}", "template-unsupported", "[ ] can't stand in a template"),
        ("{{ a[[1]] }}", "template-unsupported", "[ ] can't stand in a template"),
        ("{{ a if b }}", "template-unsupported", '"if" needs an "else" here'),
        ("{{ a._b }}", "template-unsupported", '"_b" can\'t be read'),
        ("{{ a['__class__'] }}", "template-unsupported", '"__class__" can\'t be read'),
        ("{{ a is defined }}", "unknown-test", 'there is no test "defined"'),
        ("{{ a is none(1) }}", "unknown-test", 'there is no test "none"'),
        ("{{ a is none(x=1) }}", "unknown-test", 'there is no test "none"'),
        ("{{ a | upper }}", "unknown-template-filter", 'there is no filter "upper"'),
        ("{{ a | day(1) }}", "wrong-arguments", 'the filter "day" takes other arguments'),
        ("{{ a | map('x') }}", "wrong-arguments", 'the filter "map" takes other arguments'),
        ("{{ a | map(attribute='x', attribute='y') }}", "wrong-arguments", 'the filter "map" takes other arguments'),
        ("{{ a | map(class='x') }}", "wrong-arguments", 'the filter "map" takes other arguments'),
        ("{{ a | map(attribute=b) }}", "wrong-arguments", 'the filter "map" takes other arguments'),
        ("{{ a | as('b', **c) }}", "wrong-arguments", 'the filter "as" takes other arguments'),
        ("{{ a | as('b', *c) }}", "wrong-arguments", 'the filter "as" takes other arguments'),
        ("{{ a | as('b', c=1, c=2) }}", "wrong-arguments", 'the filter "as" takes other arguments'),
        ("{{ 1e999 }}", "number-too-large", "this number is too large"),
        ("{{ [18446744073709551616] }}", "number-too-large", "this number is too large"),
        ("{{ 0xfffffffffffffffff }}", "number-too-large", "this number is too large"),
        ("{{ " + "9" * 5000 + " }}", "number-too-large", "this number is too large"),
        ("{{ a }}" + " " * 10_000, "template-unsupported", "this template is too long"),
        (" {{ a }}", "template-space", "white space around a template makes a text of its value"),
        ("{{ a }}\n", "template-space", "white space around a template makes a text of its value"),
        ("{{ a | join(*b) }}", "wrong-arguments", 'the filter "join" takes other arguments'),
        ("{{ a | join(**b) }}", "wrong-arguments", 'the filter "join" takes other arguments'),
        ("{{ " + "[" * 150 + "a" + "]" * 150 + " }}", "template-unsupported", BRACKETS),
        ("{{ " + "(" * 4000 + "a" + ")" * 4000 + " }}", "template-unsupported", BRACKETS),
        ("{{ a" + " | unique" * 150 + " }}", "template-unsupported", BRACKETS),
        ("{{ a" + " | unique" * 1000 + " }}", "template-unsupported", BRACKETS),
    ],
)
def test_refusals(template: str, code: str, what: str) -> None:
    with pytest.raises(TemplateProblem) as caught:
        parse(template)
    assert (caught.value.code, caught.value.what) == (code, what)


@pytest.mark.parametrize(
    ("template", "fix"),
    [
        ("{{ a | defualt(1) }}", 'did you mean "default"?'),
        ("{{ a | day(1) }}", "write: … | day"),
        ("{{ a | map('x') }}", "write: … | map(attribute='…')"),
        ("{{ a | page }}", "write: … | page(number, size)"),
        ("{{ a | as }}", "write: | as('NAME')"),
    ],
)
def test_fixes(template: str, fix: str) -> None:
    with pytest.raises(TemplateProblem) as caught:
        parse(template)
    assert caught.value.fix == fix


@pytest.mark.parametrize(
    ("template", "paths"),
    [
        ("{{ a }}", ["a"]),
        ("{{ a.b['c'].d }}", ["a.b.c.d"]),
        ("x{{ a.b }}y{{ c }}", ["a.b", "c"]),
        ("{{ a.b if c else [d, {'k': e.f}] }}", ["c", "a.b", "d", "e.f"]),
        ("{{ a.b[0].c }}", ["a.b.[].c"]),
        ("{{ a.b[-1] }}", ["a.b.[]"]),
        ("{{ a[b.c] }}", ["a.[]", "b.c"]),
        ("{{ a.b | map(attribute='c') }}", ["a.b.[].c"]),
        ("{{ a | map(attribute='c') | unique | length }}", ["a.[].c"]),
        ("{{ a | select | map(attribute='c') }}", ["a.[].c"]),
        ("{{ a | matching(b.c, attribute='d') }}", ["a", "a.[].d", "b.c"]),
        ("{{ a | default(b) | common(c.d) }}", ["a", "b", "c.d"]),
        ("{{ not a == b.c is none }}", ["a", "b.c"]),
        ("{{ [a.b][0].c }}", ["a.b"]),
        ("{{ ('x' if a else b).c }}", ["a", "b"]),
        ("{{ 1 }}", []),
    ],
)
def test_paths_that_are_read(template: str, paths: list[str]) -> None:
    assert {".".join(path.parts) for path in parse(template).paths} == set(paths)


@pytest.mark.parametrize(
    ("template", "compared"),
    [
        ("{{ a.b < 1 }}", ["a.b"]),
        ("{{ 1 <= a < b.c }}", ["a", "b.c"]),
        ("{{ a == b }}", []),
        ("{{ x if a > b else c in d }}", ["a", "b"]),
        ("{{ a == b > c }}", ["b", "c"]),
        ("{{ (a | length) < 3 or (b | select) < 3 }}", ["b"]),
    ],
)
def test_paths_that_are_compared(template: str, compared: list[str]) -> None:
    assert [*dict.fromkeys(str(path) for path in parse(template).compared)] == compared


@pytest.mark.parametrize(
    ("template", "name", "each", "fields"),
    [
        ("{{ a.b }} {{ c.d }}", "a", False, {"b"}),
        ("{{ a }}", "a", False, None),
        ("{{ a.b[0].c }}", "a", False, {"b"}),
        ("{{ a[c.d].b }}", "a", False, None),
        ("{{ a[c.d].b }}", "c", False, {"d"}),
        ("{{ a['b'] }}", "a", False, {"b"}),
        ("{{ a[0].b }}", "a", True, {"b"}),
        ("{{ a | map(attribute='b') }}", "a", True, {"b"}),
        ("{{ a[0][c.d] }}", "a", True, None),
        ("{{ a[0] }}", "a", True, None),
        ("{{ a | length }}", "a", True, None),
        ("{{ a.b }}", "a", True, None),
        ("constant", "a", True, set()),
    ],
)
def test_fields_that_are_read(template: str, name: str, each: bool, fields: set[str] | None) -> None:
    assert fields_read({"x": [template]}, name, each=each) == fields


def test_path_as_text() -> None:
    assert str(Path(("a", "[]", "b"))) == "a.b"


def test_failing_template_is_found_in_the_file() -> None:
    document, _ = read_yaml("o.yaml", b"output:\n  fine: '{{ a }}'\n  sum: '{{ a + b }}'\n  last: 1\n")
    assert document is not None
    function = compiled(document, ("output",), document.data["output"], {"a": "of[0]", "b": "of[1]"}, {})
    assert function((1, 2)) == {"fine": 1, "sum": 3, "last": 1}
    with pytest.raises(TypeError) as caught:
        function((1, "secret"))
    error = located(caught.value)
    assert isinstance(error, SpecError)
    assert error.record()["spec"] == {"file": "o.yaml", "line": 3, "column": 8}
    assert [each.code for each in error.problems] == ["template-failed"]
    assert "secret" not in str(error)


def test_name_that_is_not_there_is_found_in_the_file() -> None:
    document, _ = read_yaml("o.yaml", b"output:\n  sum: '{{ a + 1 }}'\n  own: '{{ b }}'\n")
    assert document is not None
    function = compiled(document, ("output",), document.data["output"], {"a": "of['a']", "b": "of['b']"}, {})
    with pytest.raises(KeyError) as caught:
        function({"a": 1})
    error = located(caught.value)
    assert error is not None
    assert error.record()["spec"] == {"file": "o.yaml", "line": 3, "column": 8}


def test_other_failures_are_no_templates() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / 0
    assert located(caught.value) is None


@pytest.mark.parametrize(
    "name",
    [
        *("of", "v_a", "get", "item", "text", "f_join", "as_", "build_a", "isinstance", "NoneType", "str", "function"),
        *("__document__", "__places__", "__builtins__", "print", "lipsum", "range", "self", "class", "lambda"),
    ],
)
def test_names_are_those_of_the_scope(name: str) -> None:
    assert run(f"{{{{ {name} | default('x') | join }}}} {{{{ {name}[0] }}}}", **{name: ["data"]}) == "data data"
    with pytest.raises(NameError):
        run(f"{{{{ {name} }}}}")


@pytest.mark.parametrize(
    "template",
    [
        "{{ input.__class__ }}",
        "{{ input['__class__'] }}",
        "{{ input | map(attribute='__class__') }}",
        "{{ input | pluck('__class__') }}",
        "{{ input['_' + '_class__'] }}",
        "{{ input[name] }}",
        "{{ input[0][name] }}",
        "{{ name.format }}",
        "{{ 'x'.join }}",
        "{{ 'x'['format'] }}",
        "{{ 1.__class__ }}",
        "{{ '{0.__class__}' }}",
        "{{ '%s' }}",
        "{{ [].append }}",
        "{{ {}.keys }}",
        "{{ input.keys }}",
        "{{ name[0] }}",
    ],
)
def test_nothing_but_data_is_read(template: str) -> None:
    for value in ({"a": 1}, [{"a": 1}], "x", 1, None):
        try:
            result = run(template, input=value, name="__class__")
        except (TemplateProblem, TypeError, AttributeError):
            continue
        assert result in (None, [None], {"a": None}, {}, [], "{0.__class__}", "%s")


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'a' * 10**9 }}",
        "{{ range(10**9) }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%1000000000s' % 1 }}",
        "{{ 'x'.ljust(10**9) }}",
        "{{ (1, 2) }}",
        "{{ a" + " + a" * 2000 + " }}",
        "{{ " + "a + (" * 60 + "a" + ")" * 60 + " }}",
        "{{ " + "not " * 200 + "a }}",
        "{{ " + "-" * 200 + "a }}",
        "{{ a" + ".b" * 200 + " }}",
        "{{ a" + "[0]" * 200 + " }}",
        "{{ " + "a if a else " * 200 + "a }}",
        "{% for x in a %}{% endfor %}",
        "{% include 'a' %}",
        "{% macro a() %}{% endmacro %}",
    ],
)
def test_nothing_grows_without_an_end(template: str) -> None:
    with pytest.raises(TemplateProblem):
        parse(template)


@pytest.mark.parametrize(
    "template",
    [
        "{{ a" + " < a" * 2400 + " }}",
        "{{ [" + "a," * 4900 + "] }}",
        "{{ a }}" * 1400,
        "{{ '" + "(" * 9000 + "' }}",
        "(" * 9000 + "{{ a }}",
        "{{ {" + "'a': a," * 1200 + "} }}",
        "{{ a" + " and a" * 300 + " }}",
        "{{ a" + " - a" * 300 + " }}",
    ],
)
def test_what_is_long_is_compiled_all_the_same(template: str) -> None:
    assert run(template, a=1) is not None


def test_compiled_functions_reach_nothing_else() -> None:
    function = compiled(Document("t.yaml", "", {}), (), "{{ a }}", {"a": "of"}, {})
    names = set(function.__globals__["__builtins__"])
    assert names.isdisjoint({"open", "__import__", "eval", "exec", "getattr", "print"})

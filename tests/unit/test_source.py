"""Reading files: YAML without its surprises, JSON, and the place of every value."""

from typing import Any

import pytest

from connector_runtime.source import Document, duplicate_keys, read_json, read_yaml

NO_TOKEN = (
    "this is not YAML: found character that cannot start any token while scanning for the next token [yaml-syntax]"
)
UNCLOSED = "this is not YAML: did not find expected ',' or ']' while parsing a flow sequence [yaml-syntax]"
ANCHORS = "anchors and aliases are not allowed [yaml-anchor]"


def yaml_data(text: str) -> Any:
    """Read YAML that has no mistake."""
    document, problems = read_yaml("a.yaml", text.encode())
    assert problems == []
    assert document is not None
    return document.data


def yaml_problems(raw: bytes) -> list[str]:
    """Read YAML that has mistakes."""
    document, problems = read_yaml("a.yaml", raw)
    assert document is None
    return [str(each) for each in problems]


def sound(text: str, name: str = "a.yaml") -> Document:
    """Read a file that has no mistake."""
    document, _ = (read_yaml if name.endswith(".yaml") else read_json)(name, text.encode())
    assert document is not None
    return document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("True", "True"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("Null", "Null"),
        ("012", "012"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("0", 0),
        ("-7", -7),
        ("9223372036854775808", 9223372036854775808),
        ("1.5", 1.5),
        ("1.5e3", 1500.0),
        ("1e5", "1e5"),
        (".5", ".5"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("''", ""),
        ("=", "="),
        ("|\n  one\n  two\n", "one\ntwo\n"),
        (">-\n  one\n  two\n", "one two"),
        ("Zürich 🦉", "Zürich 🦉"),
        ('"tab\\there"', "tab\there"),
        ("[]", []),
        ("{}", {}),
        ("{a: , b: [1, x]}", {"a": None, "b": [1, "x"]}),
    ],
)
def test_yaml_values(text: str, value: Any) -> None:
    found = yaml_data(f"key: {text}")
    assert found == {"key": value}
    assert type(found["key"]) is type(value)


def test_yaml_keys_are_text() -> None:
    assert yaml_data("no: 1\non: 2\n1: 3\nnull: 4\n<<: {a: 1}\n2024-01-01: 5") == {
        "no": 1,
        "on": 2,
        "1": 3,
        "null": 4,
        "<<": {"a": 1},
        "2024-01-01": 5,
    }


def test_yaml_of_nothing() -> None:
    assert yaml_data("") is None
    assert yaml_data("# only a comment\n") is None


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_line_ends_and_byte_order_mark(ends: str) -> None:
    document, problems = read_yaml("a.yaml", b"\xef\xbb\xbf" + f"a: 1{ends}b:{ends}  - x{ends}".encode())
    assert problems == []
    assert document is not None
    assert document.data == {"a": 1, "b": ["x"]}
    assert str(document.problem(("b", 0), "c", "w")) == "a.yaml:3:5: w [c]"


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"a: 1\na: 2", ['a.yaml:2:1: the key "a" stands twice [duplicate-key]']),
        (
            b"x: {a: 1, 'a': 2, a: 3}",
            [
                'a.yaml:1:11: the key "a" stands twice [duplicate-key]',
                'a.yaml:1:19: the key "a" stands twice [duplicate-key]',
            ],
        ),
        (b"a: &x 1\nb: *x", [f"a.yaml:{line}:4: {ANCHORS}" for line in (1, 2)]),
        (b"a: &x [{b: 1}, 2]", [f"a.yaml:1:4: {ANCHORS}"]),
        (b"&x [*x]", [f"a.yaml:1:1: {ANCHORS}"]),
        (b"a: *x", [f"a.yaml:1:4: {ANCHORS}"]),
        (b"&x a: 1", ["a.yaml:1:1: a key must be plain text [yaml-key]"]),
        (b"a: !!int '7'", ["a.yaml:1:4: tags are not allowed [yaml-tag]"]),
        (b"a: !!python/object/apply:os.system [ls]", ["a.yaml:1:4: tags are not allowed [yaml-tag]"]),
        (b"? [a]\n: 1", ["a.yaml:1:3: a key must be plain text [yaml-key]"]),
        (
            b"? {a: 1}\n: 1\nb: !x 1",
            ["a.yaml:1:3: a key must be plain text [yaml-key]", "a.yaml:3:4: tags are not allowed [yaml-tag]"],
        ),
        (b"a: [1", [f"a.yaml:1:4: {UNCLOSED}"]),
        (
            b"a: 1\n  b: 2",
            ["a.yaml:2:4: this is not YAML: mapping values are not allowed in this context [yaml-syntax]"],
        ),
        (b"a: @x", [f"a.yaml:1:4: {NO_TOKEN}"]),
        (b"a: x\x00y", ["a.yaml:1:5: this is not YAML: the character U+0000 can't be printed [yaml-syntax]"]),
        (
            b"a: 1\nb: \xef\xbb\xbfx",
            ["a.yaml:2:4: this is not YAML: the character U+FEFF can't be printed [yaml-syntax]"],
        ),
        (b"a: 1\n--- b", ["a.yaml:2:1: a second document begins here [yaml-syntax]"]),
        (b"ab: \xff", ["a.yaml:1:5: byte 0xff is not UTF-8 [not-utf8]"]),
        ("ä: x\nöö: ".encode() + b"\xe4", ["a.yaml:2:5: byte 0xe4 is not UTF-8 [not-utf8]"]),
        ("a: ü".encode("utf-16"), ["a.yaml:1:1: byte 0xff is not UTF-8 [not-utf8]"]),
        (b"[" * 61 + b"]" * 61, ["a.yaml:1:61: nested deeper than 60 levels [too-deep]"]),
        (b"[" * 500_000, ["a.yaml:1:61: nested deeper than 60 levels [too-deep]"]),
        (
            b"? " + b"[" * 500_000,
            [
                "a.yaml:1:3: a key must be plain text [yaml-key]",
                "a.yaml:1:63: nested deeper than 60 levels [too-deep]",
            ],
        ),
    ],
)
def test_yaml_mistakes(raw: bytes, found: list[str]) -> None:
    assert yaml_problems(raw) == found


def test_sixty_levels_are_enough() -> None:
    assert yaml_data("[" * 60 + "1" + "]" * 60)


@pytest.mark.parametrize(
    ("raw", "fix"),
    [
        (b"a: b: c", "put the text in quotes if its colon is meant"),
        (b"\ta: 1", "indent with spaces, not tabs; put a text that begins with @ or ` in quotes"),
        (b'a: "b', "close the quotes"),
        (b"a: 1\n---\nb: 2", "remove the ---"),
        (b"a: [1", ""),
    ],
)
def test_yaml_remedies(raw: bytes, fix: str) -> None:
    _, (problem,) = read_yaml("a.yaml", raw)
    assert problem.fix == fix


def test_what_is_open_to_the_end_is_shown_where_it_begins() -> None:
    _, (problem,) = read_yaml("a.yaml", b"a: 1\nb: 'c\nd: 2\n")
    assert (problem.line, problem.column, problem.excerpt) == (2, 4, "b: 'c")


def test_document_remembers_where_everything_stands() -> None:
    document = sound("a: x\nb:\n  - {c: 1, 'd e': [2]}\n  - >-\n    long\n    text\n")
    places = {(): (1, 1), ("a",): (1, 4), ("b",): (3, 3), ("b", 0, "d e"): (3, 19), ("b", 0, "d e", 0): (3, 20)}
    for pointer, place in places.items():
        problem = document.problem(pointer, "c", "w")
        assert (problem.line, problem.column) == place
    key = document.problem(("b", 0, "d e"), "c", "w", key=True)
    assert (key.line, key.column, key.excerpt) == (3, 12, "  - {c: 1, 'd e': [2]}")


def test_place_of_what_is_not_there_is_what_is_around_it() -> None:
    document = sound("a: {b: 1}\n")
    assert str(document.problem(("a", "zz", 3), "c", "w")) == "a.yaml:1:4: w [c]"
    assert str(Document("a.yaml", "", {}).problem(("x",), "c", "w")) == "a.yaml:1:1: w [c]"


@pytest.mark.parametrize(
    ("text", "within", "place"),
    [
        ('a: "{{ input.job }}"', "input.job", (1, 8)),
        ('a: "{{ input.jobs + input.job }}"', "input.job", (1, 21)),
        ('a: "{{ x.input.job + input.job }}"', "input.job", (1, 22)),
        ("a: \"{{ xs | map(attribute='job') }}\"", "xs.job", (1, 28)),
        ("a: \"{{ record['job'] }}\"", "record.job", (1, 16)),
        ('a: "{{ f(x) }}"', "(", (1, 9)),
        ("a: >-\n  one\n  {{ two }}", "two", (3, 6)),
        ('a: "{{ x }}"\nb: "{{ y }}"', "y", (1, 4)),
        ("a: 'x'", "", (1, 4)),
    ],
)
def test_place_within_a_value(text: str, within: str, place: tuple[int, int]) -> None:
    problem = sound(text).problem(("a",), "c", "w", within=within)
    assert (problem.line, problem.column) == place


JSON = '{\n\t"a": {"b\\u00e9": [1, {"c": null}, "x}],\\""],\r\n\t\t"\\"q\\"": {}},\n  "d": []\n}'


@pytest.mark.parametrize(
    ("pointer", "value", "key"),
    [
        ((), (1, 1), (1, 1)),
        (("a",), (2, 7), (2, 2)),
        (("a", "bé"), (2, 19), (2, 8)),
        (("a", "bé", 0), (2, 20), (2, 19)),
        (("a", "bé", 1, "c"), (2, 29), (2, 24)),
        (("a", "bé", 2), (2, 36), (2, 19)),
        (("a", '"q"'), (3, 12), (3, 3)),
        (("d",), (4, 8), (4, 3)),
    ],
)
def test_json_places(pointer: tuple[str | int, ...], value: tuple[int, int], key: tuple[int, int]) -> None:
    document = sound(JSON, "a.json")
    found = document.problem(pointer, "c", "w")
    assert (found.line, found.column) == value
    found = document.problem(pointer, "c", "w", key=True)
    assert (found.line, found.column) == key


def test_json_that_yaml_would_not_take() -> None:
    document = sound('{"a": "\\ud83e\\udd89 \\/ \x7f \u2028", "a": 1, "%s": {"b": 1, "b": 2}}' % ("k" * 2000), "a.json")
    assert [str(each) for each in duplicate_keys(document)] == [
        'a.json:1:30: the key "a" stands twice [duplicate-key]',
        'a.json:1:2051: the key "b" stands twice [duplicate-key]',
    ]


def test_deep_json() -> None:
    assert sound("[" * 60 + "]" * 60, "a.json").problem((0,) * 59, "c", "w").column == 60
    document, (problem,) = read_json("a.json", b"[" * 61 + b"]" * 61)
    assert document is None
    assert str(problem) == "a.json:1:61: nested deeper than 60 levels [too-deep]"


@pytest.mark.parametrize("number", ["18446744073709551616", "-18446744073709551616", "9" * 5000, "-" + "9" * 5000])
def test_number_too_large(number: str) -> None:
    for found in (read_yaml("a.yaml", f"a: {number}".encode()), read_json("a.json", f"[{number}]".encode())):
        document, (problem,) = found
        assert document is None
        assert problem.code in ("number-too-large", "json-syntax")
        assert problem.line == 1


def test_largest_number() -> None:
    assert yaml_data("a: 18446744073709551615") == {"a": 2**64 - 1}
    assert sound("[18446744073709551615]", "a.json").data == [2**64 - 1]


def test_long_lines_are_not_shown() -> None:
    assert sound("a: x" + "y" * 500).problem(("a",), "c", "w").excerpt == ""
    assert sound("a: x").problem(("a",), "c", "w").excerpt == "a: x"


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"", "a.json:1:1: this is not JSON: Input is a zero-length, empty document [json-syntax]"),
        (b'{\n  "a": 1,\n}', "a.json:2:9: this is not JSON: trailing comma is not allowed [json-syntax]"),
        (b'{"a": NaN}', "a.json:1:7: this is not JSON: unexpected character [json-syntax]"),
        (b'{"a": 1} x', "a.json:1:10: this is not JSON: unexpected content after document [json-syntax]"),
        (b'{"a": "\xff"}', "a.json:1:8: byte 0xff is not UTF-8 [not-utf8]"),
        (b'\xef\xbb\xbf{"a" 1}', "a.json:1:6: this is not JSON: unexpected character, expected ':' [json-syntax]"),
    ],
)
def test_json_mistakes(raw: bytes, found: str) -> None:
    document, (problem,) = read_json("a.json", raw)
    assert document is None
    assert str(problem).partition(" this is")[0] == found.partition(" this is")[0]
    assert problem.code in found

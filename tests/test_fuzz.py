"""Whatever stands in a spec or a template: it is sound, or a problem tells what is wrong, soon. Nothing else happens.

A few examples run every time, always the same. For many, and new ones each time:
CONNECTOR_FUZZ=5000 pytest tests/test_fuzz.py
"""

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connector_runtime import Problem, SpecError, load, validate
from connector_runtime.functions import compiled, located
from connector_runtime.source import Document
from connector_runtime.templates import Template, TemplateProblem, parse

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "tests" / "fixtures" / "connector"
WANTED = int(os.environ.get("CONNECTOR_FUZZ", "0"))
SECONDS = 20


def examples(number: int) -> settings:
    """Settings for a few examples, the same every time, or for as many as are wanted."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    count = WANTED or number
    same = not WANTED
    return settings(max_examples=count, derandomize=same, database=None, deadline=None, suppress_health_check=slow)


SIGNS: list[str] = re.findall(r"\S+", """
{{ }} {{- -}} {% %} {# #} ( ) [ ] { } , : . | ~ = + - * ** / // % == != < <= > >= ; # \\ ' " *a **a
in not and or if else is for set raw endraw import include macro self loop none true string number mapping lambda
a b of v_a get item text f_join as_ dict str isinstance NoneType range cycler lipsum namespace
__class__ __document__ __places__ __builtins__ _x '__class__' '{0.__class__}' '%s' '\\x00' 'a' "b"
0 1 -1 2.5 1e9 1e999 0xffffffffffffffffffff 999999999999999999999999999999
map join select page default as having matching tree numbered attribute format
a.b a['b'] a[b] a.__class__ |map(attribute='b') |as('x',y=b) |join(b) |page(1,9) a() a.b() ''.join x é 🦉
""")
PIECES = st.lists(st.one_of(st.sampled_from([*SIGNS, " ", "\n", "\t", "\x00"]), st.text(max_size=5)), max_size=30)
TEMPLATES = st.one_of(PIECES.map(" ".join), PIECES.map("".join), PIECES.map(lambda each: f"{{{{ {' '.join(each)} }}}}"))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["b", "id", "x"]), inner)),
    max_leaves=5,
)


def is_data(value: Any) -> bool:
    """Tell whether a value is made of data alone."""
    if isinstance(value, dict):
        return all(map(is_data, [*value, *value.values()]))
    return all(map(is_data, value)) if isinstance(value, list) else type(value) in (type(None), bool, int, float, str)


def template_of(text: str) -> Template | None:
    """Parse a template, which may be refused."""
    with suppress(TemplateProblem):
        return parse(text)
    return None


def outcome(template: Template, values: dict[str, Any]) -> Any:
    """Give what a template makes of values; None when it can't, which must be told with its place."""
    access = {name: f"of[{name!r}]" for name in values}
    function = compiled(Document("t.yaml", "", {}), (), template.text, access, {"as_": lambda value, *_: value})
    try:
        return function(values)
    except (TypeError, ValueError, LookupError, ArithmeticError) as error:
        if located(error) is None:
            raise
    return None


@examples(400)
@given(TEMPLATES, VALUES, VALUES)
def test_any_text_is_a_template_or_a_problem(text: str, a: Any, b: Any) -> None:
    start = time.monotonic()
    template = template_of(text)
    if template is not None and "{{" in text:
        names = sorted({path.parts[0] for path in template.paths})
        assert is_data(outcome(template, {name: (a, b)[index % 2] for index, name in enumerate(names)}))
    assert time.monotonic() - start < SECONDS


WORDS: list[str] = re.findall(r"\S+", """
request write check join output as by id ids when where query order page size each found value first list one many given
with parts parent include input row record body create update book books candidate candidates get_book object array
type items properties required anyOf allOf oneOf not if enum const pattern format default additionalProperties maxItems
maximum $ref $id $defs $anchor $schema $dynamicRef x-path x-filters x-field x-create x-update x-lookup _x
""")
ODD: list[Any] = [
    *(None, True, False, 0, -1, 0.5, 10**18, 1e300, "", "\x00", "id desc", "a.b", "/x", "(", "http://a.b/c", "../../x"),
    *("{{ x", "{{ input }}", "{{ record.id }}", "{{ row }}", "{{ given.x }}", "{{ input[record] }}", " {{ input }}"),
    *("{{ a | as('b') }}", [], {}, [[]], [None], ["x", "x"], ["object", "null"], {"gte": 1}),
    *({"$ref": to} for to in ("#", "#/properties/id", "#a", "x.json", "../api/books.json", "http://a/b", "/etc/x")),
    *({"$id": "http://a/b"}, {"$dynamicRef": "#a"}, {"type": "x"}, {"type": "object"}, {"anyOf": [{"$ref": "#"}]}),
    *WORDS,
]
BYTES = [b"&a ", b"*a", b"!!x ", b"<<: ", b"\x00", b"[", b"{", b"\t", b"\xef\xbb\xbf", b"\xff", b"\r", b"--- ", b"'"]


def scratched(raw: bytes, chance: Random) -> bytes:
    """Change some bytes or lines of a file, anywhere."""
    lines = raw.split(b"\n")
    at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    place = chance.randrange(len(raw) + 1)
    match chance.randrange(6):
        case 0:
            return raw[:place] + bytes([chance.randrange(256)]) + raw[place + 1 :]
        case 1:
            return raw[:place] + raw[place + chance.randrange(30) :]
        case 2:
            return raw[:place] + chance.choice(BYTES) + raw[place:]
        case 3:
            lines[at], lines[other] = lines[other], lines[at]
        case 4:
            del lines[at]
        case _:
            lines.insert(at, lines[other])
    return b"\n".join(lines)


def places(value: Any, pointer: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give every place in a document."""
    yield pointer
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(each, (*pointer, key))


def at(value: Any, pointer: tuple[Any, ...]) -> Any:
    """Give what stands at a place."""
    for part in pointer:
        value = value[part]
    return value


def reshaped(data: Any, other: Any, chance: Random) -> Any:
    """Change a document at any place: put in something odd or a piece of another document, drop, add, rename."""
    fresh = deepcopy(chance.choice(ODD) if chance.random() < 0.5 else at(other, chance.choice(list(places(other)))))
    *above, last = chance.choice(list(places(data))) or (None,)
    if last is None:
        return fresh if chance.random() < 0.2 else data
    parent = at(data, tuple(above))
    match chance.randrange(5):
        case 0 if isinstance(parent, dict):
            del parent[last]
        case 1 if isinstance(parent, dict):
            parent[chance.choice([*WORDS, *parent])] = parent.pop(last)
        case 2 if isinstance(parent, dict):
            parent[chance.choice(WORDS)] = fresh
        case _:
            parent[last] = fresh
    return data


def spoilt(raw: bytes, other: bytes, chance: Random) -> bytes:
    """Change a file, as text or as data, once or several times."""
    changes = chance.choice([1, 1, 2, 4])
    if chance.random() < 0.3:
        for _ in range(changes):
            raw = scratched(raw, chance)
        return raw
    data, further = yaml.safe_load(raw), yaml.safe_load(other)
    for _ in range(changes):
        data = reshaped(data, further, chance)
    return orjson.dumps(data, option=orjson.OPT_INDENT_2)


def files_of(folder: Path) -> list[Path]:
    """Give the files of a connector."""
    found = [file for top in ("operations", "ddl", "schemas") for file in (folder / top).rglob("*") if file.is_file()]
    return [folder / "connector.yaml", *sorted(file for file in found if file.parent.name != "spec")]


@pytest.fixture(scope="module", params=[LIBRARY, ROOT], ids=["library", "own"])
def copied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a connector that may be spoilt."""
    folder = tmp_path_factory.mktemp("fuzz")
    for file in files_of(request.param):
        place = folder / file.relative_to(request.param)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    return folder


def refused(folder: Path) -> list[Problem]:
    """Load a connector; give the problems that it is refused for."""
    try:
        load(folder)
    except SpecError as error:
        return list(error.problems) or [Problem("", 0, 0, "refused", "without a reason")]
    return []


def stands_in(problem: Problem, folder: Path) -> bool:
    """Tell whether a problem has a place in its file."""
    file = folder / problem.file
    lines = file.read_bytes().decode("utf-8", "replace").splitlines() if file.is_file() else []
    widths = [len(line) + 1 for line in lines[problem.line - 1 : problem.line]]
    return 1 <= problem.line <= len(lines) + 1 and 1 <= problem.column <= max([1, *widths])


@settings(examples(25), phases=[Phase.generate])
@given(st.integers(0, 2**32))
def test_any_change_of_a_file_is_sound_or_told(copied: Path, seed: int) -> None:
    start, chance = time.monotonic(), Random(seed)
    before = [(file, file.read_bytes()) for file in chance.sample(files_of(copied), chance.randint(1, 3))]
    try:
        for file, raw in before:
            file.write_bytes(spoilt(raw, chance.choice(before)[1], chance))
        told, _ = validate(copied)
        assert [str(each) for each in told if not stands_in(each, copied)] == []
        assert {*refused(copied)} <= {*told}
    finally:
        for file, raw in before:
            file.write_bytes(raw)
    assert time.monotonic() - start < SECONDS

"""What we ship: every spec is marked, ordered, tested; every case and schema is sound."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from connector_runtime import Connector, validate
from connector_runtime.schemas import Validator, bundled
from greenhouse_sandbox import Sandbox

ROOT = Path(__file__).parents[1]
KINDS = {
    "connector.yaml": "connector",
    "operations/*.yaml": "operation",
    "operations/objects/*.yaml": "object",
    "operations/parts/*.yaml": "part",
    "operations/bodies/*.yaml": "body",
    "ddl/*.yaml": "ddl",
}
SPECS = [(file, kind) for pattern, kind in KINDS.items() for file in sorted(ROOT.glob(pattern))]
NAMES = [str(file.relative_to(ROOT)) for file, _ in SPECS]
GRAMMAR = {
    f"schemas/spec/{file.name}": orjson.loads(file.read_bytes())
    for file in sorted((ROOT / "schemas/spec").glob("*.json"))
}
CASES = sorted((ROOT / "tests" / "cases").glob("*/*.yaml"))
SCHEMAS = sorted((ROOT / "schemas").glob("*/*.json"))


def test_connector_has_no_problem() -> None:
    problems, checked = validate(ROOT)
    assert problems == []
    assert checked == len(SPECS) + sum(file.parent.name != "spec" for file in SCHEMAS)


@pytest.mark.parametrize(("file", "kind"), SPECS, ids=NAMES)
def test_spec_names_its_grammar_to_the_editor(file: Path, kind: str) -> None:
    first = file.read_text("utf-8").partition("\n")[0]
    found = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert found, first
    assert (file.parent / found[1]).resolve() == ROOT / "schemas" / "spec" / f"{kind}.json"


def blocks(kind: str, data: dict[str, Any]) -> Iterator[tuple[str, list[str], list[str]]]:
    """Give each mapping with fixed keys: where it is, its keys, and the grammar's order of them."""
    grammar = GRAMMAR[f"schemas/spec/{kind}.json"]
    yield kind, [*data], [*grammar["properties"]]
    definitions = GRAMMAR["schemas/spec/operation.json"]["$defs"]
    inner = {
        "request": [*definitions["step"]["properties"]],
        "write": [*definitions["write"]["additionalProperties"]["properties"]],
        "join": [*GRAMMAR["schemas/spec/object.json"]["$defs"]["join"]["properties"]],
    }
    for word, order in inner.items():
        for name, each in data.get(word, {}).items():
            yield f"{word}.{name}", [*each], order


@pytest.mark.parametrize(("file", "kind"), SPECS, ids=NAMES)
def test_keys_stand_in_the_order_of_the_grammar(file: Path, kind: str) -> None:
    data = yaml.safe_load(file.read_text("utf-8"))
    for where, keys, order in blocks(kind, data):
        assert keys == sorted(keys, key=order.index), where


@pytest.mark.parametrize(("file", "kind"), SPECS, ids=NAMES)
def test_file_is_written_in_the_house_style(file: Path, kind: str) -> None:
    raw = file.read_bytes()
    text = raw.decode("utf-8")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\r" not in text
    assert "\t" not in text
    assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_names_are_unique(connector: Connector) -> None:
    operations = [file.stem for file, kind in SPECS if kind in ("operation", "ddl")]
    titles = Counter(each.title for each in connector.operations.values())
    assert Counter(operations).most_common(1)[0][1] == 1
    assert titles.most_common(1)[0][1] == 1
    assert sorted(operations) == [*connector.operations]


def test_every_operation_has_a_case(connector: Connector) -> None:
    tested = {file.parent.name for file in CASES}
    assert tested == set(connector.operations)


@pytest.mark.parametrize("file", CASES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_case_is_as_declared(file: Path) -> None:
    case = yaml.safe_load(file.read_text("utf-8"))
    found = Validator(bundled(GRAMMAR, "schemas/spec/case.json")).violations(case)
    assert [f"{each.path} {each.message}" for each in found] == []


@pytest.mark.parametrize("file", SCHEMAS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_schema_says_what_it_is(file: Path) -> None:
    schema = orjson.loads(file.read_bytes())
    assert schema["title"]
    assert schema["description"]


def test_every_published_example_is_a_sound_input(connector: Connector) -> None:
    for operation in connector.operations.values():
        for example in operation.input_schema.get("examples", ()):
            assert operation.ready(example) is not None


def test_content_types_are_those_of_their_drop_down(connector: Connector) -> None:
    with Sandbox() as sandbox, connector.connect(sandbox.credentials, transport=sandbox.transport()) as connection:
        choices = connection.call("list_attachment_content_types_ddl")["result"]
    schema = connector.operations["create_candidate_application"].input_schema["$defs"]["objects.input_attachment"]
    assert schema["properties"]["content_type"]["enum"] == [choice["value"] for choice in choices]

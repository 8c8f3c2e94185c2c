"""The published samples: inputs are taken; outputs pass the schemas, and come out again but for what is told."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector_runtime import Connector
from connector_runtime.cli import main
from connector_runtime.schemas import Validator
from greenhouse_sandbox import Sandbox

HERE = Path(__file__).parent / "samples"
SAMPLES: dict[str, dict[str, Any]] = {
    each["name"]: each for each in json.loads((HERE / "samples.json").read_text(encoding="utf-8"))
}
TOLD: dict[str, dict[str, Any]] = yaml.safe_load((HERE / "differences.yaml").read_text(encoding="utf-8"))
INPUTS = [name for name, each in SAMPLES.items() if each["input"] is not None]
OUTPUTS = [name for name, each in SAMPLES.items() if each["output"] is not None]
# What a create makes is dated as in the sample.
MOMENT = datetime.fromisoformat("2023-05-15T14:30:00+00:00").timestamp()


def given_to(name: str) -> Any:
    """Give the sample input of an operation; where it is blank, the documented one."""
    return TOLD["inputs"][name] if name in TOLD["inputs"] else SAMPLES[name]["input"]


def differences(wanted: Any, found: Any, place: str = "") -> Iterator[str]:
    """Find the places of a sample that come out otherwise. Further keys and the order of records are none."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            inner = f"{place}/{key.replace('~', '~0').replace('/', '~1')}"
            yield from differences(value, found[key], inner) if key in found else [inner]
    elif isinstance(wanted, list) and isinstance(found, list):
        pairs = paired(wanted, found)
        for index, value in enumerate(wanted):
            inner = f"{place}/{index}"
            yield from differences(value, found[pairs[index]], inner) if index in pairs else [inner]
        if len(found) > len(wanted):
            yield place
    elif type(wanted) is not type(found) or wanted != found:
        yield place


def paired(wanted: list[Any], found: list[Any]) -> dict[int, int]:
    """Pair the entries of two lists: first those of the same id or value, then the others in their order."""
    places = {key(value): index for index, value in enumerate(found) if key(value) is not None}
    pairs = {index: places[key(value)] for index, value in enumerate(wanted) if key(value) in places}
    left = (index for index in range(len(found)) if index not in pairs.values())
    rest = (index for index in range(len(wanted)) if index not in pairs)
    return {**pairs, **dict(zip(rest, left, strict=False))}


def key(value: Any) -> Any:
    """Give what tells a record or a choice apart; null when it is neither."""
    return value.get("id", value.get("value")) if isinstance(value, dict) else None


def test_every_operation_has_its_samples(connector: Connector) -> None:
    assert set(SAMPLES) == set(connector.operations)
    assert (len(INPUTS), len(OUTPUTS)) == (22, 19)
    assert set(TOLD["inputs"]) == set(SAMPLES) - set(INPUTS)
    assert set(TOLD["differences"]) <= set(OUTPUTS)


@pytest.mark.parametrize("name", INPUTS)
def test_sample_input(connector: Connector, name: str) -> None:
    ready = connector.operation(name).ready(SAMPLES[name]["input"])
    assert ready.keys() >= SAMPLES[name]["input"].keys()


@pytest.mark.parametrize("name", OUTPUTS)
def test_sample_output(connector: Connector, name: str) -> None:
    sample = SAMPLES[name]["output"]
    assert Validator(connector.operation(name).output_schema).violations(sample) == []
    with (
        Sandbox(clock=lambda: MOMENT) as sandbox,
        connector.connect(sandbox.credentials, transport=sandbox.transport()) as connection,
    ):
        found = connection.call(name, given_to(name))
    told = [place for each in TOLD["differences"].get(name, ()) for place in each["at"]]
    assert sorted(differences(sample, found)) == sorted(told)


@pytest.mark.parametrize("name", SAMPLES)
def test_command_line(
    connector: Connector, root: Path, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for setting in (*connector.credentials_schema["properties"], "base_url", "token_url"):
        monkeypatch.delenv(f"{connector.name}_{setting}".upper(), raising=False)
    main(["call", name, "--input", json.dumps(given_to(name)), "--connector", str(root)], standalone_mode=False)
    output = json.loads(capsys.readouterr().out)
    assert Validator(connector.operation(name).output_schema).violations(output) == []

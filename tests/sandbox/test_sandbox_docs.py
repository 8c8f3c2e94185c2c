"""docs/sandbox.md tells the truth: every kind, key, setting and path is in it, and its examples are the same fault."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from greenhouse_sandbox import Sandbox
from greenhouse_sandbox.declared import records
from greenhouse_sandbox.faults import SELECTORS
from greenhouse_sandbox.kinds import KINDS

TEXT = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##)", TEXT, re.MULTILINE | re.DOTALL))


def called(line: str) -> dict[str, Any]:
    """The record of a call of `fail`."""
    (statement,) = ast.parse(line).body
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Call)
    assert ast.unparse(statement.value.func) == "sandbox.fail"
    keys = {str(each.arg): ast.literal_eval(each.value) for each in statement.value.keywords}
    return {"kind": ast.literal_eval(statement.value.args[0]), **keys}


def test_every_kind_is_described() -> None:
    assert [*SECTIONS] == [*KINDS]


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_described(kind: str) -> None:
    assert [key for key in KINDS[kind].keys if key not in ("done", "later") and f"`{key}`" not in SECTIONS[kind]] == []


def test_every_selector_is_described() -> None:
    listed = TEXT.partition("### Which requests")[2].partition("###")[0]
    assert re.findall(r"^\| `(\w+)` \|", listed, re.MULTILINE) == [*SELECTORS, "done", "later"]


def test_the_kinds_in_the_place_of_the_answer_are_listed() -> None:
    listed = re.search(r"The kinds (.+)\s+stand in the place of the answer", TEXT)
    assert listed
    assert {*re.findall(r"`(\w+)`", listed[1])} == {name for name, kind in KINDS.items() if "done" in kind.keys}


@pytest.mark.parametrize("kind", KINDS)
def test_the_examples_are_the_same_fault(kind: str) -> None:
    (block,) = re.findall(r"^```text\n(.*?)^```$", SECTIONS[kind], re.MULTILINE | re.DOTALL)
    python, command, curl = block.splitlines()
    fault = called(python)
    assert fault["kind"] == kind
    *words, text = shlex.split(command)
    assert (words, records(text)) == (["connector", "sandbox", "--fault"], [fault])
    program, option, body, url = shlex.split(curl)
    assert (program, option, url) == ("curl", "-d", "127.0.0.1:8765/sandbox/faults")
    assert json.loads(body) == fault
    with Sandbox() as sandbox:
        sandbox.fail(**fault)


def test_every_setting_is_described() -> None:
    with Sandbox() as sandbox:
        known = sandbox.settings
    rows = re.findall(r"^\| `(\w+)` \| `--([\w-]+)` \| (\w+) \|", TEXT, re.MULTILINE)
    assert {name: option.replace("-", "_") for name, option, _ in rows} == {name: name for name in known}
    assert {name: default for name, _, default in rows} == {name: str(known[name]).lower() for name in known}


def test_every_path_is_described() -> None:
    with Sandbox() as sandbox:
        paths = json.loads(sandbox.handle("GET", "/sandbox", {}).body)["paths"]
    rows = re.findall(r"^\| `([A-Z]+) (/[\w/]+?)(?:/NUMBER)?` \|", TEXT, re.MULTILINE)
    assert {*rows} == {(method, path) for path, methods in paths.items() for method in methods}


def test_python_runs() -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    done = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["503", "{'requests': 1, 'throttled': 0, 'faults': {'status': 1}, 'peak': 0}"]

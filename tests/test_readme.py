"""The README does what it says: its Python blocks run, its commands succeed, its table is true."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from connector_runtime import ConnectorError

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text("utf-8")
CLEAN = {key: value for key, value in os.environ.items() if not key.startswith("GREENHOUSE_")}


def fenced(language: str) -> list[str]:
    """Give the blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


COMMANDS = [line[2:] for block in fenced("console") for line in block.splitlines() if line.startswith("$ connector")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the connector's files."""
    copy = tmp_path_factory.mktemp("copy")
    shutil.copy(ROOT / "connector.yaml", copy)
    for name in ("operations", "ddl", "schemas"):
        shutil.copytree(ROOT / name, copy / name)
    return copy


def ran(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=CLEAN, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("block", fenced("python"), ids=lambda block: str(len(block)))
def test_python_runs(block: str, folder: Path) -> None:
    done = ran(["-c", block], folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.parametrize("line", COMMANDS)
def test_command_succeeds(line: str, folder: Path) -> None:
    done = ran(["-m", "connector_runtime", *shlex.split(line)[1:]], folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_there_is_something_to_run() -> None:
    assert len(fenced("python")) >= 2
    assert len(COMMANDS) >= 3


def test_exit_codes_are_as_in_the_table() -> None:
    rows = re.findall(r"^\| (\w+) \| (\d+) \|", TEXT, re.MULTILINE)
    assert [(name, int(code)) for name, code in rows] == [
        (kind.code, kind.exit_code) for kind in ConnectorError.__subclasses__()
    ]


def test_every_link_leads_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)", TEXT):
        assert "://" in link or (ROOT / link).exists(), link
    for path in re.findall(r"`([a-z][\w./]*/)`", TEXT):
        assert (ROOT / path).is_dir(), path

"""The wheel works on its own: built here, installed elsewhere, run from a third place."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).parents[1]
CLEAN = {key: value for key, value in os.environ.items() if not key.startswith(("GREENHOUSE_", "COV", "PYTHON"))}
ASYNC = """
import asyncio, connector_runtime
from connector_runtime import load
from greenhouse_sandbox import Sandbox

async def main():
    with Sandbox() as sandbox:
        async with await load().aconnect(sandbox.credentials, transport=sandbox.transport()) as connection:
            return await connection.call("list_users_ddl", {"search": "jane smith"})

print(connector_runtime.__file__)
print([each["text"] for each in asyncio.run(main())["result"]])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, env=CLEAN, capture_output=True, check=True)
    (file,) = folder.iterdir()
    return file


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel; its dependencies are lent from here, this checkout is not."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    install = [*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, env=CLEAN, capture_output=True, check=True)
    return python


def ran(arguments: list[str | Path], folder: Path) -> str:
    """Run a command that succeeds."""
    done = subprocess.run(arguments, cwd=folder, env=CLEAN, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def files(folder: Path) -> set[str]:
    """Give the files below a folder that belong to it."""
    found = (file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {file.relative_to(folder).as_posix() for file in found}


def test_wheel_holds_what_it_should_and_nothing_else(wheel: Path) -> None:
    bundle = {
        "connector.yaml",
        *(f"{name}/{file}" for name in ("operations", "ddl", "schemas") for file in files(ROOT / name)),
    }
    expected = {f"connector_runtime/bundle/{name}" for name in bundle}
    expected |= files(ROOT / "runtime") | files(ROOT / "sandbox")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        unchanged = archive.read("connector_runtime/bundle/connector.yaml") == (ROOT / "connector.yaml").read_bytes()
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert unchanged
    assert {name.partition(".dist-info/")[2] for name in names if ".dist-info/" in name} == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
    }


def test_commands_of_an_installed_wheel(python: Path, tmp_path: Path) -> None:
    connector = python.with_name("connector")
    assert ran([connector, "validate"], tmp_path).startswith("no problems (")
    found = orjson.loads(ran([connector, "call", "get_candidate", "--input", '{"candidate_id": 12345}'], tmp_path))
    assert found["candidate_found"] is True
    assert orjson.loads(ran([connector, "ddl", "list_jobs_ddl"], tmp_path))["result"]
    assert ran([connector, "--version"], tmp_path).startswith("connector ")


def test_asyncio_from_an_installed_wheel(python: Path, tmp_path: Path) -> None:
    place, result = ran([python, "-c", ASYNC], tmp_path).splitlines()
    assert Path(place).is_relative_to(python.parents[1])
    assert result == "['Jane Smith']"

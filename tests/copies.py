"""Copies of this repository's connector, with a few words of its manifest changed for tests."""

import shutil
from pathlib import Path

from connector_runtime import Connector, load

ROOT = Path(__file__).parents[1]


def copied(folder: Path, old: str, new: str) -> Path:
    """Copy the connector into a folder, with one text of its manifest replaced."""
    for part in ("operations", "ddl", "schemas"):
        shutil.copytree(ROOT / part, folder / part)
    manifest = (ROOT / "connector.yaml").read_text("utf-8")
    assert old in manifest
    (folder / "connector.yaml").write_text(manifest.replace(old, new), "utf-8")
    return folder


def impatient(folder: Path) -> Connector:
    """Copy it with pauses between its attempts that tests have time for, and load it."""
    return load(copied(folder, "first: 0.5, longest: 20", "first: 0.01, longest: 0.02"))

"""Copies of this repository's connector, with a few words of its manifest changed for tests."""

import shutil
from pathlib import Path

from connector_runtime import Connector, load

ROOT = Path(__file__).parents[1]


def copied(folder: Path, *changes: tuple[str, str]) -> Path:
    """Copy the connector into a folder, with some texts of its manifest replaced."""
    for part in ("operations", "ddl", "schemas"):
        shutil.copytree(ROOT / part, folder / part)
    manifest = (ROOT / "connector.yaml").read_text("utf-8")
    for old, new in changes:
        assert old in manifest
        manifest = manifest.replace(old, new)
    (folder / "connector.yaml").write_text(manifest, "utf-8")
    return folder


def impatient(folder: Path, settle: float = 0) -> Connector:
    """Copy it with pauses that tests have time for, and load it."""
    pauses = ("first: 0.5, longest: 20", "first: 0.01, longest: 0.02")
    return load(copied(folder, pauses, ("settle: 60", f"settle: {settle}")))

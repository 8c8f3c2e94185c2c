"""The connector of this repository, with pauses between its attempts that tests have time for."""

import shutil
from pathlib import Path

from connector_runtime import Connector, load

ROOT = Path(__file__).parents[1]
PAUSES, SHORT = "first: 0.5, longest: 20", "first: 0.01, longest: 0.02"


def impatient(folder: Path) -> Connector:
    """Copy the connector into a folder, shorten its pauses, and load it."""
    for part in ("operations", "ddl", "schemas"):
        shutil.copytree(ROOT / part, folder / part)
    manifest = (ROOT / "connector.yaml").read_text("utf-8")
    assert PAUSES in manifest
    (folder / "connector.yaml").write_text(manifest.replace(PAUSES, SHORT), "utf-8")
    return load(folder)

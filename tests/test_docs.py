"""The generated documentation says what the code says."""

import runpy
from pathlib import Path


def test_the_grammar_reference_is_current(root: Path) -> None:
    generate = runpy.run_path(str(root / "docs" / "generate.py"))
    found = (root / "docs" / "grammar.md").read_text(encoding="utf-8")
    assert found == generate["rendered"](), "run: make docs"

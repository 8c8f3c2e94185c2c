"""Every file of tests/invalid is a spec mistake: laid over a small sound connector, it is found where it stands.

A file says in its first comment lines which file it replaces, and what must be found: `# file: PLACE` and
`# expect: LINE:COLUMN code`. JSON holds no comments: the lines for NAME.json are in NAME.expect.
"""

import ast
import re
import shutil
from pathlib import Path

import pytest

from connector_runtime import Problem, validate
from connector_runtime.problems import RENDERERS

HERE = Path(__file__).parent
CONNECTOR = HERE / "fixtures" / "connector"
FILES = sorted(file for file in (HERE / "invalid").iterdir() if file.suffix in (".yaml", ".json"))
REPORTS = sorted((HERE / "invalid" / "reports").iterdir())
STYLES = {".txt": "text", ".json": "json", ".github": "github"}

# Codes that no file of this folder can bring about; tests/unit has them.
ELSEWHERE = {
    "foreign-file",  # a link
    "large-file",
    "unreadable-file",  # the file system refuses it
    "template-failed",  # found when a call is made
    "too-many-joins",  # takes hundreds of lines
}


def header(file: Path) -> dict[str, list[str]]:
    """Read what a file says about itself."""
    text = (file.with_suffix(".expect") if file.suffix == ".json" else file).read_text("utf-8", errors="replace")
    found: dict[str, list[str]] = {"file": [], "expect": []}
    for key, value in re.findall(r"^(?:# )?(file|expect): (.+)$", text, re.MULTILINE):
        found[key].append(value)
    return found


def checked(file: Path, folder: Path) -> tuple[list[Problem], int]:
    """Validate the sound connector with the file laid over it."""
    shutil.copytree(CONNECTOR, folder)
    place = folder / header(file)["file"][0]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(file.read_bytes())
    return validate(folder)


def test_connector_without_mistake() -> None:
    assert validate(CONNECTOR)[0] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_mistake(file: Path, tmp_path: Path) -> None:
    problems, _ = checked(file, tmp_path / "connector")
    (own,) = header(file)["file"]
    found = [f"{'' if each.file == own else each.file + ':'}{each.line}:{each.column} {each.code}" for each in problems]
    assert found == header(file)["expect"]
    for each in problems:
        assert each.what[:1].upper() != each.what[:1] or not each.what[:1].isalpha(), each.what
        assert not each.what.endswith("."), each.what


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_report(report: Path, tmp_path: Path) -> None:
    (file,) = (each for each in FILES if each.stem == report.stem)
    problems, count = checked(file, tmp_path / "connector")
    assert len(problems) > 1
    assert RENDERERS[STYLES[report.suffix]](problems, count) + "\n" == report.read_text("utf-8")


def codes(module: Path) -> set[str]:
    """Find the problem codes that a module writes: hyphenated words where a problem is made."""
    tree = ast.parse(module.read_text("utf-8"))
    makers = {"problem", "problem_at", "Problem", "TemplateProblem", "_refuse"}
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in makers
    ]
    returned = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "_refusal"]
    assigned = (node for node in ast.walk(tree) if isinstance(node, ast.Assign))
    named = ("code", "_CODES", "_TOO_DEEP", "_TOO_LARGE")
    tables = [node for node in assigned if ast.unparse(node.targets[0]) in named]
    words = [
        each.value for node in (*calls, *returned, *tables) for each in ast.walk(node) if isinstance(each, ast.Constant)
    ]
    return {each for each in words if isinstance(each, str) and re.fullmatch(r"[a-wyz][a-z]*(-[a-z0-9]+)+", each)}


def test_every_code_has_a_file() -> None:
    modules = (HERE.parent / "runtime" / "connector_runtime").glob("*.py")
    written = {code for module in modules for code in codes(module)}
    shown = {line.split()[-1] for file in FILES for line in header(file)["expect"]}
    assert shown | ELSEWHERE == written

"""How the runtime is built: imports go one way, each library has one door, no vendor's word, functions fit a screen."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RUNTIME = ROOT / "runtime" / "connector_runtime"
SANDBOX = ROOT / "sandbox" / "greenhouse_sandbox"
MODULES = {file.stem: ast.parse(file.read_text("utf-8")) for file in sorted(RUNTIME.glob("*.py"))}

# From the ground up: a module imports only from layers below its own. A new module gets its place here.
LAYERS = (
    {"exchange", "filters", "intake", "links", "moments", "places", "problems", "progress", "sandboxes", "workers"},
    {"attempts", "errors", "excerpts", "schemas", "source", "templates"},
    {"discretion", "folder", "functions", "grammar", "inputs", "journals", "resources", "scopes"},
    {"memory", "replies", "specs"},
    {"bodies", "listing", "projection", "schema_checks", "telemetry", "template_checks", "tokens", "turns"},
    {"accounts", "body_checks", "joins", "question_checks", "store", "writing"},
    {"delivery", "redis_store"},
    {"carrying", "object_checks", "plans", "shaping", "write_checks"},
    {"calls"},
    {"drivers"},
    {"compiling", "operation_checks"},
    {"checks"},
    {"connector"},
    {"__init__", "cli"},
    {"__main__"},
)

# Which modules may import a library; JSON is read and written wherever something crosses a border.
DOORS = {
    "click": {"cli"},
    "filelock": {"journals"},
    "httpx": {"drivers"},
    "jinja2": {"templates"},
    "jsonschema_rs": {"schemas"},
    "opentelemetry": {"telemetry"},
    "orjson": {"cli", "delivery", "excerpts", "memory", "places", "problems", "replies", "source", "tokens", "writing"},
    "redis": {"redis_store"},
    "yaml": {"source"},
}


def imported(tree: ast.Module) -> tuple[set[str], set[str]]:
    """Give the modules of this package that a module imports, and the other packages."""
    own: set[str] = set()
    others: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            own |= {node.module} if node.module else {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            others.add(str(node.module).partition(".")[0])
        elif isinstance(node, ast.Import):
            others |= {each.name.partition(".")[0] for each in node.names}
    return own, others


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_one_way(name: str) -> None:
    (level,) = (index for index, layer in enumerate(LAYERS) if name in layer)
    below = set().union(*LAYERS[:level])
    assert imported(MODULES[name])[0] - below == set()


def test_no_layer_names_what_is_not_there() -> None:
    assert set().union(*LAYERS) == set(MODULES)


def test_one_door_a_library() -> None:
    found: dict[str, set[str]] = {}
    for name, tree in MODULES.items():
        for library in imported(tree)[1] - sys.stdlib_module_names:
            found.setdefault(library, set()).add(name)
    assert found == DOORS


def test_runtime_and_sandbox_know_nothing_of_each_other() -> None:
    sides = {"connector_runtime": SANDBOX, "greenhouse_sandbox": RUNTIME}
    for package, other in sides.items():
        for file in other.rglob("*.py"):
            assert package not in imported(ast.parse(file.read_text("utf-8")))[1], file


@pytest.mark.parametrize("file", sorted(RUNTIME.glob("*.py")), ids=lambda file: file.stem)
def test_no_vendor_is_named(file: Path) -> None:
    assert re.findall(r"candidate|greenhouse|harvest|recruit", file.read_text("utf-8"), re.IGNORECASE) == []


def test_functions_fit_a_screen() -> None:
    lengths = {
        f"{name}.{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: length for name, length in lengths.items() if length > 45} == {}


def test_every_line_is_covered_without_an_excuse() -> None:
    for file in RUNTIME.glob("*.py"):
        assert "pragma: no" not in file.read_text("utf-8"), file


def test_every_exception_of_the_linter_has_its_reason() -> None:
    for file in (*RUNTIME.glob("*.py"), *SANDBOX.rglob("*.py")):
        for line in file.read_text("utf-8").splitlines():
            if "noqa" in line or "type: ignore" in line:
                assert re.search(r"(noqa: [A-Z]+\d+|type: ignore\[[a-z-]+\])", line), f"{file}: {line}"

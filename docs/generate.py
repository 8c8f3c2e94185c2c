"""Writes docs/grammar.md from the grammar's schemas and the filters' docstrings. Run it with ``make docs``."""

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connector_runtime.filters import FILTERS
from connector_runtime.templates import TESTS

ROOT = Path(__file__).parents[1]
SPEC = ROOT / "schemas" / "spec"
TARGET = ROOT / "docs" / "grammar.md"
KINDS = ("connector", "operation", "part", "object", "body", "ddl", "resource", "case")
HEAD = """# Grammar reference

Generated from `schemas/spec` and the runtime's filters (`make docs`). The [guide](guide.md) shows how to use it.

Specs are strict YAML: no duplicate keys, anchors, aliases or tags; `yes`, `no`, `on`, `012` and `12:30` are text.
A file is named as what it holds; it has at most a megabyte and 60 levels. Numbers go to 64 bits.
"""


def rendered() -> str:
    """Render the whole reference."""
    schemas = {kind: json.loads((SPEC / f"{kind}.json").read_text(encoding="utf-8")) for kind in KINDS}
    blocks = [HEAD, *(section(schemas, kind) for kind in KINDS), templates()]
    return "\n".join(blocks)


def section(schemas: dict[str, Any], kind: str) -> str:
    """Render one kind of file."""
    schema = schemas[kind]
    lines = [f"## {schema['title']}", "", schema["description"], "", "| key | | what |", "| --- | --- | --- |"]
    lines += rows(schemas, kind, schema, "")
    return "\n".join([*lines, ""])


def rows(schemas: dict[str, Any], kind: str, schema: dict[str, Any], prefix: str) -> Iterator[str]:
    """Render a row for each key below a schema."""
    required = schema.get("required", [])
    entries = {**schema.get("properties", {})}
    if isinstance(schema.get("additionalProperties"), dict) and prefix:
        entries["NAME"] = schema["additionalProperties"]
    for key, entry in entries.items():
        owner, node = followed(schemas, kind, entry)
        text = entry.get("description") or node.get("description", "")
        values = node.get("enum") or ([node["const"]] if "const" in node else [])
        words = f" One of {', '.join(f'`{json.dumps(value)}`' for value in values)}." if values else ""
        if text or words or key != "NAME":
            yield f"| `{prefix}{key}` | {'required' if key in required else ''} | {cell(text + words)} |"
        inner = node.get("items", node) if isinstance(node.get("items"), dict) else node
        owner, inner = followed(schemas, owner, inner)
        if prefix.count(".") < 3:
            yield from rows(schemas, owner, inner, f"{prefix}{key}{'[]' if inner is not node else ''}.")


def followed(schemas: dict[str, Any], kind: str, node: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Follow a reference between the grammar's files; give the file's kind too."""
    while "$ref" in node:
        file, _, pointer = node["$ref"].partition("#")
        kind = file.removesuffix(".json") or kind
        found: Any = schemas[kind]
        for part in pointer.split("/")[1:]:
            found = found[part]
        node = found
    return kind, node


def templates() -> str:
    """Render what templates may contain."""
    lines = ["## Filters", "", "| filter | what |", "| --- | --- |"]
    for name, function in sorted(FILTERS.items()):
        arguments = [str(each) for each in inspect.signature(function).parameters.values()][1:]
        shown = [each.partition(":")[0].strip() for each in arguments if each != "*"]
        call = f"{name}({', '.join(shown)})" if shown else name
        doc = inspect.getdoc(function) or ""
        lines.append(f"| `{call}` | {cell(' '.join(doc.split()))} |")
    made = "Make a body (`operations/bodies/NAME.yaml`) of a value, or of each of a list; further names are given."
    lines += [f"| `as('NAME', …)` | {made} |", "", f"Tests: {', '.join(f'`is {name}`' for name in sorted(TESTS))}.", ""]
    return "\n".join(lines)


def cell(text: str) -> str:
    """Write a text in a table's cell."""
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    TARGET.write_text(rendered(), encoding="utf-8")

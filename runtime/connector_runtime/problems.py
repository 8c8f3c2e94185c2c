"""What is wrong with a connector's files: one record per problem, rendered for people, tools and CI."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import orjson

_LARGEST = 2**64 - 1
NUMBERS = f"numbers go from -{_LARGEST} to {_LARGEST}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake: where it is (line and column count from 1), what, why, and how to mend it."""

    file: str
    line: int
    column: int
    code: str
    what: str
    why: str = ""
    fix: str = ""
    excerpt: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.what} [{self.code}]"


def nearest(name: str, known: Iterable[str]) -> str:
    """Give the known name nearest to `name`; "" when none is near."""
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return near[0] if near else ""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Suggest the known name nearest to `name`, as a sentence; "" when none is near."""
    near = nearest(name, known)
    return f'did you mean "{near}"?' if near else ""


def listed(names: Iterable[str]) -> str:
    """Write names in a sentence, in order; of many names the first 25."""
    every = sorted(names)
    if not every:
        return "nothing"
    shown = ", ".join(every[:25])
    return f"{shown} and {len(every) - 25} more" if len(every) > 25 else shown


def count(number: int, noun: str) -> str:
    """Write a number with its noun: 1 file, 2 files."""
    if number == 1:
        return f"{number} {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def is_too_large(number: float) -> bool:
    """Tell whether a number is beyond what is read and sent."""
    return not -_LARGEST <= number <= _LARGEST


def render_text(problems: Sequence[Problem], checked: int) -> str:
    """Render for a person: one clickable line a problem, the source line, why and fix, a summary."""
    blocks = []
    for problem in problems:
        lines = [str(problem)]
        if problem.excerpt:
            lines += [f"    {problem.line} | {problem.excerpt}", _caret(problem)]
        lines += [f"  why: {problem.why}"] if problem.why else []
        lines += [f"  fix: {problem.fix}"] if problem.fix else []
        blocks.append("\n".join(lines))
    files = len({problem.file for problem in problems})
    found = f"{count(len(problems), 'problem')} in {count(files, 'file')}" if problems else "no problems"
    return "\n\n".join([*blocks, f"{found} ({count(checked, 'file')} checked)"])


def _caret(problem: Problem) -> str:
    before = problem.excerpt[: problem.column - 1]
    blank = "".join("\t" if sign == "\t" else " " for sign in before)
    return f"    {' ' * len(str(problem.line))} | {blank}^"


def render_json(problems: Sequence[Problem], checked: int) -> str:
    """Render for a program: {"problems": [{file, line, column, code, what, why, fix}], "checked": N}."""
    keys = ("file", "line", "column", "code", "what", "why", "fix")
    rows = [{key: getattr(problem, key) for key in keys} for problem in problems]
    return orjson.dumps({"problems": rows, "checked": checked}, option=orjson.OPT_INDENT_2).decode()


def render_github(problems: Sequence[Problem], _: int) -> str:
    """Render as GitHub workflow annotations, one line a problem."""
    lines = []
    for problem in problems:
        message = "\n".join(part for part in (problem.what, problem.why, problem.fix) if part)
        place = f"file={_property(problem.file)},line={problem.line},col={problem.column}"
        lines.append(f"::error {place},title={_property(problem.code)}::{_data(message)}")
    return "\n".join(lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


RENDERERS = {"text": render_text, "json": render_json, "github": render_github}

"""The soak, in short: many callers, random faults, and what is left of them; and that it would notice."""

import re
from collections import Counter
from pathlib import Path

import pytest
from tests.soak import BOUND, FAULTS, Phase, Report, main
from tests.soak_jobs import Answer, Audit, Create, Job, Key, Read, audited

from connector_runtime import NotFound, OutcomeUnknown, PartialWrite, Unavailable

NOTE, FILE = ("notes", "a"), ("attachments", "a.pdf")
CALLS = 250


def create(ended: str = "never") -> Create:
    """A create of two rows."""
    return Create("create_candidate_note", {}, (NOTE,), (FILE,), ("a",), ended)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="sockets and memory are looked up in /proc")
def test_nothing_goes_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--calls", str(CALLS), "--seed", "7"])
    printed = capsys.readouterr().out
    assert code == 0, printed
    numbers = {name: [int(each.replace(",", "")) for each in found] for name, found in _numbers(printed).items()}
    for name in ("wrong answers", "uncaught", "duplicates", "lost writes", "rows of nobody"):
        assert set(numbers[name]) == {0}, name
    assert len(numbers["calls"]) == 2
    assert min(numbers["calls"]) >= CALLS
    assert min(numbers["faults"]) > 0.05 * min(numbers["requests"])
    assert min(numbers["retries"]) > 0
    left = re.findall(r"(-?\d+) (\w+)", "\n".join(re.findall(r"left open .*", printed)))
    assert [what for _, what in left] == [*("sockets", "threads"), *("tasks", "sockets", "threads")]
    # Fewer than before: what an earlier test's server was still at has ended meanwhile.
    assert max(int(number) for number, _ in left) <= 0
    assert all(fault in printed for fault in FAULTS)


def _numbers(printed: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, number in re.findall(r"^  (\w[\w ]*?)  +([\d,]+)", printed, re.MULTILINE):
        found.setdefault(name, []).append(number)
    return found


def ended(job: Job, *answers: Answer) -> list[str]:
    """Give a job its answers, the last of which ends it, and tell what it finds wrong."""
    next(job)
    for answer in answers[:-1]:
        job.send(answer)
    with pytest.raises(StopIteration) as stop:
        job.send(answers[-1])
    return list(stop.value.value)


def test_notices_wrong_answers() -> None:
    read = Read("get_user", {}, {"user_found": True})
    assert ended(read.job(), {"user_found": True}) == []
    assert ended(read.job(), Unavailable("down")) == []
    assert len(ended(read.job(), {"user_found": False})) == 1
    assert len(ended(read.job(), NotFound("gone"))) == 1


def test_notices_how_creates_end() -> None:
    token = PartialWrite("broken", resume_token="there")
    assert ended(create().job(), Unavailable("down"), token, token, {"body": "a"}) == []
    assert ended(create().job(), OutcomeUnknown("lost")) == []
    assert len(ended(create().job(), {"body": "b"})) == 1
    assert len(ended(create().job(), token, Unavailable("forgot the token"), {"body": "a"})) == 1
    assert len(ended(create().job(), *[Unavailable("down")] * 200)) == 1


@pytest.mark.parametrize(
    ("state", "rows", "expected"),
    [
        ("done", [NOTE, FILE], Audit([], [], [])),
        ("done", [NOTE, NOTE, NOTE, FILE], Audit([NOTE, NOTE], [], [])),
        ("done", [NOTE], Audit([], [FILE], [])),
        ("unknown", [], Audit([], [], [])),
        ("unknown", [NOTE], Audit([], [], [])),
        ("unknown", [NOTE, NOTE], Audit([NOTE], [], [])),
        ("unknown", [NOTE, FILE], Audit([], [], [FILE])),
        ("never", [NOTE], Audit([], [], [NOTE])),
    ],
)
def test_notices_rows_that_should_not_be_or_should(state: str, rows: list[Key], expected: Audit) -> None:
    assert audited([create(state)], Counter(rows)) == expected


def test_tells_everything_that_must_not_be() -> None:
    phase = Phase("somebody", [], wrong=["an answer"], uncaught=["a warning"], left={"sockets": 1, "tasks": 0})
    phase.memory = [10.0, 10.0, 10.0, 11.0 + BOUND]
    report = Report((phase,), Audit([NOTE], [FILE], [NOTE]), ["KeyError"])
    assert len(report.failings()) == 8
    assert "growth          +" in str(report)

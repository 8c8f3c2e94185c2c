"""The soak: thousands of calls at once while the API fails at random, then a count of what is wrong. `make soak`.

A sandbox runs in a process of its own, on a port. One connection is called from threads, another from asyncio tasks:
reads, lists, drop-downs and joins, each compared with its answer without faults, and creates of all kinds, each called
again until it is done. What they wrote is counted afterwards where it is stored.

What is called, with which input, and the dice of the faults come from the seed; which request meets which fault depends
on who comes first, and differs from run to run.
"""

import argparse
import asyncio
import gc
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill
from typing import Any

import httpx
from tests.copies import ROOT, impatient
from tests.reference.organisation import Organisation
from tests.soak_jobs import Answer, Audit, Create, Job, Organiser, Read, Row, audited, counted

from connector_runtime import AsyncConnection, Attempt, Connection, Connector, ConnectorError
from greenhouse_sandbox import Sandbox

THREADS, TASKS = 16, 200
# Of so many jobs one is a create, one a read that may not be given the time it needs.
CREATES, HURRIED = 5, 40
# Megabytes that the last quarter of a phase may need beyond the first: what creates add makes answers larger.
BOUND = 24.0
# Seconds in which what was closed has to be gone.
SETTLING = 5.0
# So many failings are told one by one.
SHOWN = 20

FAULTS: dict[str, Row] = {
    "lost before the work": {"kind": "drop"},
    "lost after the work": {"kind": "drop", "done": True},
    "limit used up": {"kind": "status", "code": 429, "headers": {"retry-after": "0.02"}},
    "server error": {"kind": "status", "code": 500},
    "bad gateway": {"kind": "status", "code": 502},
    "bad gateway after the work": {"kind": "status", "code": 502, "done": True},
    "down": {"kind": "status", "code": 503, "headers": {"retry-after": "0.02"}},
    "truncated": {"kind": "truncate"},
    "cut": {"kind": "cut"},
    "garbage": {"kind": "garbage", "done": True},
    "web page": {"kind": "html"},
    "late": {"kind": "delay", "seconds": 0.03},
    "token revoked": {"kind": "revoke"},
    "wrong content type": {"kind": "content_type"},
    "object for a list": {"kind": "object"},
    "without ids": {"kind": "mutate", "drop": ["id", "candidate", "application"]},
    "additional keys": {"kind": "mutate", "set": {"new_in_2027": {"a": [1]}}},
    "empty page": {"kind": "link", "to": "empty"},
}


class Served:
    """A sandbox in a process of its own, its rows in a file, and how to reach it."""

    def __init__(self, file: Path, size: int) -> None:
        command = [sys.executable, "-m", "connector_runtime", "sandbox", "--connector", str(ROOT), "--port", "0"]
        command += ["--db", str(file), "--size", str(size)]
        self._said = file.with_suffix(".log")
        with self._said.open("w") as said:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True)
        assert self._process.stdout is not None
        exported = [self._process.stdout.readline() for _ in range(4)]
        told = dict(re.findall(r"GREENHOUSE_(\w+)=(.*)", "".join(exported)))
        self.urls = {name: told[name.upper()] for name in ("base_url", "token_url")}
        self.credentials = {name: told[name.upper()] for name in ("client_id", "client_secret")}

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.communicate()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the control endpoint."""
        with httpx.Client(base_url=f"{self.urls['base_url']}/sandbox", verify=False) as client:
            return client.request(method, path, json=body).raise_for_status().json()

    def fail(self, share: float, seed: int) -> None:
        """Let a share of all requests meet a fault, each kind as often."""
        self.ask("DELETE", "/faults")
        # A request meets the first fault that is ready: so many chances, one after another, make the share.
        dice = {"chance": 1 - (1 - share) ** (1 / len(FAULTS)), "times": "always"}
        self.ask("POST", "/faults", [{**fault, **dice, "seed": seed + at} for at, fault in enumerate(FAULTS.values())])

    def struck(self) -> dict[str, int]:
        """Tell how often each fault struck since they were planned."""
        return dict(zip(FAULTS, (each["struck"] for each in self.ask("GET", "/faults")), strict=True))

    def broke(self) -> list[str]:
        """Give what the sandbox itself failed with."""
        return re.findall(r"^\w*Error.*", self._said.read_text(), re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Held:
    """What the process holds on to: open sockets, threads."""

    sockets: int
    threads: int

    @classmethod
    def now(cls) -> "Held":
        """Look."""
        sockets = 0
        for link in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                sockets += link.readlink().name.startswith("socket:")
        return cls(sockets, threading.active_count())


def megabytes() -> float:
    """Tell how much memory the process has in use."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@dataclass
class Phase:
    """What happened while `jobs` were done, at once by many callers. Safe across threads."""

    name: str
    jobs: Sequence[Read | Create]
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    uncaught: list[str] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    retries: int = 0
    memory: list[float] = field(default_factory=lambda: [0.0] * 4)
    left: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    done: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def attempted(self, attempt: Attempt) -> None:
        """Count a request."""
        with self._lock:
            self.requests += 1
            self.retries += attempt.number > 1

    def answered(self, answer: Answer) -> Answer:
        """Count a call by its outcome."""
        with self._lock:
            self.outcomes[answer.code if isinstance(answer, ConnectorError) else "ok"] += 1
        return answer

    def finished(self, wrong: list[str]) -> None:
        """Count a job, and look how much memory is in use."""
        used = megabytes()
        with self._lock:
            quarter = 4 * self.done // len(self.jobs)
            self.done += 1
            self.memory[quarter] = max(self.memory[quarter], used)
            self.wrong += wrong

    @property
    def growth(self) -> float:
        """How much more memory the last quarter needed than the first, in megabytes."""
        return self.memory[-1] - self.memory[0]

    def __str__(self) -> str:
        memory = " -> ".join(f"{quarter:.1f}" for quarter in self.memory)
        rows = {
            "calls": f"{self.outcomes.total():,}: {_counts(self.outcomes)}",
            "faults": f"{sum(self.faults.values()):,}: {_counts(self.faults)}",
            "requests": f"{self.requests:,}",
            "retries": f"{self.retries:,}",
            "wrong answers": len(self.wrong),
            "uncaught": len(self.uncaught),
            "memory": f"{max(self.memory):.1f} MB at most, by quarters {memory}",
            "growth": f"{self.growth:+.1f} MB, of {BOUND:.0f} allowed",
            "left open": _counts(self.left),
            "seconds": f"{self.seconds:.1f}",
        }
        return f"{self.name}\n{_table(rows)}"


def through_threads(connection: Connection, phase: Phase) -> None:
    """Do a phase's jobs from threads that share a connection."""
    queue = iter(phase.jobs)

    def called(operation: str, given: Row, seconds: float | None) -> Answer:
        try:
            return phase.answered(connection.call(operation, given, timeout=seconds))
        except ConnectorError as error:
            return phase.answered(error)

    def carried(job: Job) -> list[str]:
        step = next(job)
        while True:
            try:
                step = job.send(called(*step))
            except StopIteration as stop:
                return list(stop.value)

    def work() -> None:
        for each in queue:
            phase.finished(carried(each.job()))

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


async def through_tasks(connection: AsyncConnection, phase: Phase) -> None:
    """Do a phase's jobs from asyncio tasks that share a connection."""
    queue = iter(phase.jobs)

    async def called(operation: str, given: Row, seconds: float | None) -> Answer:
        try:
            return phase.answered(await connection.call(operation, given, timeout=seconds))
        except ConnectorError as error:
            return phase.answered(error)

    async def carried(job: Job) -> list[str]:
        step = next(job)
        while True:
            try:
                step = job.send(await called(*step))
            except StopIteration as stop:
                return list(stop.value)

    async def work() -> None:
        for each in queue:
            phase.finished(await carried(each.job()))

    ended = await asyncio.gather(*(work() for _ in range(TASKS)), return_exceptions=True)
    phase.uncaught += [repr(error) for error in ended if error is not None]


def by_threads(connector: Connector, served: Served, phase: Phase) -> None:
    """Connect, do the jobs, close."""
    with connector.connect(served.credentials, **served.urls, watch=phase.attempted) as connection:
        through_threads(connection, phase)


def by_tasks(connector: Connector, served: Served, phase: Phase) -> None:
    """Connect in an event loop, do the jobs, close, and count the tasks that stay."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: phase.uncaught.append(str(context["message"])))
        async with await connector.aconnect(served.credentials, **served.urls, watch=phase.attempted) as connection:
            await through_tasks(connection, phase)
        phase.left["tasks"] = len(asyncio.all_tasks()) - 1

    asyncio.run(run())


@contextmanager
def attentive(phase: Phase) -> Iterator[None]:
    """Notice warnings and exceptions that nobody catches, and keep the log of failed requests quiet."""
    log, hooks = logging.getLogger("connector_runtime"), (sys.unraisablehook, threading.excepthook)
    level = log.level
    log.setLevel(logging.ERROR)
    sys.unraisablehook = lambda each: phase.uncaught.append(f"{each.exc_value!r} in {each.object!r}")
    threading.excepthook = lambda each: phase.uncaught.append(repr(each.exc_value))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
            gc.collect()
    finally:
        sys.unraisablehook, threading.excepthook = hooks
        log.setLevel(level)


def carried_out(phase: Phase, run: Callable[[], None]) -> None:
    """Do the jobs of a phase, and look what stays of it afterwards."""
    gc.collect()
    before, started = Held.now(), time.monotonic()
    with attentive(phase):
        run()
    phase.seconds = time.monotonic() - started
    end = time.monotonic() + SETTLING
    while (now := Held.now()) != before and time.monotonic() < end:
        time.sleep(0.05)
    phase.left |= {"sockets": now.sockets - before.sockets, "threads": now.threads - before.threads}
    if phase.done < len(phase.jobs):
        phase.uncaught.append(f"{len(phase.jobs) - phase.done} jobs were not done")


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a soak."""

    phases: tuple[Phase, ...]
    audit: Audit
    broke: list[str]

    def failings(self) -> list[str]:
        """Tell everything that must not be."""
        found = [f"the sandbox broke: {each}" for each in self.broke]
        for phase in self.phases:
            found += [f"{phase.name}: wrong: {each}" for each in phase.wrong]
            found += [f"{phase.name}: uncaught: {each}" for each in phase.uncaught]
            found += [f"{phase.name}: {count} {what} left open" for what, count in phase.left.items() if count > 0]
            if phase.growth > BOUND:
                found.append(f"{phase.name}: memory grew by {phase.growth:.1f} MB; the bound is {BOUND:.0f}")
        rows = {"written twice": self.audit.duplicates, "lost": self.audit.lost, "of nobody": self.audit.strays}
        return found + [f"{what}: {key}" for what, keys in rows.items() for key in keys]

    def __str__(self) -> str:
        creates = Counter(each.ended for phase in self.phases for each in phase.jobs if isinstance(each, Create))
        rows = {
            "creates": f"{creates['done']:,} done, {creates['unknown']:,} whose first write has an unknown outcome",
            "duplicates": len(self.audit.duplicates),
            "lost writes": len(self.audit.lost),
            "rows of nobody": len(self.audit.strays),
        }
        return "\n\n".join([*map(str, self.phases), "rows\n" + _table(rows)])


def _table(rows: Row) -> str:
    return "\n".join(fill(f"  {name:<16}{value}", 120, subsequent_indent=" " * 18) for name, value in rows.items())


def _counts(counter: Counter[str] | dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in Counter(counter).most_common())


def soak(connector: Connector, folder: Path, calls: int, faults: float, seed: int) -> Report:
    """Soak a connector, with a sandbox whose rows are in a folder."""
    file, size = folder / "rows.db", max(100, calls // 20)
    with Sandbox(file, size=size) as sandbox:
        organiser = Organiser(Organisation(sandbox.rows), connector.operations, seed)
        asked, before = list(organiser.reads()), counted(sandbox.rows)
    with Served(file, size) as served:
        reads = list(known(connector, served, asked))
        phases = tuple(
            Phase(name, planned(organiser, reads, calls)) for name in (f"{THREADS} threads", f"{TASKS} asyncio tasks")
        )
        for at, (phase, run) in enumerate(zip(phases, (by_threads, by_tasks), strict=True)):
            served.fail(faults, seed + at * len(FAULTS))
            carried_out(phase, partial(run, connector, served, phase))
            phase.faults = served.struck()
    with Sandbox(file) as sandbox:
        creates = [each for phase in phases for each in phase.jobs if isinstance(each, Create)]
        return Report(phases, audited(creates, counted(sandbox.rows) - before), served.broke())


def known(connector: Connector, served: Served, reads: Iterable[Read]) -> Iterator[Read]:
    """Give the reads that succeed, with their answers."""
    with connector.connect(served.credentials, **served.urls) as connection:
        for read in reads:
            with suppress(ConnectorError):
                yield replace(read, expected=connection.call(read.operation, read.given))


def planned(organiser: Organiser, reads: Sequence[Read], calls: int) -> list[Read | Create]:
    """Mix reads and creates."""
    random = organiser.random

    def read() -> Read:
        return replace(random.choice(reads), seconds=None if random.randrange(HURRIED) else random.uniform(0.01, 0.3))

    return [read() if random.randrange(CREATES) else organiser.create() for _ in range(calls)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak this repository's connector, and tell what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=10_000, help="jobs from threads, and as many from tasks")
    parser.add_argument("--faults", type=float, default=0.1, help="the share of requests that meet a fault")
    parser.add_argument("--seed", type=int, default=1, help="of inputs and faults")
    options = parser.parse_args(arguments)
    with TemporaryDirectory() as folder:
        connector = impatient(Path(folder) / "connector")
        report = soak(connector, Path(folder), options.calls, options.faults, options.seed)
    failings = report.failings()
    print(report, *failings[:SHOWN], sep="\n")
    return 1 if failings else 0


if __name__ == "__main__":
    sys.exit(main())

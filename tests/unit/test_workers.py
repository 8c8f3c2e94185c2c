"""Threads for blocking work: as many as needed, gone when there is nothing to do, in nobody's way at the end."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import pytest

from connector_runtime.workers import Workers


def soon(holds: Callable[[], bool]) -> bool:
    """Wait, not for long, until something holds."""
    end = time.monotonic() + 5
    while not holds() and time.monotonic() < end:
        time.sleep(0.002)
    return holds()


def at_work() -> list[Thread]:
    """Give the threads of all workers."""
    return [each for each in threading.enumerate() if each.name == "connector"]


@pytest.fixture(autouse=True)
def _nobody_stays() -> Any:
    assert soon(lambda: at_work() == [])
    yield
    assert soon(lambda: at_work() == [])


def test_job_is_done_by_another_thread() -> None:
    workers, done = Workers(2), Event()
    found: list[Thread] = []
    workers.start(lambda: (found.append(threading.current_thread()), done.set()))  # type: ignore[func-returns-value, arg-type]
    assert done.wait(5)
    assert found[0] is not threading.current_thread()
    assert found[0].daemon
    workers.close()


def test_no_thread_before_the_first_job_and_no_more_than_needed() -> None:
    workers = Workers(8)
    assert at_work() == []
    for _ in range(20):
        done = Event()
        workers.start(done.set)
        assert done.wait(5)
        assert soon(lambda: workers._unfinished == 0)
    assert len(at_work()) == 1
    workers.close()


def test_at_most_so_many_and_the_rest_wait_in_their_order() -> None:
    workers, go = Workers(3), Event()
    begun: list[int] = []

    def job(number: int) -> Callable[[], None]:
        def work() -> None:
            begun.append(number)
            go.wait(5)

        return work

    for number in range(12):
        workers.start(job(number))
    assert soon(lambda: len(begun) == 3)
    assert len(at_work()) == 3
    time.sleep(0.02)
    assert sorted(begun) == [0, 1, 2]
    go.set()
    assert soon(lambda: len(begun) == 12)
    assert len(at_work()) <= 3
    workers.close()


def test_one_thread_does_jobs_in_order() -> None:
    workers, done = Workers(1), Event()
    order: list[int] = []
    for number in range(50):
        workers.start(lambda number=number: order.append(number))  # type: ignore[misc]
    workers.start(done.set)
    assert done.wait(5)
    assert order == list(range(50))
    workers.close()


def test_threads_end_when_idle_and_start_again() -> None:
    workers = Workers(4, idle=0.05)
    for _ in range(2):
        go = Event()
        for _ in range(4):
            workers.start(go.wait)  # type: ignore[arg-type]
        assert soon(lambda: len(at_work()) == 4)
        time.sleep(0.1)
        assert len(at_work()) == 4  # a job may take longer than that
        go.set()
        assert soon(lambda: at_work() == [])


def test_job_that_comes_when_its_thread_is_about_to_end() -> None:
    workers = Workers(2, idle=0.0)
    done: list[int] = []
    for number in range(2000):
        workers.start(lambda number=number: done.append(number))  # type: ignore[misc]
        if number % 7 == 0:
            time.sleep(0.0002)
    assert soon(lambda: len(done) == 2000)
    assert sorted(done) == list(range(2000))


def test_closing_ends_idle_threads_at_once_and_busy_ones_after_their_job() -> None:
    workers, go = Workers(3), Event()
    for _ in range(2):
        workers.start(lambda: None)
    workers.start(go.wait)  # type: ignore[arg-type]
    assert soon(lambda: workers._unfinished == 1)
    workers.close()
    assert soon(lambda: len(at_work()) == 1)
    go.set()
    assert soon(lambda: at_work() == [])


def test_job_after_closing_is_done_all_the_same() -> None:
    workers = Workers(2, idle=0.05)
    workers.start(lambda: None)
    workers.close()
    workers.close()
    done = Event()
    workers.start(done.set)
    assert done.wait(5)


def test_job_without_a_thread_is_refused_and_never_done(monkeypatch: pytest.MonkeyPatch) -> None:
    workers, done = Workers(2), Event()
    refused: list[str] = []

    def refuse(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="new thread"):
            workers.start(lambda: refused.append("done"))
    workers.start(done.set)
    assert done.wait(5)
    assert refused == []
    workers.close()


def test_process_ends_though_a_job_hangs() -> None:
    script = """
import threading, time
from connector_runtime.workers import Workers
begun = threading.Event()
Workers(2).start(lambda: (begun.set(), time.sleep(60)))
begun.wait()
print("end")
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert (ended.stdout, ended.stderr) == ("end\n", "")

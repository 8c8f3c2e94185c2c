"""`connector sandbox`: faults and settings on the command line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

COMMAND = [sys.executable, "-m", "connector_runtime", "sandbox", "--port", "0"]

Start = Callable[..., httpx.Client]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the command and gives a client for it; both end with the test."""
    with ExitStack() as stack:

        def started(*arguments: str, given: str = "") -> httpx.Client:
            process = stack.enter_context(
                subprocess.Popen(
                    [*COMMAND, *arguments],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    cwd=tmp_path,
                    text=True,
                )
            )
            stack.callback(process.kill)
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(given)
            process.stdin.close()
            base_url = process.stdout.readline().strip().partition("=")[2]
            return stack.enter_context(httpx.Client(base_url=base_url, verify=False))

        yield started


def test_faults_and_settings_reach_the_sandbox(start: Start, tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text('[{"kind": "html", "path": "/v3/jobs"}]', "utf-8")
    (tmp_path / "faults.txt").write_text("# two\nkind=garbage\nkind=cut bytes=3\n", "utf-8")
    client = start(
        *("--fault", '{"kind": "drop", "times": "always"}', "--fault", "kind=delay seconds=0.5"),
        *("--faults", "faults.json", "--faults", "faults.txt"),
        *("--rate-limit", "50", "--window", "2", "--token-lifetime", "5", "--one-live-token"),
    )
    assert [each["fault"] for each in client.get("/sandbox/faults").json()] == [
        {"kind": "drop", "times": "always"},
        {"kind": "delay", "seconds": 0.5},
        {"kind": "html", "path": "/v3/jobs"},
        {"kind": "garbage"},
        {"kind": "cut", "bytes": 3},
    ]
    assert client.get("/sandbox/settings").json() == {
        "rate_limit": 50,
        "window": 2,
        "one_live_token": True,
        "token_lifetime": 5,
    }


def test_without_options_there_is_no_trouble(start: Start) -> None:
    client = start()
    assert client.get("/sandbox/faults").json() == []
    assert client.get("/sandbox/settings").json() == {
        "rate_limit": None,
        "window": 30,
        "one_live_token": False,
        "token_lifetime": 3600,
    }


def test_faults_may_come_from_stdin(start: Start) -> None:
    client = start("--faults", "-", given="kind=drop\n")
    assert [each["fault"] for each in client.get("/sandbox/faults").json()] == [{"kind": "drop"}]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--fault", "kind=dely"],
            '--fault: this can\'t be planned: there is no kind "dely"; kinds are content_type, ',
        ),
        (["--fault", "drop"], '"drop" is not key=value; write for example kind=delay seconds=2, or a JSON object'),
        (["--fault", '{"kind": "delay"}'], 'a "delay" fault needs "seconds": a number of seconds from 0'),
        (
            ["--faults", "wrong.txt"],
            'wrong.txt: this can\'t be planned: there is no key "x" in a "drop" fault; its keys ',
        ),
        (["--faults", "latin.txt"], "latin.txt: this can't be planned: 'utf-8' codec can't decode"),
        (["--faults", "nowhere.txt"], "'nowhere.txt': No such file or directory"),
        (["--rate-limit", "0"], "0 is not in the range x>=1"),
        (["--window", "0.5"], "'0.5' is not a valid integer range"),
        (["--token-lifetime", "0"], "0 is not in the range x>=1"),
    ],
)
def test_usage(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "wrong.txt").write_text("kind=drop x=1\n", "utf-8")
    (tmp_path / "latin.txt").write_bytes(b"\xe9")
    done = subprocess.run([*COMMAND, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr

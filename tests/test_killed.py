"""Processes that are killed while they create: what was written is never written again, what is missing still is.

The command line keeps its resume token in a file before each write; the process ends by SIGKILL, which nobody can
catch, while a write is under way and stored already, or when it is about to be sent.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.copies import copied
from tests.test_writes import CREATES, grown, stored, writes_of

from connector_runtime import Connector
from greenhouse_sandbox import Sandbox, Server

CANDIDATE, ROWS = CREATES["create_candidate"]
WRITES = writes_of("create_candidate")
POSITIONS = range(WRITES)
# The one write that changes a record and makes none: privacy.
UPDATE = 6

# Saves each token, and ends itself by SIGKILL before a certain write is sent.
PROGRAM = """
import json, os, signal, sys
from pathlib import Path
from connector_runtime import load

file, position = Path(sys.argv[1]), int(sys.argv[2])
kept = 0

def keep(token):
    global kept
    file.write_text(token)
    kept += 1
    if kept > position:
        os.kill(os.getpid(), signal.SIGKILL)

credentials = {"client_id": os.environ["GREENHOUSE_CLIENT_ID"], "client_secret": os.environ["GREENHOUSE_CLIENT_SECRET"]}
urls = {"base_url": os.environ["GREENHOUSE_BASE_URL"], "token_url": os.environ["GREENHOUSE_TOKEN_URL"]}
with load(sys.argv[3]).connect(credentials, **urls) as connection:
    connection.call("create_candidate", json.loads(sys.stdin.read()), journal=keep)
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The connector, without the wait before a lost record is looked for: here it was stored at once, or never."""
    return copied(tmp_path_factory.mktemp("connector"), ("settle: 60", "settle: 0"))


@pytest.fixture
def environment(sandbox: Sandbox, served: Server) -> dict[str, str]:
    """What a process needs to use it."""
    return {
        **os.environ,
        "GREENHOUSE_CLIENT_ID": sandbox.credentials["client_id"],
        "GREENHOUSE_CLIENT_SECRET": sandbox.credentials["client_secret"],
        "GREENHOUSE_BASE_URL": served.base_url,
        "GREENHOUSE_TOKEN_URL": served.token_url,
    }


def create(root: Path, environment: dict[str, str], journal: Path) -> subprocess.Popen[bytes]:
    """Start the command line on the candidate."""
    command = [sys.executable, "-m", "connector_runtime", "call", "create_candidate", "--connector", str(root)]
    command += ["--input", "-", "--journal", str(journal), "--format", "json"]
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    process = subprocess.Popen(command, env=environment, **pipes)
    assert process.stdin is not None
    process.stdin.write(orjson.dumps(CANDIDATE))
    process.stdin.close()
    process.stdin = None
    return process


def written(sandbox: Sandbox) -> int:
    """Count the writes that reached the API."""
    return sum(each.method != "GET" and each.path != "/token" for each in sandbox.requests)


def kill_when(process: subprocess.Popen[bytes], sandbox: Sandbox, writes: int) -> None:
    """Kill a process as soon as so many writes have reached the API."""
    end = time.monotonic() + 30
    while written(sandbox) < writes and time.monotonic() < end:
        time.sleep(0.005)
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    process.communicate()


def assert_goes_on(root: Path, environment: dict[str, str], journal: Path, sandbox: Sandbox, known: bool) -> None:
    """Call again with the journal: either everything is there once, or the first write is left for people to find."""
    before = stored(sandbox)
    process = create(root, environment, journal)
    output, said = process.communicate(timeout=60)
    if known:
        assert process.returncode == 0, said
        assert orjson.loads(output)["first_name"] == "Ada"
        assert not journal.exists()
        return
    assert process.returncode == 12, said
    error = orjson.loads(said.partition(b"\n")[2])
    assert error["code"] == "outcome_unknown"
    assert "whether person was written can't be told; look for it" in error["message"]
    assert stored(sandbox) == before
    assert journal.read_text().strip() == error["resume_token"]


@pytest.mark.parametrize("position", POSITIONS)
def test_killed_while_a_write_is_under_way(
    root: Path, tmp_path: Path, sandbox: Sandbox, environment: dict[str, str], position: int
) -> None:
    before, journal = stored(sandbox), tmp_path / "journal"
    if position == UPDATE:
        sandbox.fail("delay", seconds=20, method="PATCH")
    else:
        sandbox.fail("delay", seconds=20, method="POST", path="/v3/*", after=position - (position > UPDATE))
    process = create(root, environment, journal)
    kill_when(process, sandbox, position + 1)
    sandbox.heal()
    assert_goes_on(root, environment, journal, sandbox, known=position > 0)
    assert grown(sandbox, before)["candidates"] == 1
    if position > 0:
        assert grown(sandbox, before) == ROWS


@pytest.mark.parametrize("position", POSITIONS)
def test_killed_before_a_write_is_sent(
    root: Path, tmp_path: Path, sandbox: Sandbox, environment: dict[str, str], position: int
) -> None:
    before, journal = stored(sandbox), tmp_path / "journal"
    command = [sys.executable, "-c", PROGRAM, str(journal), str(position), str(root)]
    given = orjson.dumps(CANDIDATE)
    ended = subprocess.run(command, check=False, env=environment, input=given, capture_output=True, timeout=60)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert written(sandbox) == position
    assert_goes_on(root, environment, journal, sandbox, known=position > 0)
    assert grown(sandbox, before)["candidates"] == (1 if position else 0)
    if position > 0:
        assert grown(sandbox, before) == ROWS


def test_killed_while_reading_back(
    root: Path, tmp_path: Path, sandbox: Sandbox, environment: dict[str, str], connector: Connector
) -> None:
    before, journal = stored(sandbox), tmp_path / "journal"
    sandbox.fail("delay", seconds=20, method="GET", path="/v3/candidate_educations")
    process = create(root, environment, journal)
    kill_when(process, sandbox, WRITES)
    sandbox.heal()
    assert_goes_on(root, environment, journal, sandbox, known=True)
    assert grown(sandbox, before) == ROWS

"""Every fault at every place: what a call ends with, and what is stored. The cells: tests/faults/matrix.yaml."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.copies import impatient
from tests.test_writes import CREATES, grown, stored, writes_of

from connector_runtime import Connector, ConnectorError, OutcomeUnknown
from greenhouse_sandbox import Sandbox

ROOT = Path(__file__).parents[1]
MATRIX = yaml.safe_load((ROOT / "tests" / "faults" / "matrix.yaml").read_text("utf-8"))
PLACES, FAULTS = MATRIX["places"], MATRIX["faults"]
# How long a call may take: where that is what ends it, and where it is not.
SOON, LATE = 0.4, 30.0
CERTAIN = {"forbidden", "not_found", "conflict", "rejected", "rate_limited"}
# Where reads of a create are struck: before its first write, and after its last.
READS_OF_A_CREATE = {"check": "/v3/jobs", "reading_back": "/v3/candidate_educations"}
# The one write that changes a record and makes none.
UPDATE = 6

Call = Callable[[Sandbox, str, dict[str, Any], float], dict[str, Any]]


@pytest.fixture(scope="module", name="impatient")
def impatient_connector(tmp_path_factory: pytest.TempPathFactory) -> Connector:
    """The connector, with pauses between its attempts that tests have time for."""
    return impatient(tmp_path_factory.mktemp("impatient"))


def caller(connector: Connector, driver: str) -> Call:
    """Make the function that calls with a driver."""

    def blocking(sandbox: Sandbox, operation: str, given: dict[str, Any], seconds: float) -> dict[str, Any]:
        with connector.connect(sandbox.credentials, transport=sandbox.transport()) as connection:
            return connection.call(operation, given, timeout=seconds)

    async def run(sandbox: Sandbox, operation: str, given: dict[str, Any], seconds: float) -> dict[str, Any]:
        async with await connector.aconnect(sandbox.credentials, transport=sandbox.transport()) as connection:
            return await connection.call(operation, given, timeout=seconds)

    return blocking if driver == "threads" else lambda *given: asyncio.run(run(*given))


@pytest.fixture(scope="module")
def answers(impatient: Connector) -> Iterator[dict[str, Any]]:
    """What each place answers without a fault."""
    with Sandbox() as sandbox:
        call = caller(impatient, "threads")
        found = {name: call(sandbox, place["operation"], place["input"], LATE) for name, place in PLACES.items()}
        assert found["read"]["offer_found"]
        assert len(found["list"]["results"]) == 3
        yield found


def struck(sandbox: Sandbox) -> int:
    """Count the faults that struck."""
    return sum(sandbox.counts["faults"].values())


@pytest.mark.parametrize("times", [1, "always"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fault", FAULTS)
def test_reads(
    impatient: Connector, sandbox: Sandbox, answers: dict[str, Any], fault: str, place: str, times: Any
) -> None:
    cell, at = FAULTS[fault], PLACES[place]
    # Each driver meets every fault at every place, one of them once, the other always, in turn.
    turn = (list(FAULTS).index(fault) + list(PLACES).index(place) + (times == 1)) % 2
    call = caller(impatient, ("threads", "asyncio")[turn])
    expected = cell.get(place, cell["reads"])[times == "always"]
    seconds = SOON if "timeout" in expected else LATE
    sandbox.fail(**cell["fault"], path=at["path"], times=times)
    before = stored(sandbox)
    if expected == "ok":
        assert call(sandbox, at["operation"], at["input"], seconds) == answers[place]
    else:
        with pytest.raises(ConnectorError) as raised:
            call(sandbox, at["operation"], at["input"], seconds)
        assert raised.value.code in expected.split(" or "), str(raised.value)
        assert raised.value.operation == at["operation"]
        assert struck(sandbox) > 0
    assert grown(sandbox, before) == dict.fromkeys(before, 0)


@pytest.mark.parametrize("times", [1, "always"])
@pytest.mark.parametrize("place", READS_OF_A_CREATE)
@pytest.mark.parametrize("fault", FAULTS)
def test_reads_of_a_create(impatient: Connector, sandbox: Sandbox, fault: str, place: str, times: Any) -> None:
    cell, (given, rows) = FAULTS[fault], CREATES["create_candidate"]
    call = caller(impatient, "threads" if times == 1 else "asyncio")
    expected = cell["reads"][times == "always"]
    seconds = 2 * SOON if "timeout" in expected else LATE
    sandbox.fail(**cell["fault"], path=READS_OF_A_CREATE[place], method="GET", times=times)
    before = stored(sandbox)
    if expected == "ok":
        assert call(sandbox, "create_candidate", given, seconds)["id"] > 0
    else:
        with pytest.raises(ConnectorError) as raised:
            call(sandbox, "create_candidate", given, seconds)
        written = place == "reading_back"
        assert raised.value.code in ("partial_write" if written else expected).split(" or "), str(raised.value)
        assert grown(sandbox, before) == (rows if written else dict.fromkeys(before, 0))
        sandbox.heal()
        token = {"resume_token": raised.value.resume_token} if written else {}
        assert call(sandbox, "create_candidate", {**given, **token}, LATE)["id"] > 0
    assert grown(sandbox, before) == rows


@pytest.mark.parametrize(
    ("operation", "position"),
    [
        (operation, position)
        for operation in ("create_candidate", "create_candidate_note")
        for position in range(writes_of(operation))
    ],
)
@pytest.mark.parametrize("fault", FAULTS)
def test_writes(impatient: Connector, sandbox: Sandbox, fault: str, operation: str, position: int) -> None:
    cell, (given, rows) = FAULTS[fault], CREATES[operation]
    call = caller(impatient, "asyncio" if position % 2 else "threads")
    of_kind = {"method": "POST", "path": "/v3/*", "after": position - (position > UPDATE)}
    updates = operation == "create_candidate" and position == UPDATE
    sandbox.fail(**cell["fault"], **({"method": "PATCH"} if updates else of_kind))
    before = stored(sandbox)
    if cell["writes"] == "ok":
        assert call(sandbox, operation, given, 2 * SOON if cell.get("slow") else LATE)["id"] > 0
        assert grown(sandbox, before) == rows
        return
    with pytest.raises(ConnectorError) as raised:
        call(sandbox, operation, given, 2 * SOON if cell.get("slow") else LATE)
    error = raised.value
    later = "partial_write" if cell["writes"] in CERTAIN else cell["writes"]
    assert error.code == (later if position else cell["writes"]), str(error)
    assert len(error.completed) == position
    reached = position + cell.get("stored", False)
    assert sum(grown(sandbox, before).values()) == rows_of(operation, reached)
    assert (error.resume_token is None) == (position == 0 and cell["writes"] in CERTAIN)
    sandbox.heal()
    if position == 0 and error.resume_token is not None:
        # Nothing tells the record of a first write: it is for people to look.
        made = stored(sandbox)
        with pytest.raises(OutcomeUnknown):
            call(sandbox, operation, {**given, "resume_token": error.resume_token}, LATE)
        assert stored(sandbox) == made
    elif position:
        assert call(sandbox, operation, {**given, "resume_token": error.resume_token}, LATE)["id"] > 0
        assert grown(sandbox, before) == rows


LATE_FAULTS: dict[str, dict[str, Any]] = {
    "lost": {"kind": "drop"},
    "gateway timeout": {"kind": "status", "code": 504},
    "web page": {"kind": "html"},
}


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Connector:
    """The connector, with a wait of a second before a lost record is looked for."""
    return impatient(tmp_path_factory.mktemp("patient"), settle=1)


@pytest.mark.parametrize("position", range(1, writes_of("create_candidate")))
@pytest.mark.parametrize("fault", LATE_FAULTS)
def test_writes_that_are_stored_later(patient: Connector, sandbox: Sandbox, fault: str, position: int) -> None:
    """The call is over, and gone on from at once, while the API still works on what it sent."""
    given, rows = CREATES["create_candidate"]
    meant = {"method": "POST", "path": "/v3/*", "after": position - (position > UPDATE)}
    sandbox.fail(**LATE_FAULTS[fault], later=0.3, **({"method": "PATCH"} if position == UPDATE else meant))
    before, kept = stored(sandbox), list[str]()
    with patient.connect(sandbox.credentials, transport=sandbox.transport()) as connection:
        with pytest.raises(OutcomeUnknown) as raised:
            connection.call("create_candidate", given, journal=kept.append)
        assert sum(grown(sandbox, before).values()) == rows_of("create_candidate", position)
        # In turn, the token that a killed process leaves behind, and the error's.
        killed = (list(LATE_FAULTS).index(fault) + position) % 2
        token = kept[-1] if killed else raised.value.resume_token
        assert connection.call("create_candidate", {**given, "resume_token": token})["id"] > 0
    for each in threading.enumerate():
        if isinstance(each, threading.Timer):
            each.join()
    assert grown(sandbox, before) == rows


def rows_of(operation: str, writes: int) -> int:
    """How many rows so many writes make: a candidate comes with an application, an update makes none."""
    if operation != "create_candidate" or writes == 0:
        return writes
    return writes + 1 - (writes > UPDATE)

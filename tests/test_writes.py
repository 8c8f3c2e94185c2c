"""Several dependent writes with a failure at each of them in turn: nothing twice, nothing forgotten."""

import itertools
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from tests.copies import copied, impatient

from connector_runtime import (
    Connection,
    Connector,
    ConnectorError,
    InvalidInput,
    OutcomeUnknown,
    carrying,
    load,
    plans,
    writing,
)
from connector_runtime.writing import Journal, ids_of
from greenhouse_sandbox import Sandbox

RESOURCES = ("candidates", "applications", "attachments", "notes", "candidate_educations", "candidate_employments")
CANDIDATE: dict[str, Any] = {
    "user_id": 12345,
    "first_name": "Ada",
    "last_name": "Example",
    "applications": [
        {"job_id": 12345, "attachments": [{"filename": "cv.pdf", "type2": "resume", "content": "QUJD"}]},
        {"job_id": 54321, "attachments": [{"filename": "letter.txt", "type2": "cover_letter", "content": "QUJD"}]},
    ],
    "activity_feed_notes": [
        {"user_id": 1002, "body": "First impression", "visibility": "private"},
        {"user_id": 1002, "body": "Second impression", "visibility": "public"},
    ],
    "educations": [{"start_date": "2012-09-01", "end_date": "2016-06-30"}],
    "employments": [{"company_name": "Example Ltd", "title": "Analyst", "start_date": "2018-01-15"}],
    "is_private": True,
}
CREATES: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "create_candidate": (
        CANDIDATE,
        dict(zip(RESOURCES, (1, 2, 2, 2, 1, 1), strict=True)),
    ),
    "create_prospect": (
        {
            **{key: value for key, value in CANDIDATE.items() if key != "applications"},
            "application": {"job_ids": [1001, 1002], "attachments": CANDIDATE["applications"][0]["attachments"]},
        },
        dict(zip(RESOURCES, (1, 1, 1, 2, 1, 1), strict=True)),
    ),
    "create_candidate_application": (
        {
            "user_id": 12345,
            "candidate_id": 67890,
            "job_id": 54321,
            "attachments": [
                {"filename": "cv.pdf", "type2": "resume", "content": "QUJD"},
                {"filename": "test.txt", "type2": "take_home_test", "url": "https://files.example.com/test.txt"},
            ],
        },
        dict(zip(RESOURCES, (0, 1, 2, 0, 0, 0), strict=True)),
    ),
    "create_candidate_note": (
        {"user_id": 12345, "candidate_id": 67890, "body": "A note", "visibility": "admin_only"},
        dict(zip(RESOURCES, (0, 0, 0, 1, 0, 0), strict=True)),
    ),
}


@pytest.fixture(scope="module")
def connector(tmp_path_factory: pytest.TempPathFactory) -> Connector:
    """The connector, without the wait before a lost record is looked for: here it was stored at once, or never."""
    return impatient(tmp_path_factory.mktemp("connector"))


def refuse(_: httpx.BaseTransport, request: httpx.Request) -> httpx.Response:
    """Store nothing and say so."""
    return httpx.Response(422, json={"message": "Unprocessable Content"}, request=request)


def lose(_: httpx.BaseTransport, request: httpx.Request) -> httpx.Response:
    """Store nothing; the connection breaks."""
    raise httpx.ReadError("broken", request=request)


def store_and_lose(inner: httpx.BaseTransport, request: httpx.Request) -> httpx.Response:
    """Store; the connection breaks before the answer."""
    inner.handle_request(request)
    raise httpx.ReadError("broken", request=request)


def store_and_garble(inner: httpx.BaseTransport, request: httpx.Request) -> httpx.Response:
    """Store; the answer is cut."""
    inner.handle_request(request)
    return httpx.Response(201, content=b'{"id": 12', request=request)


def store_and_blank(inner: httpx.BaseTransport, request: httpx.Request) -> httpx.Response:
    """Store; the answer holds no id."""
    inner.handle_request(request)
    return httpx.Response(201, json={}, request=request)


def break_down(_: httpx.BaseTransport, request: httpx.Request) -> httpx.Response:
    """Answer with a server error, after which nobody knows."""
    return httpx.Response(502, content=b"<html>bad gateway</html>", request=request)


FAULTS = {each.__name__: each for each in (refuse, lose, store_and_lose, store_and_garble, store_and_blank, break_down)}


@dataclass
class FailingAt(httpx.BaseTransport):
    """Passes requests on, but for one write, counted from 0: that one meets a fault."""

    inner: httpx.BaseTransport
    position: int
    fault: Callable[[httpx.BaseTransport, httpx.Request], httpx.Response]
    writes: int = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on, or let it fail."""
        if request.method == "GET" or request.url.path == "/token":
            return self.inner.handle_request(request)
        self.writes += 1
        if self.writes - 1 == self.position:
            return self.fault(self.inner, request)
        return self.inner.handle_request(request)


def stored(sandbox: Sandbox) -> dict[str, int]:
    """Count the rows of what creates make."""
    return {name: len(sandbox.rows(name)) for name in RESOURCES}


def grown(sandbox: Sandbox, before: dict[str, int]) -> dict[str, int]:
    """Tell by how much."""
    return {name: count - before[name] for name, count in stored(sandbox).items()}


def connected(connector: Connector, sandbox: Sandbox, transport: httpx.BaseTransport | None = None) -> Connection:
    """Connect to a sandbox."""
    return connector.connect(sandbox.credentials, transport=transport or sandbox.transport())


def writes_of(operation: str) -> int:
    """How many writes an operation makes with its input."""
    given, rows = CREATES[operation]
    # A candidate's first application comes with it; privacy is a write without a row.
    return sum(rows.values()) - rows["candidates"] + (1 if given.get("is_private") else 0)


@pytest.mark.parametrize("operation", CREATES)
def test_stores_exactly_its_rows(connector: Connector, sandbox: Sandbox, operation: str) -> None:
    given, rows = CREATES[operation]
    before = stored(sandbox)
    with connected(connector, sandbox) as connection:
        connection.call(operation, given)
    assert grown(sandbox, before) == rows
    assert sum(each.method != "GET" and each.path != "/token" for each in sandbox.requests) == writes_of(operation)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("operation", "position"),
    [(operation, position) for operation in CREATES for position in range(writes_of(operation))],
)
def test_goes_on_after_a_failure_at_each_write(
    connector: Connector, sandbox: Sandbox, operation: str, position: int, fault: str
) -> None:
    given, rows = CREATES[operation]
    before = stored(sandbox)
    with (
        connected(connector, sandbox, FailingAt(sandbox.transport(), position, FAULTS[fault])) as connection,
        pytest.raises(ConnectorError) as raised,
    ):
        connection.call(operation, given)
    error = raised.value

    assert error.operation == operation
    assert len(error.completed) == position
    certain = fault == "refuse"
    assert error.code == (("partial_write" if position else "rejected") if certain else "outcome_unknown")
    assert (error.resume_token is None) == (position == 0 and certain)
    if position == 0:
        written = grown(sandbox, before)
        assert sum(written.values()) == (
            0 if not fault.startswith("store") else 1 + (operation in ("create_candidate", "create_prospect"))
        )
        if error.resume_token is not None:
            with connected(connector, sandbox) as connection, pytest.raises(OutcomeUnknown):
                connection.call(operation, {**given, "resume_token": error.resume_token})
        assert grown(sandbox, before) == written
        return
    with connected(connector, sandbox) as connection:
        output = connection.call(operation, {**given, "resume_token": error.resume_token})
    assert grown(sandbox, before) == rows
    assert output["id"] > 0


@pytest.mark.parametrize("operation", CREATES)
def test_going_on_from_a_token_that_is_not_the_newest(connector: Connector, sandbox: Sandbox, operation: str) -> None:
    """What was written since is found, not written again: a host may try the same step twice."""
    given, rows = CREATES[operation]
    before, kept = stored(sandbox), list[str]()
    with connected(connector, sandbox) as connection:
        made = connection.call(operation, given, journal=kept.append)
        for token in kept[1:]:
            assert connection.call(operation, {**given, "resume_token": token})["id"] == made["id"]
            assert grown(sandbox, before) == rows


@pytest.mark.parametrize("missing", ["candidate", "application"])
@pytest.mark.parametrize("operation", ["create_candidate", "create_prospect"])
def test_answer_without_one_of_the_ids_that_are_needed(
    connector: Connector, sandbox: Sandbox, operation: str, missing: str
) -> None:
    """Nobody else's record takes its place."""
    given, _ = CREATES[operation]
    sandbox.fail("mutate", drop=[missing], path="/v3/candidates", method="POST")
    before = stored(sandbox)
    with connected(connector, sandbox) as connection, pytest.raises(OutcomeUnknown) as raised:
        connection.call(operation, given)
    assert raised.value.completed == ()
    assert sum(grown(sandbox, before).values()) == 2


def test_token_with_ids_of_something_else(connector: Connector, sandbox: Sandbox) -> None:
    given, _ = CREATES["create_candidate_note"]
    kept: list[str] = []
    with connected(connector, sandbox) as connection:
        connection.call("create_candidate_note", given, journal=kept.append)
        digest = orjson.loads(urlsafe_b64decode(kept[0]))[0]
        told = urlsafe_b64encode(orjson.dumps([digest, {"written": {"x": 1}}, None, 0])).decode()
        with pytest.raises(InvalidInput) as raised:
            connection.call("create_candidate_note", {**given, "resume_token": told})
    assert [each.pointer for each in raised.value.errors] == ["/resume_token"]


def test_finds_a_note_that_mentions_somebody(connector: Connector, sandbox: Sandbox) -> None:
    """The API gives such a text back with names in place of the marks."""
    given, rows = deepcopy(CREATES["create_candidate"])
    given["activity_feed_notes"][0]["body"] = "@[Ada Example](user:1001), have a look"
    before = stored(sandbox)
    sandbox.fail("drop", path="/v3/notes", method="POST", done=True)
    with connected(connector, sandbox) as connection:
        with pytest.raises(OutcomeUnknown) as raised:
            connection.call("create_candidate", given)
        connection.call("create_candidate", {**given, "resume_token": raised.value.resume_token})
    assert grown(sandbox, before) == rows


RENAMED: dict[str, tuple[str, dict[str, Any]]] = {
    "further/1": ("applications", {"prospect": True}),
    "attachments/0/0": ("attachments", {"filename": "cv (1).pdf"}),
    "notes/0": ("notes", {"body": "<p>First impression</p>"}),
    "educations/0": ("candidate_educations", {"start_at": "2012-09-02T00:00:00.000Z"}),
    "employments/0": ("candidate_employments", {"title": "analyst"}),
}


@pytest.mark.parametrize("key", RENAMED)
def test_writes_nothing_again_that_may_be_there_in_other_words(
    connector: Connector, sandbox: Sandbox, key: str
) -> None:
    """The API stored it otherwise than it was sent: that it is not recognised does not mean that it is not there."""
    resource, stored_as = RENAMED[key]
    given, _ = CREATES["create_candidate"]
    sandbox.fail("drop", path=f"/v3/{resource}", method="POST", done=True)
    with connected(connector, sandbox) as connection:
        with pytest.raises(OutcomeUnknown) as first:
            connection.call("create_candidate", given)
        sandbox.update(resource, sandbox.rows(resource)[-1]["id"], stored_as)
        before = stored(sandbox)
        with pytest.raises(OutcomeUnknown) as second:
            connection.call("create_candidate", {**given, "resume_token": first.value.resume_token})
    assert second.value.message == (
        f"whether {key} was written can't be told: there are {resource} that differ from what was sent; "
        "look for it, and add by hand what is missing"
    )
    assert second.value.completed == first.value.completed
    assert stored(sandbox) == before


def test_lost_write_that_nothing_says_how_to_find_is_left_to_people(tmp_path: Path, sandbox: Sandbox) -> None:
    """Calling again without the token would make a second candidate: that is not what the error advises."""
    given, _ = CREATES["create_candidate"]
    part = copied(tmp_path, ("settle: 60", "settle: 0")) / "operations/parts/person.yaml"
    text = part.read_text("utf-8")
    start, end = text.index("    found:\n"), text.index("  privacy:\n")
    part.write_text(text[:start] + text[end:], "utf-8")
    sandbox.fail("drop", path="/v3/notes", method="POST")
    with connected(load(tmp_path), sandbox) as connection:
        with pytest.raises(OutcomeUnknown, match="is not known; look for it, and add by hand") as first:
            connection.call("create_candidate", given)
        before = stored(sandbox)
        with pytest.raises(OutcomeUnknown, match=r"can't be told; look for it, and add by hand what is missing"):
            connection.call("create_candidate", {**given, "resume_token": first.value.resume_token})
    assert stored(sandbox) == before


def test_fails_again_while_going_on(connector: Connector, sandbox: Sandbox) -> None:
    given, rows = CREATES["create_candidate"]
    before = stored(sandbox)
    token: dict[str, Any] = {}
    for position in range(1, writes_of("create_candidate")):
        failing = FailingAt(sandbox.transport(), 1, refuse)  # of each try, only the first missing write succeeds
        with connected(connector, sandbox, failing) as connection, pytest.raises(ConnectorError) as raised:
            connection.call("create_candidate", {**given, **token})
        assert len(raised.value.completed) == position
        token = {"resume_token": raised.value.resume_token}
    with connected(connector, sandbox) as connection:
        connection.call("create_candidate", {**given, **token})
    assert grown(sandbox, before) == rows


@pytest.mark.parametrize("answer", [httpx.Response(503), httpx.Response(200, json=[])], ids=["down", "nothing"])
@pytest.mark.parametrize("operation", CREATES)
def test_goes_on_when_reading_back_fails(
    connector: Connector, sandbox: Sandbox, operation: str, answer: httpx.Response
) -> None:
    given, rows = CREATES[operation]
    before, inner = stored(sandbox), sandbox.transport()

    def answered(request: httpx.Request) -> httpx.Response:
        written = any(each.method != "GET" and each.path != "/token" for each in sandbox.requests)
        return answer if written and request.method == "GET" else inner.handle_request(request)

    with (
        connected(connector, sandbox, httpx.MockTransport(answered)) as connection,
        pytest.raises(ConnectorError) as raised,
    ):
        connection.call(operation, given)
    assert raised.value.code == "partial_write"
    assert len(raised.value.completed) == writes_of(operation)
    with connected(connector, sandbox) as connection:
        assert connection.call(operation, {**given, "resume_token": raised.value.resume_token})["id"] > 0
    assert grown(sandbox, before) == rows


@pytest.mark.parametrize("position", range(3))
def test_interrupted_at_any_line(
    connector: Connector, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, position: int
) -> None:
    """The interruption comes while an answer is read: what was stored by then nobody has noted yet."""
    given, rows = CREATES["create_candidate"]
    before, calls = stored(sandbox), iter(range(9))

    def interrupted(answer: Any, fields: Any) -> dict[str, Any]:
        if next(calls) == position:
            raise KeyboardInterrupt
        return ids_of(answer, fields)

    monkeypatch.setattr("connector_runtime.writing.ids_of", interrupted)
    with connected(connector, sandbox) as connection, pytest.raises(KeyboardInterrupt) as raised:
        connection.call("create_candidate", given)
    told = raised.value.__cause__
    assert isinstance(told, OutcomeUnknown)
    assert len(told.completed) == position
    assert grown(sandbox, before)["candidates"] == 1
    monkeypatch.undo()
    resumed = {**given, "resume_token": told.resume_token}
    with connected(connector, sandbox) as connection:
        if position == 0:
            with pytest.raises(OutcomeUnknown, match="can't be told"):
                connection.call("create_candidate", resumed)
            assert grown(sandbox, before)["candidates"] == 1
        else:
            connection.call("create_candidate", resumed)
            assert grown(sandbox, before) == rows


def test_interrupted_between_any_two_lines(connector: Connector, sandbox: Sandbox) -> None:
    """Of every so many lines of what runs a call, one in turn: whoever interrupts it is told what was written."""
    given, rows = CREATES["create_candidate"]
    files = {writing.__file__, plans.__file__, carrying.__file__}

    def interrupting(at: int) -> Callable[..., Any]:
        passed = itertools.count(1)

        def line(_: Any, event: str, __: Any) -> Any:
            if event == "line" and next(passed) == at:
                sys.settrace(None)
                raise KeyboardInterrupt
            return line

        return lambda frame, *_: line if frame.f_code.co_filename in files else None

    traced, ended = sys.gettrace(), set()
    for at in itertools.count(40, 23):
        before = stored(sandbox)
        with connected(connector, sandbox) as connection:
            try:
                sys.settrace(interrupting(at))
                connection.call("create_candidate", given)
                break
            except KeyboardInterrupt as error:
                told = error.__cause__
            finally:
                sys.settrace(traced)
            written = grown(sandbox, before)
            if told is None:
                assert written in (dict.fromkeys(RESOURCES, 0), rows)
                continue
            assert isinstance(told, ConnectorError)
            ended.add(told.code)
            try:
                connection.call("create_candidate", {**given, "resume_token": told.resume_token})
            except OutcomeUnknown:
                assert not told.completed
                assert grown(sandbox, before) == written
            else:
                assert grown(sandbox, before) == rows
    assert ended == {"outcome_unknown", "partial_write"}


def test_interrupted_before_anything_is_written(connector: Connector, sandbox: Sandbox) -> None:
    given, _ = CREATES["create_candidate"]
    with connected(connector, sandbox) as connection:
        exchange = connector.operation("create_candidate").run(given, connection._call)
    next(exchange)
    with pytest.raises(KeyboardInterrupt) as raised:
        exchange.throw(KeyboardInterrupt)
    assert raised.value.__cause__ is None


def test_left_alone_in_the_middle(connector: Connector, sandbox: Sandbox) -> None:
    given, _ = CREATES["create_candidate"]
    with connected(connector, sandbox) as connection:
        exchange = connector.operation("create_candidate").run(given, connection._call)
    next(exchange)
    exchange.close()
    with pytest.raises(StopIteration):
        next(exchange)


def test_refuses_a_token_of_another_call(connector: Connector, sandbox: Sandbox) -> None:
    given, _ = CREATES["create_candidate"]
    failing = FailingAt(sandbox.transport(), 1, refuse)
    with connected(connector, sandbox, failing) as connection, pytest.raises(ConnectorError) as raised:
        connection.call("create_candidate", given)
    other = deepcopy(given)
    other["activity_feed_notes"].pop()
    before = stored(sandbox)
    for wrong in (raised.value.resume_token, "no token", "bm8gdG9rZW4=", "W10=", "MTIz"):
        with connected(connector, sandbox) as connection, pytest.raises(ConnectorError) as refused:
            connection.call("create_candidate", {**other, "resume_token": wrong})
        assert [each.pointer for each in refused.value.errors] == ["/resume_token"]
    assert grown(sandbox, before) == dict.fromkeys(RESOURCES, 0)


def test_an_acting_user_who_may_not_act_is_forbidden(connector: Connector, sandbox: Sandbox) -> None:
    given = {**CREATES["create_candidate_note"][0], "user_id": 1003}
    before = stored(sandbox)
    with connected(connector, sandbox) as connection, pytest.raises(ConnectorError) as raised:
        connection.call("create_candidate_note", given)
    assert raised.value.code == "forbidden"
    assert grown(sandbox, before) == dict.fromkeys(RESOURCES, 0)


def test_never_guesses_whether_a_candidate_was_stored(connector: Connector, sandbox: Sandbox) -> None:
    given, _ = CREATES["create_candidate"]
    journal = Journal.opened("create_candidate", connector.operations["create_candidate"].ready(given), (), 0.0)
    journal.unclear = "person"
    before = stored(sandbox)
    with connected(connector, sandbox) as connection, pytest.raises(ConnectorError) as raised:
        connection.call("create_candidate", {**given, "resume_token": journal.token()})
    assert raised.value.code == "outcome_unknown"
    assert grown(sandbox, before) == dict.fromkeys(RESOURCES, 0)


def test_refuses_numbers_that_json_can_not_carry(connector: Connector, sandbox: Sandbox) -> None:
    given = {**CREATES["create_candidate"][0], "custom_fields": [{"name_key": "current_salary", "value": 2**70}]}
    with connected(connector, sandbox) as connection, pytest.raises(ConnectorError) as raised:
        connection.call("create_candidate", given)
    assert raised.value.code == "invalid_input"
    assert not sandbox.requests

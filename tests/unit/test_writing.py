"""Writes: which ids an answer gives, and what can't be gone on with."""

import shutil
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from connector_runtime import InvalidInput, OutcomeUnknown, load
from connector_runtime.writing import Journal, ids_of

LIBRARY = Path(__file__).parents[1] / "fixtures" / "connector"
BOOK: dict[str, Any] = {"id": 7, "title": "t", "isbn": None, "author_id": None, "genre_id": None, "in_print": True}
BOOK |= {"tags": None, "created_at": "2024-03-01T09:00:00.000Z"}
LOAN: dict[str, Any] = {"id": 5, "book_id": 7, "author_id": None, "reader": "Ada", "returned": False}
LOAN |= {"lent_at": "2024-03-01T09:00:00.000Z"}
GIVEN = {"user_id": 1, "book_id": 7, "reader": "Ada", "tags": ["x"]}


@pytest.mark.parametrize(
    ("answer", "fields", "ids"),
    [
        ({"id": 5, "name": "x"}, {"id"}, {"id": 5}),
        ({"book": {"id": 5, "title": "x"}, "note": None}, {"book"}, {"book": {"id": 5}}),
        ({"book": {"id": 5}, "loan": {"id": 6}, "id": 7}, {"book", "loan"}, {"book": {"id": 5}, "loan": {"id": 6}}),
        ({"book": {"id": 5}, "id": 7}, {"book", "id"}, {"book": {"id": 5}, "id": 7}),
    ],
)
def test_only_ids_are_kept(answer: Any, fields: set[str], ids: dict[str, Any]) -> None:
    assert ids_of(answer, fields) == ids


@pytest.mark.parametrize("fields", [{"id"}, {"book"}, {"book", "loan"}])
@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "x",
        7,
        {},
        {"id": "x"},
        {"id": True},
        {"id": 0},
        {"id": 1.0},
        {"book": {}},
        [{"id": 1}],
        {"book": {"id": None}, "loan": {"id": 6}},
        {"book": 5, "loan": {"id": 6}},
        {"loan": {"id": 6}},
    ],
)
def test_answers_without_ids(answer: Any, fields: set[str]) -> None:
    with pytest.raises((TypeError, LookupError)):
        ids_of(answer, fields)


def test_input_that_cannot_be_told_again() -> None:
    with pytest.raises(InvalidInput, match="a number beyond 64 bits"):
        Journal.opened("lend_book", {"amount": 10**30}, (), 0.0)


WRITES = load(LIBRARY).operation("lend_book")._plan.writes  # type: ignore[union-attr]


def resumed(told: str, utc: float) -> Journal:
    """Open the journal of a call that goes on from a token."""
    return Journal.opened("lend_book", {"resume_token": told}, WRITES, utc)


def test_a_lost_write_is_looked_for_when_it_can_be_seen() -> None:
    journal = Journal.opened("lend_book", {}, WRITES, 1_000.0)
    journal.lost("lent", 1_010.0)
    told = journal.token()
    assert [resumed(told, utc).rest(60, utc) for utc in (1_010.0, 1_069.0, 1_070.0, 9_999.0)] == [60, 1, 0, 0]
    # It may have taken a while until it was time to look.
    assert resumed(told, 1_020.0).rest(60, 1_050.0) == 20
    assert resumed(resumed(told, 1_020.0).token(), 1_030.0).rest(60, 1_030.0) == 40


def test_clock_that_goes_slow_makes_nobody_wait_for_longer() -> None:
    journal = Journal.opened("lend_book", {}, WRITES, 1_000.0)
    journal.lost("lent", 5_000.0)
    assert resumed(journal.token(), 1_000.0).rest(60, 1_000.0) == 60


def test_killed_process_tells_not_when_it_sent_its_write() -> None:
    told = Journal.opened("lend_book", {}, WRITES, 1_000.0).before("lent")
    journal = resumed(told, 5_000.0)
    assert (journal.unclear, journal.rest(60, 5_001.0)) == ("lent", 59)
    assert resumed(journal.token(), 5_030.0).rest(60, 5_030.0) == 30


@pytest.mark.parametrize(
    "told",
    [
        [{}, "lent"],
        [{}, "lent", "x"],
        [{}, "lent", "nan"],
        [{}, "lent", []],
        [{}, "lent", True],
        [{}, "sent", 0],
        [{}, 5, 0],
        [{}, ["lent"], 0],
        [None, None, None],
        [["lent"], None, None],
        ["lent", None, None],
        [{"lent": 5}, None, None],
        [{"lent": [5]}, None, None],
        [{"lent": None}, None, None],
        [{"lent": {}}, None, None],
        [{"lent": {"id": "../x"}}, None, None],
        [{"lent": {"x": {"id": 1}}}, None, None],
        [{"sent": {"id": 5}}, None, None],
    ],
)
def test_token_that_tells_nothing(told: list[Any]) -> None:
    digest = Journal.opened("lend_book", {}, WRITES, 0.0).digest
    token = urlsafe_b64encode(orjson.dumps([digest, *told])).decode()
    with pytest.raises(InvalidInput) as raised:
        resumed(token, 0.0)
    assert [each.pointer for each in raised.value.errors] == ["/resume_token"]


def test_token_made_before_a_write_was_noted_but_told_as_lost() -> None:
    journal = Journal.opened("lend_book", {}, WRITES, 0.0)
    journal.done["lent"] = {"id": 5}
    journal.lost("lent", 0.0)
    again = resumed(journal.token(), 0.0)
    assert (again.done, again.unclear) == ({"lent": {"id": 5}}, None)


@pytest.mark.parametrize(
    ("at", "before", "unclear", "since"),
    [("lent", None, "lent", 9.0), (None, None, None, 0.0), ("lent", "seen/0", "seen/0", 5.0)],
)
def test_interruption_leaves_unclear_what_was_being_written(
    at: str | None, before: str | None, unclear: str | None, since: float
) -> None:
    journal = Journal.opened("lend_book", {}, WRITES, 0.0)
    assert journal.interrupted(9.0) is None
    journal.at, journal.done = at, {"lent": {"id": 5}}
    if before is not None:
        journal.lost(before, 5.0)
    told = journal.interrupted(9.0)
    assert isinstance(told, OutcomeUnknown)
    assert told.resume_token is not None
    assert (journal.unclear, journal.since) == (unclear, since)


def test_only_ids_are_taken_from_a_token() -> None:
    journal = Journal.opened("lend_book", {}, WRITES, 0.0)
    deep: Any = []
    for _ in range(400):
        deep = [deep]
    journal.done["lent"] = {"id": 5, "x": "y"}
    told = orjson.dumps([journal.digest, journal.done, None, 0]).replace(b'"y"', str(deep).encode())
    again = resumed(urlsafe_b64encode(told).decode(), 0.0)
    assert again.done == {"lent": {"id": 5}}


FOUND = """    found:
      query: {book_ids: "{{ input.book_id }}"}
      where: "{{ row.reader == input.reader }}"
"""


def test_lost_create_that_says_not_how_to_find_it(tmp_path: Path) -> None:
    folder = shutil.copytree(LIBRARY, tmp_path / "connector")
    spec = folder / "operations" / "lend_book.yaml"
    assert FOUND in spec.read_text("utf-8")
    spec.write_text(spec.read_text("utf-8").replace(FOUND, ""), "utf-8")
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(f"{request.method} {request.url.path}")
        if request.method == "POST":
            raise httpx.ReadError("lost")
        return httpx.Response(200, json=[BOOK] if request.url.path == "/v1/books" else [])

    credentials, transport = {"access_token": "t"}, httpx.MockTransport(answer)
    with load(folder).connect(credentials, transport=transport) as one, pytest.raises(OutcomeUnknown) as first:
        one.call("lend_book", GIVEN)
    advice = "look for it before you call again without the resume token"
    assert first.value.message.endswith(f"whether it was stored is not known; {advice}")
    assert first.value.resume_token is not None
    assert not first.value.retryable
    assert [each for each in sent if not each.startswith("GET")] == ["POST /v1/loans"]


def test_lost_update_is_sent_again(tmp_path: Path) -> None:
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(f"{request.method} {request.url.path}")
        if request.method == "PATCH" and sent.count("PATCH /v1/books/7") == 1:
            raise httpx.ReadError("lost")
        if request.method != "GET":
            return httpx.Response(200, json={"id": 5})
        return httpx.Response(200, json=[BOOK] if request.url.path == "/v1/books" else [LOAN])

    with load(LIBRARY).connect({"access_token": "t"}, transport=httpx.MockTransport(answer)) as connection:
        with pytest.raises(OutcomeUnknown) as first:
            connection.call("lend_book", GIVEN)
        found = connection.call("lend_book", {**GIVEN, "resume_token": first.value.resume_token})
    assert found["id"] == 5
    writes = [each for each in sent if not each.startswith("GET")]
    assert writes == ["POST /v1/loans", "PATCH /v1/books/7", "PATCH /v1/books/7"]

"""Writes: which ids an answer gives, and what can't be gone on with."""

import shutil
from pathlib import Path
from typing import Any

import httpx
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
    ("answer", "ids"),
    [
        ({"id": 5, "name": "x"}, {"id": 5}),
        ({"book": {"id": 5, "title": "x"}, "loan": {"id": 6}, "note": None}, {"book": {"id": 5}, "loan": {"id": 6}}),
    ],
)
def test_only_ids_are_kept(answer: Any, ids: dict[str, Any]) -> None:
    assert ids_of(answer) == ids


@pytest.mark.parametrize("answer", [None, [], "x", 7, {}, {"id": "x"}, {"book": {}}, [{"id": 1}]])
def test_answers_without_ids(answer: Any) -> None:
    with pytest.raises(TypeError, match="answer to a write"):
        ids_of(answer)


def test_input_that_cannot_be_told_again() -> None:
    with pytest.raises(InvalidInput, match="a number beyond 64 bits"):
        Journal.opened("lend_book", {"amount": 10**30})


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
    assert first.value.message.endswith("whether it was stored is not known; look for it before you call again")
    assert first.value.resume_token is None
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

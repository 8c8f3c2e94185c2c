"""Writes: which ids an answer gives, and what can't be gone on with."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from connector_runtime import ConnectorError, InvalidInput, OutcomeUnknown, PartialWrite, load
from connector_runtime.writing import Journal, ids_of

LIBRARY = Path(__file__).parents[1] / "fixtures" / "connector"
BOOK: dict[str, Any] = {"id": 7, "title": "t", "isbn": None, "author_id": None, "genre_id": None, "in_print": True}
BOOK |= {"tags": None, "created_at": "2024-03-01T09:00:00.000Z"}
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


def test_write_whose_outcome_nobody_can_tell() -> None:
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(f"{request.method} {request.url.path}")
        if request.method == "POST":
            return httpx.Response(201, json={"id": 5})
        if request.method == "PATCH":
            raise httpx.ReadError("lost")
        return httpx.Response(200, json=[BOOK] if request.url.path == "/v1/books" else [])

    with load(LIBRARY).connect({"access_token": "t"}, transport=httpx.MockTransport(answer)) as connection:
        with pytest.raises(ConnectorError) as first:
            connection.call("lend_book", GIVEN)
        assert isinstance(first.value, PartialWrite | OutcomeUnknown)
        assert not first.value.retryable
        writes = [each for each in sent if not each.startswith("GET")]
        with pytest.raises(OutcomeUnknown, match="can't be told; look for it, and write the rest apart"):
            connection.call("lend_book", {**GIVEN, "resume_token": first.value.resume_token})
    assert [each for each in sent if not each.startswith("GET")] == writes == ["POST /v1/loans", "PATCH /v1/books/7"]

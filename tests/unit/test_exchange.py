"""Exchanges side by side: what is asked at the same moment goes out together."""

from typing import Any

import pytest

from connector_runtime.exchange import Exchange, Outcome, Request, Response, Wire, together


def asking(name: str, *rounds: int) -> Exchange[list[str]]:
    """Ask so many requests in each round; give the answers' bodies."""
    heard: list[str] = []
    for number, requests in enumerate(rounds):
        batch = [Request("GET", f"/{name}{number}{index}") for index in range(requests)]
        outcomes = yield batch
        heard += [outcome.body.decode() for outcome in outcomes if isinstance(outcome, Response)]
    return heard


def played(exchange: Exchange[Any]) -> tuple[list[list[str]], Any]:
    """Answer every request with its own path; give the batches and the result."""
    batches: list[list[str]] = []
    outcomes: list[Outcome] | None = None
    try:
        while True:
            batch = next(exchange) if outcomes is None else exchange.send(outcomes)
            batches.append([request.path for request in batch])
            outcomes = [Response(200, {}, request.path.encode()) for request in batch]
    except StopIteration as stop:
        return batches, stop.value


@pytest.mark.parametrize(
    ("exchanges", "batches", "result"),
    [
        ([], [], []),
        ([("a",)], [], [[]]),
        ([("a", 1)], [["/a00"]], [["/a00"]]),
        (
            [("a", 2, 1), ("b", 1), ("c",), ("d", 1, 1, 1)],
            [["/a00", "/a01", "/b00", "/d00"], ["/a10", "/d10"], ["/d20"]],
            [["/a00", "/a01", "/a10"], ["/b00"], [], ["/d00", "/d10", "/d20"]],
        ),
    ],
)
def test_together(exchanges: list[tuple[Any, ...]], batches: list[list[str]], result: list[list[str]]) -> None:
    assert played(together([asking(*each) for each in exchanges])) == (batches, result)


def test_a_failure_ends_them_all() -> None:
    def failing() -> Exchange[list[str]]:
        yield [Request("GET", "/x")]
        raise ValueError("no")

    exchange = together([asking("a", 1, 1), failing()])
    batch = next(exchange)
    with pytest.raises(ValueError, match="no"):
        exchange.send([Response(200, {}, b"") for _ in batch])


def test_no_secret_in_a_repr() -> None:
    wire = Wire("GET", "https://x.example/a", {"authorization": "Bearer s3cret"}, b"s3cret")
    response = Response(200, {"set-cookie": "s3cret"}, b"s3cret")
    request = Request("POST", "/a", body={"password": "s3cret"})
    assert "s3cret" not in repr([wire, response, request])

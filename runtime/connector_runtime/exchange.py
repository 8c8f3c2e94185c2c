"""What goes over the wire, as values: every stage speaks in these records, none of them does I/O."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the API: an encoded path below the host, encoded query pairs, a JSON body for writes.

    `subject` is the user it acts as (None: the connection's own), `resource` names it in messages.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Any = field(default=None, repr=False)
    subject: str | None = None
    resource: str = ""


@dataclass(frozen=True, slots=True)
class Wire:
    """A request as it goes over the wire. Its headers may hold secrets, so they are in no repr."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """What came back: the status, headers by lower-case name, the body's bytes."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """Nothing came back: nobody answered ("unreachable"), the connection broke ("lost"), or time ran out."""

    kind: Literal["unreachable", "lost", "timeout"]
    host: str


Outcome = Response | Failure

# A running operation: yields requests that may go out together, receives their outcomes in order.
Exchange = Generator[list[Request], list[Outcome], T]


def together(exchanges: list[Exchange[T]]) -> Exchange[list[T]]:
    """Run several exchanges side by side: what they ask at the same moment goes out as one batch."""
    results: list[Any] = [None] * len(exchanges)
    waiting: list[tuple[int, list[Request]]] = []

    def advance(index: int, outcomes: list[Outcome] | None) -> None:
        try:
            exchange = exchanges[index]
            waiting.append((index, next(exchange) if outcomes is None else exchange.send(outcomes)))
        except StopIteration as stop:
            results[index] = stop.value

    for index in range(len(exchanges)):
        advance(index, None)
    while waiting:
        batch, waiting = waiting, []
        outcomes = yield [request for _, requests in batch for request in requests]
        for index, requests in batch:
            advance(index, outcomes[: len(requests)])
            outcomes = outcomes[len(requests) :]
    return results

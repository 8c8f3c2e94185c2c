"""What goes over the wire, as values: every stage speaks in these records, none of them does I/O."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

T = TypeVar("T")

Trouble = Literal["unreachable", "lost", "timeout", "limited", "early", "closed", "oversized", "unreadable"]


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the API: a path below the host, query pairs still to be encoded, a JSON body for writes.

    `subject` is the user it acts as (None: the connection's own), `resource` names it in messages. `resume` is what a
    caller must know before a write goes out, to go on should everything end there. `rest` is how many seconds it is
    too early for it.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: Any = field(default=None, repr=False)
    subject: str | None = None
    resource: str = ""
    resume: str | None = field(default=None, repr=False)
    rest: float = 0.0

    @property
    def reads(self) -> bool:
        """Whether it changes nothing, so that sending it again does no harm."""
        return self.method == "GET"


@dataclass(frozen=True, slots=True)
class Wire:
    """A request as it goes over the wire. All but its method may hold secrets or personal values: no repr shows it."""

    method: str
    url: str = field(repr=False)
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
    """Nothing usable came back, and why; `sent` is false where the request certainly never reached the API.

    "unreachable": nobody answered. "lost": the connection broke. "timeout": time ran out. "limited": time ran out while
    the API's limit was used up. "early": it ran out before the request's time came. "closed": the call was ended from
    outside. "oversized", "unreadable": the answer's body is beyond the bound, or its compression is broken.
    """

    kind: Trouble
    host: str
    sent: bool = True
    retry_after: float | None = None


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

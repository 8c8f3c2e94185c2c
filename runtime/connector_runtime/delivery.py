"""How one request is delivered: with a token, in its turn, and again where that is safe. Pure.

A delivery is a generator: it yields what it wants next and receives it. A read is sent again when nobody answered, the
connection broke, time ran out or the API was down; a write only when it certainly was not stored.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import random
from typing import Any

import orjson

from .exchange import Failure, Outcome, Request, Response, Wire
from .replies import retry_after
from .resources import encoded
from .store import Ask, Ledger
from .tokens import Grant, Token

_JSON = "application/json"
_DOWN = (502, 503, 504)
_BROKEN = ("unreachable", "lost", "timeout")
# Seconds between two looks for a token that another process is getting.
_FIRST_LOOK, _LAST_LOOK = 0.05, 0.5


@dataclass(frozen=True, slots=True)
class TokenWanted:
    """A wish for an access token of an acting user; `refused` is the one the API just refused."""

    subject: str | None
    refused: Token | None = None


@dataclass(frozen=True, slots=True)
class Save:
    """A wish that the caller keeps a resume token before what it tells of is sent."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pause:
    """A wish to wait; the answer is false where the call has no time left for it."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Consult:
    """A wish to ask the store that processes share; there may be no answer."""

    ask: Ask


Wish = TokenWanted | Save | Pause | Consult | Wire
Delivery = Generator[Wish, "Token | bool | Outcome | None", Outcome]
Minting = Generator[Wish, Any, Token | Outcome]
Utc = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how soon a request is sent again (connector.yaml, `api.retries`); pauses in seconds.

    Pauses double from `first` to `longest`, with jitter, and are never shorter than what the API asks for. Refusals
    because of the limit don't count as attempts: they end with the window.
    """

    attempts: int
    first: float
    longest: float
    jitter: Callable[[], float] = random

    def pause(self, reads: bool, outcome: Outcome, attempt: int, limited: int, utc: datetime) -> float | None:
        """Tell how long to wait before the next attempt (the first is 1, `limited` of all so far met the limit).

        None: this outcome stands.
        """
        spent = attempt - limited >= self.attempts
        if not _limited(outcome) and (spent or not _may_be_sent_again(reads, outcome)):
            return None
        asked = (retry_after(outcome, utc) if isinstance(outcome, Response) else None) or 0.0
        backoff = min(self.longest, self.first * 2.0 ** min(attempt - 1, 30))
        return max(asked, backoff / 2) + backoff / 2 * self.jitter()


def _limited(outcome: Outcome) -> bool:
    return isinstance(outcome, Response) and outcome.status == 429


def _may_be_sent_again(reads: bool, outcome: Outcome) -> bool:
    if isinstance(outcome, Response):
        return reads and outcome.status in _DOWN
    return outcome.kind in _BROKEN and (reads or not outcome.sent)


def delivery(request: Request, base_url: str, subject: str | None, retries: Retries, utc: Utc) -> Delivery:
    """Deliver a request; `subject` acts where the request names nobody."""
    if request.rest and not (yield Pause(request.rest)):
        return Failure("early", "the API", sent=False, retry_after=request.rest)
    acting = request.subject or subject
    token = yield TokenWanted(acting)
    if request.resume is not None:
        yield Save(request.resume)
    attempt, limited, renewed = 1, 0, False
    while True:
        assert isinstance(token, Token)
        outcome = yield _wire(request, base_url, token)
        if isinstance(outcome, Token):
            # It waited for its turn for so long that there is another one.
            token = outcome
            continue
        assert isinstance(outcome, Response | Failure)
        if isinstance(outcome, Response) and outcome.status == 401 and not renewed:
            renewed = True
            token = yield TokenWanted(acting, token)
            continue
        limited += _limited(outcome)
        pause = retries.pause(request.reads, outcome, attempt, limited, utc())
        if pause is None or not (yield Pause(pause)):
            return _scrubbed(outcome, token)
        attempt += 1


def minting(grant: Grant, subject: str | None, retries: Retries, utc: Utc) -> Delivery:
    """Get a token. It is asked for like a read: one token too many does no harm. Raises Unauthorized."""
    attempt, limited = 1, 0
    while True:
        outcome = yield grant.request(subject)
        assert isinstance(outcome, Response | Failure)
        limited += _limited(outcome)
        pause = retries.pause(True, outcome, attempt, limited, utc())
        if pause is None or not (yield Pause(pause)):
            return outcome
        attempt += 1


def shared_minting(
    grant: Grant, wanted: TokenWanted, retries: Retries, ledger: Ledger, now: Callable[[], float], utc: Utc
) -> Minting:
    """Get a token that another process got, or get one when it is this one's turn to. Raises Unauthorized."""
    pause = _FIRST_LOOK
    while True:
        reply = yield Consult(ledger.look(wanted.subject, wanted.refused))
        found = ledger.found(reply, now())
        if found is None:
            return (yield from minting(grant, wanted.subject, retries, utc))
        if isinstance(found, Token):
            return found
        if not (yield Pause(min(pause, found.seconds))):
            return Failure("timeout", "the token endpoint", sent=False)
        pause = min(2 * pause, _LAST_LOOK)


def _scrubbed(outcome: Outcome, token: Token) -> Outcome:
    """Take the token out of a refusal: what the API said is shown to people. Data stays as it is."""
    if isinstance(outcome, Response) and outcome.status >= 400 and token.value.encode() in outcome.body:
        return replace(outcome, body=outcome.body.replace(token.value.encode(), b"***"))
    return outcome


def _wire(request: Request, base_url: str, token: Token) -> Wire:
    query = encoded(request.query)
    url = f"{base_url}{request.path}{'?' if query else ''}{query}"
    body = b"" if request.body is None else orjson.dumps(request.body)
    content = {"content-type": _JSON} if body else {}
    return Wire(request.method, url, {"authorization": f"Bearer {token.value}", "accept": _JSON, **content}, body)

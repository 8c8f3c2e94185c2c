"""How one request is delivered: with a token, and once more with a fresh one when the token was refused. Pure."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace

import orjson

from .exchange import Outcome, Request, Response, Wire
from .resources import encoded


@dataclass(frozen=True, slots=True)
class TokenWanted:
    """A delivery's wish for an access token of an acting user; `refused` is the one the API just refused."""

    subject: str | None
    refused: str | None = field(default=None, repr=False)


# Yields a wish for a token and receives it as text, or a wire request and receives its outcome.
Delivery = Generator[TokenWanted | Wire, str | Outcome, Outcome]


def delivery(request: Request, base_url: str, subject: str | None) -> Delivery:
    """Deliver a request; `subject` acts where the request names nobody."""
    acting = request.subject or subject
    token = str((yield TokenWanted(acting)))
    outcome = yield _wire(request, base_url, token)
    if isinstance(outcome, Response) and outcome.status == 401:
        token = str((yield TokenWanted(acting, token)))
        outcome = yield _wire(request, base_url, token)
    assert not isinstance(outcome, str)
    return _scrubbed(outcome, token)


def _scrubbed(outcome: Outcome, token: str) -> Outcome:
    """Take the token out of a refusal: what the API said is shown to people."""
    if isinstance(outcome, Response) and outcome.status >= 400 and token.encode() in outcome.body:
        return replace(outcome, body=outcome.body.replace(token.encode(), b"***"))
    return outcome


def _wire(request: Request, base_url: str, token: str) -> Wire:
    query = encoded(request.query)
    url = f"{base_url}{request.path}{'?' if query else ''}{query}"
    headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
    if request.body is None:
        return Wire(request.method, url, headers)
    return Wire(request.method, url, {**headers, "content-type": "application/json"}, orjson.dumps(request.body))

"""OAuth 2.0 client credentials: what to ask for a token, how to read the answer, when to renew. Pure."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from math import inf, isfinite
from threading import Lock
from typing import Any
from urllib.parse import quote_plus, urlencode

import orjson

from .errors import ConnectorError, Forbidden, Unauthorized, UnexpectedResponse
from .exchange import Failure, Outcome, Request, Response, Wire
from .moments import moment
from .replies import failed, refused, server_time, upstream

_UNUSABLE = "the token endpoint's answer holds no usable access token"
_NO_MORE = "the API refused the access token; only a client id and secret can get a new one"


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, and the moment (in seconds of the connection's clock) at which it is to be renewed.

    It is handed on as this record, never as text, so that no frame on the way of an error shows it.
    """

    value: str = field(repr=False)
    renew_at: float


@dataclass(frozen=True, slots=True)
class Grant:
    """How tokens are got: connector.yaml's `auth`, the token URL in use, and the credentials."""

    token_url: str
    subject_field: str
    lifetime: float
    renew_before: float
    client_id: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)

    def identity(self) -> str:
        """Tell this credential from every other without telling it."""
        parts = (self.token_url, self.client_id, self.client_secret, self.access_token)
        return sha256(repr(parts).encode()).hexdigest()

    def request(self, subject: str | None) -> Wire:
        """Make the token request of an acting user. Raises Unauthorized when there is only a ready token."""
        if self.client_id is None or self.client_secret is None:
            raise Unauthorized(_NO_MORE)
        form = {"grant_type": "client_credentials", **({self.subject_field: subject} if subject else {})}
        headers = {"authorization": f"Basic {self._pair()}", "content-type": "application/x-www-form-urlencoded"}
        return Wire("POST", self.token_url, headers, urlencode(form).encode())

    def read(self, outcome: Outcome, now: float, utc: datetime) -> Token:
        """Read the answer to a token request; `utc` is the local time, used where the answer has no Date.

        Raises the ConnectorError that fits.
        """
        if isinstance(outcome, Failure):
            raise failed(outcome)
        if outcome.status == 403:
            what = "the acting user, or the credential, may not get an access token"
            raise Forbidden(what, upstream=self._scrubbed(outcome))
        if outcome.status in (400, 401):
            what = "the token endpoint refused the client id or secret"
            raise Unauthorized(what, upstream=self._scrubbed(outcome))
        if not 200 <= outcome.status < 300:
            error = refused(Request("POST", "the token endpoint", resource="access tokens"), outcome)
            error.upstream = self._scrubbed(outcome)
            raise error
        token = self._token(outcome, now, utc)
        if token is None:
            raise UnexpectedResponse(_UNUSABLE)
        return token

    def _pair(self) -> str:
        return b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()

    def _token(self, response: Response, now: float, utc: datetime) -> Token | None:
        # Gives None instead of raising: no frame that knows the token is in an error's traceback.
        try:
            answer = orjson.loads(response.body)
            value = answer["access_token"]
            seconds = self._seconds(answer, response, utc)
        except (LookupError, TypeError, ValueError, OverflowError):
            return None
        if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
            return None
        # A token that lives shorter than the margin is still good for half its life.
        return Token(value, now + max(seconds - self.renew_before, seconds / 2))

    def _seconds(self, answer: Mapping[str, Any], response: Response, utc: datetime) -> float:
        if answer.get("expires_in") is not None:
            return _finite(float(answer["expires_in"]))
        if answer.get("expires_at") is None:
            return self.lifetime
        # Measured on the server's own clock where it tells it, so that a wrong local clock does no harm.
        return (moment(answer["expires_at"]) - server_time(response, utc)).total_seconds()

    def _scrubbed(self, response: Response) -> dict[str, Any]:
        """Give what the endpoint said without the credentials, which it may repeat in any spelling."""
        body = response.body
        for secret in filter(None, (self.client_secret, self.client_id, self._pair())):
            for spelling in (secret.encode(), orjson.dumps(secret)[1:-1], quote_plus(secret).encode()):
                body = body.replace(spelling, b"***")
        return upstream(replace(response, body=body))


def _finite(seconds: float) -> float:
    if not isfinite(seconds):
        raise ValueError
    return seconds


class Tokens:
    """The tokens of one credential by acting user (None: the integration's own); at most one is being got for each.

    A new token may end the life of the one before it, and all who wait want the same. Safe across threads.
    """

    def __init__(self, grant: Grant) -> None:
        self.grant = grant
        ready = grant.access_token
        self._ready = Token(ready, inf) if ready else None
        self._minted: dict[str | None, Token] = {}
        self._failed: dict[str | None, tuple[float, ConnectorError]] = {}
        self._waiting: dict[str | None, set[Callable[[], None]]] = {}
        self._lock = Lock()

    def usable(self, subject: str | None, refused: Token | None, now: float) -> Token | None:
        """Give a token that is neither due for renewal nor the one the API just refused; None: get one."""
        with self._lock:
            token = self._minted.get(subject, self._ready)
            if token is not None and refused is not None and token.value == refused.value:
                # Nobody else need try it, where there is a way to another.
                if self.grant.client_secret is not None:
                    self._minted[subject] = replace(token, renew_at=-inf)
                return None
        return token if token is not None and now < token.renew_at else None

    def lease(self, subject: str | None, notify: Callable[[], None]) -> bool:
        """Become the one who gets a user's token; false: somebody is at it, `notify` is called when that has ended."""
        with self._lock:
            waiting = self._waiting.get(subject)
            if waiting is None:
                self._waiting[subject] = set()
                return True
            waiting.add(notify)
            return False

    def failure(self, subject: str | None, since: float) -> ConnectorError | None:
        """Give the error of an attempt to get a token that ended since then: it is the answer to all who waited."""
        ended, error = self._failed.get(subject, (since, None))
        return copy(error) if ended > since else None

    def settle(self, subject: str | None, got: Token | ConnectorError | None, now: float) -> None:
        """End a lease with a token, with why there is none, or, given up, with nothing; tell everybody who waits."""
        with self._lock:
            if isinstance(got, Token):
                self._minted[subject] = got
            elif got is not None:
                self._failed[subject] = now, got
            waiting = self._waiting.pop(subject)
        for notify in waiting:
            notify()

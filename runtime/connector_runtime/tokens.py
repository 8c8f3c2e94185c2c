"""OAuth 2.0 client credentials: what to ask for a token, how to read the answer, when to renew. Pure."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any
from urllib.parse import quote_plus, urlencode

import orjson

from .errors import Forbidden, Unauthorized, UnexpectedResponse
from .exchange import Failure, Outcome, Request, Response, Wire
from .moments import moment
from .replies import failed, refused, upstream

_UNUSABLE = "the token endpoint's answer holds no usable access token"
_NO_MORE = "the API refused the access token; only a client id and secret can get a new one"


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, and the moment (in seconds of the connection's clock) at which it is to be renewed."""

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
        return (moment(answer["expires_at"]) - _date(response, utc)).total_seconds()

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


def _date(response: Response, utc: datetime) -> datetime:
    """Give the moment of an answer by the server's clock, or `utc` where it doesn't tell."""
    try:
        date = parsedate_to_datetime(response.headers.get("date", ""))
    except ValueError:
        return utc
    return date if date.tzinfo else date.replace(tzinfo=UTC)


class Tokens:
    """The tokens of one connection, by acting user (None: the integration's own)."""

    def __init__(self, grant: Grant) -> None:
        self.grant = grant
        ready = grant.access_token
        self._ready = Token(ready, float("inf")) if ready else None
        self._minted: dict[str | None, Token] = {}

    def usable(self, subject: str | None, refused_token: str | None, now: float) -> str | None:
        """Give a token that is neither due for renewal nor the one the API just refused; None: mint one."""
        token = self._minted.get(subject, self._ready)
        return token.value if token and token.value != refused_token and now < token.renew_at else None

    def keep(self, subject: str | None, token: Token) -> str:
        """Remember a freshly minted token."""
        self._minted[subject] = token
        return token.value

"""The token endpoint and what a token stands for (facts: section 2).

Tokens are opaque here (the vendor's are JWTs, which a client must not look into) and live one hour, unless set
otherwise. Only the client-credentials grant exists; `sub` names the acting user.
"""

import base64
import binascii
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from .database import Database
from .moments import moment_text
from .settings import Settings
from .wire import ApiError, Reply, forbidden, json_reply, unauthorized

CLIENT_ID = "sandbox-1"
CLIENT_SECRET = "not-a-secret"  # noqa: S105 (it says so)
GRANTS = "authorization_code, refresh_token, client_credentials, urn:ietf:params:oauth:grant-type:token-exchange"


class Tokens:
    """Issues and checks access tokens; they are stored with the rows, so that a restart keeps them."""

    def __init__(self, database: Database, settings: Settings, clock: Callable[[], float]) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock

    def reply(self, query: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answers `POST /token`. Form, JSON body and query are read alike: both documented spellings work.

        Raises ApiError 400 or 401 as documented, and 403 for a `sub` that is no Site Admin (INFERRED: no
        source has seen that answer). A deactivated Site Admin may act; ORGANISATION.md says why.
        """
        _check_client(headers.get("authorization", ""))
        asked = dict(parse_qsl(query)) | _body_parameters(headers.get("content-type", ""), body)
        _check_grant(asked.get("grant_type"))
        lifetime = self._settings.token_lifetime
        token, expires_at = self.issue(self._acting_user(asked.get("sub")), lifetime)
        return json_reply(
            200,
            {
                "token_type": "Bearer",
                "access_token": token,
                "expires_at": moment_text(expires_at),
                "expires_in": lifetime,
            },
        )

    def issue(self, user_id: int | None, lifetime: int) -> tuple[str, float]:
        """A new token for the acting user (None: the integration's own) and its end as a Unix time."""
        token, now = secrets.token_urlsafe(32), self._clock()
        with self._database.transaction():
            if self._settings.one_live_token:
                self.revoke_all()
            self._database.execute("DELETE FROM tokens WHERE expires_at <= ?", (now,))
            self._database.execute("INSERT INTO tokens VALUES (?, ?, ?)", (token, user_id, now + lifetime))
        return token, now + lifetime

    def revoke(self, authorization: str) -> bool:
        """Ends the token of an Authorization header; whether there was one to end."""
        token = authorization.partition(" ")[2].strip()
        return self._database.execute("DELETE FROM tokens WHERE token = ?", (token,)) > 0

    def revoke_all(self) -> int:
        """Ends every token, and tells how many; there is one credential, so they are all its own."""
        return self._database.execute("DELETE FROM tokens")

    def actor(self, authorization: str) -> int | None:
        """The user a bearer token acts as; None when there is not even a service account.

        Raises ApiError 401 for an unknown or expired token.
        """
        scheme, _, token = authorization.partition(" ")
        found = self._database.query(
            "SELECT ifnull(user_id, (SELECT min(id) FROM users WHERE service_account = 1))"
            " FROM tokens WHERE token = ? AND expires_at > ?",
            (token.strip(), self._clock()),
        )
        if scheme.lower() != "bearer" or not found:
            raise unauthorized()
        actor: int | None = found[0][0]
        return actor

    def _acting_user(self, sub: object) -> int | None:
        if sub is None:
            return None
        user = self._database.get("users", int(str(sub))) if re.fullmatch(r"\d{1,18}", str(sub)) else None
        if user is None or not user["site_admin"]:
            raise forbidden()
        return int(user["id"])


def _check_client(authorization: str) -> None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise ApiError(401, {"message": "Unauthorized", "errorId": _error_id()})
    try:
        client_id, _, secret = base64.b64decode(encoded.strip()).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        client_id = secret = ""
    if not re.fullmatch(r".+-\d+", client_id):
        message = f"client_id={client_id} does not contain a valid client ID suffix"
        raise ApiError(400, {"message": message, "errorId": _error_id()})
    if (client_id, secret) != (CLIENT_ID, CLIENT_SECRET):
        raise ApiError(401, {"error": "invalid_client"})


def _check_grant(grant_type: object) -> None:
    if grant_type is None:
        raise ApiError(400, {"message": "Must include `grant_type` parameter in /token request"})
    if grant_type != "client_credentials":
        message = f"grant_type={grant_type} is invalid, please use one of: {GRANTS}"
        raise ApiError(400, {"message": message})


def _body_parameters(content_type: str, body: bytes) -> dict[str, Any]:
    if "json" not in content_type:
        return dict(parse_qsl(body.decode(errors="replace")))
    try:
        asked = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        asked = None
    if not isinstance(asked, dict):
        raise ApiError(400, {"message": "The request body is no JSON object"})
    return asked


def _error_id() -> str:
    return f"err-{secrets.token_hex(8)}"

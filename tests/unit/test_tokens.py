"""OAuth 2.0 client credentials as values: the request, both forms of expiry, clocks that differ, no secret shown."""

from base64 import b64decode
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest

from connector_runtime import errors
from connector_runtime.delivery import TokenWanted
from connector_runtime.exchange import Failure, Response
from connector_runtime.tokens import Grant, Token, Tokens

GRANT = Grant("https://id.example/token", "sub", 3600, 60, "client-1", "s3cret")
READY = Grant("https://id.example/token", "sub", 3600, 60, access_token="r3ady")
LOCAL = datetime(2026, 3, 1, 12, tzinfo=UTC)
DATE = "Sun, 01 Mar 2026 12:00:00 GMT"


def answer(status: int, body: Any, **headers: str) -> Response:
    """Write an answer of the token endpoint."""
    return Response(status, headers, body if isinstance(body, bytes) else orjson.dumps(body))


@pytest.mark.parametrize(("subject", "form"), [(None, {}), ("1001", {"sub": ["1001"]}), ("a&b=c", {"sub": ["a&b=c"]})])
def test_request(subject: str | None, form: dict[str, list[str]]) -> None:
    wire = GRANT.request(subject)
    assert (wire.method, wire.url) == ("POST", "https://id.example/token")
    assert b64decode(wire.headers["authorization"].removeprefix("Basic ")) == b"client-1:s3cret"
    assert wire.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(wire.body.decode()) == {"grant_type": ["client_credentials"], **form}


def test_ready_token_can_get_no_other() -> None:
    with pytest.raises(errors.Unauthorized, match="only a client id and secret can get a new one"):
        READY.request(None)


@pytest.mark.parametrize(
    ("said", "headers", "seconds"),
    [
        ({"expires_in": 3600}, {}, 3540),
        ({"expires_in": "3600"}, {}, 3540),
        ({"expires_in": 100}, {}, 50),
        ({"expires_in": 120}, {}, 60),
        ({"expires_in": 0}, {}, 0),
        ({"expires_at": "2026-03-01T13:00:00Z"}, {}, 3540),
        ({"expires_at": "2026-03-01T13:00:00+0000"}, {}, 3540),
        ({"expires_at": "2026-03-01T13:00:00.000Z"}, {}, 3540),
        ({"expires_at": "2026-03-01T14:00:00+01:00"}, {}, 3540),
        ({"expires_at": "2026-03-01T13:00:00Z"}, {"date": DATE}, 3540),
        # The local clock is wrong by hours; the server's own Date says how long the token really lives.
        ({"expires_at": "2026-03-01T20:00:00Z"}, {"date": "Sun, 01 Mar 2026 19:00:00 GMT"}, 3540),
        ({"expires_at": "2026-02-01T01:00:00Z"}, {"date": "Sun, 01 Feb 2026 00:00:00 GMT"}, 3540),
        ({"expires_in": 600, "expires_at": "2020-01-01T00:00:00Z"}, {}, 540),
        ({"expires_in": None, "expires_at": None}, {}, 3540),
        ({}, {}, 3540),
    ],
)
def test_when_a_token_is_renewed(said: dict[str, Any], headers: dict[str, str], seconds: float) -> None:
    token = GRANT.read(answer(200, {"access_token": "t0k3n", **said}, **headers), 1000, LOCAL)
    assert token == Token("t0k3n", 1000 + seconds)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff",
        [],
        "text",
        None,
        {},
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 7},
        {"access_token": "a\nb"},
        {"access_token": "é"},
        {"access_token": "t", "expires_in": "soon"},
        {"access_token": "t", "expires_in": []},
        {"access_token": "t", "expires_in": {}},
        {"access_token": "t", "expires_at": "soon"},
        {"access_token": "t", "expires_at": 7},
        {"access_token": "t", "expires_at": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_answers_without_a_usable_token(body: Any) -> None:
    with pytest.raises(errors.UnexpectedResponse) as caught:
        GRANT.read(answer(200, body), 0, LOCAL)
    assert caught.value.message == "the token endpoint's answer holds no usable access token"


@pytest.mark.parametrize("date", ["", "yesterday", "Sun, 01 Mar 2026 12:00:00", "Sun, 01 Mar 2026 12:00:00 -0000"])
def test_dates_that_say_little(date: str) -> None:
    said = {"access_token": "t", "expires_at": "2026-03-01T13:00:00Z"}
    assert GRANT.read(answer(200, said, date=date), 0, LOCAL).renew_at == 3540


def test_token_that_lives_for_ever_or_not_at_all() -> None:
    for seconds in ("inf", "nan"):
        with pytest.raises(errors.UnexpectedResponse):
            GRANT.read(answer(200, {"access_token": "t", "expires_in": seconds}), 0, LOCAL)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.Unauthorized),
        (401, errors.Unauthorized),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (429, errors.RateLimited),
        (500, errors.Unavailable),
        (302, errors.UnexpectedResponse),
    ],
)
def test_refusals_show_no_secret(status: int, kind: type[errors.ConnectorError]) -> None:
    body = {"message": "client_id=client-1 with s3cret does not contain a valid client ID suffix", "errorId": "err-1"}
    with pytest.raises(kind) as caught:
        GRANT.read(answer(status, body, **{"retry-after": "9", "x-request-id": "r"}), 0, LOCAL)
    error = caught.value
    said = '{"message":"client_id=*** with *** does not contain a valid client ID suffix","errorId":"err-1"}'
    assert error.upstream == {
        "status": status,
        "content_type": None,
        "body": said if 400 <= status < 500 else None,
        "request_id": "r",
    }
    assert error.retry_after == (9 if status in (404, 429, 500, 302) else None)
    assert "s3cret" not in f"{error.record()} {error}"


def test_secret_that_is_cut_or_escaped_is_not_shown() -> None:
    grant = Grant("https://id.example/token", "sub", 3600, 60, 'client "1"', "s" * 40)
    body = {"message": "x " * 235 + "s" * 40}
    with pytest.raises(errors.Unauthorized) as caught:
        grant.read(answer(401, body), 0, LOCAL)
    assert caught.value.upstream is not None
    assert "sss" not in caught.value.upstream["body"]
    with pytest.raises(errors.Unauthorized) as caught:
        grant.read(answer(401, {"error": 'client "1"', "client": 'client "1"'}), 0, LOCAL)
    assert caught.value.upstream is not None
    assert caught.value.upstream["body"] == '{"error":"***"}'


@pytest.mark.parametrize(
    ("kind", "error"), [("timeout", errors.Timeout), ("unreachable", errors.Unavailable), ("lost", errors.Unavailable)]
)
def test_no_answer(kind: Any, error: type[errors.ConnectorError]) -> None:
    with pytest.raises(error, match=r"https://id\.example"):
        GRANT.read(Failure(kind, "https://id.example"), 0, LOCAL)


def test_tokens_of_a_connection() -> None:
    tokens = Tokens(GRANT)
    assert tokens.usable(None, None, 0) is None
    for subject, token in {None: Token("one", 100), "7": Token("seven", 100)}.items():
        assert tokens.lease(subject, lambda: None)
        tokens.settle(subject, token, 0)
    one, seven = tokens.usable(None, None, 99), tokens.usable("7", None, 99)
    assert (one, seven) == (Token("one", 100), Token("seven", 100))
    assert tokens.usable("8", None, 99) is None
    assert tokens.usable(None, None, 100) is None
    assert tokens.usable(None, one, 99) is None
    assert tokens.usable(None, None, 99) is None  # what was refused to one is used by nobody
    assert tokens.usable("7", one, 99) == seven


def test_failure_is_the_answer_to_those_who_waited() -> None:
    tokens, told = Tokens(GRANT), []
    assert tokens.lease(None, lambda: None)
    assert not tokens.lease(None, lambda: told.append(1))
    tokens.settle(None, errors.Unauthorized("no", retry_after=3), 5)
    assert told == [1]
    one, other = tokens.failure(None, 4), tokens.failure(None, 4)
    assert isinstance(one, errors.Unauthorized)
    assert (one.message, one.retry_after) == ("no", 3)
    assert one is not other  # each is raised, and gets its own traceback
    assert tokens.failure(None, 5) is None
    assert tokens.failure("7", 4) is None


def test_ready_token_is_used_until_it_is_refused() -> None:
    tokens = Tokens(READY)
    ready = tokens.usable(None, None, 1e12)
    assert ready is not None
    assert ready.value == "r3ady"
    assert tokens.usable("7", None, 0) == ready
    assert tokens.usable(None, ready, 0) is None


def test_token_and_grant_show_no_secret() -> None:
    shown = f"{GRANT!r} {READY!r} {Token('t0k3n', 1)!r} {Tokens(GRANT)!r} {TokenWanted('7', Token('t0k3n', 1))!r}"
    assert not [secret for secret in ("s3cret", "client-1", "r3ady", "t0k3n") if secret in shown]

"""The token endpoint, token life, scopes."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from greenhouse_sandbox import Sandbox

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller


UNDECODABLE = "Token could not be decoded. Please ensure your token is from a trusted source."
GOOD = "sandbox-1:not-a-secret"


def basic(pair: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def test_a_token_says_when_it_ends_in_both_documented_ways(caller: type[Caller]) -> None:
    with Sandbox(clock=lambda: 1_700_000_000.0) as sandbox:
        answer = json.loads(caller(sandbox).token().body)
    assert answer | {"access_token": ""} == {
        "token_type": "Bearer",
        "access_token": "",
        "expires_at": "2023-11-14T23:13:20.000Z",
        "expires_in": 3600,
    }


@pytest.mark.parametrize(
    ("target", "headers", "body"),
    [
        (
            "/token",
            {"content-type": "application/x-www-form-urlencoded"},
            b"grant_type=client_credentials&sub=1001",
        ),
        ("/token?grant_type=client_credentials", {"content-type": "application/json"}, b'{"sub": 1001}'),
        ("/token", {"Content-Type": "application/json"}, b'{"grant_type":"client_credentials","sub":"1001"}'),
        ("/token?grant_type=client_credentials&sub=1001", {}, b""),
    ],
)
def test_form_json_and_query_are_read_alike(samples: Caller, target: str, headers: dict[str, str], body: Any) -> None:
    reply = samples.sandbox.handle("POST", target, basic(GOOD) | headers, body)
    assert reply.status == 200


GRANT = b"grant_type=client_credentials"


@pytest.mark.parametrize(
    ("headers", "body", "status", "expected"),
    [
        ({}, GRANT, 401, {"message": "Unauthorized"}),
        (
            basic("nonsense:x"),
            GRANT,
            400,
            {"message": "client_id=nonsense does not contain a valid client ID suffix"},
        ),
        (
            {"authorization": "Basic *"},
            GRANT,
            400,
            {"message": "client_id= does not contain a valid client ID suffix"},
        ),
        (basic("sandbox-1:wrong"), GRANT, 401, {"error": "invalid_client"}),
        (basic("sandbox-2:not-a-secret"), GRANT, 401, {"error": "invalid_client"}),
        (basic(GOOD), b"", 400, {"message": "Must include `grant_type` parameter in /token request"}),
        (basic(GOOD), GRANT + b"&sub=424242", 403, {"message": "Forbidden"}),
        (basic(GOOD), GRANT + b"&sub=1002", 403, {"message": "Forbidden"}),
        (basic(GOOD), GRANT + b"&sub=jane", 403, {"message": "Forbidden"}),
        (
            basic(GOOD) | {"content-type": "application/json"},
            b"[]",
            400,
            {"message": "The request body is no JSON object"},
        ),
    ],
)
def test_a_refused_token_request_is_answered_as_documented(
    samples: Caller, headers: dict[str, str], body: Any, status: int, expected: Any
) -> None:
    reply = samples.sandbox.handle("POST", "/token", headers, body)
    answer = json.loads(reply.body)
    assert reply.status == status
    assert answer.pop("errorId", "err-").startswith("err-")
    assert answer == expected


def test_another_grant_is_refused_by_name(samples: Caller) -> None:
    reply = samples.sandbox.handle("POST", "/token", basic(GOOD), b"grant_type=password")
    assert reply.status == 400
    assert json.loads(reply.body)["message"].startswith("grant_type=password is invalid, please use one of: ")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nothing"}, basic(GOOD)])
def test_without_a_known_token_nothing_is_served(samples: Caller, headers: dict[str, str]) -> None:
    reply = samples.sandbox.handle("GET", "/v3/jobs", headers, b"")
    assert (reply.status, json.loads(reply.body)) == (
        401,
        {"message": "Unauthorized", "errors": [UNDECODABLE]},
    )


def test_a_token_lives_one_hour(caller: type[Caller]) -> None:
    now = [1_700_000_000.0]
    with Sandbox(clock=lambda: now[0]) as sandbox:
        user = caller(sandbox)
        now[0] += 3599
        assert user.get("jobs").status == 200
        now[0] += 1
        assert user.get("jobs").status == 401


def test_a_restart_on_the_same_file_keeps_tokens(caller: type[Caller], tmp_path: Path) -> None:
    with Sandbox(tmp_path / "rows.db") as sandbox:
        headers = caller(sandbox).headers
    with Sandbox(tmp_path / "rows.db") as sandbox:
        assert sandbox.handle("GET", "/v3/jobs", headers, b"").status == 200


def test_a_scope_the_credential_lacks_is_forbidden(caller: type[Caller]) -> None:
    with Sandbox(scopes={"harvest:jobs:list", "harvest:rejection_reasons:list"}) as sandbox:
        user = caller(sandbox)
        assert user.get("jobs").status == 200
        for reply in (
            user.get("candidates"),
            user.get("rejection_reasons/602"),
            user.send("POST", "notes", {}),
            user.send("PATCH", "candidates/12345", {}),
        ):
            assert user.json(reply, 403) == {"message": "Forbidden"}


def test_a_missing_scope_is_reported_before_a_bad_query(caller: type[Caller]) -> None:
    with Sandbox(scopes=()) as sandbox:
        assert caller(sandbox).get("jobs", x=1).status == 403

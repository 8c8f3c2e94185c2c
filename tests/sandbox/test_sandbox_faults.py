"""Trouble on demand: planned replies, lost connections, the rate limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from greenhouse_sandbox import Reply, Sandbox

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller

NOTE = {"candidate_id": 12345, "body": "Hello", "visibility": "public", "note_type": "NOTE"}
TROUBLE = Reply(503, {"content-type": "text/html"}, b"<h1>Later</h1>")


def test_a_planned_reply_meets_the_requests_it_is_meant_for(fresh: Caller) -> None:
    fresh.sandbox.fail(TROUBLE, path="/v3/jobs", times=2)
    assert fresh.get("offices").status == 200
    assert [fresh.get("jobs") for _ in range(2)] == [TROUBLE, TROUBLE]
    assert fresh.get("jobs").status == 200
    assert [one.status for one in fresh.sandbox.requests][-4:] == [200, 503, 503, 200]


def test_faults_can_be_meant_for_a_method(fresh: Caller) -> None:
    fresh.sandbox.fail(TROUBLE, method="POST")
    assert fresh.get("notes").status == 200
    assert fresh.send("POST", "notes", NOTE) == TROUBLE


@pytest.mark.parametrize(("done", "stored"), [(False, 1), (True, 2)])
def test_a_fault_may_strike_before_or_after_the_work(fresh: Caller, done: bool, stored: int) -> None:
    fresh.sandbox.fail(None, path="/v3/notes", done=done)
    with pytest.raises(ConnectionResetError):
        fresh.send("POST", "notes", NOTE)
    assert len(fresh.sandbox.rows("notes")) == stored
    assert fresh.sandbox.requests[-1].status == 0


def test_a_lost_connection_looks_like_one_to_httpx(fresh: Caller) -> None:
    fresh.sandbox.fail(None, times=2)
    with httpx.Client(transport=fresh.sandbox.transport()) as client, pytest.raises(httpx.ReadError):
        client.get("https://harvest.greenhouse.io/v3/jobs")
    with fresh.sandbox.serve(0) as server, pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{server.url}/v3/jobs")


def test_the_rate_limit_counts_in_windows_of_thirty_seconds(caller: type[Caller]) -> None:
    now = [1_700_000_010.0]
    with Sandbox(rate_limit=2, clock=lambda: now[0]) as sandbox:
        user = caller(sandbox)
        replies = [user.get("jobs"), user.get("jobs", per_page=600), user.get("jobs")]
        assert [reply.status for reply in replies] == [200, 422, 429]
        assert [reply.headers["x-ratelimit-remaining"] for reply in replies] == ["1", "0", "0"]
        assert {reply.headers["x-ratelimit-limit"] for reply in replies} == {"2"}
        assert {reply.headers["x-ratelimit-reset"] for reply in replies} == {"1700000040"}
        wait = int(replies[-1].headers["retry-after"])
        now[0] += wait - 1
        assert user.get("jobs").status == 429
        now[0] += 1
        assert user.get("jobs").status == 200


def test_without_a_limit_nothing_is_said_about_one(samples: Caller) -> None:
    assert not [name for name in samples.get("jobs").headers if name.startswith("x-ratelimit")]


def test_what_has_no_token_does_not_count(caller: type[Caller]) -> None:
    with Sandbox(rate_limit=1) as sandbox:
        reply = sandbox.handle("GET", "/v3/jobs", {}, b"")
        assert reply.status == 401
        assert "x-ratelimit-limit" not in reply.headers
        assert caller(sandbox).get("jobs").status == 200

"""The settings of a sandbox: its rate limit and windows, the life of its tokens."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from greenhouse_sandbox import Sandbox

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller


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


def test_windows_may_be_shorter(caller: type[Caller]) -> None:
    now = [1_700_000_010.4]
    with Sandbox(rate_limit=1, window=1, clock=lambda: now[0]) as sandbox:
        user = caller(sandbox)
        assert user.get("jobs").headers["x-ratelimit-reset"] == "1700000011"
        refused = user.get("jobs")
        assert (refused.status, refused.headers["retry-after"]) == (429, "1")
        now[0] += 0.6
        assert user.get("jobs").status == 200


def test_without_a_limit_nothing_is_said_about_one(samples: Caller) -> None:
    assert not [name for name in samples.get("jobs").headers if name.startswith("x-ratelimit")]


def test_what_has_no_token_does_not_count(caller: type[Caller]) -> None:
    with Sandbox(rate_limit=1) as sandbox:
        reply = sandbox.handle("GET", "/v3/jobs", {}, b"")
        assert reply.status == 401
        assert "x-ratelimit-limit" not in reply.headers
        assert caller(sandbox).get("jobs").status == 200


def test_the_peak_tells_whether_a_budget_was_kept(caller: type[Caller]) -> None:
    now = [1_700_000_010.0]
    with Sandbox(rate_limit=3, clock=lambda: now[0]) as sandbox:
        user = caller(sandbox)
        assert sandbox.counts == {"requests": 1, "throttled": 0, "faults": {}, "peak": 0}
        for number in (2, 5, 1):
            for _ in range(number):
                user.get("jobs")
            now[0] += 30
        assert sandbox.counts == {"requests": 9, "throttled": 2, "faults": {}, "peak": 5}
        sandbox.forget()
        assert sandbox.counts == {"requests": 0, "throttled": 0, "faults": {}, "peak": 0}
        assert not sandbox.requests
        user.get("jobs")
        assert sandbox.counts["peak"] == 1


def test_requests_are_counted_without_a_limit_too(fresh: Caller) -> None:
    for _ in range(3):
        fresh.get("jobs")
    assert fresh.sandbox.counts["peak"] == 3


def test_what_a_fault_answers_does_not_count(fresh: Caller) -> None:
    fresh.sandbox.fail("status", code=429, times=2)
    fresh.sandbox.fail("status", code=500, done=True)
    assert [fresh.get("jobs").status for _ in range(3)] == [429, 429, 500]
    assert fresh.sandbox.counts == {"requests": 4, "throttled": 2, "faults": {"status": 3}, "peak": 1}


def test_the_record_of_requests_is_bounded(fresh: Caller) -> None:
    for _ in range(10_050):
        fresh.sandbox.handle("GET", "/nowhere", {})
    fresh.get("jobs")
    assert (len(fresh.sandbox.requests), fresh.sandbox.requests[-1].path) == (10_000, "/v3/jobs")
    assert fresh.sandbox.counts["requests"] == 10_052


def test_one_live_token_ends_the_earlier_ones(caller: type[Caller]) -> None:
    with Sandbox(one_live_token=True) as sandbox:
        first = caller(sandbox)
        second = caller(sandbox, sub=1001)
        assert (first.get("jobs").status, second.get("jobs").status) == (401, 200)


def test_many_tokens_live_otherwise(caller: type[Caller]) -> None:
    with Sandbox() as sandbox:
        first, second = caller(sandbox), caller(sandbox)
        assert (first.get("jobs").status, second.get("jobs").status) == (200, 200)


def test_tokens_live_as_long_as_is_set(caller: type[Caller]) -> None:
    now = [1_700_000_000.0]
    with Sandbox(token_lifetime=5, clock=lambda: now[0]) as sandbox:
        user = caller(sandbox)
        answer = json.loads(user.token().body)
        assert (answer["expires_in"], answer["expires_at"]) == (5, "2023-11-14T22:13:25.000Z")
        now[0] += 4.9
        assert user.get("jobs").status == 200
        now[0] += 0.1
        assert user.get("jobs").status == 401


def test_all_tokens_can_be_ended(fresh: Caller) -> None:
    fresh.token()
    assert fresh.sandbox.revoke() == 2
    assert fresh.get("jobs").status == 401
    assert fresh.sandbox.revoke() == 0


def test_settings_change_under_way(fresh: Caller) -> None:
    fresh.sandbox.configure(rate_limit=1, window=10)
    assert fresh.get("jobs").headers["x-ratelimit-limit"] == "1"
    assert fresh.get("jobs").status == 429
    fresh.sandbox.configure(rate_limit=None)
    assert fresh.get("jobs").status == 200
    assert fresh.sandbox.settings == {
        "rate_limit": None,
        "window": 10,
        "one_live_token": False,
        "token_lifetime": 3600,
    }


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rate_limit": 0}, '"rate_limit" of the settings must be a whole number of requests from 1, not 0'),
        ({"window": 0.5}, '"window" of the settings must be a whole number of seconds from 1, not 0.5'),
        ({"token_lifetime": "long"}, "must be a whole number of seconds from 1, not"),
        ({"one_live_token": 1}, "must be true or false, not 1"),
        ({"limit": 1}, 'there is no key "limit" in the settings; its keys are rate_limit, window, one_live_token, tok'),
    ],
)
def test_a_wrong_setting_changes_nothing(fresh: Caller, settings: dict[str, Any], said: str) -> None:
    before = fresh.sandbox.settings
    with pytest.raises(ValueError, match=re.escape(said)):
        fresh.sandbox.configure(**{"window": 7, **settings})
    assert fresh.sandbox.settings == before

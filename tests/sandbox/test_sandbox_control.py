"""The control endpoint over HTTP: faults, settings, what was asked, tokens; and what wrong requests are told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from greenhouse_sandbox.kinds import KINDS

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller


@pytest.fixture
def control(fresh: Caller) -> Iterator[httpx.Client]:
    """A client of the control endpoint, with no token."""
    with fresh.sandbox.serve(0) as server, httpx.Client(base_url=server.url, verify=False) as client:
        yield client


def jobs(fresh: Caller, control: httpx.Client) -> int:
    """The status of a request to the API."""
    return control.get("/v3/jobs", headers={"Authorization": fresh.headers["Authorization"]}).status_code


def test_it_says_what_there_is(control: httpx.Client) -> None:
    found = control.get("/sandbox").json()
    assert found["kinds"] == {name: kind.about for name, kind in KINDS.items()}
    assert found["paths"] == {
        "/sandbox": ["GET"],
        "/sandbox/faults": ["GET", "POST", "DELETE"],
        "/sandbox/settings": ["GET", "PATCH"],
        "/sandbox/requests": ["GET", "DELETE"],
        "/sandbox/counts": ["GET"],
        "/sandbox/tokens": ["DELETE"],
    }


def test_faults_are_planned_listed_and_taken_back(fresh: Caller, control: httpx.Client) -> None:
    fault = {"kind": "status", "code": 503, "times": 2}
    reply = control.post("/sandbox/faults", json=fault)
    assert (reply.status_code, reply.json()) == (201, [{"number": 1, "struck": 0, "fault": fault}])
    reply = control.post("/sandbox/faults", json=[{"kind": "html"}, {"kind": "garbage"}])
    assert [each["number"] for each in reply.json()] == [2, 3]
    assert jobs(fresh, control) == 503
    assert control.get("/sandbox/faults").json() == fresh.sandbox.faults
    assert [each["struck"] for each in fresh.sandbox.faults] == [1, 0, 0]
    reply = control.delete("/sandbox/faults/2")
    assert (reply.status_code, [each["number"] for each in reply.json()]) == (200, [1, 3])
    reply = control.delete("/sandbox/faults/2")
    assert (reply.status_code, reply.json()["message"]) == (404, "there is no fault 2 that could still strike")
    assert control.delete("/sandbox/faults").json() == []
    assert jobs(fresh, control) == 200


def test_settings_are_read_and_changed(fresh: Caller, control: httpx.Client) -> None:
    assert control.get("/sandbox/settings").json() == fresh.sandbox.settings
    reply = control.patch("/sandbox/settings", json={"rate_limit": 2, "window": 1, "one_live_token": True})
    assert reply.json() == {"rate_limit": 2, "window": 1, "one_live_token": True, "token_lifetime": 3600}
    assert [jobs(fresh, control) for _ in range(3)] == [200, 200, 429]
    control.patch("/sandbox/settings", json={"rate_limit": None})
    assert jobs(fresh, control) == 200


def test_what_was_asked_is_told(fresh: Caller, control: httpx.Client) -> None:
    control.delete("/sandbox/requests")
    control.post("/sandbox/faults", json={"kind": "status", "code": 429})
    control.get("/v3/jobs?per_page=2&fields=id", headers={"Authorization": fresh.headers["Authorization"]})
    jobs(fresh, control)
    first = {
        "method": "GET",
        "path": "/v3/jobs",
        "query": {"per_page": "2", "fields": "id"},
        "status": 429,
        "at": 1_700_000_000.0,
        "fault": "status",
    }
    second = first | {"query": {}, "status": 200, "fault": None}
    assert control.get("/sandbox/requests").json() == [first, second]
    counts = {"requests": 2, "throttled": 1, "faults": {"status": 1}, "peak": 1}
    assert control.get("/sandbox/counts").json() == counts
    assert control.delete("/sandbox/requests").json() == {"requests": 0, "throttled": 0, "faults": {}, "peak": 0}
    assert control.get("/sandbox/requests").json() == []


def test_all_tokens_end(fresh: Caller, control: httpx.Client) -> None:
    assert control.delete("/sandbox/tokens").json() == {"revoked": 1}
    assert jobs(fresh, control) == 401


def test_it_is_beyond_faults_and_limits(fresh: Caller, control: httpx.Client) -> None:
    fresh.sandbox.configure(rate_limit=1)
    fresh.sandbox.fail("drop", times="always")
    fresh.sandbox.forget()
    for _ in range(5):
        assert control.get("/sandbox/counts").json() == {"requests": 0, "throttled": 0, "faults": {}, "peak": 0}
    assert not fresh.sandbox.requests
    fresh.sandbox.heal()
    assert jobs(fresh, control) == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", "faults", "{", 422, "the body is not JSON: "),
        ("POST", "faults", "3", 422, 'a fault is an object such as {"kind": "drop"}; kinds are content_type, cut, '),
        ("POST", "faults", '{"kind": "dorp"}', 422, 'there is no kind "dorp"; kinds are content_type, cut, delay, '),
        ("POST", "faults", '[{"kind": "drop"}, {"kind": "delay"}]', 422, 'a "delay" fault needs "seconds": a number'),
        ("PATCH", "settings", "[]", 422, 'the settings are changed by an object such as {"rate_limit": 50}'),
        (
            "PATCH",
            "settings",
            '{"window": 0}',
            422,
            '"window" of the settings must be a whole number of seconds from 1',
        ),
        (
            "PATCH",
            "settings",
            '{"windows": 1}',
            422,
            'there is no key "windows" in the settings; its keys are rate_lim',
        ),
        ("PUT", "settings", "{}", 405, "/sandbox/settings takes GET, PATCH, not PUT"),
        ("GET", "faults/1", "", 405, "/sandbox/faults/1 takes DELETE, not GET"),
        ("GET", "fault", "", 404, "there is no /sandbox/fault; there are /sandbox, /sandbox/faults, "),
    ],
)
def test_a_wrong_request_is_told_what_would_do(
    fresh: Caller, control: httpx.Client, method: str, path: str, body: str, status: int, said: str
) -> None:
    reply = control.request(method, f"/sandbox/{path}", content=body)
    found: Any = reply.json()
    assert reply.status_code == status
    assert said in found["message"]
    assert fresh.sandbox.faults == []


def test_no_other_path_is_its_own(fresh: Caller, control: httpx.Client) -> None:
    assert control.get("/sandboxes").json() == {"message": "Resource not found"}
    assert fresh.sandbox.requests[-1].path == "/sandboxes"

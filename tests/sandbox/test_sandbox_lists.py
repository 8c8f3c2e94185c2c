"""Lists: every resource, paging, projection, and what the API refuses."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from greenhouse_sandbox import Reply
from greenhouse_sandbox.catalog import RESOURCES

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller

Row = dict[str, Any]

UNDOCUMENTED = {"rejection_reasons": {"include_defaults": "true"}, "users": {"show_service_accounts": "true"}}
ALONE = "When passing a cursor, do not include other query params."


def everything(caller: Caller, name: str, **query: Any) -> list[Row]:
    rows = caller.rows(name, **query, **UNDOCUMENTED.get(name, {}))
    if name == "job_posts":
        rows += caller.rows(name, **query, active="false")
        rows.sort(key=lambda row: -row["id"])
    return rows


@pytest.mark.parametrize("name", RESOURCES)
def test_a_list_holds_every_row_newest_id_first(generated: Caller, name: str) -> None:
    stored = generated.sandbox.rows(name)
    assert stored
    assert everything(generated, name, per_page=500) == stored[::-1]


@pytest.mark.parametrize("name", RESOURCES)
def test_every_key_is_sent_in_the_declared_order(samples: Caller, name: str) -> None:
    for row in samples.sandbox.rows(name):
        assert list(row) == list(RESOURCES[name].fields)


@pytest.mark.parametrize("name", ["candidates", "applications", "job_interviews", "users", "rejection_reasons"])
def test_pages_of_seven_make_up_the_list(generated: Caller, name: str) -> None:
    pages = everything(generated, name, per_page=7)
    assert pages == generated.sandbox.rows(name)[::-1]


def test_a_page_holds_a_hundred_rows_unless_told(generated: Caller) -> None:
    assert len(generated.json(generated.get("candidates"))) == 100
    assert len(generated.json(generated.get("candidates", per_page=1))) == 1
    assert len(generated.json(generated.get("applications", per_page=500))) == len(
        generated.sandbox.rows("applications")
    )


def test_the_last_page_has_no_link_even_when_it_is_full(generated: Caller) -> None:
    reply = generated.get("candidates", per_page=300)
    assert len(generated.json(reply)) == 300
    assert "link" not in reply.headers


def test_the_cursor_carries_filters_fields_and_page_size(generated: Caller, link_of: Callable[[Reply], str]) -> None:
    first = generated.get("applications", status="rejected", fields="id,status", per_page=5)
    link = link_of(first)
    assert link.startswith("https://harvest.greenhouse.io/v3/applications?cursor=")
    second = generated.sandbox.handle("GET", link.split("greenhouse.io")[1], generated.headers, b"")
    rows = generated.json(second)
    assert [row["status"] for row in rows] == ["rejected"] * 5
    assert set(rows[0]) == {"id", "status"}
    assert max(row["id"] for row in rows) < min(row["id"] for row in generated.json(first))


def test_rows_added_behind_the_cursor_do_not_shift_pages(fresh: Caller, link_of: Callable[[Reply], str]) -> None:
    first = fresh.get("users", per_page=3)
    fresh.sandbox.insert("users", {"id": 99_999, "name": "Late Arrival"})
    link = link_of(first)
    second = fresh.json(fresh.sandbox.handle("GET", link.split("greenhouse.io")[1], fresh.headers, b""))
    assert second[0]["id"] < fresh.json(first)[-1]["id"]


@pytest.mark.parametrize(
    ("host", "forwarded", "base"),
    [
        ("harvest.greenhouse.io", None, "https://harvest.greenhouse.io"),
        ("localhost:8080", None, "http://localhost:8080"),
        ("proxy.example.com", "https", "https://proxy.example.com"),
    ],
)
def test_the_link_leads_back_to_the_host_that_was_asked(
    samples: Caller, link_of: Callable[[Reply], str], host: str, forwarded: str | None, base: str
) -> None:
    headers = samples.headers | {"Host": host} | ({"X-Forwarded-Proto": forwarded} if forwarded else {})
    reply = samples.sandbox.handle("GET", "/v3/users?per_page=1", headers, b"")
    assert link_of(reply).startswith(f"{base}/v3/users?cursor=")


def test_fields_projects_to_the_named_keys(samples: Caller) -> None:
    rows = samples.rows("jobs", fields="name,id")
    assert rows == [{"id": row["id"], "name": row["name"]} for row in samples.sandbox.rows("jobs")[::-1]]


def forged(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ({"per_page": 600}, [{"per_page": "`600` number is greater than: 500"}]),
        ({"per_page": 0}, [{"per_page": "`0` number is less than: 1"}]),
        ({"per_page": "ten"}, [{"per_page": "`ten` is not an integer"}]),
        ({"candidate_id": 1}, ["Invalid query params: candidate_id"]),
        ({"created_after": "2024-01-01T00:00:00Z", "x": 1}, ["Invalid query params: created_after, x"]),
        ({"x[gte]": "2024-01-01T00:00:00Z"}, ["Invalid query params: x"]),
        ({"cursor": "abc", "per_page": 5}, [ALONE]),
        ({"cursor": "abc"}, [{"cursor": "is invalid"}]),
        ({"cursor": "é"}, [{"cursor": "is invalid"}]),
        ({"cursor": forged("users", 5, "")}, [{"cursor": "is invalid"}]),
        ({"cursor": forged("applications", "5", "")}, [{"cursor": "is invalid"}]),
        ({"cursor": forged("applications", 5)}, [{"cursor": "is invalid"}]),
        ({"ids": "1,x"}, [{"ids": "`x` is not an integer"}]),
        ({"ids": ""}, [{"ids": "`` is not an integer"}]),
        ({"ids": ",".join(map(str, range(51)))}, [{"ids": "array size is greater than: 50"}]),
        ({"fields": ",".join(["id"] * 51)}, [{"fields": "array size is greater than: 50"}]),
        ({"prospect": "yes"}, [{"prospect": "`yes` is not a boolean"}]),
        (
            {"status": "in_process"},
            [{"status": "`in_process` is not one of: active, rejected, hired, converted"}],
        ),
    ],
)
def test_a_refused_query_says_what_is_wrong(samples: Caller, query: Any, errors: Any) -> None:
    refusal = samples.json(samples.get("applications", **query), 422)
    assert refusal == {"message": "Unprocessable Content", "errors": errors}


def test_an_unknown_field_name_is_refused(samples: Caller) -> None:
    refusal = samples.json(samples.get("jobs", fields="id,title"), 422)
    assert refusal["errors"][0]["fields"].startswith("`title` is not one of: id, created_at")


def test_fifty_ids_are_taken(generated: Caller) -> None:
    ids = [row["id"] for row in generated.sandbox.rows("candidates")[:50]]
    assert {row["id"] for row in generated.rows("candidates", ids=",".join(map(str, ids)))} == set(ids)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v3/nothing"),
        ("GET", "/v3/jobs/12345"),
        ("GET", "/v3/candidates/search"),
        ("GET", "/v1/candidates"),
        ("GET", "/"),
        ("DELETE", "/v3/jobs"),
        ("POST", "/v3/jobs"),
        ("GET", "/token"),
        ("PATCH", "/v3/candidates"),
    ],
)
def test_what_has_no_route_is_not_found_even_without_a_token(samples: Caller, method: str, path: str) -> None:
    reply = samples.sandbox.handle(method, path, {}, b"")
    assert (reply.status, json.loads(reply.body)) == (404, {"message": "Resource not found"})


def test_rejection_reasons_alone_can_be_read_by_path(samples: Caller) -> None:
    row = samples.json(samples.get("rejection_reasons/602"))
    assert row["type"]["key"] == "WE_REJECTED_THEM"
    missing = samples.json(samples.get("rejection_reasons/1000"), 404)
    assert missing == {"message": "Resource not found", "errors": "Rejection reason not found"}


def test_replies_carry_a_request_id_of_their_own(samples: Caller) -> None:
    first, second = samples.get("jobs"), samples.get("jobs", per_page=600)
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert first.headers["content-type"] == second.headers["content-type"] == "application/json"

"""Long lists page by page: everything exactly once, one listing request a page, in any order and from many threads."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from math import ceil
from typing import Any

import pytest

from connector_runtime import Connection, Connector
from greenhouse_sandbox import Sandbox

SIZE = 4500


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A generated organisation with more than 5,000 applications, only read."""
    with Sandbox(size=SIZE) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def applications(sandbox: Sandbox) -> list[dict[str, Any]]:
    """All applications, newest first."""
    found = sandbox.rows("applications")[::-1]
    assert len(found) > 5_000
    return found


@pytest.fixture(scope="module")
def job_id(applications: list[dict[str, Any]]) -> int:
    """The job with the most candidates."""
    return int(Counter(row["job_id"] for row in applications if row["job_id"]).most_common(1)[0][0])


@pytest.fixture
def connection(connector: Connector, sandbox: Sandbox) -> Iterator[Connection]:
    """A connection that remembers nothing yet."""
    with connector.connect(sandbox.credentials, transport=sandbox.transport()) as connection:
        yield connection


def page(connection: Connection, operation: str, given: dict[str, Any], number: int, size: int) -> list[int]:
    """The ids on a page."""
    found = connection.call(operation, {**given, "results_per_page": size, "page": number})["results"]
    return [each["id"] for each in found]


def asked(sandbox: Sandbox, resource: str) -> int:
    """How many requests a resource got since the last time; joins by candidate are no listing."""
    listings = [
        each
        for each in sandbox.requests
        if each.path == f"/v3/{resource}" and "candidate_ids" not in each.query and each.status == 200
    ]
    sandbox.requests.clear()
    return len(listings)


def test_all_applications(connection: Connection, sandbox: Sandbox, applications: list[dict[str, Any]]) -> None:
    sandbox.requests.clear()
    walked: list[int] = []
    for number in count(1):
        found = page(connection, "list_applications", {}, number, 500)
        assert asked(sandbox, "applications") == (1 if found else 0), number
        if not found:
            break
        walked += found
    assert walked == [row["id"] for row in applications]


def test_joins_of_each_page(connection: Connection, sandbox: Sandbox, applications: list[dict[str, Any]]) -> None:
    """A page of 500 takes one request for each 50 of what it is joined with, however far behind it stands."""
    for number in range(1, 4):
        sandbox.requests.clear()
        page(connection, "list_applications", {}, number, 500)
        shown = applications[(number - 1) * 500 : number * 500]
        counted = Counter(each.path for each in sandbox.requests)
        assert counted["/v3/rejection_details"] == ceil(sum(row["status"] == "rejected" for row in shown) / 50)
        assert counted["/v3/prospect_details"] == ceil(sum(row["prospect"] for row in shown) / 50)


@pytest.mark.parametrize("size", [7, 50, 500])
def test_applications_on_a_job(
    connection: Connection, sandbox: Sandbox, applications: list[dict[str, Any]], job_id: int, size: int
) -> None:
    """Candidates first, then prospects, nothing twice."""
    candidates = [row["id"] for row in applications if not row["prospect"] and row["job_id"] == job_id]
    prospects = [row["id"] for row in applications if row["prospect"] and job_id in row["prospective_job_ids"]]
    assert len(candidates) > 100
    assert len(prospects) > 20
    sandbox.requests.clear()
    walked: list[int] = []
    listings = 0
    for number in count(1):
        found = page(connection, "list_applications", {"job_id": job_id}, number, size)
        listings += asked(sandbox, "applications")
        if not found:
            break
        walked += found
    assert walked == candidates + prospects
    # candidates, prospects whose job it is (nobody here), prospects considered for it: each has a last page of its own
    assert listings <= ceil(len(candidates) / size) + 1 + ceil(len(prospects) / size) + 1


@pytest.mark.parametrize("size", [7, 50, 500])
def test_candidates_on_a_job(
    connection: Connection, sandbox: Sandbox, applications: list[dict[str, Any]], job_id: int, size: int
) -> None:
    """Who is on the job is read once; then a page costs one request, or two where it reaches into the next 50 ids."""
    wanted = sorted({row["candidate_id"] for row in applications if row["job_id"] == job_id}, reverse=True)
    sandbox.requests.clear()
    walked: list[int] = []
    listings = lookups = 0
    for number in count(1):
        found = page(connection, "list_candidates", {"job_id": job_id}, number, size)
        requests = [each for each in sandbox.requests if each.path == "/v3/applications"]
        lookups += sum("candidate_ids" not in each.query for each in requests)
        listings += asked(sandbox, "candidates")
        if not found:
            break
        walked += found
    assert walked == wanted
    assert lookups == 1
    chunks = ceil(len(wanted) / 50)
    assert listings <= ceil(len(wanted) / size) + chunks


def test_pages_out_of_order(connector: Connector, sandbox: Sandbox, applications: list[dict[str, Any]]) -> None:
    wanted = [row["id"] for row in applications]
    for order in ([5, 2, 9, 1, 3, 3, 4], [1, 2, 2, 1, 3], [12, 1, 12]):
        with connector.connect(sandbox.credentials, transport=sandbox.transport()) as connection:
            for number in order:
                assert (
                    page(connection, "list_applications", {}, number, 500) == wanted[(number - 1) * 500 : number * 500]
                )


@pytest.mark.parametrize("operation", ["list_applications", "list_candidates"])
def test_pages_out_of_order_on_a_job(connector: Connector, sandbox: Sandbox, job_id: int, operation: str) -> None:
    with connector.connect(sandbox.credentials, transport=sandbox.transport()) as connection:
        wanted = page(connection, operation, {"job_id": job_id}, 1, 500)
    assert len(wanted) > 100
    for order in ([4, 1, 2], [2, 3, 1, 5], [1, 4, 3, 3]):
        with connector.connect(sandbox.credentials, transport=sandbox.transport()) as connection:
            for number in order:
                found = page(connection, operation, {"job_id": job_id}, number, 30)
                assert found == wanted[(number - 1) * 30 : number * 30], (order, number)


def test_two_walks_of_different_sizes_side_by_side(
    connection: Connection, sandbox: Sandbox, applications: list[dict[str, Any]]
) -> None:
    wanted = [row["id"] for row in applications]
    sandbox.requests.clear()
    for number in range(1, 5):
        for size in (100, 250):
            found = page(connection, "list_applications", {}, number, size)
            assert found == wanted[(number - 1) * size : number * size]
            assert asked(sandbox, "applications") == 1


@pytest.mark.parametrize("number", [13, 1_000, 2**31])
def test_past_the_end(connection: Connection, number: int) -> None:
    assert page(connection, "list_applications", {}, number, 500) == []
    assert page(connection, "list_applications", {}, 1, 500)
    assert page(connection, "list_applications", {}, number, 500) == []


def test_eight_threads_on_one_connection(
    connection: Connection, applications: list[dict[str, Any]], job_id: int
) -> None:
    """Every thread pages in an order of its own through lists that the others read too."""
    wanted = [row["id"] for row in applications]
    on_job = [row["id"] for row in applications if not row["prospect"] and row["job_id"] == job_id]

    def walk(thread: int) -> None:
        numbers = [1 + (thread + step) % 6 for step in range(6)]
        for number in numbers:
            found = page(connection, "list_applications", {}, number, 200)
            assert found == wanted[(number - 1) * 200 : number * 200], (thread, number)
            found = page(connection, "list_applications", {"job_id": job_id}, number, 10)
            assert found == on_job[(number - 1) * 10 : number * 10], (thread, number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(walk, range(8)))


def test_eight_threads_read_the_same_walk(connection: Connection, applications: list[dict[str, Any]]) -> None:
    """Eight walks from page 1 to the end at the same time, each complete."""

    def walk(_: int) -> list[int]:
        return [each for number in range(1, 13) for each in page(connection, "list_applications", {}, number, 500)]

    wanted = [row["id"] for row in applications]
    with ThreadPoolExecutor(8) as pool:
        assert all(each == wanted for each in pool.map(walk, range(8)))

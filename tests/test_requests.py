"""How many requests a list costs on an organisation of 2000: worked out from the stored rows, counted on the wire."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from itertools import pairwise
from math import ceil
from typing import Any

import pytest

from connector_runtime import Connector
from greenhouse_sandbox import Record, Sandbox, Server

Row = dict[str, Any]
# Calls with these inputs in turn, on one connection: each output, with the requests it took.
Calls = Callable[..., list[tuple[list[Row], list[Record]]]]

SIZE, CHUNK, MOST = 2000, 50, 500
DICTIONARIES = {"sources", "rejection_reasons", "prospect_pools", "prospect_pool_stages"}


@pytest.fixture(scope="module")
def organisation() -> Iterator[Sandbox]:
    """A generated organisation."""
    with Sandbox(size=SIZE) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def served(organisation: Sandbox) -> Iterator[Server]:
    """The same, on a port."""
    with organisation.serve(0) as server:
        yield server


@pytest.fixture(params=["threads", "asyncio"])
def calls(request: pytest.FixtureRequest, connector: Connector, organisation: Sandbox, served: Server) -> Calls:
    """Call an operation over HTTP, with either driver."""
    requests, credentials = organisation.requests, organisation.credentials
    urls: dict[str, Any] = {"base_url": served.base_url, "token_url": served.token_url}

    def taken() -> list[Record]:
        found = [each for each in requests if each.path != "/token"]
        requests.clear()
        return found

    def by_threads(operation: str, *inputs: Row) -> list[tuple[list[Row], list[Record]]]:
        with connector.connect(credentials, **urls) as connection:
            return [(connection.call(operation, given)["results"], taken()) for given in inputs]

    async def by_tasks(operation: str, *inputs: Row) -> list[tuple[list[Row], list[Record]]]:
        async with await connector.aconnect(credentials, **urls) as connection:
            return [((await connection.call(operation, given))["results"], taken()) for given in inputs]

    requests.clear()
    if request.param == "threads":
        return by_threads
    return lambda operation, *inputs: asyncio.run(by_tasks(operation, *inputs))


def counted(records: Iterable[Record]) -> Counter[str]:
    """Count requests by resource."""
    return Counter(each.path.removeprefix("/v3/") for each in records)


def chunks(keys: Iterable[Any]) -> int:
    """Count the requests for so many different keys."""
    return ceil(len({each for each in keys if each is not None}) / CHUNK)


def newest_with(applications: list[Row], field: str) -> dict[int, Any]:
    """Give a field of each candidate's newest application that has one."""
    found = [each for each in applications if each[field] is not None]
    found.sort(key=lambda each: (each["created_at"], each["id"]))
    return {each["candidate_id"]: each[field] for each in found}


def latest(stage: Row) -> tuple[bool, str, int]:
    """Order the stages of an application."""
    return stage["current"], stage["entered_at"] or "", stage["id"]


def joined(sandbox: Sandbox, candidates: list[int]) -> Counter[str]:
    """Work out what the objects below these candidates cost, dictionaries aside."""

    def below(resource: str, field: str, ids: Iterable[int]) -> list[Row]:
        wanted = set(ids)
        return [row for row in sandbox.rows(resource) if row[field] in wanted]

    applications = below("applications", "candidate_id", candidates)
    educations = below("candidate_educations", "candidate_id", candidates)
    prospects = [row for row in applications if row["prospect"]]
    referrers = below("referrers", "id", (row["referrer_id"] for row in applications))
    details = below("prospect_details", "application_id", (row["id"] for row in prospects))
    staged = [row["id"] for row in applications if row["job_interview_stage_id"] is None and not row["prospect"]]
    stages: dict[int, Row] = {}
    for row in below("application_stages", "application_id", staged):
        best = stages.get(row["application_id"], row)
        stages[row["application_id"]] = max(best, row, key=latest)
    users = [
        *newest_with(applications, "recruiter_id").values(),
        *newest_with(applications, "coordinator_id").values(),
        *(row["user_id"] for row in referrers),
        *(row["prospect_owner_id"] for row in details),
    ]
    jobs = [row["job_id"] for row in applications if not row["prospect"]]
    jobs += [each for row in prospects for each in row["prospective_job_ids"]]
    options = [row[field] for row in educations for field in row if field.endswith("_custom_field_option_id")]
    return Counter(
        {
            "applications": chunks(candidates),
            "attachments": chunks(candidates),
            "candidate_educations": chunks(candidates),
            "candidate_employments": chunks(candidates),
            "jobs": chunks(jobs),
            "referrers": chunks(row["referrer_id"] for row in applications),
            "users": chunks(users),
            "rejection_details": chunks(row["id"] for row in applications if row["status"] == "rejected"),
            "application_stages": chunks(staged),
            "job_interview_stages": chunks(row["job_interview_stage_id"] for row in stages.values()),
            "prospect_details": chunks(row["id"] for row in prospects),
            "custom_field_options": chunks(options),
        }
    )


def newest(sandbox: Sandbox) -> list[int]:
    """Give the candidates in the API's order."""
    return sorted((row["id"] for row in sandbox.rows("candidates")), reverse=True)


def test_organisation_is_worth_counting(organisation: Sandbox) -> None:
    expected = joined(organisation, newest(organisation)[:MOST])
    assert expected["applications"] == MOST / CHUNK
    assert min(expected.values()) > 0


def test_pages_in_turn(organisation: Sandbox, calls: Calls) -> None:
    everyone = newest(organisation)
    found = calls("list_candidates", *({"page": number} for number in (1, 2, 3)))
    known: set[str] = set()
    for index, (results, records) in enumerate(found):
        page = everyone[index * 100 : (index + 1) * 100]
        assert [each["id"] for each in results] == page
        requests = counted(records)
        dictionaries = {name for name in requests if name in DICTIONARIES}
        assert all(requests[name] == 1 for name in dictionaries)
        assert dictionaries.isdisjoint(known)
        known |= dictionaries
        rest = Counter({name: number for name, number in requests.items() if name not in DICTIONARIES})
        assert rest == joined(organisation, page) + Counter(candidates=1)
    assert "sources" in known


def test_biggest_page(organisation: Sandbox, calls: Calls) -> None:
    ((results, records),) = calls("list_candidates", {"results_per_page": MOST})
    page = newest(organisation)[:MOST]
    assert [each["id"] for each in results] == page
    expected = joined(organisation, page) + Counter(candidates=1) + Counter(dict.fromkeys(DICTIONARIES, 1))
    assert counted(records) == expected


def test_third_page_at_once(organisation: Sandbox, calls: Calls) -> None:
    (third, again, fourth) = calls("list_candidates", {"page": 3}, {"page": 3}, {"page": 4})
    everyone = newest(organisation)
    assert [each["id"] for each in third[0]] == everyone[200:300]
    assert third[0] == again[0]
    assert [each["id"] for each in fourth[0]] == everyone[300:400]
    assert [counted(records)["candidates"] for _, records in (third, again, fourth)] == [3, 1, 1]
    assert counted(third[1])["applications"] == 2


def test_page_past_the_end(calls: Calls) -> None:
    inputs = [{"page": number, "results_per_page": MOST} for number in (4, 5, 30, 30)]
    found = calls("list_candidates", *inputs)
    assert [len(results) for results, _ in found] == [MOST, 0, 0, 0]
    assert counted(found[0][1])["candidates"] == 4
    assert [counted(records) for _, records in found[1:]] == [Counter()] * 3
    ((results, records),) = calls("list_candidates", {"page": 30, "results_per_page": MOST})
    assert (results, counted(records)) == ([], Counter(candidates=SIZE // MOST))


def test_list_that_a_page_depends_on_is_read_once(organisation: Sandbox, calls: Calls) -> None:
    applied = [row for row in organisation.rows("applications") if not row["prospect"]]
    job, number = Counter(row["job_id"] for row in applied).most_common(1)[0]
    wanted = sorted({row["candidate_id"] for row in applied if row["job_id"] == job}, reverse=True)
    found = calls("list_candidates", *({"job_id": job, "page": page, "results_per_page": 60} for page in (1, 2, 3, 1)))
    assert [each["id"] for results, _ in found[:3] for each in results] == wanted[:180]
    listed = [sum("job_ids" in each.query or "cursor" in each.query for each in records) for _, records in found]
    once = ceil(number / MOST)
    assert listed == [once, 0, 0, once]
    # Candidates asked by id come in chunks of 50: a page of 60 takes what the one before it left over.
    read = [min(ceil(len(wanted) / CHUNK), ceil(60 * page / CHUNK)) for page in range(4)]
    new = [after - before for before, after in pairwise(read)]
    assert [counted(records)["candidates"] for _, records in found[:3]] == new


@pytest.mark.parametrize("number", [49, 51, 120])
def test_many_ids(organisation: Sandbox, calls: Calls, number: int) -> None:
    everyone = newest(organisation)
    chosen = everyone[:: SIZE // number][:number]
    given = [str(each) for each in sorted(chosen)] + [chosen[0], "999999999999"]
    inputs = [{"candidate_ids": given, "results_per_page": 100, "page": page} for page in (1, 2)]
    (first, second) = calls("list_candidates", *inputs)
    assert [each["id"] for results, _ in (first, second) for each in results] == chosen
    records = [each for _, those in (first, second) for each in those if each.path == "/v3/candidates"]
    asked = sorted((len(each.query["ids"].split(",")) for each in records), reverse=True)
    full, rest = divmod(number + 1, CHUNK)
    assert asked == [CHUNK] * full + ([rest] if rest else [])
    # The unknown id is the greatest: the first two chunks give 99, so a page of 100 needs the third as well.
    assert counted(first[1])["candidates"] == min(3, len(asked))


def test_no_ids_and_no_requests(calls: Calls) -> None:
    ((results, records),) = calls("list_candidates", {"job_id": 999_999_999})
    assert results == []
    assert counted(records) == Counter(applications=1)


def test_a_changed_output_changes_no_later_page(connector: Connector) -> None:
    with Sandbox(size=60) as sandbox:
        ids = [row["id"] for row in sandbox.rows("candidates")]
        with connector.connect(sandbox.credentials, transport=sandbox.transport()) as connection:
            given = {"candidate_ids": ids, "results_per_page": 20}
            connection.call("list_candidates", {**given, "page": 1})
            first = connection.call("list_candidates", {**given, "page": 2})
            wanted = deepcopy(first)
            for candidate in first["results"]:
                candidate["tags"].append("changed")
                candidate["keyed_custom_fields"]["changed"] = None
            assert connection.call("list_candidates", {**given, "page": 2}) == wanted

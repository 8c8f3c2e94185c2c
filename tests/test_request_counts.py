"""How many requests each reading operation takes, compared with its formula over the organisation's rows."""

from collections import Counter
from collections.abc import Iterator

import pytest
from tests.reference.choices import CHOICES
from tests.reference.counts import DICTIONARIES, Formula, drop_downs, filtered, lists, reads
from tests.reference.lists import LISTS
from tests.reference.organisation import Organisation
from tests.reference.reads import READS

from connector_runtime import Connection, Connector
from greenhouse_sandbox import Sandbox

SIZE = 1600
OPERATIONS = [*READS, *LISTS, *CHOICES, "get_current_offer_by_application", "list_attachment_content_types_ddl"]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A generated organisation in which every kind of join needs several requests, only read."""
    with Sandbox(size=SIZE) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def formulas(sandbox: Sandbox) -> list[Formula]:
    """All formulas for this organisation."""
    organisation = Organisation(sandbox.rows)
    return [formula for group in (reads, lists, filtered, drop_downs) for formula in group(organisation)]


def counted(sandbox: Sandbox, connection: Connection, formula: Formula) -> Counter[str]:
    """Call, and count the requests by resource, tokens apart."""
    sandbox.requests.clear()
    connection.call(formula.operation, formula.given)
    return Counter(each.path.removeprefix("/v3/") for each in sandbox.requests if each.path != "/token")


def test_every_reading_operation_has_a_formula(connector: Connector, formulas: list[Formula]) -> None:
    reading = {name for name in connector.operations if not name.startswith("create_")}
    assert {each.operation for each in formulas} == reading == set(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_requests_follow_the_formula(
    connector: Connector, sandbox: Sandbox, formulas: list[Formula], operation: str
) -> None:
    organisation = Organisation(sandbox.rows)
    for formula in formulas:
        if formula.operation == operation:
            with connector.connect(sandbox.credentials, transport=sandbox.transport()) as connection:
                first, second = (counted(sandbox, connection, formula) for _ in range(2))
            assert first == formula.requests(organisation, first=True), formula.given
            assert second == formula.requests(organisation, first=False), formula.given


def test_the_formulas_are_of_weight(sandbox: Sandbox, formulas: list[Formula]) -> None:
    """Joins of more than one request occur, for every resource that has enough rows; so the test can't be empty."""
    organisation = Organisation(sandbox.rows)
    total: Counter[str] = Counter()
    for formula in formulas:
        total |= formula.requests(organisation, first=True)
    several = {name for name, count in total.items() if count > 1}
    assert several >= {
        *("applications", "attachments", "candidate_educations", "candidate_employments", "candidates"),
        *("application_stages", "prospect_details", "rejection_details", "job_interviews", "interview_kits"),
    }


def test_a_connection_reads_each_dictionary_once(
    connector: Connector, sandbox: Sandbox, formulas: list[Formula]
) -> None:
    """Over all operations on one connection, what is not a listing reads no dictionary again."""
    organisation = Organisation(sandbox.rows)
    known: set[str] = set()
    with connector.connect(sandbox.credentials, transport=sandbox.transport()) as connection:
        for formula in formulas:
            first, again = formula.requests(organisation, first=True), formula.requests(organisation, first=False)
            fresh = {name for name in DICTIONARIES if first[name] > again[name]} - known
            wanted = again + Counter({name: first[name] - again[name] for name in fresh})
            assert counted(sandbox, connection, formula) == wanted, formula.operation
            known |= fresh
    assert known == DICTIONARIES


def test_tokens_are_asked_for_once(connector: Connector, sandbox: Sandbox) -> None:
    sandbox.requests.clear()
    with connector.connect(sandbox.credentials, transport=sandbox.transport()) as connection:
        for _ in range(3):
            connection.call("list_candidates", {})
    assert [each.path for each in sandbox.requests].count("/token") == 1

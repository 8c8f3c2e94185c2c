"""Every reading operation against the reference, over the sandbox's own organisation and over random ones."""

from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.reference.choices import CHOICES, CONTENT_TYPES, FIRST_CONTENT_TYPES, chosen
from tests.reference.company import invent
from tests.reference.difference import differences
from tests.reference.inputs import GONE, draw
from tests.reference.lists import LISTS, PAGE_SIZES, Missing
from tests.reference.organisation import Organisation, Row
from tests.reference.reads import READS, current_offer, read

from connector_runtime import Connection, Connector, NotFound
from greenhouse_sandbox import Sandbox

MOST_PAGES = 6


class Comparison:
    """A connection beside the reference, over one organisation."""

    def __init__(self, connection: Connection, organisation: Organisation, random: Random) -> None:
        self.connection = connection
        self.organisation = organisation
        self.random = random

    def get(self, operation: str, given: Row) -> None:
        """Compare what a get operation gives."""
        if operation == "get_current_offer_by_application":
            wanted = current_offer(self.organisation, given)
        else:
            wanted = read(self.organisation, operation, given)
        same(wanted, self.connection.call(operation, given), operation, given)

    def walk(self, operation: str, given: Row) -> None:
        """Compare all pages of a list, one after the other, up to the empty one behind the last."""
        try:
            wanted = LISTS[operation](self.organisation, given)
        except Missing:
            with pytest.raises(NotFound):
                self.connection.call(operation, given)
            return
        if operation not in PAGE_SIZES:
            same({"results": wanted}, self.connection.call(operation, given), operation, given)
            return
        size = self.random.choice((1, 2, 3, 7, 100, 500))
        size = min(500, max(size, len(wanted) // MOST_PAGES + 1))
        for number in range(1, len(wanted) // size + 3):
            asked = {**given, PAGE_SIZES[operation]: size, "page": number}
            page = wanted[(number - 1) * size : number * size]
            found = self.connection.call(operation, asked)
            same(self.output(operation, page, len(wanted), number, size), found, operation, asked)

    def output(self, operation: str, page: list[Row], total: int, number: int, size: int) -> Row:
        """A page as the operation wraps it."""
        if operation == "list_offices":
            return {"offices": page, "meta": {"total": total, "page": number, "per_page": size}}
        return {"results": page}

    def choose(self, operation: str, given: Row) -> None:
        """Compare a drop-down."""
        try:
            wanted = chosen(CHOICES[operation](self.organisation, given), given)
        except Missing:
            with pytest.raises(NotFound):
                self.connection.call(operation, given)
            return
        same({"result": wanted}, self.connection.call(operation, given), operation, given)


def same(wanted: Any, found: Any, operation: str, given: Row) -> None:
    """Fail with a few of the differences, if there are any."""
    told = list(islice(differences(wanted, found), 6))
    assert not told, "\n".join([f"{operation} {given}", *told])


def compared(comparison: Comparison, reads: int, rounds: int) -> None:
    """Compare every operation: get operations for some ids, lists and drop-downs for some inputs."""
    random, organisation = comparison.random, comparison.organisation
    for operation, (_, name, resource, _) in READS.items():
        for row_id in [*sample(random, organisation, resource, reads), GONE]:
            comparison.get(operation, {name: row_id})
    for row_id in [*sample(random, organisation, "applications", reads), GONE]:
        comparison.get("get_current_offer_by_application", {"application_id": row_id})
    for most in range(rounds):
        for operation in LISTS:
            comparison.walk(operation, draw(random, organisation, operation, most))
        for operation in CHOICES:
            comparison.choose(operation, draw(random, organisation, operation, most))


def sample(random: Random, organisation: Organisation, resource: str, most: int) -> list[int]:
    """Some ids of a resource."""
    known = [row["id"] for row in organisation.rows(resource)]
    return random.sample(known, min(most, len(known)))


@pytest.fixture(scope="module")
def generated(connector: Connector) -> Iterator[Comparison]:
    """The sandbox's own generated organisation, only read."""
    with (
        Sandbox(size=150) as sandbox,
        connector.connect(sandbox.credentials, transport=sandbox.transport()) as connection,
    ):
        yield Comparison(connection, Organisation(sandbox.rows), Random(1))


@pytest.mark.parametrize("operation", [*READS, "get_current_offer_by_application"])
def test_every_record_of_a_generated_organisation(generated: Comparison, operation: str) -> None:
    name, resource = READS[operation][1:3] if operation in READS else ("application_id", "applications")
    for row in generated.organisation.rows(resource):
        generated.get(operation, {name: row["id"]})


@pytest.mark.parametrize("operation", LISTS)
def test_lists_of_a_generated_organisation(generated: Comparison, operation: str) -> None:
    for most in range(4):
        for _ in range(4):
            generated.walk(operation, draw(generated.random, generated.organisation, operation, most))


@pytest.mark.parametrize("operation", CHOICES)
def test_drop_downs_of_a_generated_organisation(generated: Comparison, operation: str) -> None:
    for most in (0, 1, 1, 2):
        generated.choose(operation, draw(generated.random, generated.organisation, operation, most))


def test_random_organisations(connector: Connector) -> None:
    @settings(
        max_examples=40,
        derandomize=True,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(seed=st.integers(0, 2**32 - 1), size=st.integers(0, 9))
    def check(seed: int, size: int) -> None:
        with Sandbox() as sandbox:
            invent(sandbox, seed, size)
            organisation = Organisation(sandbox.rows)
            with connector.connect(sandbox.credentials, transport=sandbox.transport()) as connection:
                compared(Comparison(connection, organisation, Random(seed)), reads=4, rounds=4)

    check()


def test_content_types(connector: Connector) -> None:
    with Sandbox() as sandbox, connector.connect(sandbox.credentials, transport=sandbox.transport()) as connection:
        found = connection.call("list_attachment_content_types_ddl", {})["result"]
        assert found[:5] == [{"text": text, "value": value} for value, text in FIRST_CONTENT_TYPES.items()]
        assert sorted(each["value"] for each in found) == sorted(CONTENT_TYPES)
        assert all(each["text"] and each["text"] != each["value"] for each in found)
        assert not sandbox.requests
        some = chosen(found, {"search": "WORD"})
        assert some
        assert connection.call("list_attachment_content_types_ddl", {"search": "WORD"}) == {"result": some}

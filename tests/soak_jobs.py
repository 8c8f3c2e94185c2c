"""What the soak has callers do: reads with known answers, creates that tell themselves apart, and the count of both."""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import orjson
from tests.reference.inputs import FILTERS, REQUIRED, draw
from tests.reference.organisation import Organisation
from tests.reference.reads import READS

from connector_runtime import ConnectorError, Operation

Row = dict[str, Any]
Key = tuple[Any, ...]
Answer = Row | ConnectorError
# A job yields what it wants called (operation, input, seconds), is sent the answer, and gives what was wrong.
Job = Generator[tuple[str, Row, float | None], Answer, list[str]]

# Candidates made from this day on are those that creates write about; reads leave them alone.
CUT = "2021-01-01"
# Everything that creates make is younger.
SEALED = "2025-01-01"
MARK = "Soaked"
# A Site Admin of every generated organisation.
ACTING = 1001
CREATES = ("create_candidate", "create_prospect", "create_candidate_application", "create_candidate_note")
# So often a create is called before it counts as one that never ends.
PATIENCE = 200

# What a call may end with while the API fails; anything else is wrong. Creates may also be left unfinished.
FAIR = {"unavailable", "unexpected_response", "unauthorized", "rate_limited", "timeout"}
UNFINISHED = {"outcome_unknown", "partial_write"}


@dataclass(frozen=True, slots=True)
class Read:
    """A read and its answer without faults; with `seconds` one that may not be given the time it needs."""

    operation: str
    given: Row
    expected: Row = field(default_factory=dict)
    seconds: float | None = None

    def job(self) -> Job:
        """Call once."""
        answer = yield self.operation, self.given, self.seconds
        if isinstance(answer, ConnectorError):
            return [] if answer.code in FAIR else [f"{self.operation} {self.given}: {answer}"]
        return [] if answer == self.expected else [f"{self.operation} {self.given}: not its answer without faults"]


@dataclass(slots=True)
class Create:
    """A create: the rows of its first write, those of all others, and the texts that its output holds.

    `ended` is "done", or "unknown" where nobody can tell whether the first write was stored.
    """

    operation: str
    given: Row
    first: tuple[Key, ...]
    rows: tuple[Key, ...]
    texts: tuple[str, ...]
    ended: str = "never"

    def job(self) -> Job:
        """Call again until all is written: with the resume token, or anew as long as nothing can have been."""
        wrong: list[str] = []
        token: Row = {}
        for _ in range(PATIENCE):
            answer = yield self.operation, {**self.given, **token}, None
            if not isinstance(answer, ConnectorError):
                self.ended, output = "done", orjson.dumps(answer).decode()
                missing = [text for text in self.texts if text not in output]
                return [*wrong, *(f"{self.operation} {self.given}: {text} is not in its output" for text in missing)]
            if answer.code not in FAIR | UNFINISHED or (token and answer.resume_token is None):
                wrong.append(f"{self.operation} {self.given}: {answer}")
            if answer.code == "outcome_unknown" and not answer.completed:
                self.ended = "unknown"
                return wrong
            token = {"resume_token": answer.resume_token} if answer.resume_token else {}
        return [*wrong, f"{self.operation} {self.given}: does not come to an end"]


class Organiser:
    """Thinks of jobs for an organisation; creates and reads don't get in each other's way."""

    def __init__(self, organisation: Organisation, operations: Mapping[str, Operation], seed: int) -> None:
        self.random = Random(seed)
        self._organisation = organisation
        self._operations = operations
        self._jobs = [row["id"] for row in organisation.rows("jobs")]
        candidates = organisation.rows("candidates")
        self._old = [row for row in candidates if row["created_at"] < CUT]
        targets = [row["id"] for row in candidates if row["created_at"] >= CUT]
        taken = {(row["candidate_id"], row["job_id"]) for row in organisation.rows("applications")}
        self._pairs = [(who, job) for who in targets for job in self._jobs if (who, job) not in taken]
        self.random.shuffle(self._pairs)
        self._number = 0

    def reads(self) -> Iterator[Read]:
        """Give reads whose answers no create changes, several of each operation."""
        pick, of_people = self.random.choice, {"list_candidates", "list_applications", "list_candidates_ddl"}
        for name in sorted((FILTERS.keys() | REQUIRED.keys()) - of_people):
            yield from (Read(name, self._paged(name, draw(self.random, self._organisation, name, 2))) for _ in range(5))
        for name, (_, key, resource, _) in READS.items():
            rows = self._old if resource == "candidates" else self._organisation.rows(resource)
            yield from (Read(name, {key: pick(rows)["id"]}) for _ in range(8))
        for _ in range(8):
            yield from self._reads_of_people()

    def _reads_of_people(self) -> Iterator[Read]:
        pick, someone = self.random.choice, self.random.choice(self._old)
        some = [row["id"] for row in self.random.sample(self._old, len(self._old) // 2)]
        candidates = pick([{}, {"job_id": pick(self._jobs)}, {"candidate_ids": some}])
        applications = pick([{}, {"job_id": pick(self._jobs)}, {"status": pick(["active", "rejected", "hired"])}])
        offer = pick(self._organisation.rows("offers"))
        yield Read("list_candidates", self._paged("list_candidates", {"created_before": CUT, **candidates}))
        yield Read("list_applications", self._paged("list_applications", {"created_before": SEALED, **applications}))
        yield Read("list_candidates_ddl", pick([{"value": someone["id"]}, {"search": someone["last_name"] or "Li"}]))
        yield Read("get_current_offer_by_application", {"application_id": offer["application_id"]})

    def _paged(self, operation: str, given: Row) -> Row:
        known = self._operations[operation].input_schema["properties"]
        size = {name: self.random.choice((5, 20, 100)) for name in ("results_per_page", "per_page") if name in known}
        return {**given, **size, **({"page": self.random.choice((1, 1, 2, 3))} if "page" in known else {})}

    def create(self) -> Create:
        """Give a create that there was not before."""
        self._number += 1
        mark = f"{MARK}-{self._number:07}"
        operation = self.random.choice(CREATES)
        if operation == "create_candidate_application" and self._pairs:
            return _application(mark, *self._pairs.pop())
        if operation == "create_candidate":
            return _candidate(mark, self.random.sample(self._jobs, 2))
        if operation == "create_prospect":
            return _prospect(mark, self.random.sample(self._jobs, 2))
        return _note(mark, self.random.choice(self._pairs)[0])


def _person(mark: str) -> tuple[Row, tuple[Key, ...]]:
    given = {
        "user_id": ACTING,
        "first_name": MARK,
        "last_name": mark,
        "activity_feed_notes": [{"user_id": ACTING, "body": mark, "visibility": "private"}],
        "educations": [{"start_date": "2012-09-01", "end_date": "2016-06-30"}],
        "employments": [{"company_name": mark, "title": "Analyst", "start_date": "2018-01-15"}],
        "is_private": True,
    }
    after = ("private", "notes", "candidate_educations", "candidate_employments")
    return given, tuple((name, mark) for name in after)


def _attachment(name: str) -> Row:
    return {"filename": name, "type2": "resume", "content": "QUJD"}


def _candidate(mark: str, jobs: list[int]) -> Create:
    given, after = _person(mark)
    files = [f"{mark}-{number}.pdf" for number in range(len(jobs))]
    applications = [{"job_id": job, "attachments": [_attachment(name)]} for job, name in zip(jobs, files, strict=True)]
    first, *further = [("applications", mark, (job,)) for job in jobs]
    rows = (*after, *further, *(("attachments", name) for name in files))
    given |= {"applications": applications}
    return Create("create_candidate", given, (("candidates", mark), first), rows, (f'"{mark}"', *files))


def _prospect(mark: str, jobs: list[int]) -> Create:
    given, after = _person(mark)
    given |= {"application": {"job_ids": jobs, "attachments": [_attachment(f"{mark}.pdf")]}}
    first = (("candidates", mark), ("applications", mark, (None, *jobs)))
    return Create("create_prospect", given, first, (*after, ("attachments", f"{mark}.pdf")), (f'"{mark}"',))


def _application(mark: str, candidate_id: int, job_id: int) -> Create:
    files = [f"{mark}-{number}.pdf" for number in range(2)]
    attachments = [_attachment(name) for name in files]
    given = {"user_id": ACTING, "candidate_id": candidate_id, "job_id": job_id, "attachments": attachments}
    first, rows = ("applications", candidate_id, (job_id,)), tuple(("attachments", name) for name in files)
    return Create("create_candidate_application", given, (first,), rows, (f'"candidate_id":{candidate_id}',))


def _note(mark: str, candidate_id: int) -> Create:
    given = {"user_id": ACTING, "candidate_id": candidate_id, "body": mark, "visibility": "private"}
    return Create("create_candidate_note", given, (("notes", mark),), (), (f'"{mark}"',))


def counted(rows: Callable[[str], list[Row]]) -> Counter[Key]:
    """Count an organisation's rows by what tells those of each create from all others."""
    candidates, found = rows("candidates"), Counter[Key]()
    owners = {row["id"]: row["last_name"] if row["first_name"] == MARK else row["id"] for row in candidates}
    found.update(("candidates", owners[row["id"]]) for row in candidates)
    found.update(("private", owners[row["id"]]) for row in candidates if row["private"])
    found.update(("notes", row["body"]) for row in rows("notes"))
    found.update(("attachments", row["filename"]) for row in rows("attachments"))
    found.update(("candidate_educations", owners[row["candidate_id"]]) for row in rows("candidate_educations"))
    found.update(("candidate_employments", row["company_name"]) for row in rows("candidate_employments"))
    for row in rows("applications"):
        found["applications", owners[row["candidate_id"]], (row["job_id"], *row["prospective_job_ids"])] += 1
    return found


@dataclass(frozen=True, slots=True)
class Audit:
    """What the rows say of the creates: rows there twice, rows that are missing, rows of nobody."""

    duplicates: list[Key]
    lost: list[Key]
    strays: list[Key]


def audited(creates: Iterable[Create], grown: Counter[Key]) -> Audit:
    """Compare the rows that came with what the creates were told; of an unknown first write all or nothing is there."""
    left, audit = grown.copy(), Audit([], [], [])
    for create in creates:
        done = create.ended == "done" or (create.ended == "unknown" and any(left[key] for key in create.first))
        expected = {*create.first, *(create.rows if create.ended == "done" else ())} if done else set()
        audit.lost.extend(key for key in expected if not left[key])
        for key in expected:
            audit.duplicates.extend([key] * (left.pop(key, 0) - 1))
    audit.strays.extend(left.elements())
    return audit

"""Makes several dependent writes, each once: what was done is known at every moment, and can be gone on from.

A write is never repeated on suspicion. Where its outcome is not known, the call ends and says so; calling again with
the error's resume token looks for the record first, as soon as one that was stored can be seen.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import orjson

from .errors import ConnectorError, InputProblem, InvalidInput, OutcomeUnknown, PartialWrite
from .exchange import Exchange, Failure, Request, Response
from .listing import Call, read_all
from .problems import count
from .replies import failed, refused, upstream
from .resources import Reader, Resource

Scope = dict[str, Any]
Function = Callable[[Any], Any]

RESUME = "resume_token"
_LOOK = "look for it before you call again without the resume token"
_BY_HAND = "look for it, and add by hand what is missing"
_AGAIN = "call again with the resume token"
_LOOKS_FIRST = f"{_AGAIN}, which waits until it can be seen and looks first"
# Request Timeout: what stands before the API lost its patience, maybe after it had passed the request on.
_GAVE_UP = 408
_NOT_RESUMABLE = "is not the resume token of a call with this input"


@dataclass(frozen=True, slots=True)
class Each:
    """Loops over lists of a scope; each entry's name and index join the scope."""

    loops: tuple[tuple[str, Function], ...] = ()

    def scopes(self, scope: Scope) -> Iterator[tuple[tuple[int, ...], Scope]]:
        """Give every turn: its indices, and the scope in it."""
        turns: list[tuple[tuple[int, ...], Scope]] = [((), scope)]
        for name, values in self.loops:
            turns = [
                ((*at, index), {**inner, name: value, f"{name}_index": index})
                for at, inner in turns
                for index, value in enumerate(values(inner) or ())
            ]
        yield from turns


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold before anything is written."""

    each: Each
    that: Function
    at: Function
    message: str
    code: str

    def failures(self, scope: Scope) -> Iterator[tuple[str, InputProblem]]:
        """Give the error code and the problem of each turn that fails."""
        for _, inner in self.each.scopes(scope):
            if not self.that(inner):
                yield self.code, InputProblem(self.at(inner), self.message)


@dataclass(frozen=True, slots=True)
class Found:
    """How the record of a write is found: a question to its resource, and a test of a row in the write's scope."""

    reader: Reader
    query: Function
    where: Function


@dataclass(frozen=True, slots=True)
class Write:
    """One write, or one for each turn of its loops; `ids` is where its answer must hold them, see `ids_of`."""

    name: str
    resource: Resource
    ids: frozenset[str]
    id: Function | None
    each: Each
    when: Function | None
    body: Function
    found: Found | None

    def request(self, scope: Scope, subject: str | None, resume: str) -> Request:
        """Make the request of one turn. A key whose value is null is left out."""
        path, method = self.resource.path, "POST"
        if self.id is not None:
            path, method = f"{path}/{int(self.id(scope))}", "PATCH"
        return Request(method, path, (), without_nulls(self.body(scope)), subject, self.resource.name, resume)


@dataclass(slots=True)
class Journal:
    """What a call has written so far: the ids of each write by its key, and the key whose outcome is unknown.

    `since` is from when on (seconds since 1970) that one was certainly not being sent any more. `at` is the key of the
    write that is being made: "" before the first, None after the last.
    """

    digest: str
    resumed: bool = False
    done: dict[str, Any] = field(default_factory=dict)
    unclear: str | None = None
    since: float = 0.0
    at: str | None = ""

    @classmethod
    def opened(cls, operation: str, given: Mapping[str, Any], writes: tuple[Write, ...], utc: float) -> Journal:
        """Open the journal of a call at `utc`: a new one, or that of its resume token. Raises InvalidInput."""
        plain = {key: value for key, value in given.items() if key != RESUME}
        try:
            digest = sha256(orjson.dumps([operation, plain], option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
        except TypeError:
            raise InvalidInput("the input holds a number beyond 64 bits") from None
        journal = cls(digest, RESUME in given)
        if RESUME in given:
            try:
                told, done, unclear, since = orjson.loads(urlsafe_b64decode(given[RESUME]))
                if told != digest:
                    raise ValueError
                journal._go_on(done, unclear, since, {write.name: write.ids for write in writes}, utc)
            except (ValueError, TypeError, LookupError, AttributeError):
                problem = InputProblem(f"/{RESUME}", _NOT_RESUMABLE)
                raise InvalidInput("the call can't be resumed", errors=[problem]) from None
        return journal

    def _go_on(self, done: Any, unclear: Any, since: Any, ids: Mapping[str, Collection[str]], utc: float) -> None:
        """Take over what a token tells, where it can be true. A token is not signed: it may tell anything."""
        for key, each in done.items():
            self.done[key] = ids_of(each, ids[_name(key)])
        if (unclear is not None and _name(unclear) not in ids) or type(since) not in (int, float, type(None)):
            raise ValueError
        self.unclear = None if unclear in done else unclear
        # A token from before a write can't tell when it was sent, but that process is at an end by now.
        self.since = utc if since is None else min(since, utc)

    def token(self) -> str:
        """Give the token that resumes from here. It holds ids and nothing of the input."""
        return self._token(self.unclear, self.since)

    def before(self, key: str) -> str:
        """Give the token that resumes from a write of which nobody could tell any more whether it was made."""
        return self._token(key, None)

    def lost(self, key: str, utc: float) -> None:
        """Note that the outcome of a write is unknown, and that at `utc` it is not being sent any more."""
        self.unclear, self.since = key, utc

    def rest(self, settle: float, utc: float) -> float:
        """Tell for how many seconds from `utc` on it is too early to look for the write whose outcome is unknown."""
        return max(0.0, self.since + settle - utc)

    def _token(self, unclear: str | None, since: float | None) -> str:
        return urlsafe_b64encode(orjson.dumps([self.digest, self.done, unclear, since])).decode()

    def completed(self) -> list[dict[str, Any]]:
        """Tell what exists: each write with the ids it got."""
        return [{"write": key, "ids": ids} for key, ids in self.done.items()]

    def told(self, cause: ConnectorError) -> ConnectorError:
        """Make the error that a call ends with: it says what exists, what is missing and how to go on."""
        error = cause
        if self.done and not isinstance(cause, OutcomeUnknown):
            kind: type[ConnectorError] = PartialWrite
            what, advice = f"{count(len(self.done), 'write')} made, {self.at or 'the rest'} was not", _AGAIN
            if self.unclear is not None:
                kind, advice = OutcomeUnknown, _LOOKS_FIRST
                what = f"whether {self.unclear} was written is still not known"
            elif self.at is None:
                what = "everything was written, but not read back"
            error = kind(
                f"{what}: {cause.message}; {advice}",
                retry_after=cause.retry_after,
                errors=cause.errors,
                upstream=cause.upstream,
                spec=cause.spec,
            )
        error.completed = tuple(self.completed())
        error.resume_token = self.token() if self.done or self.unclear or self.resumed else None
        return error

    def interrupted(self, utc: float) -> ConnectorError | None:
        """Make the error that tells of a call that was interrupted at `utc`; None when nothing was written yet."""
        if self.at == "":
            return None
        if self.unclear is None and self.at is not None:
            self.lost(self.at, utc)
        return self.told(OutcomeUnknown(f"the call was interrupted; {_LOOKS_FIRST if self.done else _LOOK}"))


def check_all(checks: tuple[Check, ...], scope: Scope, kinds: Mapping[str, type[ConnectorError]]) -> None:
    """Raise the error of the checks that fail, with every one of them; invalid input goes before other codes."""
    failures = list(dict.fromkeys(each for check in checks for each in check.failures(scope)))
    if failures:
        code = min((code for code, _ in failures), key=[*kinds].index)
        problems = [problem for each, problem in failures if each == code]
        raise kinds[code]("the input names something that can't be used", errors=problems)


def write_all(
    call: Call, acting: str | None, writes: tuple[Write, ...], scope: Scope, journal: Journal
) -> Exchange[None]:
    """Make every write that the journal does not hold yet, as the acting user; the scope learns their ids."""
    for write in writes:
        results: list[Any] = []
        for at, inner in write.each.scopes(scope):
            key = journal.at = "/".join([write.name, *map(str, at)])
            if write.when is None or write.when(inner):
                if key not in journal.done:
                    journal.done[key] = yield from _written(call, acting, write, inner, key, journal)
                results.append(journal.done[key])
            else:
                results.append(None)
        scope[write.name] = results if write.each.loops else results[0]
    journal.at = None


def _written(
    call: Call, acting: str | None, write: Write, scope: Scope, key: str, journal: Journal
) -> Exchange[Any]:
    lost, known = journal.unclear == key, None
    # An update says what shall be, so it may be sent twice; a record must be looked for first. So must those after it:
    # more may have been written since the token was made.
    if write.id is None and (lost or (journal.resumed and journal.done and write.found)):
        known = yield from _found(call, write, scope, key, journal)
    if lost:
        journal.unclear = None
    if known is not None:
        return known
    request = write.request(scope, acting, journal.before(key))
    (outcome,) = yield [request]
    if isinstance(outcome, Response) and 200 <= outcome.status < 300:
        with suppress(ValueError, TypeError, LookupError):
            return ids_of(orjson.loads(outcome.body), write.ids)
    elif isinstance(outcome, Response) and 400 <= outcome.status < 500 and outcome.status != _GAVE_UP:
        raise refused(request, outcome)
    elif isinstance(outcome, Failure) and not outcome.sent:
        raise failed(outcome)
    # Sent, but lost, or stored under an id that can't be read, or refused in a way that promises nothing.
    journal.lost(key, call.utc())
    verb = "update" if write.id is not None else "create"
    # Only below what this call made itself is a record that fits surely its own; an older twin fits a first write too.
    advice = _LOOK if not journal.done else _LOOKS_FIRST if write.id or write.found else _BY_HAND
    message = f"{key} was sent ({verb} {write.resource.name}), but whether it was stored is not known; {advice}"
    raise OutcomeUnknown(message, upstream=upstream(outcome, request) if isinstance(outcome, Response) else None)


def _found(call: Call, write: Write, scope: Scope, key: str, journal: Journal) -> Exchange[Any]:
    """Look for the record of a write that may have been made, among those not written by this call before.

    Raises OutcomeUnknown when its outcome is unknown, and what is there may be it or not.
    """
    lost = journal.unclear == key
    found = write.found
    if found is None or not journal.done:
        raise OutcomeUnknown(f"whether {key} was written can't be told; {_BY_HAND if journal.done else _LOOK}")
    selection = found.reader.resource.select(found.query(scope), call.dialect)
    rest = journal.rest(call.settle, call.utc()) if lost else 0.0
    (rows,) = yield from read_all(replace(call, rest=rest), [(found.reader, selection)])
    taken = {ids.get("id") for done, ids in journal.done.items() if _name(done) == write.name}
    others = [row for row in rows if row["id"] not in taken]
    for row in others:
        if found.where((row, scope)):
            return {"id": row["id"]}
    if lost and others:
        # Hardly anybody else has anything below what this call made: the API may have stored it in other words.
        what = f"there are {write.resource.name} that differ from what was sent"
        raise OutcomeUnknown(f"whether {key} was written can't be told: {what}; {_BY_HAND}")
    return None


def _name(key: str) -> str:
    """Give the name of the write that a key is of: it stands before the indices of its loops."""
    return key.partition("/")[0]


def ids_of(answer: Any, fields: Collection[str]) -> dict[str, Any]:
    """Keep of an answer to a write only its ids: {"id": …}, or those of the records in these fields of it.

    Raises TypeError or LookupError when one is not there.
    """
    return {each: _id(answer) if each == "id" else {"id": _id(answer[each])} for each in sorted(fields)}


def _id(record: Any) -> int:
    found = record["id"]
    if type(found) is not int or found < 1:
        raise TypeError("an id is no positive number")
    return found


def without_nulls(value: Any) -> Any:
    """Leave out every key whose value is null, at any depth."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value

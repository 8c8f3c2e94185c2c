"""Everything that can go wrong in a call, as one tree of exceptions.

ConnectorError
├── InvalidInput         the caller's input breaks the input schema
├── Unauthorized         the credentials were refused
├── Forbidden            the credentials may not do this
├── NotFound             something the operation needs does not exist
├── Conflict             the record exists already
├── Rejected             the API refused the request as it stands
├── RateLimited          too many requests; ``retry_after`` says when to come back
├── Unavailable          nobody answered, or the API is down
├── Timeout              no answer in time
├── OutcomeUnknown       a write was sent and its answer got lost
├── PartialWrite         some of the writes were made; ``completed`` and ``resume_token`` tell
├── UnexpectedResponse   the API's answer breaks its own schema
└── SpecError            the connector's own files are wrong; ``problems`` tells where
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .problems import Problem


@dataclass(frozen=True, slots=True)
class InputProblem:
    """One thing wrong with an input: a JSON pointer into it and what is wrong, never the value."""

    pointer: str
    message: str


class ConnectorError(Exception):
    """A failed call. The fields are those of the contract's "Failures"; secrets and values are in none."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 70
    always_retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        operation: str | None = None,
        retry_after: float | None = None,
        errors: Sequence[InputProblem] = (),
        upstream: Mapping[str, Any] | None = None,
        spec: Mapping[str, Any] | None = None,
        completed: Sequence[Mapping[str, Any]] = (),
        resume_token: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.operation = operation
        self.retry_after = retry_after
        self.errors = tuple(errors)
        self.upstream = upstream
        self.spec = spec
        self.completed = tuple(completed)
        self.resume_token = resume_token

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later without a change."""
        return self.always_retryable

    def record(self) -> dict[str, Any]:
        """Give the error as plain data, the one shape of every door."""
        return {
            "code": self.code,
            "message": self.message,
            "operation": self.operation,
            "retryable": self.retryable,
            "retry_after": self.retry_after,
            "errors": [{"pointer": each.pointer, "message": each.message} for each in self.errors],
            "upstream": self.upstream,
            "spec": self.spec,
            "completed": list(self.completed),
            "resume_token": self.resume_token,
        }

    def __str__(self) -> str:
        where = f"{self.operation}: " if self.operation else ""
        details = "".join(f"\n  {each.pointer or '/'} {each.message}" for each in self.errors)
        return f"{where}{self.message} [{self.code}]{details}"


class InvalidInput(ConnectorError):
    """The input breaks the operation's input schema; ``errors`` lists every violation."""

    code = "invalid_input"
    exit_code = 3


class Unauthorized(ConnectorError):
    """The API or its token endpoint refused the credentials."""

    code = "unauthorized"
    exit_code = 4


class Forbidden(ConnectorError):
    """The credentials, or the acting user, may not do this."""

    code = "forbidden"
    exit_code = 5


class NotFound(ConnectorError):
    """A record that the operation needs does not exist."""

    code = "not_found"
    exit_code = 6


class Conflict(ConnectorError):
    """The record exists already."""

    code = "conflict"
    exit_code = 7


class Rejected(ConnectorError):
    """The API understood the request and refused it (400, 422)."""

    code = "rejected"
    exit_code = 8


class RateLimited(ConnectorError):
    """The API's limit is used up; ``retry_after`` is in seconds where the API says so."""

    code = "rate_limited"
    exit_code = 9
    always_retryable = True


class Unavailable(ConnectorError):
    """Nobody answered, or the API answered that it is down."""

    code = "unavailable"
    exit_code = 10
    always_retryable = True


class Timeout(ConnectorError):
    """The API did not answer in time."""

    code = "timeout"
    exit_code = 11
    always_retryable = True


class OutcomeUnknown(ConnectorError):
    """A write was sent and its answer got lost: it may or may not have been stored."""

    code = "outcome_unknown"
    exit_code = 12


class PartialWrite(ConnectorError):
    """Some writes were made and a later one failed."""

    code = "partial_write"
    exit_code = 13


class UnexpectedResponse(ConnectorError):
    """The API's answer is not what its schema promises."""

    code = "unexpected_response"
    exit_code = 14


class SpecError(ConnectorError):
    """The connector's own files are wrong; ``problems`` holds every one found."""

    code = "spec_error"
    exit_code = 15

    def __init__(self, message: str, *, problems: Sequence[Problem] = (), **fields: Any) -> None:
        first = problems[0] if problems else None
        if first is not None and "spec" not in fields:
            fields["spec"] = {"file": first.file, "line": first.line, "column": first.column}
        super().__init__(message, **fields)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(f"  {problem}" for problem in self.problems)])

"""What may be told of a request that came to an end: no value of the caller's or the API's is in it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .exchange import Trouble

_log = logging.getLogger(__package__)
# Whoever configures no logging is shown none.
_log.addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request and how it ended: a status, or what went wrong on the way.

    `resource` is the API's resource ("access token" for the token endpoint), `number` counts the attempts of the same
    request from 1, `seconds` is from sending to the whole answer, `started` in seconds since 1970, `request_id` the
    API's name for it.
    """

    operation: str
    resource: str
    method: str
    host: str
    number: int
    started: float
    seconds: float
    status: int | None = None
    failure: Trouble | None = None
    request_id: str | None = None


# What a connection tells whoever watches.
Watch = Callable[[Attempt], None]


def log(attempt: Attempt) -> None:
    """Write an attempt to the log "connector_runtime": debug when it went well, else warning; fields in `extra`."""
    level = logging.DEBUG if attempt.status is not None and attempt.status < 400 else logging.WARNING
    if not _log.isEnabledFor(level):
        return
    ended = attempt.failure or attempt.status
    message = "%s: %s %s, attempt %d: %s in %.3f s"
    parts = (attempt.operation, attempt.method, attempt.resource, attempt.number, ended, attempt.seconds)
    fields = {
        "operation": attempt.operation,
        "resource": attempt.resource,
        "method": attempt.method,
        "host": attempt.host,
        "attempt": attempt.number,
        "duration": attempt.seconds,
        "status": attempt.status,
        "failure": attempt.failure,
        "request_id": attempt.request_id,
    }
    _log.log(level, message, *parts, extra=fields)


def tell(watches: Iterable[Watch], attempt: Attempt) -> None:
    """Tell everybody who watches; one that fails is logged, for looking on must not change what happens."""
    for watch in watches:
        try:
            watch(attempt)
        except Exception:
            _log.exception("%s: what watches this connection failed", attempt.operation)

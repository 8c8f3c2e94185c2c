"""Reads what the API answered: rows and the next cursor, or the error the caller gets. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from . import errors
from .errors import ConnectorError
from .exchange import Failure, Outcome, Request, Response, Trouble
from .resources import Dialect, Reader, Row

_BY_STATUS: dict[int, type[ConnectorError]] = {
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    429: errors.RateLimited,
}
_MEANING = {
    "unauthorized": "the API refused the access token",
    "forbidden": "the credentials, or the acting user, may not read or write {resource}",
    "not_found": "the API does not know {path}",
    "conflict": "the API refused {resource}: such a record exists already",
    "rejected": "the API refused the request for {resource} as it stands",
    "rate_limited": "the API's request limit is used up",
    "unavailable": "the API can't answer now (status {status})",
    "unexpected_response": "the API answered {resource} with status {status}",
}
_FAILED: dict[Trouble, tuple[type[ConnectorError], str]] = {
    "unreachable": (errors.Unavailable, "nobody answers at {host}: check the base URL and the network"),
    "lost": (errors.Unavailable, "the connection to {host} broke before the answer was whole"),
    "timeout": (errors.Timeout, "{host} did not answer in time"),
    "limited": (errors.RateLimited, "the request limit of {host} left no room in the time this call has"),
    "closed": (errors.Unavailable, "the call was ended before {host} answered"),
    "oversized": (errors.UnexpectedResponse, "the answer of {host} is larger than an answer may be"),
    "unreadable": (errors.UnexpectedResponse, "the answer of {host} is compressed in a way that can't be read"),
}
_NEXT = re.compile(r'<([^>]*)>\s*;[^,]*\brel=(?:"next"|next(?![\w-]))', re.IGNORECASE)
_EXCERPT = 500
# What asks for more than a day is a mistake, not an answer.
_LONGEST_WAIT = 86_400


def failed(failure: Failure) -> ConnectorError:
    """Make the error of a request that got no usable answer."""
    kind, message = _FAILED[failure.kind]
    return kind(message.format(host=failure.host), retry_after=failure.retry_after)


def refused(request: Request, response: Response) -> ConnectorError:
    """Make the error of an answer whose status is no success."""
    status = response.status
    kind = _BY_STATUS.get(status)
    if kind is None and status >= 500:
        kind = errors.Unavailable
    elif kind is None:
        kind = errors.Rejected if status in (400, 422) else errors.UnexpectedResponse
    message = _MEANING[kind.code].format(resource=request.resource, path=request.path, status=status)
    return kind(message, retry_after=retry_after(response, datetime.now(UTC)), upstream=upstream(response))


def upstream(response: Response) -> dict[str, Any]:
    """Give what the API said, for the error record: status, the body's beginning, its request id."""
    excerpt = response.body[:_EXCERPT].decode("utf-8", "replace")
    return {"status": response.status, "body": excerpt, "request_id": response.headers.get("x-request-id")}


def retry_after(response: Response, utc: datetime) -> float | None:
    """Read Retry-After, seconds or a date, as seconds; None where the API gives none that makes sense."""
    value = response.headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - server_time(response, utc)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if seconds < _LONGEST_WAIT else None


def server_time(response: Response, utc: datetime) -> datetime:
    """Give the moment of an answer by the server's clock, or `utc`, the local time, where it doesn't tell."""
    try:
        date = parsedate_to_datetime(response.headers.get("date", ""))
    except ValueError:
        return utc
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def decoded(request: Request, outcome: Outcome) -> Any:
    """Decode a successful answer's JSON body. Raises the ConnectorError that fits."""
    if isinstance(outcome, Failure):
        raise failed(outcome)
    if not 200 <= outcome.status < 300:
        raise refused(request, outcome)
    try:
        return orjson.loads(outcome.body)
    except orjson.JSONDecodeError:
        what = f"the API's answer for {request.resource} is no JSON"
        raise errors.UnexpectedResponse(what, upstream=upstream(outcome)) from None


def page(reader: Reader, request: Request, outcome: Outcome, dialect: Dialect) -> tuple[list[Row], str | None]:
    """Read one page of a list: its rows, and the cursor of the next page or None."""
    rows = reader.read(decoded(request, outcome))
    assert isinstance(outcome, Response)
    return rows, next_cursor(request, outcome.headers, dialect)


def next_cursor(request: Request, headers: Mapping[str, str], dialect: Dialect) -> str | None:
    """Take the cursor out of the Link header. Only the cursor is used: the link itself is never followed."""
    found = _NEXT.search(headers.get("link", ""))
    if not found:
        return None
    try:
        link = urlsplit(found[1])
    except ValueError:
        link = urlsplit("")
    cursor = dict(parse_qsl(link.query)).get(dialect.cursor)
    if not cursor or link.path != request.path:
        raise errors.UnexpectedResponse(f"the API's link to the next page of {request.resource} is not of that list")
    if (dialect.cursor, cursor) in request.query:
        raise errors.UnexpectedResponse(f"the API's link to the next page of {request.resource} leads to itself")
    return cursor

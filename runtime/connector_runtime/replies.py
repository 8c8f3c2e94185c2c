"""Reads what the API answered: rows and the next cursor, or the error the caller gets. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

import orjson

from . import errors
from .errors import ConnectorError, UnexpectedResponse
from .excerpts import excerpt
from .exchange import Failure, Outcome, Request, Response, Trouble
from .links import linked
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
    "early": (errors.Timeout, "this call ends before it can be seen what {host} stored"),
    "closed": (errors.Unavailable, "the call was ended before {host} answered"),
    "oversized": (errors.UnexpectedResponse, "the answer of {host} is larger than an answer may be"),
    "unreadable": (errors.UnexpectedResponse, "the answer of {host} is compressed in a way that can't be read"),
}
_REDIRECTS = (301, 302, 303, 307, 308)
_JSON = re.compile(r"(application|text)/([\w.-]+\+)?json", re.ASCII)
_MEDIA = re.compile(r"\s*([\w.+-]+/[\w.+-]+)\s*(?:;|$)", re.ASCII)
_HOST = re.compile(r"[\w.-]{1,253}", re.ASCII)
_REQUEST_ID = re.compile(r"[\w.:+/=-]{1,200}", re.ASCII)
_SECONDS = re.compile(r"\d+(\.\d+)?", re.ASCII)
# What asks for a day or more is a mistake, not an answer: who believed it would never come back.
_LONGEST_WAIT = 86_400
_NOTHING = object()
# Levels that an output may put around what an answer holds; orjson reads 1,024 levels, but writes only 254.
_ROOM = 100


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
    if status in _REDIRECTS:
        message += f", a redirect{_leading_to(response)}, which is not followed"
    return kind(message, retry_after=retry_after(response), upstream=upstream(response, request))


def upstream(response: Response, request: Request | None = None) -> dict[str, Any]:
    """Give what the API said, for the error record: its status, content type, request id, and for a refusal why.

    What was sent with the request, where it is given, is in none of it.
    """
    return {
        "status": response.status,
        "content_type": content_type(response),
        "body": excerpt(response.body, request) if 400 <= response.status < 500 else None,
        "request_id": request_id(response),
    }


def request_id(response: Response) -> str | None:
    """Give the API's name for a request; None where it tells none, or something that is no name."""
    found = _REQUEST_ID.fullmatch(response.headers.get("x-request-id", ""))
    return found[0] if found else None


def content_type(response: Response) -> str | None:
    """Give the media type of an answer's body: "unknown" where it can't be read, None where none is told."""
    told = response.headers.get("content-type", "")
    found = _MEDIA.match(told)
    return found[1].lower() if found else "unknown" if told.strip() else None


def retry_after(response: Response, utc: datetime | None = None) -> float | None:
    """Read Retry-After, seconds or a date, as seconds; None where the API gives none that makes sense.

    A date counts from the answer's own Date, and where it has none from `utc`, the local time.
    """
    told = response.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(told):
        seconds = float(told)
    else:
        until, now = _date(told), _date(response.headers.get("date", "")) or utc
        if until is None or now is None:
            return None
        seconds = (until - now).total_seconds()
    return max(seconds, 0.0) if seconds < _LONGEST_WAIT else None


def server_time(response: Response, utc: datetime) -> datetime:
    """Give the moment of an answer by the server's clock, or `utc`, the local time, where it doesn't tell."""
    return _date(response.headers.get("date", "")) or utc


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _leading_to(response: Response) -> str:
    """Tell the host a redirect leads to, and nothing else of where it leads."""
    try:
        host = urlsplit(response.headers.get("location", "")).hostname or ""
    except ValueError:
        return ""
    return f" to {host}" if _HOST.fullmatch(host) else ""


def decoded(request: Request, outcome: Outcome) -> Any:
    """Decode the JSON body of the answer to a read. Raises the ConnectorError that fits."""
    if isinstance(outcome, Failure):
        raise failed(outcome)
    # No other status says that this is what was asked for, and all of it.
    if outcome.status != 200:
        raise refused(request, outcome)
    said, media = f"the API's answer for {request.resource} is", content_type(outcome)
    if media is not None and not _JSON.fullmatch(media):
        raise UnexpectedResponse(f"{said} {media}, not JSON", upstream=upstream(outcome))
    answer = _loaded(outcome.body)
    if answer is _NOTHING:
        raise UnexpectedResponse(f"{said} {'no JSON' if outcome.body else 'empty'}", upstream=upstream(outcome))
    if _is_deep(answer):
        raise UnexpectedResponse(f"{said} nested too deeply", upstream=upstream(outcome))
    return answer


def _loaded(body: bytes) -> Any:
    # Gives a sign instead of raising: the error of a body that is no JSON holds the body.
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _NOTHING


def _is_deep(answer: Any) -> bool:
    """Tell whether an answer is nested so deeply that an output with it inside could not be written."""
    for _ in range(_ROOM):
        answer = [answer]
    try:
        orjson.dumps(answer)
    except TypeError:
        return True
    return False


def page(
    reader: Reader, request: Request, outcome: Outcome, dialect: Dialect, hosts: Collection[str]
) -> tuple[list[Row], str | None]:
    """Read one page of a list: its rows, and the cursor of the next page or None; see `next_cursor`."""
    rows = reader.read(decoded(request, outcome))
    assert isinstance(outcome, Response)
    return rows, next_cursor(request, outcome.headers, dialect, hosts)


def next_cursor(request: Request, headers: Mapping[str, str], dialect: Dialect, hosts: Collection[str]) -> str | None:
    """Take the cursor out of the Link header. Only the cursor is used: the link itself is never followed.

    Raises UnexpectedResponse for a link that leads nowhere, to itself, to another list, or to none of the `hosts`.
    """
    said = f"the API's link to the next page of {request.resource}"
    try:
        links = [urlsplit(target) for target in linked(headers.get("link", ""), "next")]
        foreign = [link for link in links if link.netloc and link.hostname not in hosts]
    except ValueError:
        raise UnexpectedResponse(f"{said} can't be read") from None
    if foreign:
        raise UnexpectedResponse(f"{said} leads to another host")
    cursors = {_cursor(link, request.path, dialect.cursor) for link in links}
    if not cursors:
        return None
    cursor = cursors.pop()
    if cursors:
        raise UnexpectedResponse(f"{said} is not the only one")
    if cursor is None:
        raise UnexpectedResponse(f"{said} is not of that list")
    if (dialect.cursor, cursor) in request.query:
        raise UnexpectedResponse(f"{said} leads to itself")
    return cursor


def _cursor(link: SplitResult, path: str, name: str) -> str | None:
    """Give the cursor of a link, None when it leads to another list; a proxy may put something before the path."""
    cursors = {value for key, value in parse_qsl(link.query) if key == name}
    return cursors.pop() if len(cursors) == 1 and link.path.endswith(path) else None

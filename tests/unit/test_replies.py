"""Answers of the API, good and bad."""

from datetime import UTC, datetime
from typing import Any

import pytest

from connector_runtime import errors
from connector_runtime.exchange import Failure, Outcome, Request, Response
from connector_runtime.replies import decoded, failed, next_cursor, page, refused, retry_after, upstream
from connector_runtime.resources import Dialect, Reader, Resource

DIALECT = Dialect("/v1", "per_page", "cursor", "fields", ",", "|")
SCHEMA: dict[str, Any] = {"properties": {"id": {"type": "integer"}}, "x-path": "/books", "x-filters": {}}
READER = Reader.of(Resource.from_schema("books", SCHEMA, DIALECT), None)
REQUEST = Request("GET", "/v1/books", (("per_page", "10"),), resource="books")
LONG = b"x" * 600 + b"end"


def answer(status: int, body: bytes = b"", **headers: Any) -> Response:
    """Write an answer; header names with _ for -."""
    return Response(status, {key.replace("_", "-"): value for key, value in headers.items()}, body)


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (400, errors.Rejected, "the API refused the request for books as it stands"),
        (401, errors.Unauthorized, "the API refused the access token"),
        (403, errors.Forbidden, "the credentials, or the acting user, may not read or write books"),
        (404, errors.NotFound, "the API does not know /v1/books"),
        (405, errors.UnexpectedResponse, "the API answered books with status 405"),
        (409, errors.Conflict, "the API refused books: such a record exists already"),
        (422, errors.Rejected, "the API refused the request for books as it stands"),
        (429, errors.RateLimited, "the API's request limit is used up"),
        (500, errors.Unavailable, "the API can't answer now (status 500)"),
        (502, errors.Unavailable, "the API can't answer now (status 502)"),
        (503, errors.Unavailable, "the API can't answer now (status 503)"),
        (599, errors.Unavailable, "the API can't answer now (status 599)"),
        (301, errors.UnexpectedResponse, "the API answered books with status 301"),
        (304, errors.UnexpectedResponse, "the API answered books with status 304"),
        (100, errors.UnexpectedResponse, "the API answered books with status 100"),
    ],
)
def test_statuses(status: int, kind: type[errors.ConnectorError], message: str) -> None:
    outcome = answer(status, b'{"message":"No"}', x_request_id="r-1", retry_after="7")
    with pytest.raises(errors.ConnectorError) as caught:
        decoded(REQUEST, outcome)
    error = caught.value
    assert type(error) is kind
    assert error.message == message
    assert error.retry_after == 7.0
    assert error.upstream == {"status": status, "body": '{"message":"No"}', "request_id": "r-1"}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, b'{"message":"Unauthorized","errors":["Token could not be decoded. Please ensure your token is ..."]}'),
        (403, b'{"message":"Forbidden"}'),
        (404, b'{"message":"Resource not found"}'),
        (404, b'{"message":"Resource not found","errors":"Book not found"}'),
        (422, b'{"message":"Unprocessable Content","errors":["`cursor` must stand alone"]}'),
        (422, b'{"message":"Unprocessable Content","errors":[{"per_page":"`600` number is greater than: 500"}]}'),
        (500, b"<html>\xff\xfe not UTF-8</html>"),
        (503, b""),
        (500, LONG),
    ],
)
def test_any_body_is_shown_in_part(status: int, body: bytes) -> None:
    error = refused(REQUEST, answer(status, body))
    assert error.upstream is not None
    assert error.upstream["body"] == body[:500].decode("utf-8", "replace")
    assert len(error.upstream["body"]) <= 500
    assert error.upstream["request_id"] is None
    assert error.upstream["body"] not in str(error) or not body


@pytest.mark.parametrize(
    ("header", "seconds"),
    [({}, None), ({"retry_after": "30"}, 30.0), ({"retry_after": "0"}, 0.0), ({"retry_after": ""}, None)]
    + [({"retry_after": "1.5"}, 1.5), ({"retry_after": "-1"}, 0.0)]
    + [({"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"}, 60.0)]
    + [({"retry_after": bad}, None) for bad in ("soon", "nan", "1e9", "Wed, 21 Oct 2026 07:28:00 -0000")],
)
def test_retry_after(header: dict[str, Any], seconds: float | None) -> None:
    assert retry_after(answer(429, **header), datetime(2026, 10, 21, 7, 27, tzinfo=UTC)) == seconds


@pytest.mark.parametrize(
    ("failure", "kind", "message"),
    [
        ("timeout", errors.Timeout, "https://api.example did not answer in time"),
        (
            "unreachable",
            errors.Unavailable,
            "nobody answers at https://api.example: check the base URL and the network",
        ),
        ("lost", errors.Unavailable, "the connection to https://api.example broke before the answer was whole"),
    ],
)
def test_no_answer(failure: Any, kind: type[errors.ConnectorError], message: str) -> None:
    outcome: Outcome = Failure(failure, "https://api.example")
    with pytest.raises(kind) as caught:
        decoded(REQUEST, outcome)
    assert caught.value.message == message
    assert caught.value.retryable
    assert type(failed(Failure(failure, "x"))) is kind


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a":', b"\xff", b"NaN"])
def test_answer_that_is_no_json(body: bytes) -> None:
    with pytest.raises(errors.UnexpectedResponse) as caught:
        decoded(REQUEST, answer(200, body))
    assert caught.value.message == "the API's answer for books is no JSON"
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_good_answers() -> None:
    assert decoded(REQUEST, answer(200, b'[{"id": 1}]')) == [{"id": 1}]
    assert decoded(REQUEST, answer(201, b"null")) is None
    linked = answer(200, b'[{"id": 1}]', link='<https://api.example/v1/books?cursor=abc>; rel="next"')
    assert page(READER, REQUEST, linked, DIALECT) == ([{"id": 1}], "abc")
    with pytest.raises(errors.UnexpectedResponse):
        page(READER, REQUEST, answer(200, b'{"id": 1}'), DIALECT)


BASE = "https://api.example/v1/books"


@pytest.mark.parametrize(
    ("link", "cursor"),
    [
        (None, None),
        ("", None),
        (f'<{BASE}?cursor=abc>; rel="next"', "abc"),
        (f"<{BASE}?cursor=abc>;rel=next", "abc"),
        (f'<{BASE}?cursor=a%2Bb%3D%3D>; rel="next"', "a+b=="),
        (f'<{BASE}?cursor=abc>; title="x"; rel="next"', "abc"),
        (f'<{BASE}?cursor=abc>; Rel="NEXT"', "abc"),
        (f"<{BASE}?cursor=abc>; rel=next; title=x", "abc"),
        (f'<{BASE}?cursor=0>; rel="first", <{BASE}?cursor=2>; rel="next", <{BASE}?cursor=9>; rel="last"', "2"),
        (f'<{BASE}?cursor=2>; rel="next", <{BASE}?cursor=0>; rel="prev"', "2"),
        (f'<{BASE}?cursor=0>; rel="prev"', None),
        (f'<{BASE}?cursor=0>; rel="nextish"', None),
        ("</v1/books?cursor=abc>; rel=next", "abc"),
        ("<https://other.example/v1/books?cursor=abc>; rel=next", "abc"),
        (f'<{BASE}?per_page=10&cursor=abc>; rel="next"', "abc"),
        (f'<{BASE}?cursor=a,b>; rel="next"', "a,b"),
    ],
)
def test_cursor_of_the_next_page(link: str | None, cursor: str | None) -> None:
    assert next_cursor(REQUEST, {} if link is None else {"link": link}, DIALECT) == cursor


@pytest.mark.parametrize(
    ("link", "what"),
    [
        (f'<{BASE}>; rel="next"', "is not of that list"),
        (f'<{BASE}?cursor=>; rel="next"', "is not of that list"),
        ('<http://[>; rel="next"', "is not of that list"),
        ("<>; rel=next", "is not of that list"),
        ('<https://api.example/v1/authors?cursor=abc>; rel="next"', "is not of that list"),
        (f'<{BASE}/7?cursor=abc>; rel="next"', "is not of that list"),
        (f'<{BASE}?cursor=here>; rel="next"', "leads to itself"),
    ],
)
def test_links_that_lead_astray(link: str, what: str) -> None:
    request = Request("GET", "/v1/books", (("cursor", "here"),), resource="books")
    with pytest.raises(errors.UnexpectedResponse) as caught:
        next_cursor(request, {"link": link}, DIALECT)
    assert caught.value.message == f"the API's link to the next page of books {what}"


def test_excerpt_of_an_answer() -> None:
    assert upstream(answer(418, "é".encode() * 300)) == {"status": 418, "body": "é" * 250, "request_id": None}

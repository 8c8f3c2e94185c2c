"""Answers of the API, good and bad."""

import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_runtime import errors
from connector_runtime.exchange import Failure, Outcome, Request, Response
from connector_runtime.replies import decoded, failed, next_cursor, page, refused, retry_after, server_time, upstream
from connector_runtime.resources import Dialect, Reader, Resource

DIALECT = Dialect("/v1", "per_page", "cursor", "fields", ",", "|")
HOSTS = {"api.example", "proxy.example"}
SCHEMA: dict[str, Any] = {"properties": {"id": {"type": "integer"}}, "x-path": "/books", "x-filters": {}}
READER = Reader.of(Resource.from_schema("books", SCHEMA, DIALECT), None)
REQUEST = Request("GET", "/v1/books", (("per_page", "10"),), resource="books")


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
        (413, errors.UnexpectedResponse, "the API answered books with status 413"),
        (300, errors.UnexpectedResponse, "the API answered books with status 300"),
        (304, errors.UnexpectedResponse, "the API answered books with status 304"),
        (100, errors.UnexpectedResponse, "the API answered books with status 100"),
        (201, errors.UnexpectedResponse, "the API answered books with status 201"),
        (202, errors.UnexpectedResponse, "the API answered books with status 202"),
        (204, errors.UnexpectedResponse, "the API answered books with status 204"),
        (206, errors.UnexpectedResponse, "the API answered books with status 206"),
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
    assert error.upstream == {
        "status": status,
        "content_type": None,
        "body": '{"message":"No"}' if 400 <= status < 500 else None,
        "request_id": "r-1",
    }


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "where"),
    [
        ("https://login.example/v1?token=s3cret&mail=ada@x.example#frag", " to login.example"),
        ("https://ada:s3cret@Login.example:8443/", " to login.example"),
        ("//login.example/ada", " to login.example"),
        ("/v2/books?mail=ada@x.example", ""),
        ("https://[", ""),
        ("https://ada lovelace.example/", ""),
        (None, ""),
    ],
)
def test_redirects_are_not_followed(status: int, location: str | None, where: str) -> None:
    outcome = answer(status, b"[]", **({} if location is None else {"location": location}))
    with pytest.raises(errors.UnexpectedResponse) as caught:
        decoded(REQUEST, outcome)
    said = f"the API answered books with status {status}, a redirect{where}, which is not followed"
    assert caught.value.message == said
    assert not any(word in str(caught.value.record()) for word in ("s3cret", "ada@", "frag"))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("30", 30.0),
        (" 30 ", 30.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("86399", 86399.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 60.0),
        ("Wed, 21 Oct 2026 07:28:00 -0000", 60.0),
        ("Wed, 21 Oct 2026 09:28:00 +0200", 60.0),
        ("Wed, 21 Oct 2026 07:20:00 GMT", 0.0),
        # Nothing that makes sense.
        ("86400", None),
        ("1e9", None),
        ("9" * 5_000, None),
        ("Wed, 21 Oct 2099 07:28:00 GMT", None),
        *((bad, None) for bad in ("soon", "-1", "1.", "nan", "inf", "1_0", "٣", "30, 30", "Wed, 99 Oct 2026", "x" * 9)),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    now = datetime(2026, 10, 21, 7, 27, tzinfo=UTC)
    said: dict[str, Any] = {} if header is None else {"retry_after": header}
    assert retry_after(answer(429, **said), now) == seconds
    # The server's own clock goes before the local one.
    assert (
        retry_after(answer(429, date="Wed, 21 Oct 2026 07:27:00 GMT", **said), datetime(2020, 1, 1, tzinfo=UTC))
        == seconds
    )
    assert retry_after(answer(429, **said)) == (None if header and header.startswith("Wed") else seconds)


@given(st.text(max_size=40))
def test_any_retry_after(header: str) -> None:
    found = retry_after(answer(429, retry_after=header, date=header), datetime(2026, 10, 21, tzinfo=UTC))
    assert found is None or 0 <= found < 86_400


def test_time_of_the_server() -> None:
    local = datetime(2026, 1, 1, tzinfo=UTC)
    assert server_time(answer(200, date="Wed, 21 Oct 2026 07:27:00 GMT"), local) == datetime(
        2026, 10, 21, 7, 27, tzinfo=UTC
    )
    assert server_time(answer(200, date="Sun, 01 Mar 99999999999 12:00:00 GMT"), local) == local
    assert server_time(answer(200, date="yesterday"), local) == server_time(answer(200), local) == local


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


TRUNCATED = b'[{"id": 1}, {"id": 2'


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "empty"),
        *(
            (body, "no JSON")
            for body in (
                TRUNCATED,
                b"<html>",
                b'{"a":',
                b"\xff",
                b"NaN",
                b'[{"id": NaN}]',
                b'[{"id": -Infinity}]',
                b'[{"id": 1e999}]',
                b'[{"name": "\\ud800"}]',
                b'[{"name": "\xed\xa0\x80"}]',
                b'[{"id": 1},]',
                b'[{"id": 1}] [{"id": 2}]',
                b"\xef\xbb\xbf[]",
                b"[" * 100_000 + b"]" * 100_000,
                b"[" * 1_000_000,
                b" ",
            )
        ),
        (b"[" * 155 + b"]" * 155, "nested too deeply"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, "nested too deeply"),
    ],
)
def test_answer_that_is_no_json(body: bytes, what: str) -> None:
    with pytest.raises(errors.UnexpectedResponse) as caught:
        decoded(REQUEST, answer(200, body))
    assert caught.value.message == f"the API's answer for books is {what}"
    assert caught.value.__context__ is None  # it would hold the answer
    assert caught.value.upstream == {"status": 200, "content_type": None, "body": None, "request_id": None}


@pytest.mark.parametrize(
    "told",
    [
        *("", " ", "application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;x"),
        *("application/vnd.api+json", "text/json", "application/problem+json ; charset=utf-8"),
    ],
)
def test_content_types_of_json(told: str) -> None:
    assert decoded(REQUEST, answer(200, b"[]", content_type=told)) == []


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ("text/html; charset=utf-8", "text/html"),
        ("TEXT/PLAIN", "text/plain"),
        ("application/jsonp", "application/jsonp"),
        ("application/xml", "application/xml"),
        ("json", "unknown"),
        ("application/json, text/html", "unknown"),
        ("ada@x.example", "unknown"),
        ("text/html ada", "unknown"),
    ],
)
def test_body_that_would_be_json_is_none_by_its_content_type(told: str, named: str) -> None:
    with pytest.raises(errors.UnexpectedResponse) as caught:
        decoded(REQUEST, answer(200, b"[]", content_type=told))
    assert caught.value.message == f"the API's answer for books is {named}, not JSON"
    assert caught.value.upstream == {"status": 200, "content_type": named, "body": None, "request_id": None}


def test_good_answers() -> None:
    assert decoded(REQUEST, answer(200, b'[{"id": 1}]')) == [{"id": 1}]
    assert decoded(REQUEST, answer(200, b"null")) is None
    assert decoded(REQUEST, answer(200, b"[" * 154 + b"]" * 154)) != []
    # Of a key that stands twice the last counts, as for every usual reader of JSON.
    assert decoded(REQUEST, answer(200, b'[{"id": 1, "id": 2}]')) == [{"id": 2}]
    linked = answer(200, b'[{"id": 1}]', link='<https://api.example/v1/books?cursor=abc>; rel="next"')
    assert page(READER, REQUEST, linked, DIALECT, HOSTS) == ([{"id": 1}], "abc")


@pytest.mark.parametrize("body", [b'{"id": 1}', b"null", b'"x"', b"1", b"true", b"[[]]", b"[1]", b"[null]"])
def test_json_that_is_no_list_of_rows(body: bytes) -> None:
    with pytest.raises(errors.UnexpectedResponse, match="the API's books are not as declared"):
        page(READER, REQUEST, answer(200, body), DIALECT, HOSTS)


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
        ("<HTTP://API.EXAMPLE:8080/v1/books?cursor=abc>; rel=next", "abc"),
        (f'<{BASE}?per_page=10&cursor=abc>; rel="next"', "abc"),
        (f'<{BASE}?cursor=a,b>; rel="next"', "a,b"),
        (f'<{BASE}?cursor=a;b>; rel="next"', "a;b"),
        (f'<{BASE}?cursor=abc>; rel="last next"', "abc"),
        (f"<{BASE}?cursor=abc>; rel='next'", "abc"),
        (f'<{BASE}?cursor=abc>; title="a, b; \\"c\\""; rel="next"', "abc"),
        (f'<{BASE}?cursor=abc>; title="; rel=next"', None),
        (f'<{BASE}?cursor=abc>; hreflang; rel = "next" ; x', "abc"),
        (f'<{BASE}?cursor=0>; rel="prev", <{BASE}?cursor=2>; rel="next"', "2"),
        (f'<{BASE}?cursor=2>; rel="next", <{BASE}?cursor=2>; rel="next"', "2"),
        (f'  , <{BASE}?cursor=2>; rel="next",', "2"),
        (" , ", None),
        (f"<{BASE}?cursor=2>", None),
        (f'<{BASE}?cursor={"x" * 60_000}>; rel="next"', "x" * 60_000),
        # A proxy may put something before the path, and write its own host or leave the API's.
        ('<https://proxy.example/api/v1/books?cursor=abc>; rel="next"', "abc"),
    ],
)
def test_cursor_of_the_next_page(link: str | None, cursor: str | None) -> None:
    assert next_cursor(REQUEST, {} if link is None else {"link": link}, DIALECT, HOSTS) == cursor


@pytest.mark.parametrize(
    ("link", "what"),
    [
        (f'<{BASE}>; rel="next"', "is not of that list"),
        (f'<{BASE}?cursor=>; rel="next"', "is not of that list"),
        (f'<{BASE}?page=2>; rel="next"', "is not of that list"),
        (f'<{BASE}?cursor=a&cursor=b>; rel="next"', "is not of that list"),
        ("<>; rel=next", "is not of that list"),
        ('<https://api.example/v1/authors?cursor=abc>; rel="next"', "is not of that list"),
        ('<https://api.example/v1/notbooks?cursor=abc>; rel="next"', "is not of that list"),
        (f'<{BASE}/7?cursor=abc>; rel="next"', "is not of that list"),
        (f'<{BASE}?cursor=here>; rel="next"', "leads to itself"),
        (f'<{BASE}?cursor=a>; rel="next", <{BASE}?cursor=b>; rel="next"', "is not the only one"),
        (f'<{BASE}?cursor=a>; rel="next", <{BASE}?page=2>; rel="next"', "is not the only one"),
        ('<http://[>; rel="next"', "can't be read"),
        (f'{BASE}?cursor=abc; rel="next"', "can't be read"),
        (f'<{BASE}?cursor=abc; rel="next"', "can't be read"),
        (f'<{BASE}?cursor=abc>; rel="next', "can't be read"),
        (f'<{BASE}?cursor=0>; rel="prev", nonsense', "can't be read"),
        ("null", "can't be read"),
        ("<https://other.example/v1/books?cursor=abc>; rel=next", "leads to another host"),
        ("<//other.example/v1/books?cursor=abc>; rel=next", "leads to another host"),
        ("<https://api.example.other.example/v1/books?cursor=abc>; rel=next", "leads to another host"),
        ("<https://api.example@other.example/v1/books?cursor=abc>; rel=next", "leads to another host"),
        (f'<{BASE}?cursor=a>; rel="next", <//other.example/v1/books?cursor=a>; rel="next"', "leads to another host"),
    ],
)
def test_links_that_lead_astray(link: str, what: str) -> None:
    request = Request("GET", "/v1/books", (("cursor", "here"),), resource="books")
    with pytest.raises(errors.UnexpectedResponse) as caught:
        next_cursor(request, {"link": link}, DIALECT, HOSTS)
    assert caught.value.message == f"the API's link to the next page of books {what}"


@pytest.mark.parametrize(
    "piece", ["<", "<a>", "<a>;", ";", '"', "\\", " ", ",", "<a>; rel=next, ", 'x="', "<a> x", "="]
)
def test_huge_headers_take_no_time(piece: str) -> None:
    begun = time.perf_counter()
    with suppress(errors.UnexpectedResponse):
        next_cursor(REQUEST, {"link": "<b>" + piece * 100_000 + "!"}, DIALECT, HOSTS)
    assert time.perf_counter() - begun < 2


SENT = {
    "first_name": "Ada",
    "last_name": "O'Brien-Лавлейс",
    "salary": 85_000,
    "score": 7.25,
    "private": True,
    "tag": "x",
    "letter": 'Dear all, "I" wish to apply\nfor the position of a lifetime. ' + "And on. " * 20,
    "addresses": [{"value": "12 Rue de la Paix"}, {"value": None}],
}
WRITE = Request("POST", "/v1/books", (), SENT, resource="books")


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ({"message": "Unauthorized", "errorId": "err-1"}, '{"message":"Unauthorized","errorId":"err-1"}'),
        ({"message": "No", "errors": "Book not found"}, '{"message":"No","errors":"Book not found"}'),
        (
            {"errors": [{"per_page": "`600` is greater than: 500"}]},
            '{"errors":[{"per_page":"`600` is greater than: 500"}]}',
        ),
        ({"error": "invalid_client", "error_description": "x"}, '{"error":"invalid_client","error_description":"x"}'),
        ({"Title": "T", "detail": "D", "code": 7}, '{"Title":"T","detail":"D","code":7}'),
        # What is no reason is somebody's record.
        ({"message": "taken", "book": {"owner": "Grace"}}, '{"message":"taken"}'),
        # What was sent, in any case and cut short.
        ({"message": "ADA is taken by Ada"}, '{"message":"*** is taken by ***"}'),
        ({"errors": ["O'Brien-Лавлейс", "o'brien-лАВЛЕЙС"]}, '{"errors":["***","***"]}'),
        ({"errors": {"Ada": ["12 rue de la paix is nowhere"]}}, '{"errors":{"***":["*** is nowhere"]}}'),
        ({"message": "85000 or 850001, 7.25, true, x"}, '{"message":"*** or 850001, ***, true, x"}'),
        ({"errors": ['is long: Dear all, "I" wish to a… (cut)', "fine"]}, '{"errors":["is long: ***","fine"]}'),
        # In another spelling.
        ({"message": "12%20rue%20de la%20Paix is &quot;O&#39;Brien"}, "{\"message\":\"*** is \\\"O'***\"}"),
        ({"message": r"is \\u041b\u0430\u0432\u043b\u0435\u0439\u0441"}, '{"message":"is ***"}'),
        ({"message": r"broken \ud800"}, '{"message":"broken \ufffd"}'),
        # Its words, and a few words in a row of a long text.
        ({"message": "Rue Brien of paix, and payee"}, '{"message":"*** *** of ***, and payee"}'),
        ({"message": "at 'of A lifetime, if' then"}, '{"message":"at \'*** *** ***, if\' then"}'),
        ({"message": "a lifetime position"}, '{"message":"a lifetime position"}'),
        # Personal by its form, whoever sent it.
        ({"message": "bob@mail.example is used"}, '{"message":"*** is used"}'),
        ({"message": "<bob.o'x+1@mail.example>, mail=a@b"}, '{"message":"<***>, mail=***"}'),
        ({"message": "call +44 (20) 7946-0018 or 5551234"}, '{"message":"call *** or ***"}'),
        ({"message": f"token {'eyJ.' * 20} is bad"}, '{"message":"token *** is bad"}'),
    ],
)
def test_what_a_refusal_says(told: Any, shown: str) -> None:
    error = refused(WRITE, answer(422, orjson.dumps(told), content_type="application/json"))
    assert error.upstream is not None
    assert error.upstream["body"] == shown
    assert shown not in str(error)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"<html>Ada</html>", b'"Ada"', b"[1]", b"null", b'["message"]', b'{"book": 1}', b'{"message": "\xff"}'),
        b"{}",
        b'{"message":' + b"[" * 500 + b"]" * 500 + b"}",
    ],
)
@pytest.mark.parametrize("status", [404, 422])
def test_refusal_that_says_nothing_useful(status: int, body: bytes) -> None:
    error = refused(WRITE, answer(status, body, content_type="text/html"))
    assert error.upstream == {"status": status, "content_type": "text/html", "body": None, "request_id": None}


def test_what_was_asked_is_not_told_again() -> None:
    asked = Request("GET", "/v1/books", (("employee_ids", "E-1001,E-2002"), ("added", "gte|2024-03-01"), ("q", "ab")))
    body = orjson.dumps({"message": "E-2002 and e-1001,E-2002 are ab", "errors": ["gte|2024-03-01", "2024-03-01 12"]})
    error = refused(asked, answer(422, body))
    assert error.upstream is not None
    assert error.upstream["body"] == '{"message":"*** and *** are ***","errors":["***","*** 12"]}'


def test_excerpt_is_cut_after_it_was_cleared() -> None:
    body = orjson.dumps({"message": "é " * 240 + "Ada and " + "é " * 500})
    cut = refused(WRITE, answer(422, body)).upstream
    assert cut is not None
    assert len(cut["body"]) == 500
    assert cut["body"].endswith("é *** and ")


TEXTS = st.text(st.characters(categories=["L"]), min_size=3, max_size=30)


@given(st.recursive(TEXTS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8), TEXTS)
def test_no_text_that_was_sent_is_shown(sent: Any, asked: str) -> None:
    def texts(value: Any) -> list[str]:
        inner = value.values() if isinstance(value, dict) else value
        return [value] if isinstance(value, str) else [each for one in inner for each in texts(one)]

    every = [*texts(sent), asked]
    body = orjson.dumps({"message": " ".join(every), "errors": every})
    shown = upstream(answer(422, body), Request("POST", "/v1/books", (("title", asked),), sent))["body"]
    assert not [each for each in every if each in shown]


@pytest.mark.parametrize(
    ("told", "shown"), [("r-1", "r-1"), ("a" * 200, "a" * 200), ("a" * 201, None), ("Ada L", None)]
)
def test_request_ids(told: str, shown: str | None) -> None:
    assert upstream(answer(500, x_request_id=told))["request_id"] == shown

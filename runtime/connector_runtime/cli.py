"""The command line. Data goes to stdout as JSON, talk to stderr.

Exit codes: 0 fine, 1 findings, 2 usage, then one number per error code (see errors.py), 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NoReturn, TextIO

import click
import orjson

from .connector import Connection, Connector, load, validate
from .errors import ConnectorError
from .journals import JournalFile
from .plans import Operation
from .problems import RENDERERS, did_you_mean, listed
from .progress import Progress
from .sandboxes import Sandbox, sandbox_of
from .writing import RESUME

_INTERRUPTED = 130

_CONNECTOR = click.option(
    "--connector",
    "path",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The connector's folder. Default: the current folder's connector, else the one that came with this package.",
)
_FORMAT = click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", help="How an error is written on stderr."
)
_TIMEOUT = click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="How long the call may take in all. Default: connector.yaml's.",
)
_INPUT = click.option("--input", "given", default="{}", metavar="JSON|@FILE|-", help="The input; - reads stdin.")


class _Commands(click.Group):
    """The commands; Ctrl+C ends them at once, whatever is still under way."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            click.echo("\ninterrupted", err=True)
            os._exit(_INTERRUPTED)


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        scripts = entry_points(group="console_scripts")
        found = [each.dist.version for each in scripts if each.value == f"{main.__module__}:main" and each.dist]
        click.echo(f"connector {found[0] if found else 'of no installed version'}")
        context.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="The version.")
def main() -> None:
    """Run, try out and check a connector made of YAML and JSON Schema.

    Without credentials in the environment, operations run on the embedded sandbox.
    """


@main.command("call")
@click.argument("operation")
@_INPUT
@click.option(
    "--journal",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="For creates: keep the resume token in FILE before each write, and go on from FILE when it is there already. "
    "It is gone when there is nothing to go on from.",
)
@_TIMEOUT
@_CONNECTOR
@_FORMAT
def call_command(
    operation: str, given: str, journal: Path | None, timeout: float | None, path: Path | None, style: str
) -> None:
    """Call OPERATION and print its output as JSON."""
    connector = _loaded(path, style)
    called = _known(connector, operation, "operation", ("main", "ddl"))
    value = _read_input(given)
    if journal is None:
        _run(connector, called, value, style, timeout)
    elif called.effect == "read":
        _usage(f"{operation} writes nothing, so there is nothing to keep in a journal; leave --journal out")
    else:
        _run_with_journal(connector, called, value, style, timeout, JournalFile(journal))


@main.command("ddl")
@click.argument("name", required=False)
@_INPUT
@_TIMEOUT
@_CONNECTOR
@_FORMAT
def ddl_command(name: str | None, given: str, timeout: float | None, path: Path | None, style: str) -> None:
    """Print the choices of the drop-down list NAME as JSON; without NAME, list the drop-downs."""
    connector = _loaded(path, style)
    if name is None:
        _list(connector, "ddl", "text")
    else:
        _run(connector, _known(connector, name, "drop-down", ("ddl",)), _read_input(given), style, timeout)


@main.command("operations")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", help="A table, or everything.")
@_CONNECTOR
def operations_command(path: Path | None, style: str) -> None:
    """List the operations: names, titles, kinds, effects; as JSON with their schemas."""
    _list(_loaded(path, "text"), None, style)


@main.command("validate")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--format", "style", type=click.Choice(sorted(RENDERERS)), default="text", help="How to report.")
def validate_command(path: Path | None, style: str) -> None:
    """Check the specs and schemas of the connector at PATH (a folder, or one of its files) without a network."""
    try:
        problems, checked = validate(path)
    except ConnectorError as error:
        _fail(error, "text")
    report = RENDERERS[style](problems, checked)
    if report:
        _say(report)
    sys.exit(1 if problems else 0)


@main.command("sandbox")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one.")
@click.option("--size", type=click.IntRange(0), default=0, help="Size of a generated organisation; 0: the samples'.")
@click.option("--db", "database", type=click.Path(dir_okay=False, path_type=Path), help="Keep the rows in this file.")
@click.option("--rate-limit", type=click.IntRange(1), help="Requests in a window; without it there is no limit.")
@click.option("--window", type=click.IntRange(1), help="Seconds of a window. Default: the API's own.")
@click.option("--token-lifetime", type=click.IntRange(1), help="Seconds. Default: the API's own.")
@click.option("--one-live-token", is_flag=True, help="A new access token ends all earlier ones.")
@click.option("--fault", "faults", multiple=True, metavar="JSON|KEY=VALUE …", help="Plan a fault; may be repeated.")
@click.option(
    "--faults", "files", multiple=True, type=click.File(encoding="utf-8"), help="Plan the faults of a file; - is stdin."
)
@_CONNECTOR
def sandbox_command(
    port: int,
    size: int,
    database: Path | None,
    faults: tuple[str, ...],
    files: tuple[TextIO, ...],
    path: Path | None,
    **settings: Any,
) -> None:
    """Serve the connector's sandbox on 127.0.0.1 until interrupted; print the environment to use it."""
    connector = _loaded(path, "text")
    with ExitStack() as stack:
        try:
            with Progress("preparing the sandbox"):
                sandbox = stack.enter_context(_sandbox(connector)(database, size=size))
        except (OSError, ValueError) as error:
            _usage(f"the sandbox can't be opened: {error}")
        sandbox.configure(**settings)
        _declare(sandbox, faults, files)
        try:
            server = sandbox.serve(port)
        except OSError as error:
            _usage(f"port {port} can't be used: {error.strerror}; choose another with --port, or 0 for a free one")
        stack.callback(server.close)
        credentials = {key: str(value) for key, value in sandbox.credentials.items()}
        for key, value in {"base_url": server.base_url, "token_url": server.token_url, **credentials}.items():
            click.echo(f"export {_variable(connector, key)}={value}")
        sys.stdout.flush()
        click.echo(f"The sandbox of {connector.title} listens at {server.base_url}; Ctrl+C ends it.", err=True)
        try:
            server.wait()
        except KeyboardInterrupt:
            click.echo("The sandbox has ended.", err=True)


def _declare(sandbox: Sandbox, faults: Iterable[str], files: Iterable[TextIO]) -> None:
    where = "--fault"
    try:
        for text in faults:
            sandbox.declare(text)
        for file in files:
            where = file.name
            sandbox.declare(file.read())
    except ValueError as error:
        _usage(f"{where}: this can't be planned: {error}")


def _known(connector: Connector, name: str, noun: str, kinds: tuple[str, ...]) -> Operation:
    known = {key: each for key, each in connector.operations.items() if each.kind in kinds}
    if name not in known:
        _usage(f'there is no {noun} "{name}"; {did_you_mean(name, known) or f"known are {listed(known)}"}')
    return known[name]


def _run(connector: Connector, called: Operation, value: Any, style: str, timeout: float | None) -> None:
    try:
        output = _called(connector, called, value, timeout)
    except ConnectorError as error:
        _fail(error, style)
    _print(output)


def _run_with_journal(
    connector: Connector, called: Operation, value: Any, style: str, timeout: float | None, file: JournalFile
) -> None:
    try:
        with file.held():
            _run_held(connector, called, value, style, timeout, file)
    except OSError as error:
        if isinstance(error.__cause__, ConnectorError):
            click.echo(_told(error.__cause__, style), err=True)
        _usage(f"the journal {file.path} can't be used: {error.strerror}")


def _run_held(
    connector: Connector, called: Operation, value: Any, style: str, timeout: float | None, file: JournalFile
) -> None:
    try:
        token = file.read()
    except ValueError:
        _usage(f"the journal {file.path} can't be used: it holds no resume token")
    if token is not None and isinstance(value, dict):
        click.echo(f"going on from {file.path}", err=True)
        value = {**value, RESUME: token}
    try:
        output = _called(connector, called, value, timeout, file.keep)
    except ConnectorError as error:
        file.settle(error)
        _fail(error, style)
    _print(output)
    file.settle(None)


def _called(
    connector: Connector,
    called: Operation,
    value: Any,
    timeout: float | None,
    journal: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    with ExitStack() as stack:
        progress = stack.enter_context(Progress(called.name))
        connection = _connected(connector, stack, progress)
        return connection.call(called.name, value, timeout=timeout, journal=journal)


def _connected(connector: Connector, stack: ExitStack, progress: Progress) -> Connection:
    """Connect with what the environment holds; without any of it, to the embedded sandbox."""
    properties = connector.credentials_schema.get("properties", {})
    credentials = {
        key: int(text) if schema.get("type") == "integer" and text.isdecimal() else text
        for key, schema in properties.items()
        if (text := os.environ.get(_variable(connector, key), ""))
    }
    base_url = os.environ.get(_variable(connector, "base_url")) or None
    token_url = os.environ.get(_variable(connector, "token_url")) or None
    if credentials or base_url or token_url:
        return stack.enter_context(
            connector.connect(credentials, base_url=base_url, token_url=token_url, watch=progress.watch)
        )
    names = ", ".join(_variable(connector, key) for key in properties)
    click.echo(f"No credentials are set ({names}): this is the embedded sandbox.", err=True)
    sandbox = stack.enter_context(_sandbox(connector)())
    return stack.enter_context(
        connector.connect(sandbox.credentials, transport=sandbox.transport(), watch=progress.watch)
    )


def _variable(connector: Connector, key: str) -> str:
    return f"{connector.name}_{key}".upper()


def _sandbox(connector: Connector) -> type[Sandbox]:
    found = sandbox_of(connector.name)
    if found is None:
        names = ", ".join(_variable(connector, key) for key in connector.credentials_schema.get("properties", {}))
        _usage(f"no sandbox is installed for {connector.title}; set credentials: {names}")
    return found


def _loaded(path: Path | None, style: str) -> Connector:
    try:
        return load(path)
    except ConnectorError as error:
        _fail(error, style)


def _read_input(given: str) -> Any:
    try:
        if given == "-":
            raw = sys.stdin.buffer.read()
        else:
            raw = Path(given[1:]).read_bytes() if given.startswith("@") else os.fsencode(given)
    except OSError as error:
        _usage(f"the input {given[1:]} can't be read: {error.strerror}")
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        _usage(f"the input is not JSON: {error.msg} at line {error.lineno}, column {error.colno}")


def _list(connector: Connector, kind: str | None, style: str) -> None:
    chosen = [each for each in connector.operations.values() if kind in (None, each.kind)]
    if style == "json":
        _print({"operations": [_described(each) for each in chosen]})
        return
    width = max((len(each.name) for each in chosen), default=0)
    for each in chosen:
        _say(f"{each.name:<{width}}  {each.kind:<4}  {each.effect:<6}  {each.title}")


def _described(operation: Operation) -> dict[str, Any]:
    keys = ("name", "title", "description", "kind", "effect", "input_schema", "output_schema")
    return {key: getattr(operation, key) for key in keys}


def _print(value: Mapping[str, Any]) -> None:
    _say(orjson.dumps(value, option=orjson.OPT_INDENT_2))


def _say(text: str | bytes) -> None:
    try:
        click.echo(text)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has left; nothing is wrong


def _fail(error: ConnectorError, style: str) -> NoReturn:
    click.echo(_told(error, style), err=True)
    sys.exit(error.exit_code)


def _told(error: ConnectorError, style: str) -> str:
    if style == "json":
        return orjson.dumps(error.record(), option=orjson.OPT_INDENT_2).decode()
    lines = [str(error)]
    lines += [f"  written: {each['write']} {orjson.dumps(each['ids']).decode()}" for each in error.completed]
    lines += [f"  resume_token: {error.resume_token}"] if error.resume_token else []
    return "\n".join(lines)


def _usage(message: str) -> NoReturn:
    raise click.UsageError(message)

"""The public surface: what hosts import and call."""

import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import connector_runtime
import greenhouse_sandbox
from connector_runtime import AsyncConnection, Connection, Connector, ConnectorError, load, validate


@pytest.mark.parametrize("package", [connector_runtime, greenhouse_sandbox])
def test_everything_public_is_listed_in_order(package: ModuleType) -> None:
    here = {
        name
        for name, value in vars(package).items()
        if not name.startswith("_") and not isinstance(value, ModuleType) and name != "annotations"
    }
    assert package.__all__ == sorted(package.__all__)
    assert set(package.__all__) == here


@pytest.mark.parametrize("package", [connector_runtime, greenhouse_sandbox])
def test_package_is_typed(package: ModuleType) -> None:
    assert Path(str(package.__file__)).with_name("py.typed").is_file()


def test_every_error_is_public() -> None:
    assert {kind.__name__ for kind in ConnectorError.__subclasses__()} <= set(connector_runtime.__all__)


def test_everything_public_has_a_docstring() -> None:
    for name in connector_runtime.__all__:
        value = getattr(connector_runtime, name)
        assert inspect.getdoc(value), name
        for attribute, member in vars(value).items() if inspect.isclass(value) else ():
            if inspect.isfunction(member) and not attribute.startswith("_"):
                assert inspect.getdoc(member), f"{name}.{attribute}"


CONNECT = ["self", "credentials", "*base_url", "*token_url", "*timeout", "*transport", "*watch", "*store"]


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (load, ["path"]),
        (validate, ["path"]),
        (Connector.operation, ["self", "name"]),
        (Connector.connect, CONNECT),
        (Connector.aconnect, CONNECT),
        (Connection.call, ["self", "operation", "input", "*timeout", "*journal", "*cancellation"]),
        (Connection.close, ["self"]),
        (AsyncConnection.call, ["self", "operation", "input", "*timeout", "*journal"]),
        (AsyncConnection.close, ["self"]),
    ],
    ids=lambda each: getattr(each, "__qualname__", ""),
)
def test_signatures(function: Callable[..., object], parameters: list[str]) -> None:
    found = inspect.signature(function).parameters.values()
    assert [f"{'*' if each.kind is each.KEYWORD_ONLY else ''}{each.name}" for each in found] == parameters


def test_two_kinds_of_connection_can_do_the_same() -> None:
    public = [{name for name in dir(each) if not name.startswith("_")} for each in (Connection, AsyncConnection)]
    assert public[0] == public[1]


def test_operations_tell_what_hosts_need(connector: Connector) -> None:
    for name, operation in connector.operations.items():
        assert operation.name == name
        assert operation.title
        assert operation.kind in ("main", "ddl")
        assert operation.effect in ("read", "create")
        assert operation.input_schema["type"] == "object"
        assert operation.output_schema
    assert not {"client_secret", "access_token"} - set(connector.credentials_schema["properties"])


def test_schemas_are_copies(connector: Connector) -> None:
    operation = connector.operation("list_users")
    for schema in (connector.credentials_schema, operation.input_schema, operation.output_schema):
        schema.clear()
    assert connector.credentials_schema["properties"]
    assert operation.input_schema["properties"]
    assert operation.output_schema["properties"]

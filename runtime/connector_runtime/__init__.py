"""Runs declarative connectors: a folder of YAML and JSON Schema in, operations to call out.

    from connector_runtime import load

    with load().connect({"client_id": "…", "client_secret": "…"}) as connection:
        print(connection.call("list_users_ddl"))
"""

from .attempts import Attempt
from .calls import Cancellation
from .connector import AsyncConnection, Connection, Connector, load, validate
from .errors import (
    Conflict,
    ConnectorError,
    Forbidden,
    InputProblem,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    PartialWrite,
    RateLimited,
    Rejected,
    SpecError,
    Timeout,
    Unauthorized,
    Unavailable,
    UnexpectedResponse,
)
from .plans import Operation
from .problems import Problem
from .store import Store

__all__ = [
    "AsyncConnection",
    "Attempt",
    "Cancellation",
    "Conflict",
    "Connection",
    "Connector",
    "ConnectorError",
    "Forbidden",
    "InputProblem",
    "InvalidInput",
    "NotFound",
    "Operation",
    "OutcomeUnknown",
    "PartialWrite",
    "Problem",
    "RateLimited",
    "Rejected",
    "SpecError",
    "Store",
    "Timeout",
    "Unauthorized",
    "Unavailable",
    "UnexpectedResponse",
    "load",
    "validate",
]

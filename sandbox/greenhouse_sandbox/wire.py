"""What crosses the wire: replies, refusals and the API's words for both (facts: sections 1 and 5)."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

API_HOST = "harvest.greenhouse.io"
BASE_URL = f"https://{API_HOST}"
TOKEN_URL = "https://auth.greenhouse.io/token"  # noqa: S105 (an address)
UNDECODABLE = "Token could not be decoded. Please ensure your token is from a trusted source."


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP response: status code, headers (names in lower case) and the body's bytes."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class ApiError(Exception):
    """A refusal; `status`, the JSON body and further headers are sent as they are."""

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = headers


def json_reply(status: int, body: object, headers: Mapping[str, str] | None = None) -> Reply:
    return encoded_reply(status, orjson.dumps(body), headers)


def encoded_reply(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply whose body is JSON already."""
    standard = {"content-type": "application/json", "x-request-id": str(uuid.uuid4())}
    return Reply(status, standard | dict(headers or {}), body)


def unprocessable(errors: Sequence[str | Mapping[str, str]]) -> ApiError:
    """422; an entry is a sentence or a one-key object that names the parameter or body key."""
    return ApiError(422, {"message": "Unprocessable Content", "errors": list(errors)})


def no_route() -> ApiError:
    return ApiError(404, {"message": "Resource not found"})


def no_record(kind: str) -> ApiError:
    """404 on a path that names a row; here the API sends `errors` as one string."""
    return ApiError(404, {"message": "Resource not found", "errors": f"{kind} not found"})


def unauthorized() -> ApiError:
    return ApiError(401, {"message": "Unauthorized", "errors": [UNDECODABLE]})


def forbidden() -> ApiError:
    """403; the body's shape is INFERRED, no source has seen one."""
    return ApiError(403, {"message": "Forbidden"})

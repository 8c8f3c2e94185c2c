"""What crosses the wire: replies, refusals and the API's words for both (facts: sections 1 and 5)."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import orjson

from .delivery import AT_ONCE, Delivery

API_HOST = "harvest.greenhouse.io"
BASE_URL = f"https://{API_HOST}"
TOKEN_URL = "https://auth.greenhouse.io/token"  # noqa: S105 (an address)
PHRASES = {status.value: status.phrase for status in HTTPStatus}
UNDECODABLE = "Token could not be decoded. Please ensure your token is from a trusted source."


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP response: status code, headers (names in lower case), the body's bytes, and how they are sent."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delivery: Delivery = AT_ONCE

    def all_headers(self) -> dict[str, str]:
        """The headers with those that say where the body ends."""
        length = self.delivery.length(self.body)
        return ({"connection": "close"} if length is None else {"content-length": str(length)}) | self.headers

    def head(self) -> bytes:
        """The status line and the headers as they go over a socket."""
        headers = {"date": formatdate(usegmt=True)} | self.all_headers()
        lines = [
            f"HTTP/1.1 {self.status} {phrase_of(self.status)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


class ApiError(Exception):
    """A refusal; `status`, the JSON body and further headers are sent as they are."""

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = headers


def phrase_of(status: int) -> str:
    """The words for a status code; none for a code that has none."""
    return PHRASES.get(status, "")


def base_url_of(headers: Mapping[str, str]) -> str:
    """Where the caller reached us, for `Link`: the API's own host is always https."""
    host = headers.get("host", API_HOST)
    return BASE_URL if host == API_HOST else f"{headers.get('x-forwarded-proto', 'http')}://{host}"


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

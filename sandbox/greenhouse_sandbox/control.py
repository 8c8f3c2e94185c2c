"""The control endpoint: what a test in another process may do to a served sandbox, below a path of its own.

It needs no token, is in no log, meets no fault and counts against no limit.
"""

import re
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson

from .kinds import KINDS
from .wire import ApiError, Reply, json_reply

if TYPE_CHECKING:
    from .sandbox import Sandbox

PREFIX = "/sandbox"
Handler = Callable[[bytes], Any]


class Control:
    """Answers requests below `/sandbox`; bodies are JSON both ways."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox
        self._routes: dict[str, dict[str, Handler]] = {
            "": {"GET": self._overview},
            "/faults": {"GET": self._faults, "POST": self._declare, "DELETE": self._heal_all},
            "/settings": {"GET": lambda _: sandbox.settings, "PATCH": self._configure},
            "/requests": {"GET": self._requests, "DELETE": self._forget},
            "/counts": {"GET": lambda _: sandbox.counts},
            "/tokens": {"DELETE": lambda _: {"revoked": sandbox.revoke()}},
        }

    @staticmethod
    def owns(path: str) -> bool:
        """Whether a path is meant for it, and not for the API."""
        return path == PREFIX or path.startswith(f"{PREFIX}/")

    def answer(self, method: str, path: str, body: bytes) -> Reply:
        """The reply; refusals say what would do."""
        try:
            found = self._route(method, path.removeprefix(PREFIX).rstrip("/"))(body)
        except ApiError as error:
            return json_reply(error.status, error.body)
        except ValueError as error:
            return json_reply(422, {"message": str(error)})
        return json_reply(201 if method == "POST" else 200, found)

    def _route(self, method: str, path: str) -> Handler:
        numbered = re.fullmatch(r"/faults/(\d{1,18})", path)
        methods = {"DELETE": lambda _: self._heal(int(numbered[1]))} if numbered else self._routes.get(path)
        if methods is None:
            known = ", ".join(f"{PREFIX}{each}" for each in self._routes)
            raise ApiError(404, {"message": f"there is no {PREFIX}{path}; there are {known}"})
        if method not in methods:
            raise ApiError(405, {"message": f"{PREFIX}{path} takes {', '.join(methods)}, not {method}"})
        return methods[method]

    def _overview(self, _: bytes) -> Any:
        paths = {f"{PREFIX}{path}": [*methods] for path, methods in self._routes.items()}
        return {"paths": paths, "kinds": {name: kind.about for name, kind in KINDS.items()}}

    def _faults(self, _: bytes) -> Any:
        return self._sandbox.faults

    def _declare(self, body: bytes) -> Any:
        declared = _json(body)
        numbers = self._sandbox.declare(declared if isinstance(declared, list) else [declared])
        return [each for each in self._sandbox.faults if each["number"] in numbers]

    def _heal_all(self, _: bytes) -> Any:
        self._sandbox.heal()
        return self._sandbox.faults

    def _heal(self, number: int) -> Any:
        if not self._sandbox.heal(number):
            raise ApiError(404, {"message": f"there is no fault {number} that could still strike"})
        return self._sandbox.faults

    def _configure(self, body: bytes) -> Any:
        changes = _json(body)
        if not isinstance(changes, dict):
            raise ValueError('the settings are changed by an object such as {"rate_limit": 50}')
        self._sandbox.configure(**changes)
        return self._sandbox.settings

    def _requests(self, _: bytes) -> Any:
        return [asdict(each) for each in self._sandbox.requests.copy()]

    def _forget(self, _: bytes) -> Any:
        self._sandbox.forget()
        return self._sandbox.counts


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the body is not JSON: {error}") from None

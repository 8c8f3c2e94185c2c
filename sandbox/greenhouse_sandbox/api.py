"""From a request to its reply: routes, then authority, then the rate limit, then the work (facts: sections 1 and 5)."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from .catalog import RESOURCES
from .database import Database
from .listing import list_reply
from .moments import moment_text
from .settings import RateLimit, Settings
from .tokens import Tokens
from .wire import ApiError, Reply, base_url_of, forbidden, json_reply, no_record, no_route
from .writes import CREATES, Change, create, patch_candidate

Work = Callable[[int | None], Reply]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class Api:
    """Answers requests for one organisation. `scopes` None means no restriction."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], float],
        scopes: Collection[str] | None,
        settings: Settings,
    ) -> None:
        self._database = database
        self._clock = clock
        self._scopes = scopes
        self.tokens = Tokens(database, settings, clock)
        self.rate_limit = RateLimit(settings, clock)

    def answer(self, request: Request) -> Reply:
        """The reply, refusals included; it never raises ApiError."""
        try:
            if (request.method, request.path) == ("POST", "/token"):
                return self.tokens.reply(request.query, request.headers, request.body)
            scope, work = self._route(request)
            actor = self.tokens.actor(request.headers.get("authorization", ""))
            limits = self.rate_limit.spend()
        except ApiError as error:
            return _refusal(error)
        try:
            if self._scopes is not None and scope not in self._scopes:
                raise forbidden()
            reply = work(actor)
        except ApiError as error:
            reply = _refusal(error)
        return replace(reply, headers=reply.headers | limits)

    def _route(self, request: Request) -> tuple[str, Work]:
        """The scope a request needs and the work it asks for, given the acting user's id. ApiError 404: no route."""
        match = re.fullmatch(r"/v3/(\w+)(?:/(\d{1,18}))?", request.path)
        known = RESOURCES.get(match[1]) if match else None
        if match is None or known is None:
            raise no_route()
        name, row_id = known.name, int(match[2]) if match[2] else None
        if request.method == "GET" and row_id is None:
            base_url = base_url_of(request.headers)
            return known.scope("list"), lambda _: list_reply(self._database, known, request.query, base_url)
        if request.method == "GET" and row_id is not None and known.single_get:
            return known.scope("show"), lambda _: self._show(name, row_id)
        if request.method == "POST" and row_id is None and name in CREATES:
            return known.scope("create"), lambda actor: json_reply(
                201, create(self._change(actor), name, _json(request.body))
            )
        if request.method == "PATCH" and row_id is not None and name == "candidates":
            return known.scope("update"), lambda actor: json_reply(
                200, patch_candidate(self._change(actor), row_id, _json(request.body))
            )
        raise no_route()

    def _show(self, name: str, row_id: int) -> Reply:
        row = self._database.get(name, row_id)
        if row is None:
            raise no_record("Rejection reason")
        return json_reply(200, row)

    def _change(self, actor: int | None) -> Change:
        return Change(self._database, actor, moment_text(self._clock()))


def _refusal(error: ApiError) -> Reply:
    return json_reply(error.status, error.body, error.headers)


def _json(body: bytes) -> Any:
    """The request body; what is no JSON at all is a 400 (INFERRED)."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ApiError(400, {"message": "Bad Request"}) from error

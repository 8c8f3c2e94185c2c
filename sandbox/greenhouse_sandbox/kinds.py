"""The kinds of faults: what each may say, and what it makes of a request and its answer.

A kind either stands in the place of the answer (then `done` and `later` tell whether and when the work is done all the
same), or changes the answer of work that is done.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

import orjson

from .api import Api, Request
from .catalog import RESOURCES
from .declared import Key, flag, is_line, seconds, text, whole
from .delivery import Delivery, Filler
from .later import Later
from .listing import cursor_to, next_link
from .wire import Reply, base_url_of, json_reply, phrase_of

Values = Mapping[str, Any]

LOST = Reply(0)  # no answer at all: the connection is lost
ELSEWHERE = "https://elsewhere.example"
LARGE = 200_000_000


@dataclass
class Scene:
    """A request, and what the API makes of it: the work is done when its answer is asked for first."""

    request: Request
    api: Api
    later: Later
    _answer: Reply | None = None

    def answer(self) -> Reply:
        """What the API says."""
        if self._answer is None:
            self._answer = self.api.answer(self.request)
        return self._answer

    def revoke(self) -> bool:
        """Ends the request's token; whether there was one to end."""
        return self.api.tokens.revoke(self.request.headers.get("authorization", ""))


Act = Callable[[Values, Scene], Reply | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """`about` says in a line what happens; `act` makes it happen, or gives None where there is nothing to change.

    A declaration has at least one key of `some`, if there are any.
    """

    about: str
    act: Act
    keys: Mapping[str, Key] = field(default_factory=dict)
    some: tuple[str, ...] = ()


def _instead(about: str, make: Callable[[Values], Reply], **keys: Key) -> Kind:
    """A kind that stands in the place of the answer."""

    def act(values: Values, scene: Scene) -> Reply:
        if values["later"]:
            scene.later.do(float(values["later"]), scene.answer)
        elif values["done"]:
            scene.answer()
        return make(values)

    return Kind(about, act, {**keys, "done": flag(), "later": seconds(0)})


def _status(values: Values) -> Reply:
    body, headers = values["body"], {name.lower(): str(value) for name, value in values["headers"].items()}
    if isinstance(body, str):
        return Reply(values["code"], {"content-type": "text/plain; charset=utf-8"} | headers, body.encode())
    return json_reply(values["code"], {"message": phrase_of(values["code"])} if body is None else body, headers)


def _redirect(values: Values) -> Reply:
    return Reply(values["code"], {"location": values["location"]})


def _large(gzip: bool) -> Callable[[Values], Reply]:
    headers = {"content-type": "application/json"} | ({"content-encoding": "gzip"} if gzip else {})
    return lambda values: Reply(200, dict(headers), delivery=Delivery(filler=Filler(values["bytes"], gzip)))


def _delay(values: Values, scene: Scene) -> Reply:
    return replace(scene.answer(), delivery=Delivery(delay=float(values["seconds"])))


def _trickle(values: Values, scene: Scene) -> Reply:
    delivery = Delivery(piece=values["bytes"], pause=float(values["seconds"]), slow_head=values["headers"])
    return replace(scene.answer(), delivery=delivery)


def _truncate(values: Values, scene: Scene) -> Reply | None:
    whole_one = scene.answer()
    kept = _kept(values, whole_one)
    return None if kept is None else replace(kept, delivery=Delivery(lost=len(whole_one.body) - len(kept.body)))


def _cut(values: Values, scene: Scene) -> Reply | None:
    return _kept(values, scene.answer())


def _kept(values: Values, reply: Reply) -> Reply | None:
    """The beginning of an answer; None when it is no longer than what shall be kept."""
    size = len(reply.body) // 2 if values["bytes"] is None else values["bytes"]
    return replace(reply, body=reply.body[:size]) if size < len(reply.body) else None


def _object(_: Values, scene: Scene) -> Reply | None:
    reply = scene.answer()
    return replace(reply, body=b'{"results":%b}' % reply.body) if reply.body.startswith(b"[") else None


def _content_type(values: Values, scene: Scene) -> Reply:
    reply = scene.answer()
    return replace(reply, headers=reply.headers | {"content-type": values["type"]})


def _link(values: Values, scene: Scene) -> Reply | None:
    """Links are cursors, as the API's own are: a page's own position, or the first."""
    request, reply, where = scene.request, scene.answer(), values["to"]
    known = RESOURCES.get(request.path.removeprefix("/v3/"))
    if known is None or reply.status != HTTPStatus.OK or not reply.body.startswith(b"["):
        return None
    base_url, link = base_url_of(request.headers), reply.headers.get("link")
    if where == "elsewhere":
        return _linked(reply, link.replace(base_url, values["host"], 1)) if link else None
    if where == "first" and link:
        return None
    cursor = cursor_to(known, request.query, first=where == "first")
    linked = _linked(reply, next_link(base_url, known, cursor))
    return replace(linked, body=b"[]") if where == "empty" else linked


def _linked(reply: Reply, link: str) -> Reply:
    return replace(reply, headers=reply.headers | {"link": link})


def _mutate(values: Values, scene: Scene) -> Reply | None:
    reply = scene.answer()
    if reply.status not in range(200, 300):
        return None
    found = orjson.loads(reply.body)
    rows = found if isinstance(found, list) else [found]
    chosen = rows if values["row"] is None else rows[values["row"] :][:1]
    for row in chosen:
        for name in values["drop"]:
            row.pop(name, None)
        row.update(values["set"])
    return replace(reply, body=orjson.dumps(found)) if chosen else None


def _revoke(_: Values, scene: Scene) -> Reply | None:
    return scene.answer() if scene.revoke() else None


def _is_body(value: Any) -> bool:
    return isinstance(value, str | list | dict)


def _is_headers(value: Any) -> bool:
    return isinstance(value, dict) and all(
        is_line(name) and (type(each) is int or is_line(each)) for name, each in value.items()
    )


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_code(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _one_of(*words: str) -> Key:
    return Key(f"one of {', '.join(words)}", lambda value: value in words, required=True)


_BYTES_KEPT = whole("bytes", 0)
_BYTES_SENT = whole("bytes", 2, LARGE)

KINDS = {
    "status": _instead(
        "answers with a status code, headers and a body",
        _status,
        code=Key("an HTTP status code from 200 to 599", _is_code(200, 599), required=True),
        headers=Key("an object of header names and texts", _is_headers, {}),
        body=Key("a text, or an object or list that is sent as JSON", _is_body),
    ),
    "drop": _instead("loses the connection without an answer", lambda _: LOST),
    "delay": Kind("answers, but later", _delay, {"seconds": seconds()}),
    "trickle": Kind(
        "sends the answer a few bytes at a time",
        _trickle,
        {"bytes": whole("bytes", 1, 1), "seconds": seconds(0.05), "headers": flag()},
    ),
    "truncate": Kind("hangs up before the end of the body it promised", _truncate, {"bytes": _BYTES_KEPT}),
    "cut": Kind("sends the beginning of the body as if it were all", _cut, {"bytes": _BYTES_KEPT}),
    "garbage": _instead(
        "answers 200 with bytes that are no JSON",
        lambda _: Reply(200, {"content-type": "application/json"}, b"no JSON \xff\xfe\x00"),
    ),
    "html": _instead(
        "answers 200 with a web page",
        lambda _: Reply(200, {"content-type": "text/html"}, b"<!doctype html><title>Sign in</title><p>Sign in"),
    ),
    "object": Kind("sends an object that holds the list, in place of the list", _object),
    "content_type": Kind(
        "calls the answer something else", _content_type, {"type": text("a media type", "text/plain")}
    ),
    "oversize": _instead("answers 200 with a very large list", _large(gzip=False), bytes=_BYTES_SENT),
    "gzip": _instead(
        "answers 200 with a small body that unpacks to a very large list", _large(gzip=True), bytes=_BYTES_SENT
    ),
    "redirect": _instead(
        "answers with a redirect",
        _redirect,
        location=text("a URL", f"{ELSEWHERE}/"),
        code=Key("a status code from 300 to 399", _is_code(300, 399), 302),
    ),
    "link": Kind(
        "changes where the link to the next page leads",
        _link,
        {"to": _one_of("elsewhere", "itself", "first", "empty"), "host": text("a URL without a path", ELSEWHERE)},
    ),
    "mutate": Kind(
        "drops or sets keys of the answer's rows",
        _mutate,
        {
            "drop": Key("a list of keys", _is_names, []),
            "set": Key("an object of keys and their new values", lambda value: isinstance(value, dict), {}),
            "row": whole("rows, counted", 0),
        },
        some=("drop", "set"),
    ),
    "revoke": Kind("ends the token that the request carries, so that the answer is 401", _revoke),
}

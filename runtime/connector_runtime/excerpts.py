"""Keeps of a refusal what helps: what the API says is wrong, without what was sent to it and without personal values.

Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from .exchange import Request

MASK = "***"

_LENGTH = 500
# The keys under which an API says what is wrong; whatever else an answer holds may be somebody's record.
_TOLD = re.compile(r"message|title|detail|code|error\w*", re.IGNORECASE | re.ASCII)
# A text that is sent may come back cut: from the point on where a long one begins, the rest is left out.
_HEAD = 20
_SHORTEST = 3
_PERSONAL = re.compile(
    r'[^\s@"`<>()\[\]{},;:=\\]+@[^\s@"`<>()\[\]{},;:=\\]+'  # an e-mail address
    r"|[\w+/=.-]{40,}"  # a token, the content of a file
    r"|\+?\d(?:[ ().\-/]{0,2}\d){6,}",  # a telephone number
    re.ASCII,
)


def excerpt(body: bytes, request: Request | None) -> str | None:
    """Give what a refusal's JSON body says is wrong, shortened; None where it is no JSON or says nothing."""
    try:
        answer = orjson.loads(body)
        told = {key: value for key, value in answer.items() if _TOLD.fullmatch(key)}
        text = orjson.dumps(told).decode()
    except (ValueError, TypeError, AttributeError):
        return None
    patterns = sorted(set() if request is None else set(_patterns(request)), key=len, reverse=True)
    if patterns:
        text = re.sub("|".join(patterns), MASK, text, flags=re.IGNORECASE)
    return _PERSONAL.sub(MASK, text)[:_LENGTH] if told else None


def _patterns(request: Request) -> Iterator[str]:
    """Give a pattern for every value of a request, as it would stand in JSON."""
    for value in _values(request):
        if len(value) < _SHORTEST:
            continue
        head = re.escape(orjson.dumps(value[:_HEAD]).decode()[1:-1])
        if value.isdecimal():
            yield rf"(?<!\d){head}(?!\d)"
        elif len(value) > _HEAD:
            yield head + r'(?:[^"\\]|\\.)*'
        else:
            yield head


def _values(request: Request) -> Iterator[str]:
    for _, value in request.query:
        yield from {value, *re.split(r"[,|]", value)}
    waiting: list[Any] = [request.body]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, str):
            yield value.strip()
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield str(value)

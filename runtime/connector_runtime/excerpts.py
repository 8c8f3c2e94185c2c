"""Keeps of a refusal what helps: what the API says is wrong, without what was sent to it and without personal values.

Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from unicodedata import normalize
from urllib.parse import unquote

import orjson

from .exchange import Request

MASK = "***"

_LENGTH = 500
# What is looked through before it is cut: what is taken out makes it shorter.
_READ = 10_000
# The keys under which an API says what is wrong; whatever else an answer holds may be somebody's record.
_TOLD = re.compile(r"message|title|detail|code|error\w*", re.IGNORECASE | re.ASCII)
# A text that is sent may come back cut: from the point on where a long one begins, the rest is left out.
_HEAD = 20
# Of a text up to this length no word is told either; of a longer one, no few words in a row.
_PHRASE = 100
_IN_A_ROW = 3
_SHORTEST = 3
# A text may have been written into another, and that into a third.
_LAYERS = 2
_WORD = re.compile(r"[^\W_]+")
_ESCAPE = re.compile(r"(?:\\+u[0-9a-fA-F]{4})+")
_PERSONAL = re.compile(
    r'[^\s@"`<>()\[\]{},;:=\\]+@[^\s@"`<>()\[\]{},;:=\\]+'  # an e-mail address
    r"|[\w+/=.-]{40,}|(?i:bearer|basic) [^\s\"]+"  # a token, the content of a file
    r"|\+?\d(?:[ ().\-/]{0,2}\d){6,}",  # a telephone number
    re.ASCII,
)


def excerpt(body: bytes, request: Request | None) -> str | None:
    """Give what a refusal's JSON body says is wrong, shortened; None where it is no JSON or says nothing."""
    try:
        answer = orjson.loads(body)
        told = {key: _plain(value) for key, value in answer.items() if _TOLD.fullmatch(key)}
        text = orjson.dumps(told).decode()[:_READ]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    values = set() if request is None else {normalize("NFC", value) for value in _values(request)}
    text = _without(text, {each for value in values for each in _whole(value)})
    text = _without(text, {each for value in values for each in _words(value)})
    for value in values:
        if len(value) > _PHRASE:
            text = _without_pieces(text, value)
    return _PERSONAL.sub(MASK, text)[:_LENGTH] if told else None


def _plain(told: Any) -> Any:
    """Write every text in the one spelling in which values are looked for: without the escapes of URLs, HTML, JSON."""
    if isinstance(told, dict):
        return {_plain(key): _plain(value) for key, value in told.items()}
    if isinstance(told, list):
        return [_plain(each) for each in told]
    if not isinstance(told, str):
        return told
    told = told[:_READ]
    for _ in range(_LAYERS):
        told = unquote(unescape(_ESCAPE.sub(_unescaped, told)))
    return normalize("NFC", told)


def _unescaped(found: re.Match[str]) -> str:
    units = (int(each, 16) for each in re.findall(r"u(.{4})", found[0]))
    return b"".join(unit.to_bytes(2, "big") for unit in units).decode("utf-16-be", "replace")


def _without(text: str, patterns: set[str]) -> str:
    longest_first = "|".join(sorted(patterns, key=len, reverse=True))
    return re.sub(longest_first, MASK, text, flags=re.IGNORECASE) if patterns else text


def _whole(value: str) -> Iterator[str]:
    """Give the pattern of a value that was sent, as it would stand in JSON; of a long one, of its beginning."""
    if len(value) < _SHORTEST - 1:
        return
    head = re.escape(orjson.dumps(value[:_HEAD]).decode()[1:-1])
    if value.isdecimal() or len(value) < _SHORTEST:
        yield rf"(?<!\w){head}(?!\w)"
    elif len(value) > _HEAD:
        yield head + r'(?:[^"\\]|\\.)*'
    else:
        yield head


def _words(value: str) -> Iterator[str]:
    """Give patterns of the words of a short value; names of fields, which are asked for as well, help."""
    if len(value) <= _PHRASE and not all(part.isidentifier() for part in value.split(",")):
        yield from (rf"(?<![^\W_]){each}(?![^\W_])" for each in _WORD.findall(value) if len(each) >= _SHORTEST)


def _without_pieces(text: str, value: str) -> str:
    """Take out of a text wherever several words in a row stand in a long value as well."""
    held = f" {' '.join(_WORD.findall(value.casefold()))} "
    words = list(_WORD.finditer(text))
    hidden = {
        place
        for start in range(len(words) - _IN_A_ROW + 1)
        if f" {' '.join(each[0].casefold() for each in words[start : start + _IN_A_ROW])} " in held
        for place in range(start, start + _IN_A_ROW)
    }
    for place in sorted(hidden, reverse=True):
        text = text[: words[place].start()] + MASK + text[words[place].end() :]
    return text


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

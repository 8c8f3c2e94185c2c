"""Reads the Link header (RFC 8288). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Possessive throughout: a header of any length and kind is read in one go.
_LINK = re.compile(r'[\s,]*+<([^>]*+)>((?:"(?:[^"\\]|\\.)*+"|[^",])*+)(?:,|$)', re.DOTALL)
_END = re.compile(r"[\s,]*+\Z")
_PARAMETER = re.compile(r""";\s*+([^\s=;"]++)\s*+(?:=\s*+("(?:[^"\\]|\\.)*+"|[^\s;"]*+))?""", re.DOTALL)


def linked(header: str, relation: str) -> list[str]:
    """Give the target of every link of a relation. Raises ValueError for a header that is no list of links."""
    targets: list[str] = []
    at = 0
    while not _END.match(header, at):
        link = _LINK.match(header, at)
        if link is None:
            raise ValueError("not a list of links")
        if relation in _relations(link[2]):
            targets.append(link[1])
        at = link.end()
    return targets


def _relations(parameters: str) -> Iterator[str]:
    for name, value in _PARAMETER.findall(parameters):
        if name.lower() == "rel":
            yield from value.strip("\"'").lower().split()

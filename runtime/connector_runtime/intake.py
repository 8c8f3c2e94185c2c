"""Takes in the body of an answer piece by piece: decompressed, and never larger than its bound."""

from __future__ import annotations

import zlib


class Oversized(Exception):
    """A body is larger than its bound."""


class Unreadable(Exception):
    """A body is not compressed in the way its header says, or in one that was not asked for."""


# Zlib's word for "a gzip stream".
_GZIP = 16 + zlib.MAX_WBITS


class Intake:
    """A body being taken in; `encoding` is the answer's Content-Encoding, `bound` counts decompressed bytes."""

    def __init__(self, encoding: str, bound: int) -> None:
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip"):
            raise Unreadable
        self._inflate = zlib.decompressobj(_GZIP) if encoding == "gzip" else None
        self._pieces: list[bytes] = []
        self._room = bound

    def add(self, piece: bytes) -> None:
        """Take a piece. Raises Oversized, Unreadable."""
        if self._inflate is not None:
            if self._inflate.eof and piece:
                raise Unreadable
            try:
                # One byte more than there is room for tells a bomb without unpacking it.
                piece = self._inflate.decompress(piece, self._room + 1)
            except zlib.error:
                raise Unreadable from None
        self._room -= len(piece)
        if self._room < 0:
            raise Oversized
        self._pieces.append(piece)

    def body(self) -> bytes:
        """Give the whole body. Raises Unreadable when its compressed form was cut."""
        if self._inflate is not None and self._pieces and (not self._inflate.eof or self._inflate.unused_data):
            raise Unreadable
        return b"".join(self._pieces)

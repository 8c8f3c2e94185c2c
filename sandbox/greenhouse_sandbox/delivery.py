"""How a reply goes out when it does not go out whole and at once. Both doors play the same steps."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

Step = bytes | float  # what is sent, or the seconds until more is

PIECE = 65_536
BLANKS = b" " * PIECE


@dataclass(frozen=True, slots=True)
class Filler:
    """A list of nothing: `size` bytes of JSON, blanks between two brackets, made while they are sent.

    With `gzip` the size is that of the unpacked bytes; what goes out is about a thousandth.
    """

    size: int
    gzip: bool = False

    def pieces(self) -> Iterator[bytes]:
        """The bytes as they go out; never more than a piece is held."""
        if not self.gzip:
            yield from self._plain()
            return
        packer = zlib.compressobj(wbits=31)
        for piece in self._plain():
            yield packer.compress(piece)
        yield packer.flush()

    def _plain(self) -> Iterator[bytes]:
        yield b"["
        for start in range(0, self.size - 2, PIECE):
            yield BLANKS[: self.size - 2 - start]
        yield b"]"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is unusual about the sending of a reply; as it stands, nothing.

    `delay`: seconds before the first byte. `piece` and `pause`: so many bytes at a time, with so many seconds after
    each; `slow_head`: the status line and the headers go out like that too. `lost`: bytes that are promised and
    never come. `filler` is sent in place of the body.
    """

    delay: float = 0.0
    piece: int = 0
    pause: float = 0.0
    slow_head: bool = False
    lost: int = 0
    filler: Filler | None = None

    @property
    def ends(self) -> bool:
        """Whether the connection ends with this reply."""
        return self.lost > 0 or (self.filler is not None and self.filler.gzip)

    def length(self, body: bytes) -> int | None:
        """The content-length; None: the end of the connection is the end of the body."""
        if self.filler is None:
            return len(body) + self.lost
        return None if self.filler.gzip else self.filler.size

    def head(self, head: bytes) -> Iterator[Step]:
        """The steps up to the end of the headers."""
        if self.delay:
            yield self.delay
        if self.slow_head:
            yield from self._paced(head)
        else:
            yield head

    def body(self, body: bytes) -> Iterator[Step]:
        """The steps of the body."""
        if self.filler:
            yield from self.filler.pieces()
        elif self.piece:
            yield from self._paced(body)
        else:
            yield body

    def _paced(self, data: bytes) -> Iterator[Step]:
        for start in range(0, len(data), self.piece):
            yield data[start : start + self.piece]
            yield self.pause


AT_ONCE = Delivery()

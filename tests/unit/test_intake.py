"""Bodies taken in piece by piece: unpacked, whole, and never larger than their bound."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_runtime.intake import Intake, Oversized, Unreadable

TEXT = b'[{"id": 1, "name": "' + b"Ada" * 500 + b'"}]'


def taken(encoding: str, bound: int, *pieces: bytes) -> bytes:
    """Take a body in."""
    intake = Intake(encoding, bound)
    for piece in pieces:
        intake.add(piece)
    return intake.body()


@pytest.mark.parametrize("encoding", ["", "identity", " Identity ", "IDENTITY"])
def test_plain_body(encoding: str) -> None:
    assert taken(encoding, 10, b"abc", b"", b"de") == b"abcde"
    assert taken(encoding, 0) == b""


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " gzip "])
def test_compressed_body(encoding: str) -> None:
    assert taken(encoding, 10_000, gzip.compress(TEXT)) == TEXT
    assert taken(encoding, 10_000, *[bytes([byte]) for byte in gzip.compress(TEXT)]) == TEXT
    assert taken(encoding, 10_000, gzip.compress(b"")) == b""
    assert taken(encoding, 10_000) == b""


@given(st.binary(max_size=200), st.integers(1, 50), st.booleans())
def test_any_body_in_any_pieces(body: bytes, size: int, packed: bool) -> None:
    sent = gzip.compress(body) if packed else body
    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    assert taken("gzip" if packed else "", len(body), *pieces) == body


@pytest.mark.parametrize("packed", [True, False])
def test_exactly_the_bound(packed: bool) -> None:
    sent, encoding = (gzip.compress(TEXT), "gzip") if packed else (TEXT, "")
    for pieces in ([sent], [sent[:9], sent[9:]], [bytes([byte]) for byte in sent]):
        assert taken(encoding, len(TEXT), *pieces) == TEXT
        with pytest.raises(Oversized):
            taken(encoding, len(TEXT) - 1, *pieces)
    with pytest.raises(Oversized):
        taken(encoding, 0, sent)


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "x-gzip", "gzip, gzip", "gzip, br", "*"])
def test_encodings_that_were_not_asked_for(encoding: str) -> None:
    with pytest.raises(Unreadable):
        Intake(encoding, 10)


def test_compressed_body_that_was_cut() -> None:
    sent = gzip.compress(TEXT)
    for end in range(1, len(sent)):
        with pytest.raises(Unreadable):
            taken("gzip", 10_000, sent[:end])


def test_bytes_behind_the_compressed_body() -> None:
    sent = gzip.compress(TEXT)
    for behind in (b"\0", b"more", gzip.compress(b"a second member")):
        with pytest.raises(Unreadable):
            taken("gzip", 10_000, sent + behind)
        with pytest.raises(Unreadable):
            taken("gzip", 10_000, sent, behind)
    assert taken("gzip", 10_000, sent, b"") == TEXT


@pytest.mark.parametrize(
    "sent", [TEXT, zlib.compress(TEXT), b"\x1f\x8b\x08" + b"\xff" * 50, gzip.compress(TEXT)[:-5] + b"xxxxx"]
)
def test_what_is_not_compressed_as_it_says(sent: bytes) -> None:
    with pytest.raises(Unreadable):
        taken("gzip", 10_000, sent)


def test_bomb_is_not_unpacked() -> None:
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(1_000_000)
    bomb = b"".join([*(packer.compress(zeros) for _ in range(300)), packer.flush()])
    assert len(bomb) < 300_000
    tracemalloc.start()
    try:
        with pytest.raises(Oversized):
            taken("gzip", 1_000_000, bomb)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_large_plain_body_is_not_kept() -> None:
    intake = Intake("", 100)
    intake.add(bytes(60))
    for _ in range(10):
        with pytest.raises(Oversized):
            intake.add(bytes(60))
    assert sum(map(len, intake._pieces)) <= 100

"""Progress: silent when all goes quickly, a line each second when not."""

import io
import re
import sys
import time

import pytest

from connector_runtime.progress import Progress


class Terminal(io.StringIO):
    """Standard error as a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_quick_work_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("get_book"):
        pass
    assert capsys.readouterr().err == ""


def test_slow_work_is_told_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("get_book", every=0.05) as progress:
        time.sleep(0.08)
        progress.watch("wire", "outcome")
        progress.watch()
        time.sleep(0.08)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "get_book: 0 s …"
    assert lines[1] == "get_book: 0 s, 2 requests …"


def test_terminal_shows_one_line_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress("get_book", every=0.05):
        time.sleep(0.12)
    written = terminal.getvalue()
    assert re.fullmatch(r"(\r\x1b\[2Kget_book: 0 s …)+\r\x1b\[2K", written)


def test_failure_passes_through_and_ends_the_report() -> None:
    with pytest.raises(ValueError, match="no"), Progress("get_book") as progress:
        raise ValueError("no")
    assert not progress._thread.is_alive()

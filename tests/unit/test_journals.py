"""The file that keeps a resume token: whole or not there, and nothing beside it."""

from pathlib import Path

import pytest

from connector_runtime import OutcomeUnknown, PartialWrite, Rejected
from connector_runtime.journals import JournalFile


def test_token_is_kept_and_read(tmp_path: Path) -> None:
    file = JournalFile(tmp_path / "journal")
    assert file.read() is None
    file.keep("one")
    file.keep("two")
    assert file.read() == "two"
    assert [each.name for each in tmp_path.iterdir()] == ["journal"]


def test_what_can_not_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    with pytest.raises(OSError, match="journal"):
        JournalFile(tmp_path / "journal").keep("one")
    assert [each.name for each in tmp_path.iterdir()] == ["journal"]


def test_end_of_a_call(tmp_path: Path) -> None:
    file = JournalFile(tmp_path / "journal")
    file.settle(Rejected("no"))
    file.keep("one")
    file.settle(OutcomeUnknown("lost"))
    assert file.read() == "one"
    file.settle(PartialWrite("some", resume_token="two"))
    assert file.read() == "two"
    file.settle(Rejected("no"))
    assert file.read() is None
    file.keep("three")
    file.settle(None)
    assert file.read() is None

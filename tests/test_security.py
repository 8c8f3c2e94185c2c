"""SECURITY.md: every promise names a test that is there; and the tests of promises that stand nowhere else."""

import inspect
import re
import ssl
import stat
from pathlib import Path

from connector_runtime import drivers
from connector_runtime.journals import JournalFile
from greenhouse_sandbox import Sandbox


def test_promises_name_tests(root: Path) -> None:
    file, named = "", set()
    for line in (root / "SECURITY.md").read_text().splitlines():
        for path, name in re.findall(r"`(?:(tests/[\w/]+\.py)::)?(test_\w+)`", line):
            file = path or file
            named.add((file, name))
    assert len(named) > 35
    assert not [each for each in named if f"def {each[1]}(" not in (root / each[0]).read_text()]


def test_readme_leads_there(root: Path) -> None:
    assert "[SECURITY.md](SECURITY.md)" in (root / "README.md").read_text()


def test_certificates_are_checked() -> None:
    context = drivers._tls()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_journal_is_for_its_owner(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.touch(0o644)
    JournalFile(journal).keep("token")
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600


def test_sandbox_listens_at_home() -> None:
    assert inspect.signature(Sandbox.serve).parameters["host"].default == "127.0.0.1"
    with Sandbox() as sandbox, sandbox.serve(0) as server:
        assert server.base_url.startswith("http://127.0.0.1:")

"""Problems as text, JSON and GitHub annotations."""

import orjson
import pytest

from connector_runtime.problems import (
    RENDERERS,
    Problem,
    count,
    did_you_mean,
    listed,
    nearest,
    render_github,
    render_json,
    render_text,
)

PLAIN = Problem("a.yaml", 3, 5, "unknown-key", 'unknown key "x"')
FULL = Problem("b,c:d.yaml", 12, 3, "wrong-type", "50% is\nno number", "line one\rtwo", "write 50", "\tb: 50%")


def test_text() -> None:
    assert render_text([PLAIN, FULL, PLAIN], 7) == (
        'a.yaml:3:5: unknown key "x" [unknown-key]\n'
        "\n"
        "b,c:d.yaml:12:3: 50% is\nno number [wrong-type]\n"
        "    12 | \tb: 50%\n"
        "       | \t ^\n"
        "  why: line one\rtwo\n"
        "  fix: write 50\n"
        "\n"
        'a.yaml:3:5: unknown key "x" [unknown-key]\n'
        "\n"
        "3 problems in 2 files (7 files checked)"
    )
    assert render_text([PLAIN], 1).endswith("\n\n1 problem in 1 file (1 file checked)")
    assert render_text([], 61) == "no problems (61 files checked)"


def test_json() -> None:
    assert orjson.loads(render_json([PLAIN, FULL], 7)) == {
        "problems": [
            {
                "file": "a.yaml",
                "line": 3,
                "column": 5,
                "code": "unknown-key",
                "what": 'unknown key "x"',
                "why": "",
                "fix": "",
            },
            {
                "file": "b,c:d.yaml",
                "line": 12,
                "column": 3,
                "code": "wrong-type",
                "what": "50% is\nno number",
                "why": "line one\rtwo",
                "fix": "write 50",
            },
        ],
        "checked": 7,
    }


def test_github() -> None:
    assert render_github([PLAIN, FULL], 7).splitlines() == [
        '::error file=a.yaml,line=3,col=5,title=unknown-key::unknown key "x"',
        "::error file=b%2Cc%3Ad.yaml,line=12,col=3,title=wrong-type::50%25 is%0Ano number%0Aline one%0Dtwo%0Awrite 50",
    ]
    assert render_github([], 7) == ""
    assert set(RENDERERS) >= {"text", "json", "github"}


def test_order_and_equality() -> None:
    later = Problem("a.yaml", 10, 1, "a-b", "x")
    assert sorted([FULL, later, PLAIN]) == [PLAIN, later, FULL]
    assert len({PLAIN, Problem("a.yaml", 3, 5, "unknown-key", 'unknown key "x"', excerpt="other")}) == 1


@pytest.mark.parametrize(
    ("name", "near"), [("jobid", "job_id"), ("job_idd", "job_id"), ("page", ""), ("", ""), ("status", "state")]
)
def test_near_names(name: str, near: str) -> None:
    known = ["job_id", "state", "email"]
    assert nearest(name, known) == near
    assert did_you_mean(name, known) == (f'did you mean "{near}"?' if near else "")
    assert nearest(name, []) == ""


def test_lists_and_counts() -> None:
    assert listed(["b", "a"]) == "a, b"
    assert listed([]) == "nothing"
    assert listed(f"n{index:02}" for index in range(30)).endswith("n24 and 5 more")
    assert [count(number, noun) for number in (0, 1, 2) for noun in ("file", "entry")] == [
        "0 files",
        "0 entries",
        "1 file",
        "1 entry",
        "2 files",
        "2 entries",
    ]

"""Which requests meet which fault: selectors, numbers of times, chance; and what a wrong declaration is told."""

from __future__ import annotations

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from greenhouse_sandbox import Sandbox
from greenhouse_sandbox.later import Later

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller

NOTE = {"candidate_id": 12345, "body": "Hello", "visibility": "public", "note_type": "NOTE"}


def statuses(caller: Caller, number: int, path: str = "jobs") -> list[int]:
    return [caller.get(path).status for _ in range(number)]


def test_a_fault_meets_the_requests_it_is_meant_for(fresh: Caller) -> None:
    fresh.sandbox.fail("status", code=503, path="/v3/jobs", times=2)
    assert fresh.get("offices").status == 200
    assert statuses(fresh, 3) == [503, 503, 200]
    assert [(one.status, one.fault) for one in fresh.sandbox.requests][-3:] == [
        (503, "status"),
        (503, "status"),
        (200, None),
    ]


def test_a_fault_strikes_once_unless_told_otherwise(fresh: Caller) -> None:
    fresh.sandbox.fail("status", code=500)
    fresh.sandbox.fail("status", code=502, times=None)
    assert statuses(fresh, 3) == [500, 502, 200]
    assert fresh.sandbox.faults == []


def test_a_fault_may_strike_always(fresh: Caller) -> None:
    number = fresh.sandbox.fail("status", code=500, times="always")
    assert statuses(fresh, 20) == [500] * 20
    assert fresh.sandbox.heal(number)
    assert not fresh.sandbox.heal(number)
    assert statuses(fresh, 1) == [200]


def test_faults_can_be_meant_for_a_method(fresh: Caller) -> None:
    fresh.sandbox.fail("status", code=503, method="POST")
    assert fresh.get("notes").status == 200
    assert fresh.send("POST", "notes", NOTE).status == 503


def test_a_path_may_be_a_pattern(fresh: Caller) -> None:
    fresh.sandbox.fail("status", code=503, path="/v3/job*", times="always")
    assert fresh.token().status == 200
    assert fresh.get("offices").status == 200
    assert [fresh.get(path).status for path in ("jobs", "job_posts", "jobs")] == [503, 503, 503]


def test_the_first_fault_that_is_ready_is_the_one(fresh: Caller) -> None:
    fresh.sandbox.fail("status", code=501, after=2)
    fresh.sandbox.fail("status", code=502)
    assert statuses(fresh, 4) == [502, 200, 501, 200]


def test_the_first_requests_may_be_left_alone(fresh: Caller) -> None:
    """What is counted are the requests that it is meant for, whoever takes them."""
    fresh.sandbox.fail("status", code=500, path="/v3/offices")
    fresh.sandbox.fail("status", code=503, path="/v3/*", after=2, times=2)
    assert statuses(fresh, 1, "offices") == [500]
    assert statuses(fresh, 4) == [200, 503, 503, 200]


def test_chance_repeats_itself(caller: type[Caller]) -> None:
    def run(seed: int) -> list[int]:
        with Sandbox() as sandbox:
            user = caller(sandbox)
            sandbox.fail("status", code=500, chance=0.25, seed=seed, times="always")
            return statuses(user, 200)

    first, again, other = run(1), run(1), run(2)
    assert first == again != other
    assert 30 < first.count(500) < 70


def test_no_chance_is_never_and_the_whole_chance_is_always(fresh: Caller) -> None:
    fresh.sandbox.fail("status", code=500, chance=0, times="always")
    assert statuses(fresh, 20) == [200] * 20
    fresh.sandbox.fail("status", code=500, chance=1.0, times="always")
    assert statuses(fresh, 20) == [500] * 20


@pytest.mark.parametrize(("done", "stored"), [(False, 1), (True, 2)])
@pytest.mark.parametrize("kind", ["drop", "garbage", "html", "gzip", "oversize", "redirect"])
def test_a_fault_may_strike_before_or_after_the_work(fresh: Caller, kind: str, done: bool, stored: int) -> None:
    fresh.sandbox.fail(kind, path="/v3/notes", done=done)
    if kind == "drop":
        with pytest.raises(ConnectionResetError):
            fresh.send("POST", "notes", NOTE)
        assert fresh.sandbox.requests[-1].status == 0
    else:
        fresh.send("POST", "notes", NOTE)
    assert len(fresh.sandbox.rows("notes")) == stored


@pytest.mark.parametrize("kind", ["garbage", "redirect"])
def test_the_work_may_be_done_when_the_answer_is_out(fresh: Caller, kind: str) -> None:
    fresh.sandbox.fail(kind, path="/v3/notes", later=0.2)
    fresh.send("POST", "notes", NOTE)
    assert len(fresh.sandbox.rows("notes")) == 1
    end = time.monotonic() + 10
    while len(fresh.sandbox.rows("notes")) == 1 and time.monotonic() < end:
        time.sleep(0.01)
    assert len(fresh.sandbox.rows("notes")) == 2


def test_a_sandbox_that_closes_leaves_undone_what_is_to_be_done_later(caller: type[Caller], tmp_path: Path) -> None:
    file = tmp_path / "rows.db"
    with Sandbox(file) as sandbox:
        sandbox.fail("html", path="/v3/notes", later=3600)
        caller(sandbox, sub=1001).send("POST", "notes", NOTE)
        assert [each for each in threading.enumerate() if isinstance(each, threading.Timer)]
    assert not [each for each in threading.enumerate() if isinstance(each, threading.Timer)]
    with Sandbox(file) as sandbox:
        assert len(sandbox.rows("notes")) == 1


def test_a_closed_sandbox_begins_nothing() -> None:
    later, done = Later(), list[int]()
    later.close()
    later.do(0, lambda: done.append(1))
    time.sleep(0.05)
    assert done == []


def test_what_is_to_be_done_later_may_come_while_it_closes() -> None:
    for _ in range(50):
        later = Later()
        with ThreadPoolExecutor(4) as threads:
            begun = [threads.submit(later.do, 0.001, lambda: None) for _ in range(4)]
            later.close()
            for each in begun:
                each.result()


def test_what_finds_nothing_to_change_waits_for_its_chance(fresh: Caller) -> None:
    fresh.sandbox.fail("object")
    assert fresh.get("jobs", x=1).status == 422
    assert fresh.sandbox.requests[-1].fault is None
    assert [each["struck"] for each in fresh.sandbox.faults] == [0]
    assert "results" in fresh.json(fresh.get("jobs"))
    assert fresh.sandbox.counts["faults"] == {"object": 1}


def test_a_fault_that_is_listed_says_what_it_did(fresh: Caller) -> None:
    number = fresh.sandbox.fail("status", code=500, times=3)
    statuses(fresh, 2)
    assert fresh.sandbox.faults == [
        {"number": number, "struck": 2, "fault": {"kind": "status", "code": 500, "times": 3}}
    ]


def test_everything_can_be_taken_back(fresh: Caller) -> None:
    fresh.sandbox.declare("kind=drop times=always\nkind=html")
    assert len(fresh.sandbox.faults) == 2
    assert fresh.sandbox.heal()
    assert statuses(fresh, 2) == [200, 200]


def test_threads_share_the_times_of_a_fault(fresh: Caller) -> None:
    fresh.sandbox.fail("status", code=503, times=40)
    fresh.sandbox.forget()
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: fresh.get("offices").status, range(200)))
    assert found.count(503) == 40
    assert fresh.sandbox.counts["faults"] == {"status": 40}
    assert fresh.sandbox.counts["requests"] == 200
    assert fresh.sandbox.faults == []


def test_faults_may_be_declared_while_others_strike(fresh: Caller) -> None:
    over = threading.Event()

    def declare() -> None:
        while not over.is_set():
            fresh.sandbox.heal(fresh.sandbox.fail("drop", path="/nowhere"))

    declaring = threading.Thread(target=declare)
    declaring.start()
    fresh.sandbox.fail("status", code=503, times=50)
    assert statuses(fresh, 51) == [503] * 50 + [200]
    over.set()
    declaring.join()


SAME = {"kind": "status", "code": 503, "headers": {"retry-after": 2}, "path": "/v3/jobs"}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(SAME),
        json.dumps([SAME]),
        "kind=status code=503 headers.retry-after=2 path=/v3/jobs",
        ' \n# a comment\n\nkind=status code=503 headers={"retry-after":2} path=/v3/jobs\n',
    ],
)
def test_a_text_declares_the_same_as_a_record(fresh: Caller, text: str) -> None:
    fresh.sandbox.declare(text)
    assert [each["fault"] for each in fresh.sandbox.faults] == [SAME]
    assert fresh.get("jobs").headers["retry-after"] == "2"


def test_a_line_keeps_text_and_json_apart(fresh: Caller) -> None:
    fresh.sandbox.declare('kind=mutate set.name=null set.title=soon set.n=1 drop=["notes"] row=0')
    assert fresh.sandbox.faults[0]["fault"] == {
        "kind": "mutate",
        "set": {"name": None, "title": "soon", "n": 1},
        "drop": ["notes"],
        "row": 0,
    }


KINDS = "kinds are content_type, cut, delay, drop, garbage, gzip, html, link, mutate, object, oversize, redirect, "


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"kind": "dely"}, f'there is no kind "dely"; {KINDS}'),
        ({"kind": 3}, f'there is no kind "3"; {KINDS}'),
        ({"path": "/v3/jobs"}, f"a fault needs a kind; {KINDS}"),
        ("drop", f'a fault is an object such as {{"kind": "drop"}}; {KINDS}'),
        ({"kind": "delay"}, 'a "delay" fault needs "seconds": a number of seconds from 0'),
        ({"kind": "delay", "seconds": "2"}, '"seconds" of a "delay" fault must be a number of seconds from 0, not "2"'),
        ({"kind": "delay", "seconds": -1}, "must be a number of seconds from 0, not -1"),
        ({"kind": "delay", "seconds": True}, "must be a number of seconds from 0, not true"),
        ({"kind": "delay", "second": 1}, 'there is no key "second" in a "delay" fault; its keys are seconds, method, '),
        ({"kind": "delay", "seconds": 1, "done": True}, 'there is no key "done" in a "delay" fault'),
        ({"kind": "drop", "times": 0}, 'must be a whole number from 1, or "always", not 0'),
        ({"kind": "drop", "times": "twice"}, 'must be a whole number from 1, or "always", not "twice"'),
        ({"kind": "drop", "chance": 1.5}, "must be a number from 0 to 1, not 1.5"),
        ({"kind": "drop", "after": -1}, "must be a whole number of requests from 0, not -1"),
        ({"kind": "drop", "done": 1}, "must be true or false, not 1"),
        ({"kind": "drop", "path": 7}, "must be a path such as /v3/jobs, or a pattern such as /v3/*, not 7"),
        ({"kind": "status"}, 'a "status" fault needs "code": an HTTP status code from 200 to 599'),
        ({"kind": "status", "code": 99}, "must be an HTTP status code from 200 to 599, not 99"),
        ({"kind": "status", "code": 500, "headers": {"a": "b\r\nc"}}, "must be an object of header names and texts"),
        ({"kind": "status", "code": 500, "body": 7}, "must be a text, or an object or list that is sent as JSON"),
        ({"kind": "link"}, 'needs "to": one of elsewhere, itself, first, empty'),
        ({"kind": "mutate"}, 'a "mutate" fault needs drop or set'),
        ({"kind": "mutate", "drop": "name"}, 'must be a list of keys, not "name"'),
        ({"kind": "oversize", "bytes": 1}, "must be a whole number of bytes from 2, not 1"),
        ({"kind": "redirect", "code": 200}, "must be a status code from 300 to 399, not 200"),
        ({"kind": "html", "path": ["x" * 100]}, "…"),
    ],
)
def test_a_wrong_declaration_is_told_what_would_do(fresh: Caller, declared: Any, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        fresh.sandbox.declare([{"kind": "drop"}, declared])
    assert fresh.sandbox.faults == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"kind": "drop"', "this is not JSON: "),
        ("drop", '"drop" is not key=value; write for example kind=delay seconds=2, or a JSON object'),
        ("kind=drop =x", '"=x" is not key=value'),
        (" # nothing\n", "there is no fault in this text"),
        ("[]", "there is no fault in this text"),
        ("kind=status code=500 headers=x headers.a=b", '"headers" has a value already, so "headers.a" has no place'),
    ],
)
def test_a_text_that_is_no_declaration(fresh: Caller, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        fresh.sandbox.declare(text)

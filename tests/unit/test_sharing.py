"""Calls whose budget and tokens are shared among processes: what is asked of the store, what is made of its answers."""

from collections.abc import Generator
from datetime import UTC, datetime
from math import inf

import orjson
import pytest

from connector_runtime.accounts import Account
from connector_runtime.carrying import Carrier, Due, Endpoint, Inquiry, Launch, Now
from connector_runtime.delivery import Retries
from connector_runtime.errors import Timeout, Unauthorized, Unavailable
from connector_runtime.exchange import Failure, Outcome, Request, Response
from connector_runtime.store import Held, Ledger, Outage, Reply
from connector_runtime.tokens import Grant, Tokens
from connector_runtime.turns import Caller, Lane, Room, Turn, Turns

DATE = datetime(2026, 3, 1, tzinfo=UTC)
GRANT = Grant("https://id.library.example/token", "sub", 3600, 60, "an-id", "a-secret")
YOURS, SOON = Reply(["yours", "", 0]), Reply(["wait", "", 9000])


def at(seconds: float) -> Now:
    """Give a moment."""
    return Now(seconds, DATE)


def reading(*requests: Request) -> Generator[list[Request], list[Outcome], list[Outcome]]:
    """Ask for all at once."""
    return (yield list(requests))


class Desk:
    """A call of so many requests, in a process that has nothing yet."""

    def __init__(self, requests: int = 1, deadline: float = 100) -> None:
        self.told = 0
        self.ledger = Ledger("test", "somebody", None, 4)
        self.account = Account(Tokens(GRANT), Turns(None, 4))
        endpoint = Endpoint("https://api.library.example", None, Retries(3, 0.1, 1), self.ledger)
        self.caller = Caller("interactive", Room(4), self.hear)
        asked = (Request("GET", f"/v1/books/{number}", resource="books") for number in range(requests))
        self.carrier: Carrier[list[Outcome]] = Carrier(reading(*asked), self.account, endpoint, self.caller, deadline)

    def hear(self) -> None:
        """Count how often the call is told to look."""
        self.told += 1


def inquiry(due: list[Due]) -> Inquiry:
    """Give what the store is asked, and nothing else is due."""
    (only,) = due
    assert isinstance(only, Inquiry)
    return only


def launches(due: list[Due]) -> list[Launch]:
    """Give what is to be sent."""
    return [each for each in due if isinstance(each, Launch)]


def token(value: str, seconds: float = 3600) -> Response:
    """Write the token endpoint's answer."""
    return Response(200, {}, orjson.dumps({"access_token": value, "expires_in": seconds}))


def bearers(due: list[Due]) -> list[str]:
    """Give the tokens of what is to be sent."""
    return [each.wire.headers["authorization"] for each in launches(due)]


def answered(desk: Desk, asked: Inquiry, reply: Reply | None, seconds: float = 0) -> list[Due]:
    """Answer for the store."""
    assert asked.key is not None
    return desk.carrier.receive(asked.key, reply, at(seconds))


def test_token_of_another_process_is_taken() -> None:
    desk = Desk()
    look = inquiry(desk.carrier.start(at(0)))
    assert look.ask.script == "look"
    assert bearers(answered(desk, look, Reply(["token", "from-there", 5000]))) == ["Bearer from-there"]
    found = desk.account.tokens.usable(None, None, 4.9)
    assert found is not None
    assert desk.account.tokens.usable(None, None, 5.0) is None
    assert desk.carrier.leave(at(1)) == []


def test_store_that_gives_no_answer() -> None:
    desk = Desk()
    (minting,) = launches(answered(desk, inquiry(desk.carrier.start(at(0))), None))
    due = desk.carrier.receive(minting.key, token("own"), at(0))
    assert bearers(due) == ["Bearer own"]


def test_waits_ever_longer_for_another_process() -> None:
    desk = Desk()
    due, now, waits = desk.carrier.start(at(0)), 0.0, []
    for _ in range(6):
        assert answered(desk, inquiry(due), SOON, now) == []
        waits.append(round(desk.carrier.wait(at(now)), 3))
        now += waits[-1]
        due = desk.carrier.look(at(now))
    assert waits == [0.05, 0.1, 0.2, 0.4, 0.5, 0.5]
    assert answered(desk, inquiry(due), Reply(["wait", "", 20]), now) == []
    assert round(desk.carrier.wait(at(now)), 3) == 0.02


def test_no_time_to_wait_for_another_process() -> None:
    desk = Desk(deadline=0.04)
    look = inquiry(desk.carrier.start(at(0)))
    with pytest.raises(Timeout, match="the token endpoint did not answer in time"):
        answered(desk, look, SOON)
    (release,) = desk.carrier.leave(at(0))
    assert (release.key, release.ask.script) == (None, "release")


def test_new_token_is_published() -> None:
    desk = Desk()
    (minting,) = launches(answered(desk, inquiry(desk.carrier.start(at(0))), YOURS))
    keep, send = desk.carrier.receive(minting.key, token("new"), at(0))
    assert isinstance(keep, Inquiry)
    assert (keep.key, keep.ask.script, keep.ask.arguments[:2]) == (None, "keep", ("new", 3_540_000))
    assert bearers([send]) == ["Bearer new"]
    assert "new" not in f"{keep!r} {keep.ask!r} {Reply(['token', 'new', 5])!r}"


def test_refused_credentials_release_the_lease() -> None:
    desk = Desk()
    (minting,) = launches(answered(desk, inquiry(desk.carrier.start(at(0))), YOURS))
    with pytest.raises(Unauthorized):
        desk.carrier.receive(minting.key, Response(401, {}, b""), at(0))
    assert [each.ask.script for each in desk.carrier.leave(at(0))] == ["release"]


def test_call_that_ends_while_the_store_is_asked() -> None:
    desk = Desk()
    look = inquiry(desk.carrier.start(at(0)))
    with pytest.raises(Unavailable):
        desk.carrier.stop("closed", at(0))
    assert [each.ask.script for each in desk.carrier.leave(at(0))] == ["release"]
    assert answered(desk, look, YOURS) == []


def test_call_that_is_left_while_it_gets_a_token() -> None:
    desk = Desk()
    launches(answered(desk, inquiry(desk.carrier.start(at(0))), YOURS))
    assert [each.ask.script for each in desk.carrier.leave(at(0))] == ["release"]
    assert desk.account.tokens.lease(None, print)


def test_token_of_another_process_that_was_refused_here() -> None:
    """It was refused for one request, and found for the other, at the same time."""
    desk = Desk(2)
    first, second = launches(answered(desk, inquiry(desk.carrier.start(at(0))), Reply(["token", "old", 1000])))
    unauthorized = Response(401, {}, b"")
    look = inquiry(desk.carrier.receive(first.key, unauthorized, at(2)))
    assert desk.carrier.receive(second.key, unauthorized, at(2)) == []
    again = inquiry(answered(desk, look, Reply(["token", "old", 1000]), 2))
    assert again.ask.arguments[0] == "old"
    assert bearers(answered(desk, again, Reply(["token", "new", 1000]), 2)) == ["Bearer new"] * 2


def test_failing_batch_does_not_end_the_wait_for_a_token() -> None:
    """Others of this process wait for the token, too."""
    desk = Desk(2)
    first, second = launches(answered(desk, inquiry(desk.carrier.start(at(0))), Reply(["token", "old", 1000])))
    assert desk.carrier.receive(second.key, Response(404, {}, b""), at(2)) == []
    look = inquiry(desk.carrier.receive(first.key, Response(401, {}, b""), at(2)))
    assert answered(desk, look, SOON, 2) == []
    assert desk.carrier.wait(at(2)) < 0.1
    assert not desk.carrier.finished


def test_held_request_goes_out_later() -> None:
    desk = Desk()
    (launch,) = launches(answered(desk, inquiry(desk.carrier.start(at(0))), Reply(["token", "good", 9_000_000])))
    assert launch.turn is not None
    desk.account.turns.hold(launch.turn, "interactive", 7.0, 1.0)
    assert desk.carrier.receive(launch.key, Held(6.0), at(1)) == []
    assert desk.carrier.wait(at(1)) == 6.0
    assert desk.carrier.look(at(6.9)) == []
    (again,) = launches(desk.carrier.look(at(7)))
    assert (again.key, again.number, again.wire) == (launch.key, 1, launch.wire)
    assert desk.carrier.receive(again.key, Response(200, {}, b"{}"), at(7)) == []
    assert desk.carrier.finished


def test_held_beyond_the_deadline() -> None:
    desk = Desk(deadline=5)
    (launch,) = launches(answered(desk, inquiry(desk.carrier.start(at(0))), Reply(["token", "good", 9_000_000])))
    assert launch.turn is not None
    desk.account.turns.hold(launch.turn, "interactive", 30.0, 0.0)
    assert desk.carrier.receive(launch.key, Held(30.0), at(0)) == []
    assert desk.carrier.wait(at(0)) == 5
    assert desk.carrier.look(at(5)) == []
    assert desk.carrier.result == [Failure("limited", "https://api.library.example", False, 25.0)]


class Hall:
    """Turns, and callers that count how often they are told."""

    def __init__(self) -> None:
        self.turns = Turns(None, 4)
        self.told: list[str] = []

    def caller(self, name: str, room: Room, lane: Lane = "interactive") -> Caller:
        """Let somebody wait."""
        caller = Caller(lane, room, lambda: self.told.append(name))
        self.turns.want(caller, 0)
        return caller

    def taken(self, caller: Caller, now: float) -> Turn:
        """Take the one turn that somebody was given."""
        (turn,) = self.turns.taken(caller, now)
        return turn


def test_lane_is_held_and_everybody_in_it_told() -> None:
    hall, room = Hall(), Room(1)
    first, second = hall.caller("first", room), hall.caller("second", room)
    turn = hall.taken(first, 0)
    assert hall.turns.opens(second, 0) == inf
    hall.turns.hold(turn, "interactive", 9.0, 0.0)
    assert hall.told == ["second"]
    assert hall.turns.opens(second, 0) == 9.0
    bulk = hall.caller("bulk", room, "bulk")
    assert hall.turns.taken(second, 8.9) == []
    hall.turns.answered(hall.taken(bulk, 8.9), None, 8.9, DATE)
    assert hall.taken(second, 9.0).room is room


def test_held_request_keeps_its_place() -> None:
    hall, room = Hall(), Room(1)
    first, second = hall.caller("first", room), hall.caller("second", room)
    hall.turns.want(second, 0)
    hall.turns.hold(hall.taken(first, 0), "interactive", 9.0, 0.0)
    hall.turns.want(first, 0, first=True)
    hall.turns.want(second, 0, first=True)
    hall.turns.want(first, 0, first=True)
    turns = [(name, hall.turns.taken(caller, 9.0)) for name, caller in (("second", second), ("first", first))]
    assert [(name, len(taken)) for name, taken in turns] == [("second", 0), ("first", 1)]


def test_outage_lets_one_ask_now_and_then() -> None:
    outage = Outage()
    outage.failed(OSError(), 10.0)
    assert [outage.may_ask(now) for now in (14.9, 15.0, 15.0, 19.9, 20.0)] == [False, True, False, False, True]
    outage.answered()
    assert outage.may_ask(20.0)

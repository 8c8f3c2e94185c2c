"""The budget of requests as values: what is known of the API's window, and who goes next."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from heapq import heappop, heappush
from itertools import count
from math import inf
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connector_runtime.exchange import Response
from connector_runtime.turns import Caller, Lane, LimitHeaders, Room, Turn, Turns

HEADERS = LimitHeaders("x-limit", "x-remaining", "x-reset", 30)
EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
COLD = 8


def utc(seconds: float) -> datetime:
    """Give the date at a moment of the tests' clock."""
    return EPOCH + timedelta(seconds=seconds)


def told(
    remaining: int,
    reset: float,
    at: float | None = None,
    limit: int = 50,
    *,
    status: int = 200,
    wait: int | None = None,
) -> Response:
    """Write an answer; `reset` and its own time `at` are moments of the tests' clock, `wait` is its Retry-After."""
    headers = {"x-limit": str(limit), "x-remaining": str(remaining), "x-reset": str(int(utc(reset).timestamp()))}
    if at is not None:
        headers["date"] = format_datetime(utc(at), usegmt=True)
    if wait is not None:
        headers["retry-after"] = str(wait)
    return Response(status, headers, b"")


@dataclass
class Desk:
    """A clock, turns, and callers that count how often they are told."""

    headers: LimitHeaders | None = HEADERS
    now: float = 0.0
    turns: Turns = field(init=False)
    heard: dict[Caller, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.turns = Turns(self.headers, COLD)

    def caller(self, wanted: int = 0, lane: Lane = "interactive", room: Room | None = None) -> Caller:
        """Let somebody come in who wants so many turns."""
        caller = Caller(lane, room or Room(1000), lambda: self.heard.update({caller: self.heard[caller] + 1}))
        self.heard[caller] = 0
        self.want(caller, wanted)
        return caller

    def want(self, caller: Caller, wanted: int = 1) -> None:
        """Ask for turns."""
        for _ in range(wanted):
            self.turns.want(caller, self.now)

    def take(self, caller: Caller) -> list[Turn]:
        """Take the turns that there are."""
        return self.turns.taken(caller, self.now)

    def got(self, wanted: int, lane: Lane = "interactive") -> list[Turn]:
        """Give the turns that somebody new gets who wants so many and does not wait."""
        caller = self.caller(wanted, lane)
        turns = self.take(caller)
        self.turns.leave(caller, self.now)
        return turns

    def answer(self, turn: Turn, response: Response | None, date: datetime | None = None) -> None:
        """Let an answer come in; the local date is right, unless given."""
        self.turns.answered(turn, response, self.now, date or utc(self.now))

    def opens(self, lane: Lane = "interactive") -> float:
        """Give the moment at which somebody who wants a turn is to look again."""
        caller = self.caller(1, lane)
        opens = self.turns.opens(caller, self.now)
        self.turns.leave(caller, self.now)
        return opens


def desk_with(left: int, ends: float = 20, limit: int = 50) -> Desk:
    """Open a desk in a window that is known: so many turns are left."""
    desk = Desk()
    (turn,) = desk.got(1)
    desk.answer(turn, told(left, ends, 0, limit))
    return desk


def test_cold_start_lets_a_few_out_until_the_first_answer() -> None:
    desk = Desk()
    caller = desk.caller(20)
    turns = desk.take(caller)
    assert len(turns) == COLD
    assert desk.turns.opens(caller, 0) == inf
    desk.answer(turns[0], None)
    assert len(desk.take(caller)) == 1
    desk.answer(turns[1], told(49, 20, 0))
    assert len(desk.take(caller)) == 11
    # Of the one that was lost the API would have told, had it counted it.
    assert len(desk.got(100)) == 50 - 19


def test_api_that_tells_no_limit() -> None:
    desk = Desk()
    (turn,) = desk.got(1)
    desk.answer(turn, Response(200, {}, b""))
    assert len(desk.got(1000)) == 1000


def test_connector_that_knows_no_limit() -> None:
    desk = Desk(headers=None)
    turns = desk.got(1000)
    assert len(turns) == 1000
    desk.answer(turns[0], told(0, 20, 0))
    assert len(desk.got(1000)) == 1000
    desk.answer(turns[1], Response(429, {"retry-after": "5"}, b""))
    assert desk.got(1) == []
    assert desk.opens() == 5
    desk.now = 5
    assert len(desk.got(3)) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"x-limit": ""},
        {"x-limit": "many"},
        {"x-limit": "0"},
        {"x-limit": "-5"},
        {"x-limit": "5.5"},
        {"x-remaining": "none"},
        {"x-reset": "soon"},
        {"x-reset": "nan"},
        {"x-reset": "inf"},
        {"x-reset": "-1"},
        {"x-reset": "0"},
        {"x-reset": "9" * 400},
        {"x-limit": "9" * 5000},
    ],
)
def test_headers_that_make_no_sense(wrong: dict[str, str]) -> None:
    desk = desk_with(5)
    (turn,) = desk.got(1)
    good = told(0, 20, 0)
    desk.answer(turn, Response(200, {**good.headers, **wrong}, b""))
    assert len(desk.got(100)) == 4
    for missing in wrong:
        rest = {name: value for name, value in good.headers.items() if name != missing}
        assert HEADERS.read(Response(200, rest, b"")) is None


def test_turns_are_counted_without_waiting_for_answers() -> None:
    desk = desk_with(5)
    assert len(desk.got(3)) == 3
    assert len(desk.got(3)) == 2
    assert desk.got(1) == []
    assert desk.opens() == 20 + 1


def test_answers_that_overtake_each_other_change_nothing() -> None:
    desk = desk_with(49)
    one, two, three = desk.got(3)
    desk.answer(three, told(46, 20, 0))
    desk.answer(one, told(48, 20, 0))
    desk.answer(two, told(47, 20, 0))
    assert len(desk.got(100)) == 46


def test_what_others_use_is_counted() -> None:
    desk = desk_with(49)
    (turn,) = desk.got(1)
    desk.answer(turn, told(10, 20, 0))
    (turn,) = desk.got(1)
    assert len(desk.got(100)) == 9
    desk.answer(turn, told(0, 20, 0))
    assert desk.got(1) == []
    desk.now = 21
    assert len(desk.got(100)) == 50 - 9


def test_new_window_that_an_answer_tells_of() -> None:
    desk = desk_with(3)
    first, second, third = desk.got(3)
    desk.now = 10
    desk.answer(first, told(49, 40, 10))
    assert len(desk.got(100)) == 50 - 3
    # The second was counted in the window before, the third in this one.
    desk.answer(second, told(1, 20, 9))
    assert len(desk.got(100)) == 1
    desk.answer(third, told(40, 40, 10))
    assert desk.got(1) == []
    assert desk.opens() == 40 + 1


def test_old_answer_to_a_new_turn_takes_nothing_back() -> None:
    desk = desk_with(3)
    (turn,) = desk.got(1)
    desk.answer(turn, told(49, 40, 0))
    (turn,) = desk.got(1)
    desk.answer(turn, told(5, 20, 0))
    assert len(desk.got(100)) == 48


def test_window_ends_by_itself_and_what_is_under_way_is_carried_over() -> None:
    desk = desk_with(10)
    turns = desk.got(10)
    desk.now = 20.9
    assert desk.got(1) == []
    desk.now = 21
    assert len(desk.got(100)) == 40
    assert desk.opens() == 21 + 30
    # Two of the ten belonged to the window before: then they take nothing of this one.
    for turn in turns[:2]:
        desk.answer(turn, told(0, 20, 19))
    desk.now = 22
    desk.answer(turns[2], told(42, 50, 22))
    assert len(desk.got(100)) == 2
    assert desk.opens() == 50 + 1


def test_guess_of_a_new_window_holds_until_its_own_end() -> None:
    desk = desk_with(10)
    desk.now = 100
    assert len(desk.got(100)) == 50
    desk.now = 129.9
    assert desk.got(1) == []
    desk.now = 130
    assert desk.got(1) == []  # none of the 50 has been answered: any of them may count for this one too
    assert desk.opens() == 160


def test_guess_that_was_too_early_is_taken_back() -> None:
    desk = desk_with(10)
    desk.now = 21
    one, two = desk.got(2)
    desk.answer(one, told(0, 20, 15))
    assert desk.got(1) == []
    assert desk.opens() == 21 + 5 + 1
    desk.answer(two, told(49, 50, 21))
    assert len(desk.got(100)) == 49


def test_end_is_the_earliest_that_answers_tell() -> None:
    desk = desk_with(2)
    one, two = desk.got(2)
    desk.now = 10
    desk.answer(one, told(1, 20, 5))
    assert desk.opens() == 21
    desk.answer(two, told(0, 20, 12))
    assert desk.opens() == 19


@pytest.mark.parametrize(
    ("local", "at", "ends"),
    [
        (0, 0, 21),
        (7200, 0, 21),
        (-7200, 0, 21),
        (0, None, 21),
        (-5, None, 26),
        (5, None, 16),
        (-13, None, 31),
        (7200, None, 31),
        (-7200, None, 31),
    ],
)
def test_clocks_that_differ(local: float, at: float | None, ends: float) -> None:
    desk = Desk()
    (turn,) = desk.got(1)
    desk.answer(turn, told(0, 20, at), utc(local))
    assert desk.opens() == ends


def test_refusal_shuts_the_desk_for_as_long_as_the_api_asks() -> None:
    desk = desk_with(40)
    one, two, three = desk.got(3)
    desk.answer(one, told(37, 20, 0, status=429, wait=9))
    assert (desk.got(1), desk.opens(), desk.opens("bulk")) == ([], 9, 9)
    desk.now = 2
    desk.answer(two, told(37, 20, 2, status=429, wait=1))
    desk.answer(three, told(37, 20, 2))
    assert (desk.got(1), desk.opens()) == ([], 9)
    desk.now = 9
    assert len(desk.got(100)) == 37


def test_refusal_that_asks_for_longer_than_the_window() -> None:
    desk = desk_with(40)
    (turn,) = desk.got(1)
    desk.answer(turn, told(0, 20, 0, status=429, wait=60))
    desk.now = 50
    assert (desk.got(1), desk.opens()) == ([], 60)
    desk.now = 60
    assert len(desk.got(100)) == 50


def test_refusal_that_asks_for_nothing_ends_with_the_window() -> None:
    desk = desk_with(40)
    (turn,) = desk.got(1)
    desk.answer(turn, told(0, 20, 0, status=429))
    assert (desk.got(1), desk.opens()) == ([], 21)


def test_refusal_on_a_cold_start() -> None:
    desk = Desk()
    (turn,) = desk.got(1)
    desk.answer(turn, Response(429, {"retry-after": "3"}, b""))
    assert (desk.got(1), desk.opens()) == ([], 3)
    desk.now = 3
    assert len(desk.got(9)) == 9


def test_interactive_calls_go_first_but_one_of_five_turns_is_bulk() -> None:
    desk, room = desk_with(900, limit=1000), Room(0)
    bulk, person = desk.caller(10, "bulk", room), desk.caller(30, "interactive", room)
    order: list[Lane] = []
    for _ in range(20):
        desk.answer(Turn(room, 0), None)
        order += [caller.lane for caller in (bulk, person) for _ in desk.take(caller)]
    assert order == (["interactive"] * 4 + ["bulk"]) * 4


def test_bulk_calls_go_at_once_when_nobody_else_waits() -> None:
    desk = desk_with(50)
    assert len(desk.got(20, "bulk")) == 20


def test_turns_before_anybody_of_bulk_came_do_not_count_for_their_share() -> None:
    desk, room = desk_with(50), Room(9)
    person = desk.caller(9, room=room)
    given = desk.take(person)
    bulk = desk.caller(1, "bulk", room)
    desk.want(person, 9)
    for turn in given[:4]:
        desk.answer(turn, None)
    assert (len(desk.take(person)), desk.take(bulk)) == (4, [])
    desk.answer(given[4], None)
    assert (desk.take(person), len(desk.take(bulk))) == ([], 1)


def test_bulk_calls_leave_a_tenth() -> None:
    desk = desk_with(50)
    bulk = desk.caller(100, "bulk")
    assert len(desk.take(bulk)) == 44  # the turn of the first answer was spent as well
    assert desk.turns.opens(bulk, 0) == 21
    assert len(desk.got(100)) == 5
    assert len(desk_with(9, limit=9).got(100, "bulk")) == 8


def test_callers_of_a_lane_take_turns() -> None:
    desk = desk_with(0)
    callers = [desk.caller(9) for _ in range(5)]
    desk.now = 21
    room = callers[0].room
    assert [len(desk.take(each)) for each in callers] == [9] * 5
    desk, room = desk_with(50), Room(0)
    callers = [desk.caller(9, room=room) for _ in range(5)]
    order: list[int] = []
    for _ in range(10):
        desk.answer(Turn(room, 0), None)
        order += [index for index, each in enumerate(callers) for _ in desk.take(each)]
    assert order == [0, 1, 2, 3, 4] * 2


def test_whoever_wants_a_turn_back_goes_first() -> None:
    desk, room = desk_with(50), Room(0)
    one, other = desk.caller(1, room=room), desk.caller(1, room=room)
    for caller in (other, one, one):
        desk.turns.want(caller, 0, first=True)
    order: list[Caller] = []
    for _ in range(5):
        desk.answer(Turn(room, 0), None)
        order += [each for each in (one, other) for _ in desk.take(each)]
    assert order == [one, other, one, other, one]


def test_somebody_without_room_is_in_nobodys_way() -> None:
    desk, full = desk_with(50), Room(1)
    first = desk.caller(2, room=full)
    (turn,) = desk.take(first)
    assert desk.turns.opens(first, 0) == inf
    assert len(desk.got(3)) == 3
    assert desk.heard[first] == 0
    desk.answer(turn, None)
    assert desk.heard[first] == 1
    assert len(desk.take(first)) == 1
    assert full.free == 0


def test_leaving_gives_everything_back() -> None:
    desk, room = desk_with(3), Room(2)
    leaving, waiting = desk.caller(9, room=room), desk.caller(5)
    assert room.free == 0
    assert len(desk.take(waiting)) == 1
    desk.turns.leave(leaving, 0)
    assert room.free == 2
    assert desk.heard[waiting] == 1
    assert len(desk.take(waiting)) == 2
    desk.turns.leave(leaving, 0)
    assert (desk.take(leaving), room.free) == ([], 2)
    assert desk.turns.opens(leaving, 0) == inf


def test_unused_turn_of_an_earlier_window_is_given_back_to_this_one() -> None:
    desk = desk_with(2)
    leaving = desk.caller(2)
    desk.now = 21
    assert len(desk.got(100)) == 48
    desk.turns.leave(leaving, 21)
    assert len(desk.got(100)) == 2


def test_nobody_is_told_for_nothing() -> None:
    desk = desk_with(0)
    waiting = [desk.caller(1, room=Room(1)) for _ in range(40)]
    for each in waiting:
        assert desk.take(each) == []
        assert desk.turns.opens(each, 0) == 21
    assert set(desk.heard.values()) == {0}
    desk.now = 21
    (turn,) = desk.take(waiting[0])
    # The first who looks deals for all: everybody else is told, once.
    assert [desk.heard[each] for each in waiting] == [0] + [1] * 39
    for each in waiting[1:]:
        assert len(desk.take(each)) == 1
    desk.answer(turn, told(49, 50, 21))
    assert [desk.heard[each] for each in waiting] == [0] + [1] * 39
    assert {desk.turns.opens(each, 21) for each in waiting} == {inf}


def test_whoever_would_oversleep_is_told_once() -> None:
    desk, room = desk_with(3), Room(1)
    waiting = desk.caller(2, room=room)
    (first,) = desk.take(waiting)
    assert desk.turns.opens(waiting, 0) == inf  # there are turns, but no room
    desk.got(2)
    assert desk.heard[waiting] == 1  # now there are no turns, and without a word it would wait for ever
    assert desk.turns.opens(waiting, 0) == 21
    desk.answer(first, told(0, 12, 0))
    assert desk.heard[waiting] == 1
    desk.now = 21
    assert len(desk.take(waiting)) == 1
    desk.want(waiting, 1)
    others = desk.got(100)
    assert desk.turns.opens(waiting, 21) == 51
    desk.answer(others[0], told(0, 30, 21))
    assert desk.heard[waiting] == 2  # the end that was a guess is nearer than it seemed
    assert desk.turns.opens(waiting, 21) == 31
    desk.answer(others[1], told(0, 30, 21))
    assert desk.heard[waiting] == 2


def test_guess_at_a_window_is_replaced_by_what_the_next_one_tells() -> None:
    desk = desk_with(10)
    desk.now = 100
    turns = desk.got(50)
    desk.now = 111
    desk.answer(turns[0], told(49, 140, 111))
    assert desk.got(1) == []
    assert desk.opens() == 141


def test_caller_that_got_its_turn_is_not_told_of_it() -> None:
    desk = desk_with(50)
    caller = desk.caller(3)
    assert len(desk.take(caller)) == 3
    assert desk.heard[caller] == 0


@dataclass(eq=False)
class Agent:
    """Somebody who waits as the drivers do: for a word, or for the moment it was told to look again."""

    caller: Caller
    told: bool = False
    wake: float = inf


class Api:
    """Counts requests in fixed windows, exactly; its Date is wrong by up to a second, and may be missing."""

    def __init__(self, limit: int, window: int, phase: int, skew: float, dated: bool) -> None:
        self.limit, self.window, self.phase, self.skew, self.dated = limit, window, phase, skew, dated
        self.counted: dict[int, int] = {}

    def count(self, now: float) -> Callable[[float], Response]:
        """Count a request; give its answer, to be made at a later moment."""
        number = int((now + self.phase) // self.window)
        counted = self.counted[number] = self.counted.get(number, 0) + 1
        ends = (number + 1) * self.window - self.phase
        remaining = max(0, self.limit - counted)
        return lambda at: told(remaining, ends, at + self.skew if self.dated else None, self.limit)


class Budget(RuleBasedStateMachine):
    """Any callers, any answers, any time: the API never counts more than its limit, and nobody waits for ever."""

    @initialize(
        limit=st.integers(1, 30),
        window=st.integers(2, 30),
        phase=st.integers(0, 30),
        skew=st.floats(-1, 1),
        dated=st.booleans(),
        seed=st.integers(0, 2**32),
        slowest=st.sampled_from([0.05, 1.0, 10.0, 100.0]),
    )
    def begin(self, limit: int, window: int, phase: int, skew: float, dated: bool, seed: int, slowest: float) -> None:
        """Open the desk."""
        self.now, self.dice, self.slowest = 0.0, Random(seed), slowest
        self.api = Api(limit, window, phase, skew, dated)
        self.turns = Turns(LimitHeaders("x-limit", "x-remaining", "x-reset", window), min(COLD, limit))
        self.rooms = [(Room(size), size) for size in (1, 3, 100)]
        self.agents: list[Agent] = []
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.numbers = count()
        self.looks = 0

    @rule(lane=st.sampled_from(["interactive", "bulk"]), room=st.integers(0, 2), wanted=st.integers(1, 40))
    def come(self, lane: Lane, room: int, wanted: int) -> None:
        """Let somebody come in who wants some turns."""
        agent = Agent(Caller(lane, self.rooms[room][0], lambda: setattr(agent, "told", True)))
        self.agents.append(agent)
        self.want(agent, wanted)

    @precondition(lambda self: self.agents)
    @rule(which=st.integers(0, 100), wanted=st.integers(1, 10))
    def want_more(self, which: int, wanted: int) -> None:
        """Let somebody want more."""
        self.want(self.agents[which % len(self.agents)], wanted)

    @precondition(lambda self: self.agents)
    @rule(which=st.integers(0, 100), looks=st.booleans())
    def go(self, which: int, looks: bool) -> None:
        """Let somebody leave, with or without the turns it was given."""
        agent = self.agents.pop(which % len(self.agents))
        if looks:
            self.look(agent)
        self.turns.leave(agent.caller, self.now)
        self.settle()

    @rule(seconds=st.sampled_from([0.01, 0.5, 3.0, 29.0, 500.0]))
    def pass_time(self, seconds: float) -> None:
        """Let time pass, with everything that happens in it."""
        self.play(self.now + seconds)

    @invariant()
    def keeps_the_limit(self) -> None:
        """No window of the API counted more than its limit."""
        if hasattr(self, "api"):
            assert max(self.api.counted.values(), default=0) <= self.api.limit

    def teardown(self) -> None:
        """Let everything come to its end: everybody gets every turn, and every turn comes back."""
        if not hasattr(self, "api"):
            return
        wanted = sum(agent.caller.wanted for agent in self.agents)
        self.looks = 0
        self.play(self.now + 1e7)
        assert [agent for agent in self.agents if agent.caller.wanted or agent.caller.given] == []
        assert self.looks <= 20 * (wanted + 1) * (len(self.agents) + 1)
        assert [room.free for room, _ in self.rooms] == [size for _, size in self.rooms]
        self.keeps_the_limit()

    def want(self, agent: Agent, wanted: int) -> None:
        for _ in range(wanted):
            self.turns.want(agent.caller, self.now)
        self.look(agent)
        self.settle()

    def look(self, agent: Agent) -> None:
        self.looks += 1
        agent.told = False
        for turn in self.turns.taken(agent.caller, self.now):
            self.plan(self.delay(), lambda turn=turn: self.arrive(turn))  # type: ignore[misc]
        agent.wake = self.turns.opens(agent.caller, self.now)
        assert agent.wake > self.now

    def arrive(self, turn: Turn) -> None:
        if self.dice.random() < 0.1:  # it never arrives; one that is counted and whose answer is lost can't be known of
            self.plan(self.delay(), lambda: self.turns.answered(turn, None, self.now, self.date()))
            return
        answer, works, travels = self.api.count(self.now), self.delay(), self.delay()
        response = answer(self.now + works)
        self.plan(works + travels, lambda: self.turns.answered(turn, response, self.now, self.date()))

    def date(self) -> datetime:
        return utc(self.now + self.api.skew)

    def delay(self) -> float:
        return self.dice.random() * self.slowest * self.dice.choice([0.01, 1])

    def plan(self, seconds: float, happens: Callable[[], None]) -> None:
        heappush(self.events, (self.now + seconds, next(self.numbers), happens))

    def settle(self) -> None:
        while ready := [agent for agent in self.agents if agent.told]:
            self.look(self.dice.choice(ready))

    def play(self, until: float) -> None:
        while True:
            self.settle()
            wake = min((agent.wake for agent in self.agents), default=inf)
            event = self.events[0][0] if self.events else inf
            if min(wake, event) > until:
                self.now = max(self.now, until) if until < 1e7 else self.now
                return
            self.now = max(self.now, min(wake, event))
            if event <= wake:
                heappop(self.events)[2]()
            else:
                self.look(next(agent for agent in self.agents if agent.wake == wake))


TestBudget = Budget.TestCase
TestBudget.settings = settings(max_examples=300, stateful_step_count=25)

"""The budget in the store is kept by the rules of turns.Window: both are told the same, and decide the same."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random

import pytest
from redis import Redis
from tests.shared.redis_server import RedisServer

from connector_runtime.exchange import Response
from connector_runtime.redis_store import _SCRIPTS
from connector_runtime.store import Ask, Held, Ledger, Reply
from connector_runtime.turns import Lane, LimitHeaders, Room, Turn, Window

HEADERS = LimitHeaders("x-limit", "x-remaining", "x-reset", 30)
EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
COLD = 8
LANES: tuple[Lane, ...] = ("interactive", "bulk")


@dataclass
class Desk:
    """A clock, and scripts that read it instead of the server's."""

    client: "Redis"
    headers: LimitHeaders | None = HEADERS
    now: float = 0.0
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.client.flushall()
        self.ledger = Ledger("test", "somebody", self.headers, COLD)

    @property
    def utc(self) -> datetime:
        """The date."""
        return EPOCH + timedelta(seconds=self.now)

    def ask(self, ask: Ask) -> Reply:
        """Run a script at this clock's moment."""
        seconds, rest = divmod(round(self.utc.timestamp() * 1_000_000), 1_000_000)
        script = _SCRIPTS[ask.script].replace("redis.call('TIME')", f"{{'{seconds}', '{rest}'}}")
        return Reply(self.client.eval(script, len(ask.keys), *ask.keys, *ask.arguments))

    def take(self, lane: Lane = "interactive", left: float = 1e6) -> str | Held:
        """Take a unit."""
        ask = self.ledger.take(lane, left)
        # Units are not given up here, unless a test is about it: there is no such thing within a process.
        lasts = round(left * 1000)
        return self.ledger.taken(self.ask(Ask(ask.script, ask.keys, (*ask.arguments[:-1], lasts))))

    def learn(self, unit: str, response: Response | None) -> None:
        """Give a unit back."""
        self.ask(self.ledger.learn(unit, response, self.utc))


@dataclass
class Api:
    """An API with a limit, whose clock may be wrong."""

    limit: int = 20
    window: int = 30
    wrong: float = 0.0
    end: int = 0
    spent: int = 0

    def answer(self, utc: datetime, by_others: int = 0) -> Response:
        """Count a request, and requests by others; answer."""
        now = utc + timedelta(seconds=self.wrong)
        end = int(now.timestamp() // self.window + 1) * self.window
        if end != self.end:
            self.end, self.spent = end, 0
        self.spent += 1 + by_others
        headers = {
            "x-limit": str(self.limit),
            "x-remaining": str(max(0, self.limit - self.spent)),
            "x-reset": str(end),
            "date": format_datetime(now, usegmt=True),
        }
        refused = self.spent > self.limit
        return Response(429 if refused else 200, {**headers, **({"retry-after": "3"} if refused else {})}, b"")


@pytest.fixture
def desk(shared: RedisServer) -> Desk:
    """Scripts and their clock."""
    return Desk(shared.client)


@pytest.mark.parametrize("seed", range(8))
def test_decides_as_within_a_process(shared: RedisServer, seed: int) -> None:
    dice = Random(seed)
    desk, window, api, room = Desk(shared.client), Window(HEADERS, COLD), Api(wrong=dice.choice((0, 0.5, -40))), Room(9)
    out: list[tuple[str, Turn, Response | None]] = []
    granted = held = 0
    for _ in range(400):
        desk.now = round(desk.now + dice.choice((0, 0, 0.01, 0.25, 1.5)), 3)
        if dice.random() < 0.6 or not out:
            lane = dice.choice(LANES)
            left = window.left(lane, desk.now)
            unit = desk.take(lane)
            if isinstance(unit, Held):
                held += 1
                assert left <= 0
            else:
                granted += 1
                assert left > 0
                answer = api.answer(desk.utc, dice.choice((0, 0, 0, 2))) if dice.random() < 0.95 else None
                out.append((unit, window.spend(room), answer))
        else:
            unit, turn, answer = out.pop(dice.randrange(len(out)))
            desk.learn(unit, answer)
            window.answered(turn, answer, desk.now, desk.utc)
    assert granted > 50
    assert held > 5


def test_cold_start_is_shared(desk: Desk) -> None:
    units = [desk.take() for _ in range(COLD)]
    assert desk.take() == Held(0.101)
    assert all(units)
    assert isinstance(units[0], str)
    desk.learn(units[0], Api().answer(desk.utc))
    assert isinstance(desk.take(), str)


def test_held_until_the_window_ends(desk: Desk) -> None:
    api = Api(limit=1)
    unit = desk.take()
    assert isinstance(unit, str)
    desk.now = 10.0
    desk.learn(unit, api.answer(desk.utc))
    assert desk.take() == Held(21.001)  # the API's window ends at 30, and clocks may differ by a second
    desk.now = 31.0
    assert isinstance(desk.take(), str)


def test_bulk_leaves_a_tenth(desk: Desk) -> None:
    unit = desk.take()
    assert isinstance(unit, str)
    desk.learn(unit, Api(limit=20).answer(desk.utc))
    assert [isinstance(desk.take("bulk"), str) for _ in range(18)] == [True] * 17 + [False]
    assert [isinstance(desk.take("interactive"), str) for _ in range(3)] == [True, True, False]


def test_units_of_a_process_that_ended_come_back(desk: Desk) -> None:
    for _ in range(COLD):
        desk.take(left=5)
    desk.now = 4.9
    assert isinstance(desk.take(), Held)
    desk.now = 5.0
    assert isinstance(desk.take(), str)


def test_api_without_a_limit(shared: RedisServer) -> None:
    desk = Desk(shared.client, None)
    assert all(isinstance(desk.take(), str) for _ in range(3 * COLD))
    desk.learn("", Response(429, {"retry-after": "7"}, b""))
    assert desk.take("bulk") == Held(7.001)


def test_answers_that_tell_nothing(desk: Desk) -> None:
    unit = desk.take()
    assert isinstance(unit, str)
    desk.learn(unit, Response(200, {}, b""))
    assert all(isinstance(desk.take(), str) for _ in range(3 * COLD))


def test_nothing_stays_for_ever(desk: Desk) -> None:
    unit = desk.take()
    assert isinstance(unit, str)
    desk.learn(unit, Api().answer(desk.utc))
    desk.take()
    assert len(desk.client.keys("*")) == 2
    assert [desk.client.ttl(key) > 0 for key in desk.client.keys("*")] == [True, True]


def test_answer_to_a_request_that_the_store_never_saw(desk: Desk) -> None:
    api = Api(limit=20)
    desk.learn("", api.answer(desk.utc, by_others=9))
    assert sum(isinstance(desk.take(), str) for _ in range(20)) == 10

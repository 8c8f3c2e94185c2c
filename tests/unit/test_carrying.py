"""A call carried by hand: batches, tokens, turns and pauses, its deadline, and what it gives back when it ends."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import orjson
import pytest

from connector_runtime.accounts import Account
from connector_runtime.carrying import Carrier, Endpoint, Keep, Launch, Now
from connector_runtime.delivery import Retries
from connector_runtime.errors import (
    ConnectorError,
    Forbidden,
    OutcomeUnknown,
    RateLimited,
    Timeout,
    Unauthorized,
    Unavailable,
)
from connector_runtime.exchange import Exchange, Failure, Outcome, Request, Response, together
from connector_runtime.replies import failed
from connector_runtime.tokens import Grant, Token, Tokens
from connector_runtime.turns import Caller, LimitHeaders, Room, Turns

HEADERS = LimitHeaders("x-limit", "x-remaining", "x-reset", 30)
GRANT = Grant("https://id.example/token", "sub", 3600, 60, "client-1", "s3cret")
EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
GOOD, DOWN, REFUSED = Response(200, {}, b"[]"), Response(503, {}, b""), Response(401, {}, b"")
READ = Request("GET", "/v1/books", resource="books")
WRITE = Request("POST", "/v1/books", body={}, resource="books", resume="go-on")


def account(grant: Grant = GRANT, token: bool = True) -> Account:
    """Open an account, with or without a token at hand."""
    found = Account(Tokens(grant), Turns(HEADERS, 100))
    if token:
        found.tokens.lease(None, lambda: None)
        found.tokens.settle(None, Token("t0", 1e9), 0)
    return found


def minted(value: str) -> Response:
    """Write the token endpoint's answer."""
    return Response(200, {}, orjson.dumps({"access_token": value, "expires_in": 3600}))


@dataclass
class Hand:
    """Carries a call, step by step; `due` is what the driver has to do."""

    exchange: Exchange[Any]
    account: Account = field(default_factory=account)
    deadline: float = 100.0
    room: Room = field(default_factory=lambda: Room(10))
    retries: Retries = field(default_factory=lambda: Retries(4, 1, 20, lambda: 1.0))
    now: float = 0.0
    told: int = 0
    due: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        endpoint = Endpoint("https://api.example", None, self.retries)
        self.caller = Caller("interactive", self.room, self.tell)
        self.carrier: Carrier[Any] = Carrier(self.exchange, self.account, endpoint, self.caller, self.deadline)

    def tell(self) -> None:
        """Be told that there is something to look at."""
        self.told += 1

    @property
    def moment(self) -> Now:
        """The present."""
        return Now(self.now, EPOCH + timedelta(seconds=self.now))

    def start(self) -> "Hand":
        """Begin."""
        self.due += self.carrier.start(self.moment)
        return self

    def look(self, at: float | None = None) -> "Hand":
        """Look again, at once or at a later moment."""
        self.now = self.now if at is None else at
        self.due += self.carrier.look(self.moment)
        return self

    def next(self, kind: type[Any] = Launch) -> Any:
        """Take the next thing to do, which is of a kind."""
        found = self.due.pop(0)
        assert isinstance(found, kind)
        return found

    def answer(self, launch: Launch, outcome: Outcome) -> "Hand":
        """Let the outcome of a launch come in."""
        if launch.turn is not None:
            response = outcome if isinstance(outcome, Response) else None
            self.account.turns.answered(launch.turn, response, self.now, self.moment.utc)
        self.due += self.carrier.receive(launch.key, outcome, self.moment)
        return self

    def keep(self) -> str:
        """Keep the resume token that is due."""
        kept: Keep = self.next(Keep)
        self.due += self.carrier.receive(kept.key, None, self.moment)
        return kept.token

    def stop(self, trouble: Any = "closed") -> None:
        """End the call from outside."""
        self.carrier.stop(trouble, self.moment)

    def leave(self) -> None:
        """Leave, and check that everything was given back."""
        self.carrier.leave(self.moment)


def asking(*batches: list[Request], ends: Callable[[list[Outcome]], Any] | None = None) -> Exchange[Any]:
    """Ask in batches; give the outcomes, or what is made of them."""
    heard: list[Outcome] = []
    for batch in batches:
        heard += yield batch
    return ends(heard) if ends else heard


def reading(*batches: list[Request]) -> Exchange[Any]:
    """Ask in batches, and raise what a failure stands for, as operations do."""
    for batch in batches:
        for outcome in (yield batch):
            if isinstance(outcome, Failure):
                raise failed(outcome)
    return "read"


def paths(launches: Iterable[Any]) -> list[str]:
    """Give where launches lead."""
    return [each.wire.url.removeprefix("https://") for each in launches]


def test_batches_one_after_another() -> None:
    one, two, three = (Request("GET", f"/{name}", resource=name) for name in "abc")
    hand = Hand(asking([one, two], [three])).start()
    assert paths(hand.due) == ["api.example/a", "api.example/b"]
    first, second = hand.next(), hand.next()
    assert (first.resource, first.number) == ("a", 1)
    # Answers come in any order, and are given in that of the requests.
    hand.answer(second, Response(200, {}, b"b"))
    assert (hand.due, hand.carrier.finished) == ([], False)
    hand.answer(first, Response(200, {}, b"a"))
    hand.answer(hand.next(), Response(200, {}, b"c"))
    assert hand.carrier.finished
    assert [each.body for each in hand.carrier.result] == [b"a", b"b", b"c"]


def test_exchange_that_asks_nothing() -> None:
    hand = Hand(asking()).start()
    assert (hand.carrier.finished, hand.carrier.result, hand.due) == (True, [], [])


def test_exchange_that_raises() -> None:
    def failing() -> Exchange[Any]:
        yield [READ]
        raise ZeroDivisionError

    hand = Hand(failing()).start()
    with pytest.raises(ZeroDivisionError):
        hand.answer(hand.next(), GOOD)


def test_requests_wait_for_room() -> None:
    hand = Hand(asking([READ] * 5), room=Room(2)).start()
    assert len(hand.due) == 2
    hand.answer(hand.next(), GOOD)
    assert len(hand.due) == 2
    assert hand.carrier.wait(hand.moment) == 100


def test_read_is_tried_again_after_its_pause() -> None:
    hand = Hand(asking([READ])).start()
    hand.answer(hand.next(), DOWN)
    assert hand.due == []
    assert hand.carrier.wait(hand.moment) == 1.0
    assert hand.look(0.9).due == []
    launch = hand.look(1.0).next()
    assert launch.number == 2
    hand.answer(launch, GOOD)
    assert hand.carrier.result == [GOOD]


def test_others_are_not_tried_again_when_one_failed_for_good() -> None:
    hand = Hand(asking([READ, READ])).start()
    one, other = hand.next(), hand.next()
    hand.answer(one, Response(403, {}, b""))
    hand.answer(other, DOWN)
    assert [each.status for each in hand.carrier.result] == [403, 503]


def test_resume_token_is_kept_before_the_write_goes_out() -> None:
    hand = Hand(asking([WRITE])).start()
    assert hand.keep() == "go-on"
    launch = hand.next()
    assert launch.wire.method == "POST"
    hand.answer(launch, GOOD)
    assert hand.carrier.finished


def test_one_token_is_got_for_all_requests() -> None:
    hand = Hand(asking([READ, READ, READ]), account(token=False)).start()
    asked = hand.next()
    assert (asked.resource, asked.turn, asked.wire.url) == ("access token", None, "https://id.example/token")
    assert hand.due == []
    hand.answer(asked, minted("t1"))
    assert [each.wire.headers["authorization"] for each in hand.due] == ["Bearer t1"] * 3


def test_requests_that_waited_for_their_turn_carry_the_token_of_now() -> None:
    hand = Hand(asking([READ, READ, Request("GET", "/a", subject="7")]), room=Room(1)).start()
    asked, one = hand.next(), hand.next()
    hand.answer(asked, minted("t7"))
    hand.account.tokens.lease(None, lambda: None)
    hand.account.tokens.settle(None, Token("t1", 1e9), hand.now)
    hand.answer(one, GOOD)
    other = hand.next()
    assert (other.wire.headers["authorization"], other.number) == ("Bearer t1", 1)
    # One that is refused is renewed all the same, and nobody else's token is taken for it.
    hand.answer(other, REFUSED)
    asked, last = hand.next(), hand.next()
    assert last.wire.headers["authorization"] == "Bearer t7"
    hand.answer(asked, minted("t2"))
    hand.answer(last, GOOD)
    assert hand.next().wire.headers["authorization"] == "Bearer t2"


def test_each_user_has_a_token_and_calls_share_it() -> None:
    shared = account(token=False)
    users = [Request("GET", "/a", subject=subject) for subject in ("7", "8", "7")]
    one, other = Hand(asking(users), shared).start(), Hand(asking(users), shared).start()
    seven, eight = one.next(), one.next()
    assert (b"sub=7" in seven.wire.body, b"sub=8" in eight.wire.body) == (True, True)
    assert other.due == []
    one.answer(seven, minted("t7"))
    assert other.told
    assert [each.wire.headers["authorization"] for each in other.look().due] == ["Bearer t7"] * 2
    one.answer(eight, minted("t8"))
    assert other.look().due[-1].wire.headers["authorization"] == "Bearer t8"
    assert len(one.due) == 3


def test_token_that_fails_for_good_ends_every_request() -> None:
    hand = Hand(reading([READ, READ]), account(token=False)).start()
    with pytest.raises(Unauthorized):
        hand.answer(hand.next(), REFUSED)
    hand.leave()
    assert hand.account.tokens.lease(None, lambda: None)


def test_exchange_may_go_on_after_a_token_that_failed() -> None:
    def patient() -> Exchange[Any]:
        try:
            yield [READ, Request("GET", "/a", subject="7")]
        except Forbidden:
            return (yield [READ])

    hand = Hand(patient()).start()
    read, asked = hand.next(), hand.next()
    if asked.turn is not None:
        read, asked = asked, read
    hand.answer(asked, Response(403, {}, b""))
    again = hand.next()
    hand.answer(read, GOOD)  # its batch was dropped: nobody waits for it
    assert not hand.carrier.finished
    hand.answer(again, GOOD)
    assert hand.carrier.result == [GOOD]


def test_refused_token_is_replaced_for_all() -> None:
    hand = Hand(asking([READ, READ])).start()
    one, other = hand.next(), hand.next()
    hand.answer(one, REFUSED)
    asked = hand.next()
    hand.answer(other, REFUSED)
    assert hand.due == []
    hand.answer(asked, minted("t1"))
    for _ in range(2):
        launch = hand.next()
        assert (launch.wire.headers["authorization"], launch.number) == ("Bearer t1", 2)
        hand.answer(launch, GOOD)
    assert hand.carrier.finished


def test_endpoint_that_gives_the_refused_token_again() -> None:
    hand = Hand(asking([READ])).start()
    hand.answer(hand.next(), REFUSED)
    hand.answer(hand.next(), minted("t0"))
    launch = hand.next()
    assert launch.wire.headers["authorization"] == "Bearer t0"
    hand.answer(launch, REFUSED)
    assert (hand.due, hand.carrier.result) == ([], [REFUSED])


def test_token_that_lives_for_no_time_is_used_once() -> None:
    hand = Hand(asking([READ], [READ]), account(token=False)).start()
    for value in ("t1", "t2"):
        answer = Response(200, {}, orjson.dumps({"access_token": value, "expires_in": 0}))
        hand.answer(hand.next(), answer)
        launch = hand.next()
        assert launch.wire.headers["authorization"] == f"Bearer {value}"
        hand.answer(launch, GOOD)
    assert hand.carrier.finished


def test_ready_token_that_is_refused() -> None:
    ready = Grant("https://id.example/token", "sub", 3600, 60, access_token="r3ady")
    hand = Hand(reading([READ]), account(ready, token=False)).start()
    with pytest.raises(Unauthorized, match="only a client id and secret"):
        hand.answer(hand.next(), REFUSED)
    hand.leave()


def ended(hand: Hand, kind: type[ConnectorError], at: float) -> ConnectorError:
    """Let a call's time run out; give what it raises."""
    assert hand.carrier.wait(hand.moment) <= at - hand.now
    hand.now = at
    with pytest.raises(kind) as raised:
        hand.carrier.look(hand.moment)
    hand.leave()
    assert hand.room.free == 10 - (hand.account.turns._window._out != set())
    return raised.value


def test_deadline_in_flight() -> None:
    hand = Hand(reading([READ]), deadline=5).start()
    error = ended(hand, Timeout, 5)
    assert "https://api.example did not answer in time" in error.message


def test_deadline_in_a_pause_gives_what_was_answered() -> None:
    hand = Hand(asking([READ]), deadline=5, retries=Retries(9, 4, 20, lambda: 1.0)).start()
    hand.answer(hand.next(), DOWN)
    hand.answer(hand.look(4).next(), DOWN)  # the next pause would be longer than the time that is left
    assert hand.carrier.result == [DOWN]


def test_deadline_that_comes_before_the_end_of_a_pause() -> None:
    hand = Hand(asking([READ, READ]), deadline=5).start()
    one, _ = hand.next(), hand.next()
    hand.now = 4.5
    hand.answer(one, Response(503, {"retry-after": "0"}, b""))
    hand.stop("timeout")
    assert hand.carrier.result[1] == Failure("timeout", "https://api.example", True)
    assert hand.carrier.result[0].status == 503


def test_deadline_while_a_token_is_got() -> None:
    hand = Hand(reading([READ]), account(token=False), deadline=5).start()
    assert "https://api.example" in ended(hand, Timeout, 5).message
    assert hand.account.tokens.lease(None, lambda: None)


def test_deadline_while_somebody_else_gets_the_token() -> None:
    shared = account(token=False)
    other = Hand(asking([READ]), shared).start()
    hand = Hand(reading([READ]), shared, deadline=5).start()
    assert hand.due == []
    ended(hand, Timeout, 5)
    other.answer(other.next(), minted("t1"))
    assert len(other.due) == 1


def test_deadline_while_the_limit_is_used_up() -> None:
    hand = Hand(reading([READ], [READ]), deadline=5).start()
    reset = str(int((EPOCH + timedelta(seconds=20)).timestamp()))
    hand.answer(hand.next(), Response(200, {"x-limit": "5", "x-remaining": "0", "x-reset": reset}, b"[]"))
    assert hand.due == []
    error = ended(hand, RateLimited, 5)
    assert error.retry_after == 20 + 1 - 5


def test_deadline_while_there_is_no_room() -> None:
    hand = Hand(asking([READ, READ]), deadline=5, room=Room(1)).start()
    hand.look(5)
    host = "https://api.example"
    assert hand.carrier.result == [Failure("timeout", host, True), Failure("timeout", host, False)]


@pytest.mark.parametrize("taken", [True, False])
def test_token_that_nobody_can_get_ends_the_batch_and_not_the_call(taken: bool) -> None:
    def patient() -> Exchange[Any]:
        try:
            yield [READ, READ]
        except Unauthorized:
            return "went on"

    hand = Hand(patient(), account(Grant("https://id.example/token", "sub", 3600, 60), token=False))
    if taken:
        assert hand.account.tokens.lease(None, lambda: None)
        assert hand.start().due == []
        hand.account.tokens.settle(None, None, 0)
        assert hand.told
        hand.look()
    else:
        hand.start()
    assert hand.carrier.result == "went on"
    assert hand.due == []


def test_call_that_waits_for_a_turn_wakes_with_the_window() -> None:
    hand = Hand(asking([READ], [READ])).start()
    reset = str(int((EPOCH + timedelta(seconds=20)).timestamp()))
    hand.answer(hand.next(), Response(200, {"x-limit": "5", "x-remaining": "0", "x-reset": reset}, b"[]"))
    assert hand.carrier.wait(hand.moment) == 21
    assert len(hand.look(21).due) == 1


@pytest.mark.parametrize("token", [True, False])
def test_stopping_gives_an_exchange_its_failures(token: bool) -> None:
    hand = Hand(reading([READ, READ]), account(token=token)).start()
    with pytest.raises(Unavailable, match="ended before"):
        hand.stop()
    hand.leave()


def test_write_that_is_stopped_was_sent_or_not() -> None:
    for kept, sent in ((False, False), (True, True)):
        hand = Hand(asking([WRITE])).start()
        if kept:
            hand.keep()
        hand.stop()
        assert hand.carrier.result == [Failure("closed", "https://api.example", sent)]
        hand.leave()


def telling(cause: BaseException | None) -> Exchange[Any]:
    """An exchange that tells, by a cause, what it wrote before it was interrupted."""
    try:
        yield [WRITE]
    except KeyboardInterrupt as interruption:
        raise interruption from cause


def test_end_tells_what_became_of_what_was_sent() -> None:
    def exchange() -> Exchange[Any]:
        (outcome,) = yield [READ]
        assert isinstance(outcome, Failure)
        raise failed(outcome)

    hand = Hand(exchange()).start()
    assert isinstance(hand.carrier.ended(hand.moment), Unavailable)


def finish(hand: Hand) -> None:
    """Let the steps of what is under way be at an end that nobody has noticed yet."""
    for task in hand.carrier._tasks.values():
        task.steps.close()


def forget(hand: Hand) -> None:
    """Let what came to its end be taken off the list, and not yet counted."""
    hand.carrier._tasks.clear()


@pytest.mark.parametrize("between", [finish, forget])
def test_end_between_any_two_steps_asks_the_exchange_itself(between: Callable[[Hand], None]) -> None:
    told = OutcomeUnknown("nobody knows")
    hand = Hand(telling(told)).start()
    between(hand)
    assert hand.carrier.ended(hand.moment) is told
    silent = Hand(telling(ValueError("something else"))).start()
    between(silent)
    assert silent.carrier.ended(silent.moment) is None


def test_end_of_what_was_through_already() -> None:
    hand = Hand(asking()).start()
    assert hand.carrier.finished
    assert hand.carrier.ended(hand.moment) is None


def test_answer_counts_as_sent_until_it_is_taken_in() -> None:
    """An interruption may come in between: what was stored then is not known."""
    hand = Hand(asking([READ], ends=lambda outcomes: outcomes)).start()
    launch = hand.next()

    class Interrupted:
        def send(self, _: Any) -> None:
            raise KeyboardInterrupt

    task = hand.carrier._tasks[launch.key]
    steps, task.steps = task.steps, Interrupted()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        hand.answer(launch, GOOD)
    task.steps = steps
    hand.stop()
    assert hand.carrier.result == [Failure("closed", "https://api.example", True)]


def test_nothing_is_sent_after_a_stop() -> None:
    heard: list[Any] = []

    def stubborn() -> Exchange[Any]:
        for request in (READ, WRITE, READ):
            heard.extend((yield [request]))
        return "went on"

    hand = Hand(stubborn()).start()
    hand.next()
    hand.stop()
    assert hand.carrier.result == "went on"
    assert [(each.kind, each.sent) for each in heard] == [("closed", True), ("closed", False), ("closed", False)]
    assert hand.look().due == []
    hand.leave()


def test_stopped_call_that_needs_a_token_gets_none() -> None:
    def stubborn() -> Exchange[Any]:
        with pytest.raises(Unavailable):
            yield [READ, READ]
        with pytest.raises(Unavailable):
            yield [Request("GET", "/a", subject="7")]
        return "went on"

    hand = Hand(stubborn(), account(token=False)).start()
    hand.stop()
    assert hand.carrier.result == "went on"
    hand.leave()


def test_leaving_gives_everything_back() -> None:
    shared, room = account(token=False), Room(1)
    leaving = Hand(asking([READ, READ]), shared, room=room).start()
    leaving.answer(leaving.next(), minted("t1"))
    assert room.free == 0
    waiting = Hand(asking([READ]), shared, room=room).start()
    assert waiting.due == []
    launch = leaving.next()
    leaving.leave()
    assert room.free == 0  # what is under way comes back with its answer
    shared.turns.answered(launch.turn, None, 0, EPOCH)
    assert waiting.told
    assert len(waiting.look().due) == 1
    assert leaving.carrier.receive(launch.key, GOOD, leaving.moment) == []


def test_leaving_gives_the_right_to_get_a_token_to_the_next() -> None:
    shared = account(token=False)
    leaving = Hand(asking([READ]), shared).start()
    waiting = Hand(asking([READ]), shared).start()
    assert waiting.due == []
    leaving.leave()
    assert waiting.told == 1
    assert waiting.look().next().resource == "access token"


def test_pause_of_a_batch_that_was_dropped_is_forgotten() -> None:
    def patient() -> Exchange[Any]:
        try:
            yield [READ, Request("GET", "/a", subject="7")]
        except Forbidden:
            return (yield [READ])

    hand = Hand(patient()).start()
    launches = [hand.next(), hand.next()]
    (read,) = (each for each in launches if each.turn is not None)
    (asked,) = (each for each in launches if each.turn is None)
    hand.answer(read, DOWN)
    hand.answer(asked, Response(403, {}, b""))
    hand.next()
    assert hand.look(1.0).due == []
    hand.stop()
    assert hand.carrier.result == [Failure("closed", "https://api.example", True)]


def test_token_that_somebody_else_got_in_between() -> None:
    class Late(Tokens):
        """Somebody gets a token between looking and leasing."""

        def lease(self, subject: str | None, notify: Callable[[], None]) -> bool:
            leased = super().lease(subject, notify)
            self._minted[subject] = Token("t9", inf)
            return leased

    hand = Hand(asking([READ]), Account(Late(GRANT), Turns(HEADERS, 100))).start()
    assert hand.next().wire.headers["authorization"] == "Bearer t9"
    assert Tokens.lease(hand.account.tokens, None, lambda: None)


def test_together_in_one_batch() -> None:
    hand = Hand(together([asking([READ]), asking([READ], [READ])])).start()
    assert len(hand.due) == 2
    hand.answer(hand.next(), GOOD)
    hand.answer(hand.next(), GOOD)
    hand.answer(hand.next(), GOOD)
    assert hand.carrier.result == [[GOOD], [GOOD, GOOD]]

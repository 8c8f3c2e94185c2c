"""How one request is delivered, as values: what is tried again, after how long, and what is never repeated."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import orjson
import pytest

from connector_runtime import errors
from connector_runtime.delivery import Delivery, Pause, Retries, Save, TokenWanted, Wish, delivery, minting
from connector_runtime.exchange import Failure, Outcome, Request, Response, Trouble, Wire
from connector_runtime.tokens import Grant, Token

LOCAL = datetime(2026, 3, 1, 12, tzinfo=UTC)
RETRIES = Retries(4, 0.5, 20, lambda: 1.0)
READ = Request("GET", "/v1/books", (("a b", "c&d"),))
WRITE = Request("POST", "/v1/books", body={"title": "Käse"}, resume="go-on")
GOOD = Response(200, {}, b"[]")
LIMITED = Response(429, {"retry-after": "7"}, b"")
DOWN = Response(503, {}, b"")
REFUSED = Response(401, {}, b"")


@dataclass
class Played:
    """What a delivery wished for, and how it ended."""

    wishes: list[Wish] = field(default_factory=list)
    outcome: Any = None

    def of(self, kind: type[Any]) -> list[Any]:
        """Give the wishes of a kind."""
        return [each for each in self.wishes if isinstance(each, kind)]

    @property
    def pauses(self) -> list[float]:
        """How long it wished to wait."""
        return [each.seconds for each in self.of(Pause)]


def played(steps: Delivery, outcomes: Sequence[Outcome], time_left: float = 1e9) -> Played:
    """Play a delivery with these outcomes and tokens t1, t2 …; pauses fit into the time that is left."""
    done, answers, minted = Played(), iter(outcomes), count(1)
    try:
        wish = next(steps)
        while True:
            done.wishes.append(wish)
            match wish:
                case TokenWanted():
                    wish = steps.send(Token(f"t{next(minted)}", 0))
                case Save():
                    wish = steps.send(None)
                case Pause(seconds=seconds):
                    time_left -= seconds
                    wish = steps.send(time_left >= 0)
                case Wire():
                    wish = steps.send(next(answers))
    except StopIteration as stop:
        done.outcome = stop.value
    assert next(answers, None) is None
    return done


def delivered(outcomes: Sequence[Outcome], request: Request = READ, subject: str | None = None, **more: Any) -> Played:
    """Deliver a request with these outcomes."""
    return played(delivery(request, "https://api.example", subject, RETRIES, lambda: LOCAL), outcomes, **more)


def test_what_is_sent() -> None:
    done = delivered([GOOD])
    assert done.outcome is GOOD
    wanted, wire = done.wishes
    assert wanted == TokenWanted(None, None)
    assert isinstance(wire, Wire)
    assert (wire.method, wire.url, wire.body) == ("GET", "https://api.example/v1/books?a%20b=c%26d", b"")
    assert wire.headers == {"authorization": "Bearer t1", "accept": "application/json"}


def test_rests_before_it_is_sent() -> None:
    early = Request("GET", "/v1/books", rest=60)
    done = delivered([GOOD], early)
    assert done.outcome is GOOD
    assert [type(each) for each in done.wishes] == [Pause, TokenWanted, Wire]
    assert done.pauses == [60]
    given_up = delivered([], early, time_left=59)
    assert given_up.outcome == Failure("early", "the API", False, 60)
    assert given_up.of(Wire) == []


def test_what_is_sent_of_a_write() -> None:
    (wire,) = delivered([Response(201, {}, b"{}")], WRITE).of(Wire)
    assert (wire.method, wire.url) == ("POST", "https://api.example/v1/books")
    assert orjson.loads(wire.body) == {"title": "Käse"}
    assert wire.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("named", "own", "acting"), [(None, None, None), (None, "7", "7"), ("8", "7", "8")])
def test_who_acts(named: str | None, own: str | None, acting: str | None) -> None:
    request = Request("GET", "/v1/books", subject=named)
    assert delivered([GOOD], request, own).of(TokenWanted) == [TokenWanted(acting)]


TROUBLES: dict[Trouble, bool] = {
    "unreachable": True,
    "lost": True,
    "timeout": True,
    "limited": False,
    "closed": False,
    "oversized": False,
    "unreadable": False,
}


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize(("trouble", "transient"), TROUBLES.items())
def test_failures_that_are_tried_again(trouble: Trouble, transient: bool, sent: bool) -> None:
    failure = Failure(trouble, "https://api.example", sent)
    for request, again in ((READ, transient), (WRITE, transient and not sent)):
        done = delivered([failure, GOOD] if again else [failure], request)
        assert done.outcome is (GOOD if again else failure)
        assert len(done.pauses) == again


@pytest.mark.parametrize("status", [*range(200, 209), 302, 400, 403, 404, 409, 422, 429, 500, 501, 502, 503, 504, 505])
def test_statuses_that_are_tried_again(status: int) -> None:
    answer = Response(status, {}, b"")
    for request, kinds in ((READ, {429, 502, 503, 504}), (WRITE, {429})):
        again = status in kinds
        done = delivered([answer, GOOD] if again else [answer], request)
        assert done.outcome is (GOOD if again else answer)
        assert len(done.pauses) == again


@pytest.mark.parametrize("trouble", [DOWN, Failure("lost", "x"), Failure("unreachable", "x", sent=False)])
def test_attempts_come_to_an_end(trouble: Outcome) -> None:
    done = delivered([trouble] * 4)
    assert done.outcome is trouble
    assert done.pauses == [0.5, 1.0, 2.0]


def test_write_that_never_left_comes_to_an_end_too() -> None:
    unreachable = Failure("unreachable", "x", sent=False)
    done = delivered([unreachable] * 4, WRITE)
    assert done.outcome is unreachable
    assert len(done.of(Wire)) == 4


def test_refusals_because_of_the_limit_do_not_count_as_attempts() -> None:
    done = delivered([LIMITED] * 20 + [DOWN, DOWN, LIMITED, DOWN, GOOD])
    assert done.outcome is GOOD
    assert len(done.of(Wire)) == 25
    assert done.pauses[-1] == 20
    done = delivered([DOWN, LIMITED, DOWN, LIMITED, DOWN, DOWN])
    assert done.outcome is DOWN


@pytest.mark.parametrize("outcome", [LIMITED, DOWN, Failure("lost", "x")])
def test_no_time_left_for_another_attempt(outcome: Outcome) -> None:
    done = delivered([outcome], time_left=0.1)
    assert done.outcome is outcome
    assert len(done.of(Wire)) == 1


@pytest.mark.parametrize(("dice", "seconds"), [(0.0, [0.25, 0.5, 1, 2, 2, 2]), (1.0, [0.5, 1, 2, 4, 4, 4])])
def test_pauses_double_up_to_the_longest_with_jitter(dice: float, seconds: list[float]) -> None:
    retries = Retries(99, 0.5, 4, lambda: dice)
    assert [retries.pause(True, DOWN, attempt, 0, LOCAL) for attempt in range(1, 7)] == seconds
    assert retries.pause(True, DOWN, 98, 0, LOCAL) == seconds[-1]


def test_jitter_is_not_always_the_same() -> None:
    retries = Retries(4, 0.5, 4)
    pauses = {retries.pause(True, DOWN, 1, 0, LOCAL) for _ in range(50)}
    assert len(pauses) > 10
    assert all(pause is not None and 0.25 <= pause <= 0.5 for pause in pauses)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7.25),
        ("0.1", 0.5),
        ("0", 0.5),
        ("-3", 0.5),
        ("nan", 0.5),
        ("inf", 0.5),
        ("90000", 0.5),
        ("soon", 0.5),
        ("", 0.5),
        ("Sun, 01 Mar 2026 12:00:09 GMT", 9.25),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.5),
    ],
)
def test_pauses_are_as_long_as_the_api_asks(said: str, seconds: float) -> None:
    for status in (429, 503):
        answer = Response(status, {"retry-after": said}, b"")
        assert RETRIES.pause(True, answer, 1, 0, LOCAL) == pytest.approx(seconds)


def test_pause_is_measured_on_the_clock_of_the_api() -> None:
    date, later = "Sun, 01 Mar 2026 19:00:00 GMT", "Sun, 01 Mar 2026 19:00:05 GMT"
    assert RETRIES.pause(True, Response(429, {"retry-after": later, "date": date}, b""), 1, 1, LOCAL) == 5.25


@pytest.mark.parametrize("request_", [READ, WRITE])
def test_refused_token_is_replaced_once(request_: Request) -> None:
    done = delivered([REFUSED, REFUSED], request_, "7")
    assert done.outcome is REFUSED
    assert [each.headers["authorization"] for each in done.of(Wire)] == ["Bearer t1", "Bearer t2"]
    assert done.of(TokenWanted) == [TokenWanted("7"), TokenWanted("7", Token("t1", 0))]
    assert done.pauses == []


def test_refused_token_between_other_trouble_is_replaced_once_and_costs_no_attempt() -> None:
    done = delivered([DOWN, REFUSED, DOWN, DOWN, REFUSED])
    assert done.outcome is REFUSED
    assert len(done.of(TokenWanted)) == 2
    assert delivered([DOWN, REFUSED, DOWN, DOWN, GOOD]).outcome is GOOD


@pytest.mark.parametrize("outcomes", [[GOOD], [LIMITED, Failure("unreachable", "x", sent=False), REFUSED, GOOD]])
def test_resume_token_is_saved_once_and_before_the_write_goes_out(outcomes: list[Outcome]) -> None:
    done = delivered(outcomes, WRITE)
    kinds = [type(each) for each in done.wishes]
    assert kinds[:3] == [TokenWanted, Save, Wire]
    assert done.of(Save) == [Save("go-on")]
    assert delivered([GOOD]).of(Save) == []


def test_data_that_holds_the_token_stays_as_it_is() -> None:
    told = Response(200, {"a": "b"}, b"t1")
    assert delivered([told]).outcome is told


@pytest.mark.parametrize("status", [400, 403, 500])
def test_refusal_that_repeats_the_token(status: int) -> None:
    told = Response(status, {"a": "b"}, b"you sent t1, Bearer t1")
    assert delivered([told]).outcome == Response(status, {"a": "b"}, b"you sent ***, Bearer ***")


def test_answer_to_a_second_try_repeats_the_second_token() -> None:
    assert delivered([REFUSED, Response(401, {}, b"no t2")]).outcome.body == b"no ***"


def test_no_wish_shows_a_secret() -> None:
    wishes = delivered([GOOD], Request("POST", "/v1/b", body={"pin": "s3cret"}, resume="s3cret")).wishes
    assert [each for each in ("s3cret", "t1") if each in repr(wishes)] == []


GRANT = Grant("https://id.example/token", "sub", 3600, 60, "client-1", "s3cret")


@pytest.mark.parametrize("trouble", [DOWN, Failure("lost", "x"), Failure("timeout", "x")])
def test_token_is_asked_for_like_a_read(trouble: Outcome) -> None:
    done = played(minting(GRANT, "7", RETRIES, lambda: LOCAL), [trouble, LIMITED, trouble, trouble, GOOD])
    assert done.outcome is GOOD
    assert done.pauses == [0.5, 7.5, 2.0, 4.0]
    assert {(each.method, each.url) for each in done.of(Wire)} == {("POST", "https://id.example/token")}
    done = played(minting(GRANT, "7", RETRIES, lambda: LOCAL), [trouble] * 4)
    assert done.outcome is trouble


@pytest.mark.parametrize("answer", [REFUSED, Response(403, {}, b""), Response(500, {}, b"")])
def test_refused_credentials_are_not_tried_again(answer: Response) -> None:
    assert len(played(minting(GRANT, None, RETRIES, lambda: LOCAL), [answer]).of(Wire)) == 1


def test_no_time_left_to_ask_for_a_token_again() -> None:
    assert played(minting(GRANT, None, RETRIES, lambda: LOCAL), [DOWN], time_left=0.1).outcome is DOWN


def test_ready_token_can_not_be_replaced() -> None:
    ready = Grant("https://id.example/token", "sub", 3600, 60, access_token="r3ady")
    with pytest.raises(errors.Unauthorized):
        next(minting(ready, None, RETRIES, lambda: LOCAL))

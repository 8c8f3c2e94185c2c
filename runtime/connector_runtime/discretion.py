"""What an error shows besides its own words: nothing of the frames it came through, whose locals hold values."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from .errors import ConnectorError

P = ParamSpec("P")
T = TypeVar("T")


def bare(error: BaseException) -> None:
    """Take off an error of the contract, or off the one that tells of an interruption, where it came from."""
    told = error if isinstance(error, ConnectorError) else error.__cause__
    if isinstance(told, ConnectorError):
        told.__traceback__ = told.__context__ = told.__cause__ = None


def discreet(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function's errors show neither what it was given nor what it came to know."""

    @wraps(function)
    def called(*given: P.args, **named: P.kwargs) -> T:
        try:
            return function(*given, **named)
        except BaseException as error:
            del given, named
            bare(error)
            raise error

    return called


def discreetly(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """As `discreet`, for a coroutine function."""

    @wraps(function)
    async def called(*given: P.args, **named: P.kwargs) -> T:
        try:
            return await function(*given, **named)
        except BaseException as error:
            del given, named
            bare(error)
            raise error

    return called

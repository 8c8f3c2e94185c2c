"""What an error shows besides its own words: nothing of the frames it came through, whose locals hold values."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from .errors import ConnectorError

P = ParamSpec("P")
T = TypeVar("T")


def bare(error: ConnectorError) -> ConnectorError:
    """Take off an error the frames it came through, and the errors that it arose from."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


def discreet(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function's errors show neither what it was given nor what it came to know."""

    @wraps(function)
    def called(*given: P.args, **named: P.kwargs) -> T:
        try:
            return function(*given, **named)
        except ConnectorError as error:
            del given, named
            raise bare(error) from None
        except BaseException as error:
            if isinstance(error.__cause__, ConnectorError):
                bare(error.__cause__)
            raise

    return called


def discreetly(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """As `discreet`, for a coroutine function."""

    @wraps(function)
    async def called(*given: P.args, **named: P.kwargs) -> T:
        try:
            return await function(*given, **named)
        except ConnectorError as error:
            del given, named
            raise bare(error) from None
        except BaseException as error:
            if isinstance(error.__cause__, ConnectorError):
                bare(error.__cause__)
            raise

    return called

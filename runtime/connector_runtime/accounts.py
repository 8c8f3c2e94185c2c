"""What all connections of a process with one credential share: its tokens and its budget of requests."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock
from weakref import WeakValueDictionary

from .tokens import Tokens
from .turns import Turns


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Account:
    """A credential in use at an API."""

    tokens: Tokens
    turns: Turns


_open: WeakValueDictionary[Hashable, Account] = WeakValueDictionary()
_lock = Lock()


def shared(key: Hashable, made: Callable[[], Account]) -> Account:
    """Give the account that is open under a key, or open it; it ends with the last connection that holds it.

    A forked process opens its own: whoever has a turn or gets a token in the other can't give it back here.
    """
    own = (os.getpid(), key)
    with _lock:
        account = _open.get(own)
        if account is None:
            account = _open[own] = made()
        return account

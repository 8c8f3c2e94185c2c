"""Trouble on demand: which requests meet which of the faults that were declared."""

import random
import threading
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from .declared import Key, read, text, whole
from .kinds import KINDS, Scene
from .wire import Reply

ALWAYS = "always"

SELECTORS = {
    "method": text("an HTTP method such as POST"),
    "path": text("a path such as /v3/jobs, or a pattern such as /v3/*"),
    "times": Key(
        f'a whole number from 1, or "{ALWAYS}"', lambda value: value == ALWAYS or (type(value) is int and value >= 1), 1
    ),
    "after": whole("requests", 0, 0),
    "chance": Key("a number from 0 to 1", lambda value: type(value) in (int, float) and 0 <= value <= 1, 1),
    "seed": Key("a whole number", lambda value: type(value) is int, 0),
}


class Fault:
    """One declared fault, and how often it struck. Raises ValueError for a wrong declaration."""

    def __init__(self, declaration: Any) -> None:
        self.kind, self.values = _checked(declaration)
        self.declaration: dict[str, Any] = dict(declaration)
        self.struck = 0
        self._taken = 0
        self._seen = 0
        self._dice = random.Random(self.values["seed"])  # noqa: S311 (what counts is that it repeats itself)

    @property
    def over(self) -> bool:
        """Whether it has struck as often as it should."""
        return bool(self.struck == self.values["times"])

    def offered(self, method: str, path: str) -> bool:
        """Whether it is ready for a request; every request that it is meant for counts, whoever takes it."""
        values = self.values
        if values["method"] not in (None, method) or not (values["path"] is None or fnmatchcase(path, values["path"])):
            return False
        self._seen += 1
        lucky = self._dice.random() < values["chance"]
        left = values["times"] == ALWAYS or self._taken < values["times"]
        return lucky and left and bool(self._seen > values["after"])

    def take(self) -> None:
        """Reserves one of its times."""
        self._taken += 1

    def settle(self, struck: bool) -> None:
        """Counts a strike, or gives back the time that was reserved."""
        self.struck += struck
        self._taken -= not struck


class Faults:
    """The declared faults, by number; a request meets the first one that is ready for it."""

    def __init__(self) -> None:
        self._planned: dict[int, Fault] = {}
        self._number = 0
        self._lock = threading.Lock()

    def plan(self, declarations: Sequence[Any]) -> list[int]:
        """Adds faults, all or none, and returns their numbers. Raises ValueError."""
        faults = [Fault(declaration) for declaration in declarations]
        with self._lock:
            numbers = [self._number + index for index in range(1, len(faults) + 1)]
            self._planned.update(zip(numbers, faults, strict=True))
            self._number += len(faults)
        return numbers

    def records(self) -> list[dict[str, Any]]:
        """Those that may still strike: number, declaration, and how often each has struck."""
        with self._lock:
            return [
                {"number": number, "struck": fault.struck, "fault": fault.declaration}
                for number, fault in self._planned.items()
            ]

    def remove(self, number: int | None = None) -> bool:
        """Takes back one fault, or all; whether there was one."""
        with self._lock:
            if number is not None:
                return self._planned.pop(number, None) is not None
            self._planned.clear()
            return True

    def answer(self, scene: Scene) -> tuple[Reply, str | None]:
        """The reply to a request, and the kind of fault it met."""
        number, fault = self._take(scene.request.method, scene.request.path)
        if fault is None:
            return scene.answer(), None
        reply = KINDS[fault.kind].act(fault.values, scene)
        with self._lock:
            fault.settle(reply is not None)
            if fault.over:
                self._planned.pop(number, None)
        return (scene.answer(), None) if reply is None else (reply, fault.kind)

    def _take(self, method: str, path: str) -> tuple[int, Fault | None]:
        with self._lock:
            ready = [(number, fault) for number, fault in self._planned.items() if fault.offered(method, path)]
            if not ready:
                return 0, None
            ready[0][1].take()
            return ready[0]


def _checked(declaration: Any) -> tuple[str, Mapping[str, Any]]:
    """The kind of a declared fault, and all its values. Raises ValueError."""
    if not isinstance(declaration, Mapping):
        raise ValueError(f'a fault is an object such as {{"kind": "drop"}}; {_kinds()}')
    name = declaration.get("kind")
    if not isinstance(name, str) or name not in KINDS:
        raise ValueError(f'there is no kind "{name}"; {_kinds()}' if name else f"a fault needs a kind; {_kinds()}")
    kind = KINDS[name]
    what = f'a "{name}" fault'
    values = read(what, {**kind.keys, **SELECTORS}, {key: declaration[key] for key in declaration if key != "kind"})
    if kind.some and not any(values[key] for key in kind.some):
        raise ValueError(f"{what} needs {' or '.join(kind.some)}")
    return name, values


def _kinds() -> str:
    return f"kinds are {', '.join(sorted(KINDS))}"

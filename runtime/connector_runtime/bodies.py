"""Compiles bodies: how pieces of what is sent are made from pieces of the input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .functions import compiled
from .specs import Specs

_ACCESS = {"record": "of[0]", "given": "of[1]"}


class Bodies:
    """The bodies of a connector, each compiled when it is first used."""

    def __init__(self, specs: Specs) -> None:
        self._specs = specs
        self._built: dict[str, tuple[Callable[[Any], Any], Mapping[str, Any]]] = {}
        # What every compiled function needs for `value | as('NAME')`.
        self.bindings: dict[str, Any] = {"as_": self.made}

    def made(self, value: Any, name: str, given: Mapping[str, Any]) -> Any:
        """Make a body of a value, or of each of a list; null stays null."""
        build, defaults = self._body(name)
        told = {**defaults, **given}
        if isinstance(value, list):
            return [build((each, told)) for each in value]
        return None if value is None else build((value, told))

    def _body(self, name: str) -> tuple[Callable[[Any], Any], Mapping[str, Any]]:
        if name not in self._built:
            spec = self._specs.bodies[name]
            build = compiled(spec.document, ("output",), spec.data["output"], _ACCESS, self.bindings)
            self._built[name] = build, spec.data.get("given", {})
        return self._built[name]

"""Puts the connector's files into the wheel; an editable install reads them from the checkout instead."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PARTS = ("connector.yaml", "operations", "ddl", "schemas")


class BundleHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the bundle to ordinary wheels only: in an editable install it would be a stale copy."""
        if version != "editable":
            build_data["force_include"].update({part: f"connector_runtime/bundle/{part}" for part in PARTS})

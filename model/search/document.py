"""An Experiment's file as plain data, and how its faults are told."""

from __future__ import annotations

from typing import Any

from model.errors import BadInput


class Document:
    """Values by dotted path."""

    def __init__(self, data: dict[str, Any], where: str) -> None:
        self.data, self._where = data, where

    def get(self, path: str) -> Any:
        """The value at a dotted path, None where there is none."""
        found: Any = self.data
        for key in path.split("."):
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def require(self, holds: Any, path: str, expected: str, received: Any = None) -> None:
        """Refuses the file where something does not hold."""
        if not holds:
            got = self.get(path) if received is None else received
            raise BadInput(f"{self._where}: expected {path} {expected}. Received: {'nothing' if got is None else got}")

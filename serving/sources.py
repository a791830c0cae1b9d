"""Where detectors come from: one directory, or a directory of them. (A registry is passed in by the command line.)"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple, Protocol

from model.errors import BadInput
from serving.errors import NotFound

DESCRIPTION = "detector.json"


class Resolved(NamedTuple):
    """What a name stands for now."""

    version: str
    directory: Path  # on this machine; it may go once the detector is loaded


class Source(Protocol):
    """Knows the detectors by name."""

    def names(self) -> tuple[str, ...]:
        """Of all models that can be asked for."""
        ...

    def resolve(self, name: str) -> Resolved:
        """The version that is to serve now.

        Raises:
            NotFound: there is no such model.
        """
        ...


class Directory:
    """A detector, or directories each of which is one and is called as the model is.

    Args:
        root: `detector.json` stands in it, or in the directories in it.
        name: of the one detector; None takes its camera's.
    """

    def __init__(self, root: Path, name: str | None = None) -> None:
        self._root = root
        self._one: str | None = None
        if (root / DESCRIPTION).is_file():
            self._one = name or str(_described(root)["camera"])
        elif not self.names():
            raise BadInput(f"{root}: expected a detector, or directories of them. Received: no {DESCRIPTION}")

    def names(self) -> tuple[str, ...]:
        """In alphabetical order."""
        if self._one:
            return (self._one,)
        return tuple(sorted(path.parent.name for path in self._root.glob(f"*/{DESCRIPTION}")))

    def resolve(self, name: str) -> Resolved:
        """A directory's version is the beginning of its description's checksum."""
        if name not in self.names():
            raise NotFound(f"expected a model out of: {', '.join(self.names())}. Received: {name!r}")
        directory = self._root if self._one else self._root / name
        return Resolved(str(_described(directory)["self_sha256"])[:12], directory)


def _described(directory: Path) -> dict[str, object]:
    path = directory / DESCRIPTION
    try:
        described = json.loads(path.read_text())
        return {key: described[key] for key in ("camera", "self_sha256")}
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise BadInput(f"{path}: expected a detector's description. Received: {e!r}") from e

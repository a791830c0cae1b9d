"""Detectors for the service out of the registry."""

from __future__ import annotations

import tempfile
from pathlib import Path

from components.registry import models
from serving.errors import NotFound
from serving.sources import Resolved


class Registered:
    """The version that an address such as `models:/NAME@champion` means, copied to this machine once."""

    def __init__(self, tracking_uri: str, uri: str, directory: Path, name: str = "") -> None:
        """Asks the registry.

        Args:
            tracking_uri: of MLflow.
            uri: of the detector.
            directory: for copies.
            name: what it is served as; "" takes the registered model's.

        Raises:
            BadInput: there is no such detector.
        """
        self._tracking_uri, self._uri, self._directory = tracking_uri, uri, directory
        self._name = name or models.resolve(tracking_uri, uri).name
        self._copies: dict[str, Path] = {}  # by version

    def names(self) -> tuple[str, ...]:
        """The one."""
        return (self._name,)

    def resolve(self, name: str) -> Resolved:
        """The version now.

        Raises:
            NotFound: another model.
            BadInput: the registry does not answer, or has it no longer.
        """
        if name != self._name:
            raise NotFound(f"expected the model {self._name}. Received: {name!r}")
        found = models.resolve(self._tracking_uri, self._uri)
        if found.version not in self._copies:
            place = Path(tempfile.mkdtemp(dir=self._directory))  # a broken download is not found again
            self._copies[found.version] = models.download(self._tracking_uri, found, place)
        return Resolved(found.version, self._copies[found.version])

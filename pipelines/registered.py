"""Detectors for the service out of the registry."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from components.registry import models
from model.errors import BadInput
from serving.errors import NotFound
from serving.sources import Resolved


class Registered:
    """The versions that addresses such as `models:/NAME@champion` mean, copied to this machine once each."""

    def __init__(self, tracking_uri: str, uris: Sequence[str], directory: Path, name: str = "") -> None:
        """Asks the registry.

        Args:
            tracking_uri: of MLflow.
            uris: of the detectors, one a camera.
            directory: for copies.
            name: what a single one is served as; "" takes the registered model's.

        Raises:
            BadInput: there is no such detector, or several have one name.
        """
        self._tracking_uri, self._directory = tracking_uri, directory
        self._uris: dict[str, str] = {}  # by the name that it is served as
        for uri in uris:
            found = models.resolve(tracking_uri, uri).name
            if found in self._uris or (name and len(uris) > 1):
                raise BadInput(f"expected models of different names, and --name beside one only. Received: {found}")
            self._uris[name or found] = uri
        self._copies: dict[models.ModelVersion, Path] = {}

    def names(self) -> tuple[str, ...]:
        """In the order of the addresses."""
        return tuple(self._uris)

    def resolve(self, name: str) -> Resolved:
        """The version now.

        Raises:
            NotFound: another model.
            BadInput: the registry does not answer, or has it no longer.
        """
        if name not in self._uris:
            raise NotFound(f"expected a model out of: {', '.join(self._uris)}. Received: {name!r}")
        found = models.resolve(self._tracking_uri, self._uris[name])
        if found not in self._copies:
            place = Path(tempfile.mkdtemp(dir=self._directory))  # a broken download is not found again
            self._copies[found] = models.download(self._tracking_uri, found, place)
        return Resolved(found.version, self._copies[found])

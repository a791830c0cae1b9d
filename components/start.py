"""The weights that a training starts from: those of another camera's detector, or published ones."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from components.registry import models
from model import config
from model.transfer import base

if TYPE_CHECKING:
    import numpy as np

REGISTERED = "models:/"


def pin(base_model: str, tracking_uri: str) -> tuple[str, str]:
    """The address or path of a base model that means the same tomorrow, and a digest of what is there.

    Raises:
        BadInput: there is none.
    """
    if base_model.startswith(REGISTERED):
        return models.resolve(tracking_uri, base_model).uri, ""  # a version never changes
    return str(Path(base_model).absolute()), base.digest(Path(base_model))


def starting_weights(base_model: str, tracking_uri: str, architecture: config.PredNet) -> list[np.ndarray]:
    """In Keras's order, for a network of these settings.

    Raises:
        BadInput: there is no such model, or its network has other sizes or channels.
    """
    from model.transfer.adapt import adapt

    with tempfile.TemporaryDirectory(prefix="unforeseen-") as scratch:
        directory = Path(base_model)
        if base_model.startswith(REGISTERED):
            directory = models.download(tracking_uri, models.resolve(tracking_uri, base_model), Path(scratch))
        return adapt(base.load(directory), architecture)

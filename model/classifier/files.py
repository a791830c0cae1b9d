"""A classifier as one file of plain arrays; loading executes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from model.classifier.classifier import Classifier
from model.classifier.heads import Dense, Forest, Head
from model.errors import BadInput

LAYOUT = 2  # of the features; one more whenever their number, order or meaning changes
FOREST = ("roots", "feature", "threshold", "left", "right", "value")


def save(classifier: Classifier, path: Path) -> None:
    """Writes an `.npz` file."""
    arrays: dict[str, Any] = {name: getattr(classifier, name) for name in ("mean", "scale", "temperature")}
    arrays["layout"] = LAYOUT
    arrays["classes"] = np.array(classifier.classes)
    np.savez_compressed(path, allow_pickle=False, **arrays, **_arrays(classifier.head))


def load(path: Path) -> Classifier:
    """Reads what `save` wrote.

    Raises:
        BadInput: it was fitted to other features than those of this version.
    """
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    if (layout := int(arrays.get("layout", 1))) != LAYOUT:
        raise BadInput(f"{path}: expected features of layout {LAYOUT}; a new run fits to them. Received: {layout}")
    classes = tuple(str(name) for name in arrays["classes"])
    return Classifier(classes, _head(arrays), arrays["mean"], arrays["scale"], float(arrays["temperature"]))


def _arrays(head: Head) -> dict[str, np.ndarray]:
    if isinstance(head, Forest):
        return {name: getattr(head, name) for name in FOREST}
    assert isinstance(head, Dense)
    weights = {f"weight_{layer}": weight for layer, weight in enumerate(head.weights)}
    return {**weights, **{f"bias_{layer}": bias for layer, bias in enumerate(head.biases)}}


def _head(arrays: dict[str, np.ndarray]) -> Head:
    if "roots" in arrays:
        return Forest(**{name: arrays[name] for name in FOREST})
    layers = range(sum(name.startswith("bias_") for name in arrays))
    return Dense(tuple(arrays[f"weight_{i}"] for i in layers), tuple(arrays[f"bias_{i}"] for i in layers))

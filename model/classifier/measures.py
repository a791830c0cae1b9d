"""How good predicted probabilities are, for the pair anomalous and normal and for each category."""

from __future__ import annotations

from typing import Any

import numpy as np

from model.classifier.classifier import UNNAMED
from model.classifier.examples import Examples
from model.metrics import frame_auroc

BINS = 10


def measures(examples: Examples, probabilities: np.ndarray, measured_on: str) -> dict[str, Any]:
    """Everything by its name, as JSON holds it.

    Args:
        examples: the truth.
        probabilities: `float [N, C]`, of classifiers that were not fitted on those clips.
        measured_on: which predictions these are, in words.
    """
    labels, classes = examples.labels, examples.classes
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (labels, probabilities.argmax(axis=1)), 1)
    anomalous = 1 - probabilities[:, 0]
    right, ranges = _ranges(examples, probabilities)
    return {
        "measured_on": measured_on,
        "frames": len(labels),
        "clips": len(np.unique(examples.clips)),
        "frame_auroc": frame_auroc(labels > 0, anomalous),
        "brier": float(np.mean((anomalous - (labels > 0)) ** 2)),
        "calibration_error": _calibration_error(labels > 0, anomalous),
        "accuracy": float(np.trace(counts) / len(labels)),
        "ranges": ranges,
        "ranges_right": right,
        "classes": list(classes),
        "confusion": counts.tolist(),  # a row a true class, a column a predicted one
        "categories": [_category(examples, probabilities, counts, i) for i in range(len(classes))],
    }


def _category(examples: Examples, probabilities: np.ndarray, counts: np.ndarray, index: int) -> dict[str, Any]:
    true, predicted, hits = counts[index].sum(), counts[:, index].sum(), counts[index, index]
    here = examples.labels == index
    return {
        "name": examples.classes[index],
        "frames": int(true),
        "clips": len(np.unique(examples.clips[here])),
        "precision": float(hits / predicted) if predicted else None,
        "recall": float(hits / true) if true else None,
        "auroc": frame_auroc(here, probabilities[:, index]),
    }


def _calibration_error(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Expected calibration error: how far shares are from probabilities, in bins of equal width."""
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    gaps = [abs(np.sum(labels[bins == b] - probabilities[bins == b])) for b in range(BINS)]
    return float(np.sum(gaps) / len(labels))


def _ranges(examples: Examples, probabilities: np.ndarray) -> tuple[int, int]:
    """Labelled ranges whose summed probabilities name the right category, and how many have a name."""
    starts = np.flatnonzero(np.diff(examples.labels) | np.diff(examples.clips)) + 1
    runs = [run for run in np.split(np.arange(len(examples.labels)), starts) if examples.labels[run[0]] > 0]
    named = [run for run in runs if examples.classes[examples.labels[run[0]]] != UNNAMED]
    guesses = [1 + probabilities[run, 1:].sum(axis=0).argmax() for run in named]
    return sum(int(guess == examples.labels[run[0]]) for guess, run in zip(guesses, named, strict=True)), len(named)

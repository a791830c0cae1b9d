"""Measures of frame scores against labels; frames without a score are left out by the caller."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def frame_auroc(labels: np.ndarray, scores: np.ndarray) -> float | None:
    """Area under the ROC curve of labels `bool [N]` and scores `float [N]`; None where only one kind is there."""
    from sklearn.metrics import roc_auc_score  # a second to import, and unlabelled footage needs none of it

    return float(roc_auc_score(labels, scores)) if _both(labels) else None


def average_precision(labels: np.ndarray, scores: np.ndarray) -> float | None:
    """Area under the precision-recall curve, as a step function."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(labels, scores)) if _both(labels) else None


def roc(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """False positive rates, true positive rates and thresholds, each `float [K]`."""
    from sklearn.metrics import roc_curve

    false, true, thresholds = roc_curve(labels, scores)
    return false, true, thresholds


def equal_error_rate(labels: np.ndarray, scores: np.ndarray) -> float | None:
    """Where the rate of false positives equals the rate of misses, between the ROC's points linearly."""
    if not _both(labels):
        return None
    false, true, _ = roc(labels, scores)
    difference = false - (1.0 - true)  # rises from -1 to 1
    return float(np.interp(0.0, difference, false))


def macro_auroc(labels: Sequence[np.ndarray], scores: Sequence[np.ndarray]) -> float | None:
    """Mean over the clips that have both kinds of frames."""
    values = [frame_auroc(one, other) for one, other in zip(labels, scores, strict=True) if _both(one)]
    return float(np.mean([v for v in values if v is not None])) if values else None


def _both(labels: np.ndarray) -> bool:
    return bool(labels.any() and not labels.all())

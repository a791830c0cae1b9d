"""Pixel scores against pixel masks."""

from __future__ import annotations

import numpy as np


class PixelAuroc:
    """Pixel-level AUROC in bounded memory: the pixels of either kind are counted in bins of their score."""

    def __init__(self) -> None:
        self._counts = np.zeros((2, len(self._EDGES) + 1), np.int64)

    # Two kinds of evidence, each at least -1; finer where normal frames are, coarser in the tail.
    _EDGES = np.concatenate([np.linspace(-2, 3, 10001), np.geomspace(3, 3000, 2000)[1:]])

    def add(self, mask: np.ndarray, scores: np.ndarray) -> None:
        """Takes one frame: mask `uint8 [H, W]` (non-zero is anomalous) and scores `float32 [H, W]`."""
        bins = np.searchsorted(self._EDGES, scores)
        for kind, counts in enumerate(self._counts):
            counts += np.bincount(bins[(mask != 0) == bool(kind)], minlength=len(counts))

    @property
    def value(self) -> float | None:
        """None where only one kind of pixels came; pixels of one bin are tied."""
        normal, anomalous = self._counts
        if not (normal.any() and anomalous.any()):
            return None
        below = np.cumsum(normal) - normal
        return float(((below + 0.5 * normal) * anomalous).sum() / (normal.sum() * anomalous.sum()))

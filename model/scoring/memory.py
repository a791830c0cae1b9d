"""What the network's representation looked like on normal clips: a bank, and the distance to its nearest entry."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from model.scoring.evidence import CELL, COARSE

ENTRIES = 800
CANDIDATES = 12_000


def features(r: tuple[Any, ...], frame_size: tuple[int, int]) -> np.ndarray:
    """R_1 and up side by side, smoothed over 3 x 3 neighbours, `float32 [h, w, D]`."""
    grid = frame_size[0] // CELL // COARSE, frame_size[1] // CELL // COARSE
    parts = []
    for layer in r[1:] or r:
        picture = np.asarray(layer, np.float32)[0]
        shrunk = cv2.resize(picture, grid[::-1], interpolation=cv2.INTER_AREA).reshape(*grid, -1)
        parts.append(cv2.blur(shrunk, (3, 3)).reshape(*grid, -1))
    return np.concatenate(parts, axis=-1)


@dataclass(frozen=True)
class Memory:
    """A bank of normal features, each channel divided by its deviation."""

    entries: np.ndarray  # float32 [M, D]
    deviation: np.ndarray  # float32 [D]

    @classmethod
    def fit(cls, seen: np.ndarray, generator: np.random.Generator) -> Memory:
        """Keeps few of the features `float32 [N, D]`, so that every one has one of them near.

        Greedy k-centre (Gonzalez 1985; for anomalies Roth et al. 2022, arXiv 2106.08265): next comes what is furthest
        from all that was taken. At most half are kept, so that the others tell what distance is usual.
        """
        deviation = np.maximum(seen.std(axis=0), 1e-6)
        candidates = seen[generator.permutation(len(seen))[:CANDIDATES]] / deviation
        taken = [0]
        nearest = np.square(candidates - candidates[0]).sum(axis=1)
        while len(taken) < min(ENTRIES, len(candidates) // 2) and nearest.max() > 0:
            taken.append(int(nearest.argmax()))
            nearest = np.minimum(nearest, np.square(candidates - candidates[taken[-1]]).sum(axis=1))
        return cls(candidates[taken], deviation.astype(np.float32))

    def distance(self, found: np.ndarray) -> np.ndarray:
        """Root mean square distance a channel to the nearest entry, `float32 [h, w]`, of features `[h, w, D]`."""
        entries, half_squares = self._looked_up
        flat = found.reshape(-1, found.shape[-1]) / self.deviation - self.entries[0]
        likeness = flat @ entries  # the square of a distance is |flat|^2 - 2 (likeness - |entry|^2 / 2)
        likeness -= half_squares
        nearest = np.square(flat).sum(axis=1) - 2 * likeness.max(axis=1)
        return np.sqrt(np.maximum(nearest, 0.0) / flat.shape[1]).reshape(found.shape[:2])

    @cached_property
    def _looked_up(self) -> tuple[np.ndarray, np.ndarray]:
        """The entries `[D, M]` and half their squares `[M]`, counted from one of them.

        Far from zero the squares would swallow what sets them apart.
        """
        entries = self.entries - self.entries[0]
        return np.ascontiguousarray(entries.T), np.square(entries).sum(axis=1) / 2

"""How what moves looks: texture, contrast and stiffness of normal clips, and the distance to the nearest of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from scipy.spatial import KDTree

from model.scoring.evidence import CELL, COARSE, block_means, cells, slopes
from model.scoring.motions import LEAF, NEAREST

MOVES = 0.3  # usual speeds; the looks of what is slower are the ground's
PLACE = 0.5  # weight of the place: what looks strange here may be usual there
LEAST = 0.01  # deviation of a feature; less is rounding
ENTRIES = 20_000


def looks(frame: np.ndarray, flow: np.ndarray, block: int) -> np.ndarray:
    """Of what moves around every coarse cell, `float32 [h, w, 7]`: the same near the camera and far away.

    Means are weighted by the speed, so that they tell of what moves and not of the ground behind it. In blocks of twice
    the size: how much velocities differ (limbs swing, wheels and boards do not), how much of the block moves, the root
    mean square gradient across and down, and brightness beside the block's; in single blocks the first and the last.

    Args:
        frame: grey, `float32 [H, W]` in [0, 1].
        flow: that led to it, pixels a frame, `float32 [H, W, 2]`.
        block: size of a block in cells.
    """
    right, down = cv2.split(flow)
    square = right * right + down * down
    speed = np.sqrt(square)
    across, below = slopes(frame)
    whole = [frame, speed, square]
    weighted = [right, down, square, frame, across * across, below * below]
    grid = frame.shape[0] // CELL, frame.shape[1] // CELL
    summed = cells(np.dstack([*whole, *(speed * values for values in weighted)]), grid)
    differing, full, across, below, bright = _parts(block_means(summed, 2 * block))
    near_differing, _, _, _, near_bright = _parts(block_means(summed, block))
    found = np.dstack([differing, full, across, below, bright, near_differing, near_bright])
    return cells(found, (max(1, grid[0] // COARSE), max(1, grid[1] // COARSE)))


def _parts(means: np.ndarray) -> tuple[np.ndarray, ...]:
    """Spread of velocities, moving share, gradients across and down, and contrast, `float32 [h, w]` each."""
    frame, speed, square, right, down, cube, bright, across, below = cv2.split(means)
    weight = np.maximum(speed, np.float32(1e-3))
    mean = (np.square(right) + np.square(down)) / np.square(weight)
    spread = np.sqrt(np.maximum(1 - mean * weight / np.maximum(cube, np.float32(1e-6)), 0))
    full = np.square(speed) / np.maximum(square, np.float32(1e-6))
    return spread, full, np.sqrt(across / weight), np.sqrt(below / weight), bright / weight - frame


@dataclass(frozen=True)
class Appearance:
    """A bank of normal looks and their places, each feature in its deviations."""

    entries: np.ndarray  # float32 [M, 9]
    weights: np.ndarray  # float32 [9], of the features

    @classmethod
    def fit(cls, seen: Sequence[np.ndarray], weights: np.ndarray, generator: np.random.Generator) -> Appearance:
        """Keeps `ENTRIES` of the features `float32 [N, 9]` of several clips, or all where there are fewer."""
        found = np.concatenate([np.zeros((0, len(weights)), np.float32), *seen])
        return cls(found[generator.permutation(len(found))[:ENTRIES]] * weights, weights)

    def distance(self, seen: np.ndarray, speed: np.ndarray) -> np.ndarray:
        """In deviations, `float32 [h, w]`; 0 where nothing moves.

        Args:
            seen: as `looks` gives it, gathered along the motion, `float32 [h, w, 7]`.
            speed: in the row's usual speeds, `float32 [h, w]`.
        """
        found = np.zeros(speed.shape, np.float32)
        where = speed > MOVES
        if len(self.entries) < NEAREST:  # where nothing ever moved, all that moves is strange
            return np.where(where, speed, found)
        nearest = self._tree.query(features(seen, speed) * self.weights, [NEAREST])[0][:, 0]
        found[where] = nearest * np.clip(speed[where] / MOVES - 1.0, 0.0, 1.0)  # comes in gradually, as of motions
        return found

    @cached_property
    def _tree(self) -> KDTree:
        return KDTree(self.entries, LEAF)


def features(seen: np.ndarray, speed: np.ndarray) -> np.ndarray:
    """Looks and place of what moves, `float32 [N, 9]`; arguments as in `Appearance.distance`."""
    rows, columns = np.nonzero(speed > MOVES)
    place = np.stack([rows, columns], axis=-1) / np.float32(speed.shape[0])
    return np.concatenate([seen[rows, columns], place], axis=-1).astype(np.float32)


def feature_weights(seen: Sequence[np.ndarray]) -> np.ndarray:
    """One over the deviation of each of the features `float32 [N, 9]`, and less for the place: `float32 [9]`."""
    found = np.concatenate(seen)
    deviation = found.std(axis=0) if len(found) else np.ones(found.shape[1])
    weights = 1 / np.maximum(deviation, LEAST)
    weights[-2:] *= PLACE
    return np.asarray(weights, np.float32)

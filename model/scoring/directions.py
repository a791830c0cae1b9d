"""Where people go: how rare it is that something moves in this direction at this place."""

from __future__ import annotations

import cv2
import numpy as np

BINS = 8  # directions; one more is standing still
STILL = 0.3  # of the row's usual speed
REACH = 1.5  # cells: neighbours share what they saw


def shares(motion: np.ndarray, speeds: np.ndarray) -> np.ndarray:
    """How much each block belongs to standing still and to each direction, `float32 [h, w, 1 + BINS]`; sums to 1.

    Args:
        motion: pixels a frame, right and down, `float32 [h, w, 2]`.
        speeds: usual speed in each row, `float32 [h]`.
    """
    moving = np.clip(np.hypot(motion[..., 0], motion[..., 1]) / (STILL * speeds[:, np.newaxis]) - 0.5, 0.0, 1.0)
    angle = np.arctan2(motion[..., 1], motion[..., 0]) * np.float32(BINS / (2 * np.pi))
    apart = np.abs((angle[..., np.newaxis] - np.arange(BINS) + BINS / 2) % BINS - BINS / 2)
    directions = np.maximum(0.0, 1.0 - apart) * moving[..., np.newaxis]
    return np.dstack([1.0 - moving, directions]).astype(np.float32)


def rarity(counts: np.ndarray, frames: int) -> np.ndarray:
    """-log10 of the probability of each direction at each place, `float32 [h, w, 1 + BINS]`.

    Args:
        counts: summed shares.
        frames: so many were summed.
    """
    spread = cv2.GaussianBlur(counts, (0, 0), REACH, borderType=cv2.BORDER_REFLECT)
    return np.asarray(-np.log10((spread + 1 / (1 + BINS)) / (frames + 1)), np.float32)  # Laplace: one frame more


def flow_direction(motion: np.ndarray, speeds: np.ndarray, rarities: np.ndarray) -> np.ndarray:
    """The rarity of what every block does, `float32 [h, w]`, beyond that of what is commonest there: standing still."""
    expected = (shares(motion, speeds) * rarities).sum(axis=-1)
    return np.asarray(expected - rarities.min(axis=-1), np.float32)

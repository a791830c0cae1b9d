"""Evidence gathered along the motion: what moves takes its past with it."""

from __future__ import annotations

import cv2
import numpy as np

from model.scoring.evidence import CELL

FALL = 2.0  # frames; where something has left, the past must not stay behind
GATHERED = ("motion_distance",)  # kinds that are made of gathered values: half of the time is enough for them


class Smoother:
    """One clip's running means of maps.

    A block's value jumps from frame to frame as limbs swing. A mean over time in one place would smear over what passes
    there; so the mean is moved with the motion before the new frame is added. It rises slowly and falls fast: what
    counts is what lasts.

    Attributes:
        means: all that is remembered, `float32 [h, w]` a map.
    """

    def __init__(self, frames: float) -> None:
        self._frames = frames
        self.means: dict[str, np.ndarray] = {}

    @property
    def bytes(self) -> int:
        """Of what is remembered."""
        return sum(mean.nbytes for mean in self.means.values())

    def push(self, maps: dict[str, np.ndarray], motion: np.ndarray) -> dict[str, np.ndarray]:
        """The running means `float32 [h, w]` with the next frame's maps.

        Args:
            maps: `float32 [h, w]` a kind of evidence.
            motion: pixels a frame, right and down, `float32 [h, w, 2]`.
        """
        height, width = motion.shape[:2]
        rows, columns = np.indices((height, width), np.float32)
        x, y = columns - motion[..., 0] / CELL, rows - motion[..., 1] / CELL
        for name, now in maps.items():
            last = self.means.get(name)
            moved = now if last is None else cv2.remap(last, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            change = now - moved
            rise = max(1.0, self._frames / 2) if name in GATHERED else self._frames
            share = np.where(change > 0, np.float32(1 / rise), np.float32(1 / min(FALL, rise)))
            self.means[name] = moved + change * share
        return dict(self.means)

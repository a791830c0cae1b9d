"""What a classifier sees of a frame: the strangest place, on the camera's own scales."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from model.scoring import Scene

TINY = 1e-2  # under it the logarithm of a value tells nothing
ALIKE = 0.5  # of a velocity; what differs by less moves with it


class FrameFeatures:
    """One clip's features, frame by frame; causal.

    They are smoothed as the evidence is, for what something is does not change from one frame to the next.

    Attributes:
        smoothed: all that is remembered, `float32 [F]`; None before the first frame.
    """

    def __init__(self, smoothing_frames: float) -> None:
        self._rate = np.float32(1 / smoothing_frames)
        self.smoothed: np.ndarray | None = None

    def push(self, scene: Scene, maps: Mapping[str, np.ndarray], motion: np.ndarray, strange: np.ndarray) -> np.ndarray:
        """Features `float32 [F]` of the next frame that has a score.

        Args:
            scene: what is usual for the camera.
            maps: every kind of evidence on the camera's scale, gathered along the motion, `float32 [h, w]`.
            motion: pixels a frame, right and down, `float32 [h, w, 2]`.
            strange: how strange every place is, `float32 [h, w]`.
        """
        height, width = strange.shape
        y, x = divmod(int(strange.argmax()), width)
        speeds = scene.scales["optical_flow"]
        right, down = np.abs(motion[y, x]) / speeds[y]
        sizes = [*(maps[name][y, x] for name in sorted(maps)), *_size(motion, (y, x), speeds[y])]
        apart = scene.motions.apart(motion, speeds, (y, x))
        plain = np.array([right, down, np.hypot(right, down), *apart, y / height, x / width], np.float32)
        features = np.concatenate([np.log(np.maximum(np.array(sizes, np.float32), TINY)), plain])
        last = features if self.smoothed is None else self.smoothed
        self.smoothed = last + (features - last) * self._rate
        return self.smoothed


def _size(motion: np.ndarray, cell: tuple[int, int], speed: float) -> tuple[float, float, float]:
    """Width, height and area of what moves as this cell does and is connected with it.

    The usual speed of the row is the measure: it tells how near the camera the row is.
    """
    there = motion[cell]
    right, down = cv2.split(motion - there)
    alike = (cv2.magnitude(right, down) < ALIKE * np.hypot(*there)).astype(np.uint8)
    alike[cell] = 1
    _, labels, stats, _ = cv2.connectedComponentsWithStats(alike, connectivity=4)
    width, height, area = stats[labels[cell], 2:].tolist()
    return width / speed, height / speed, area / speed**2

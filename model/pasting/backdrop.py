"""What stands still in a clip, and what moves in front of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

SAMPLE = 40  # frames of a clip that the median is taken over
LEAST_CONTRAST = 10.0  # grey levels over the background; less is compression and cloud
NOISES = 5.0  # standard deviations of the sensor noise that foreground stands out by
SMALLEST = 1.0 / 3000  # share of the picture that a thing covers at least


@dataclass(frozen=True)
class Backdrop:
    """The still part of one clip."""

    picture: np.ndarray  # float32 [H, W, C], grey levels
    noise: float  # standard deviation, grey levels
    lit: np.ndarray  # bool [H, W], False where it is always black: outside the region mask

    @cached_property
    def light(self) -> np.ndarray:
        """Brightness of the surroundings of each pixel, `float32 [H, W]` in grey levels."""
        height = self.picture.shape[0]
        return cv2.GaussianBlur(self.picture.mean(2), (0, 0), height / 40.0)

    @property
    def _threshold(self) -> float:
        return max(LEAST_CONTRAST, NOISES * self.noise)

    def apart(self, pixels: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Which pixels `[h, w, C]` at those rows and columns are clearly not of the backdrop: bool [h, w]."""
        return np.asarray(np.abs(pixels - self.picture[np.ix_(rows, columns)]).max(2) > self._threshold)

    def foreground(self, frame: np.ndarray) -> np.ndarray:
        """Where a frame `uint8 [H, W, C]` differs, cleaned: `uint8 [H, W]`, 0 or 1."""
        difference = frame.astype(np.float32) - self.picture
        difference -= np.median(difference[::4, ::4])  # a cloud before the sun is no thing
        height, width = frame.shape[:2]
        soft = cv2.GaussianBlur(np.abs(difference).max(2), (0, 0), max(0.5, height / 240.0))
        found = (soft > self._threshold).astype(np.uint8)
        found = cv2.morphologyEx(found, cv2.MORPH_CLOSE, _disc(height / 60.0))
        return cv2.morphologyEx(found, cv2.MORPH_OPEN, _disc(height / 120.0))

    def things(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The connected parts of the foreground: `int32 [H, W]`, 0 where none, and boxes `[N, 5]`.

        A box is left, top, width, height, area in pixels; part i of the picture has box i - 1. Small parts have area 0.
        """
        _, parts, boxes, _ = cv2.connectedComponentsWithStats(self.foreground(frame), connectivity=8)
        boxes = boxes[1:].copy()
        boxes[boxes[:, 4] < SMALLEST * parts.size, 4] = 0
        return parts, boxes


def still(frames: np.ndarray) -> Backdrop:
    """The backdrop of a clip `uint8 [T, H, W, C]`: the median over time."""
    chosen = frames[np.linspace(0, len(frames) - 1, min(SAMPLE, len(frames))).astype(int)]
    picture = np.median(chosen, axis=0).astype(np.float32)
    apart = np.abs(chosen[:: max(1, len(chosen) // 8)].astype(np.float32) - picture)
    return Backdrop(picture, float(1.48 * np.median(apart)), chosen.any((0, 3)))


def _disc(radius: float) -> np.ndarray:
    size = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))

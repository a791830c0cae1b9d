"""What a camera's normal clips say of it: its things, how large and how fast they are, and where none is ever seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from model.pasting.backdrop import still
from model.pasting.cutouts import Cutout, cut_out

CLIPS, FRAMES = 12, 120  # at most, of the footage; more says little new and costs seconds
CUTOUTS = 80  # at most
FEWEST = 3  # cut-outs that say what is normal
LIKE_OTHERS = (0.6, 1.4)  # heights against the fit
SLIM = 1.5  # widths over heights against their median; what is wider is several things
SEEN = 2  # frames in which a pixel was covered, to be called a place where things move


@dataclass(frozen=True)
class Scene:
    """Normal footage of one camera in numbers."""

    cutouts: tuple[Cutout, ...]
    size: tuple[float, float]  # height of a thing in pixels = size[0] + size[1] * y of its foot
    heights: tuple[float, float]  # least and largest seen, pixels
    feet: tuple[float, float]  # least and largest y of a foot, pixels
    pace: tuple[float, float]  # own heights a frame: the median, and what one thing in four exceeds
    trodden: np.ndarray  # bool [H, W], where things move in normal footage

    def height_at(self, y: float) -> float:
        """Height in pixels of a normal thing whose foot is at y."""
        return float(np.clip(self.size[0] + self.size[1] * y, 0.7 * self.heights[0], 1.3 * self.heights[1]))


def study(clips: Sequence[np.ndarray]) -> Scene:
    """Looks at normal clips, each `uint8 [T, H, W, C]`, of one camera."""
    covered = np.zeros(clips[0].shape[1:3], np.int32)
    cutouts: list[Cutout] = []
    for number in _spread(len(clips), CLIPS):
        frames = clips[number][:FRAMES]
        found, seen = cut_out(frames, still(frames))
        cutouts += found
        covered += seen
    height = len(covered)
    trodden = cv2.dilate((covered >= SEEN).astype(np.uint8), np.ones((height // 30 + 1,) * 2, np.uint8)) > 0
    if len(cutouts) < FEWEST:  # an empty scene: a thing as high as a sixth of the picture, an eighth of that a frame
        return Scene((), (height / 6, 0.0), (height / 6,) * 2, (height / 3, height - 1.0), (0.12, 0.12), trodden)
    return _measured(cutouts, trodden)


def _measured(cutouts: list[Cutout], trodden: np.ndarray) -> Scene:
    size = _fit(cutouts)
    slim = SLIM * np.median([c.width / c.height for c in cutouts])
    like = [
        c
        for c in cutouts
        if c.width / c.height < slim and LIKE_OTHERS[0] < c.height / (size[0] + size[1] * c.foot[1]) < LIKE_OTHERS[1]
    ]
    kept = like if len(like) >= FEWEST else cutouts
    heights, feet = [c.height for c in kept], [c.foot[1] for c in kept]
    pace = np.quantile([c.pace for c in kept], [0.5, 0.75])
    return Scene(
        cutouts=tuple(kept[number] for number in _spread(len(kept), CUTOUTS)),
        size=size,
        heights=(min(heights), max(heights)),
        feet=(min(feet), max(feet)),
        pace=(float(pace[0]), float(pace[1])),
        trodden=trodden,
    )


def _fit(cutouts: list[Cutout]) -> tuple[float, float]:
    """The line of height over y of the foot with the least absolute distance, by reweighted least squares."""
    y, height = np.array([(c.foot[1], c.height) for c in cutouts]).T
    if np.ptp(y) < 0.5 * np.median(height):
        return float(np.median(height)), 0.0
    weights = np.ones(len(y))
    for _ in range(20):
        slope, offset = np.polyfit(y, height, 1, w=np.sqrt(weights))
        weights = 1 / np.maximum(np.abs(height - offset - slope * y), 0.5)
    return (float(offset), float(slope)) if slope > 0 else (float(np.median(height)), 0.0)


def _spread(number: int, at_most: int) -> list[int]:
    """Up to `at_most` of the first `number` integers, evenly."""
    return sorted(set(np.linspace(0, number - 1, min(number, at_most)).astype(int).tolist()))

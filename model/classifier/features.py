"""What a classifier sees of a frame: the evidence, PredNet's representation, and the place that is strangest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from model.decision import box
from model.scoring import CELL

TINY = 1e-2  # under it the logarithm of a size or a mean tells nothing


class FrameFeatures:
    """One clip's features, frame by frame; causal.

    They are smoothed as the evidence is, for what something is does not change from one frame to the next.

    Attributes:
        smoothed: all that is remembered, `float32 [F]`; None before the first frame.
    """

    def __init__(self, smoothing_frames: float) -> None:
        self._rate = np.float32(1 / smoothing_frames)
        self.smoothed: np.ndarray | None = None

    def push(self, evidence: Mapping[str, float], observation: Any, anomaly_map: np.ndarray) -> np.ndarray:
        """Features `float32 [F]` of the next frame that has a score.

        Args:
            evidence: calibrated, one number a kind.
            observation: of that frame.
            anomaly_map: of that frame, `float32 [H, W]`.
        """
        features = np.concatenate(
            [
                np.array([evidence[name] for name in sorted(evidence)], np.float32),
                _representation(observation.state.r),
                _place(observation.maps, anomaly_map),
            ]
        )
        last = features if self.smoothed is None else self.smoothed
        self.smoothed = last + (features - last) * self._rate
        return self.smoothed


def _representation(r: tuple[Any, ...]) -> np.ndarray:
    """Every channel's mean, and its largest value on either side, over the picture; r is `[1, H_l, W_l, c]` a layer."""
    layers = [np.asarray(layer, np.float32)[0] for layer in r]
    return np.concatenate([pool for x in layers for pool in (x.mean(axis=(0, 1)), np.abs(x).max(axis=(0, 1)))])


def _place(maps: Mapping[str, np.ndarray], anomaly_map: np.ndarray) -> np.ndarray:
    """Where the strangest pixel is, how large what is strange there is, and what each kind of evidence is there."""
    y, x = np.unravel_index(int(anomaly_map.argmax()), anomaly_map.shape)
    left, top, right, bottom = box(anomaly_map)
    there = [maps[name][y // CELL, x // CELL] for name in sorted(maps)]
    sizes = np.array([*there, right - left, bottom - top, anomaly_map[y, x]], np.float32)
    where = np.array([y / anomaly_map.shape[0], x / anomaly_map.shape[1]], np.float32)
    return np.concatenate([np.log(np.maximum(sizes, TINY)), where])

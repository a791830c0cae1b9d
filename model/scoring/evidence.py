"""Kinds of evidence: each a map over the picture, and from a map the largest block means."""

from __future__ import annotations

import cv2
import numpy as np

EVIDENCE = ("prediction_error", "optical_flow")


def squared_error(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean over channels of the squared difference of frames `float32 [H, W, C]`: `float32 [H, W]`."""
    return np.square(a - b).mean(axis=-1)


class FlowSpeed:
    """Speed of dense optical flow (DIS, Kroeger et al. 2016, arXiv 1603.03590) between one frame and the next."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._flow.setFinestScale(0)  # network inputs are small: a walker's legs are lost at half size

    def __call__(self, last: np.ndarray, frame: np.ndarray) -> np.ndarray:
        """Pixels a frame `float32 [H, W]`, from frames `uint8 [H, W, C]`."""
        flow = self._flow.calc(_grey(last), _grey(frame), None)
        return np.hypot(flow[..., 0], flow[..., 1])


def _grey(frame: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(frame[..., 0]) if frame.shape[-1] == 1 else cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)


def block_means(evidence_map: np.ndarray, size: int) -> np.ndarray:
    """Mean of a map `float32 [H, W]` over the block of `size` pixels around every pixel, inside the picture."""
    height, width = evidence_map.shape
    block = (min(size, width), min(size, height))
    return cv2.boxFilter(evidence_map, -1, block, borderType=cv2.BORDER_REFLECT)


def largest_block_means(evidence_map: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """The largest block mean at each size: `float32 [len(sizes)]`."""
    return np.array([block_means(evidence_map, size).max() for size in sizes], np.float32)

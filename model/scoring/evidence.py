"""Kinds of evidence: each a map over the picture, large where something is strange.

Maps lie on a grid of cells of `CELL` x `CELL` pixels of the preprocessed frame. What is normal for this camera
(perspective, motions, memory) comes later, in `scene`; here stands what a frame and the network say by themselves.
"""

from __future__ import annotations

import threading

import cv2
import numpy as np

CELL = 4  # pixels
COARSE = 2  # cells on either side that one look or one feature of the network covers
EXTRAPOLATION = "extrapolation_error"  # the one kind that costs a second step of the network
NOISE = 0.04  # of a pixel value: contrast under it is the sensor's, not the scene's


def prediction_error(squared_error: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """How far the prediction is off, in the size of the picture's own edges, `float32 [h, w]`.

    An edge of contrast g that is predicted d pixels beside its place gives an error of about d g, so that a black coat
    that walks as foreseen would outweigh a grey one that rides a bicycle. The root of the squared error over the
    squared contrast is d (the aperture equation of optical flow, Horn and Schunck 1981).

    Args:
        squared_error: block means of the squared error of the prediction, `float32 [h, w]`.
        contrast: block means of the frame's squared gradient (a pixel), `float32 [h, w]`.
    """
    return np.sqrt(squared_error / (contrast + np.float32(NOISE**2)))


def layer_error(errors: list[np.ndarray]) -> np.ndarray:
    """Mean over the higher layers of their errors E_1, E_2, ..., `float32 [h, w]` each."""
    return np.asarray(np.mean(errors, axis=0, dtype=np.float32))


def squared_difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean over channels of the squared difference of frames `float32 [H, W, C]`: `float32 [H, W]`."""
    return np.square(a - b).mean(axis=-1)


def squared_gradient(frame: np.ndarray) -> np.ndarray:
    """Of a frame `float32 [H, W, C]`, a pixel, the mean over channels: `float32 [H, W]`."""
    return sum(np.square(slope).reshape(frame.shape) for slope in slopes(frame)).mean(axis=-1)


def slopes(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Across and down, a pixel, of a picture `float32 [H, W]` or `[H, W, C]`."""
    # Sobel's kernel sums to eight times the slope.
    across, down = (cv2.Sobel(picture, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    return across, down


class Flow:
    """Dense optical flow (DIS, Kroeger et al. 2016, arXiv 1603.03590) between one frame and the next."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._flow.setFinestScale(0)  # preprocessed frames are small: a walker's legs are lost at half size
        self._flow.setPatchStride(4)  # of 8 pixels: a third faster than the preset's 3, and as good

    def __call__(self, last: np.ndarray, frame: np.ndarray) -> np.ndarray:
        """Pixels a frame, right and down, `float32 [H, W, 2]`, from frames `uint8 [H, W, C]`."""
        return np.asarray(self._flow.calc(grey(last), grey(frame), None))


_own = threading.local()


def flow(last: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """As `Flow`, with the buffers of this thread: there are fewer threads than clips, and a flow needs no past."""
    if not hasattr(_own, "flow"):
        _own.flow = Flow()
    return _own.flow(last, frame)


def grey(frame: np.ndarray) -> np.ndarray:
    """A frame `uint8 [H, W, C]` as `uint8 [H, W]`."""
    return np.ascontiguousarray(frame[..., 0]) if frame.shape[-1] == 1 else cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)


def cells(picture: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """A picture `float32 [H, W]` or `[H, W, C]` as cell means `[h, w]` or `[h, w, C]`; smaller ones are repeated."""
    return cv2.resize(picture, grid[::-1], interpolation=cv2.INTER_AREA)


def block_means(evidence_map: np.ndarray, size: int) -> np.ndarray:
    """Mean of a map `float32 [h, w]` over the block of `size` cells around every cell, inside the picture."""
    height, width = evidence_map.shape[:2]
    block = (min(size, width), min(size, height))
    return cv2.boxFilter(evidence_map, -1, block, borderType=cv2.BORDER_REFLECT)

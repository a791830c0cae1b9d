"""One clip, frame by frame: what the network and the frames themselves give, before any judgement."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np

from model.prednet import State
from model.scoring import evidence
from model.scoring.appearance import looks
from model.scoring.evidence import CELL, block_means, cells, flow, grey
from model.scoring.step import Steps

REMEMBERED = ("state", "last", "last_small", "beyond")


class Observation(NamedTuple):
    """Of one frame, on a grid of cells; on the first frame of a clip the maps say nothing."""

    prediction: np.ndarray  # float32 [H, W, C] in [0, 1] at the network's size, made before the frame was seen
    error: np.ndarray  # float32 [H, W], its squared error
    maps: dict[str, np.ndarray]  # float32 [h, w] a kind of evidence that needs no knowledge of the camera
    motion: np.ndarray  # float32 [h, w, 2], right and down, pixels a frame: how what is in a block moves
    looks: np.ndarray  # float32 [h, w, 7] on a coarser grid: how what moves looks, see `appearance`
    model_mse: float  # mean squared prediction error
    copy_last_frame_mse: float  # the same for the last frame taken as the prediction
    state: State  # the network's, after the frame


class Observer:
    """Holds what must be remembered of one clip: the network's state, the last frame, what was foreseen of the next."""

    def __init__(self, steps: Steps, block_size: int) -> None:
        self._steps = steps
        self._block = max(1, round(block_size / CELL))
        self._state: Any = None
        self._last: np.ndarray | None = None
        self._last_small: np.ndarray | None = None
        self._beyond: np.ndarray | None = None

    @property
    def remembered(self) -> dict[str, np.ndarray]:
        """By name; nothing before the first frame."""
        kept = {name: getattr(self, f"_{name}") for name in REMEMBERED}
        return {name: np.asarray(array) for name, array in kept.items() if array is not None}

    def restore(self, remembered: dict[str, np.ndarray]) -> None:
        """Goes on from there."""
        for name in REMEMBERED:
            setattr(self, f"_{name}", remembered.get(name))

    @property
    def bytes(self) -> int:
        """Of what is remembered."""
        return sum(array.nbytes for array in self.remembered.values())

    def observe(self, frame: np.ndarray) -> Observation:
        """Takes the next preprocessed frame `uint8 [H, W, C]`."""
        last = frame if self._last is None else self._last
        foreseen = self._steps.submit(frame.astype(np.float32) / np.float32(255), self._state)
        speed, motion, seen = self._look(last, frame)  # neither the network nor the flow holds Python's lock
        fresh = self._state is None
        prediction, small, self._state, beyond = foreseen.result()
        extrapolated = prediction if self._beyond is None else self._beyond
        self._beyond = None if fresh else beyond  # there was nothing yet to extrapolate from
        state = self._steps.unpack(self._state)
        last_small = small if self._last_small is None else self._last_small
        self._last, self._last_small = frame, small
        error = evidence.squared_difference(prediction, small)
        copied = evidence.squared_difference(last_small, small)
        grid = frame.shape[0] // CELL, frame.shape[1] // CELL

        def blocks(picture: np.ndarray) -> np.ndarray:
            return block_means(cells(picture, grid), self._block)

        contrast = blocks(evidence.squared_gradient(small))
        layers = [cells(np.asarray(e[0], np.float32).mean(axis=-1), grid) for e in state.e[1:]]
        maps = {
            "prediction_error": evidence.prediction_error(blocks(error), contrast),
            "layer_error": block_means(evidence.layer_error(layers), self._block) if layers else np.zeros_like(speed),
            "optical_flow": speed,
            "frame_difference": np.sqrt(blocks(copied)),
        }
        if beyond is not None:
            further = evidence.squared_difference(extrapolated, small)
            maps[evidence.EXTRAPOLATION] = evidence.prediction_error(blocks(further), contrast)
        return Observation(prediction, error, maps, motion, seen, float(error.mean()), float(copied.mean()), state)

    def _look(self, last: np.ndarray, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Root mean square speed of every block, the motion of what moves in it, and how that looks."""
        field = flow(last, frame)
        right, down = cv2.split(field)
        grid = frame.shape[0] // CELL, frame.shape[1] // CELL
        square = right * right + down * down
        speed = np.sqrt(square)
        sums = block_means(cells(cv2.merge([speed * right, speed * down, speed, square]), grid), self._block)
        motion = sums[..., :2] / np.maximum(sums[..., 2:3], np.float32(1e-3))
        seen = looks(grey(frame).astype(np.float32) / np.float32(255), field, self._block)
        return np.sqrt(sums[..., 3]), motion, seen

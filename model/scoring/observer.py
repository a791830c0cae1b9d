"""One clip, frame by frame: what the network and the frames themselves give, before any judgement."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from model.prednet import PredNet, State
from model.scoring import evidence
from model.scoring.evidence import CELL, Flow, block_means, cells


class Observation(NamedTuple):
    """Of one frame, on a grid of cells; on the first frame of a clip the maps say nothing."""

    prediction: np.ndarray  # float32 [H, W, C] in [0, 1] at the network's size, made before the frame was seen
    error: np.ndarray  # float32 [H, W], its squared error
    maps: dict[str, np.ndarray]  # float32 [h, w] a kind of evidence that needs no knowledge of the camera
    motion: np.ndarray  # float32 [h, w, 2], right and down, pixels a frame: how what is in a block moves
    model_mse: float  # mean squared prediction error
    copy_last_frame_mse: float  # the same for the last frame taken as the prediction
    state: State  # the network's, after the frame


class Step:
    """The network's compiled step, traced once per detector."""

    def __init__(self, network: PredNet, frame_size: tuple[int, int] | None = None) -> None:
        self._network = network
        self._first = network.zero_state(1)
        self._dtype = network.compute_dtype
        shape = (1, *(frame_size or (network.height, network.width)), network.cell.stack_sizes[0])
        # Concrete: to look one up by the shapes of all the state's tensors would cost a tenth of the step.
        self._call = tf.function(self._step).get_concrete_function(tf.TensorSpec(shape, tf.float32), self._first)

    def __call__(self, frame: np.ndarray, state: Any) -> tuple[np.ndarray, np.ndarray, Any]:
        """Prediction and what it should have been, `float32 [H, W, C]` at the network's size, and the next state.

        Args:
            frame: `float32 [H, W, C]` in [0, 1] at its own size.
            state: None before the first frame.
        """
        a_hat, small, state = self._call(frame[np.newaxis], self._first if state is None else state)
        return a_hat.numpy(), small.numpy(), state

    def _step(self, frame: Any, state: Any) -> tuple[Any, Any, Any]:
        small = self._network.shrink(frame)
        step = self._network.cell(tf.cast(small, self._dtype), state)
        return tf.cast(step.a_hat[0], tf.float32), small[0], step.state


class Observer:
    """Holds what must be remembered of one clip: the network's state and the last frame."""

    def __init__(self, step: Step, block_size: int) -> None:
        self._step = step
        self._block = max(1, round(block_size / CELL))
        self._flow = Flow()
        self._beside = ThreadPoolExecutor(1)  # neither the network nor the flow holds Python's lock
        self._state: Any = None
        self._last: np.ndarray | None = None
        self._last_small: np.ndarray | None = None

    def observe(self, frame: np.ndarray) -> Observation:
        """Takes the next preprocessed frame `uint8 [H, W, C]`."""
        last = frame if self._last is None else self._last
        moving = self._beside.submit(self._look, last, frame)
        prediction, small, self._state = self._step(frame.astype(np.float32) / np.float32(255), self._state)
        last_small = small if self._last_small is None else self._last_small
        self._last, self._last_small = frame, small
        error = evidence.squared_difference(prediction, small)
        copied = evidence.squared_difference(last_small, small)
        grid = frame.shape[0] // CELL, frame.shape[1] // CELL
        off, changed, contrast = (
            block_means(cells(x, grid), self._block) for x in (error, copied, evidence.squared_gradient(small))
        )
        layers = [cells(np.asarray(e[0], np.float32).mean(axis=-1), grid) for e in self._state.e[1:]]
        speed, motion = moving.result()
        maps = {
            "prediction_error": evidence.prediction_error(off, contrast),
            "layer_error": block_means(evidence.layer_error(layers), self._block) if layers else np.zeros_like(off),
            "optical_flow": speed,
            "frame_difference": np.sqrt(changed),
        }
        return Observation(prediction, error, maps, motion, float(error.mean()), float(copied.mean()), self._state)

    def _look(self, last: np.ndarray, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Root mean square speed of every block, and the motion of what moves in it."""
        flow = self._flow(last, frame)
        grid = frame.shape[0] // CELL, frame.shape[1] // CELL
        square = np.square(flow).sum(axis=-1)
        weighted = np.sqrt(square)[..., np.newaxis] * flow
        sums = block_means(cells(np.dstack([weighted, np.sqrt(square), square]), grid), self._block)
        motion = sums[..., :2] / np.maximum(sums[..., 2:3], np.float32(1e-3))
        return np.sqrt(sums[..., 3]), motion

"""One clip, frame by frame: what the network and the frames themselves give, before any judgement."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from model.prednet import PredNet
from model.scoring.evidence import FlowSpeed, squared_error


class Observation(NamedTuple):
    """Of one frame; on the first frame of a clip the maps say nothing."""

    prediction: np.ndarray  # float32 [H, W, C] in [0, 1], made before the frame was seen
    maps: dict[str, np.ndarray]  # float32 [H, W] a kind of evidence
    frame_difference: np.ndarray  # float32 [H, W], squared
    state: Any  # of the network after the frame; r is [1, H_l, W_l, r_stack_sizes[l]] a layer

    @property
    def model_mse(self) -> float:
        """Mean squared prediction error."""
        return float(self.maps["prediction_error"].mean())

    @property
    def copy_last_frame_mse(self) -> float:
        """The same for the last frame taken as the prediction."""
        return float(self.frame_difference.mean())


class Step:
    """The network's compiled step, traced once per detector."""

    def __init__(self, network: PredNet) -> None:
        self._first = network.zero_state(1)
        self._dtype = network.compute_dtype
        shape = (1, network.height, network.width, network.cell.stack_sizes[0])
        # Concrete: to look one up by the shapes of all the state's tensors would cost a tenth of the step.
        self._call = tf.function(lambda frame, state: network.cell(frame, state)).get_concrete_function(
            tf.TensorSpec(shape, self._dtype), self._first
        )

    def __call__(self, frame: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        """Prediction `float32 [H, W, C]` and next state, from a frame `float32 [H, W, C]` in [0, 1]."""
        step = self._call(tf.cast(frame[np.newaxis], self._dtype), self._first if state is None else state)
        return step.a_hat[0].numpy().astype(np.float32, copy=False), step.state


class Observer:
    """Holds what must be remembered of one clip: the network's state and the last frame."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._flow = FlowSpeed()
        self._beside = ThreadPoolExecutor(1)  # neither the network nor the flow holds Python's lock
        self._state: Any = None
        self._last: np.ndarray | None = None

    def observe(self, frame: np.ndarray) -> Observation:
        """Takes the next preprocessed frame `uint8 [H, W, C]`."""
        last = frame if self._last is None else self._last
        speed = self._beside.submit(self._flow, last, frame)
        pixels, last_pixels = (x.astype(np.float32) / np.float32(255) for x in (frame, last))
        prediction, self._state = self._step(pixels, self._state)
        self._last = frame
        maps = {"prediction_error": squared_error(prediction, pixels), "optical_flow": speed.result()}
        return Observation(prediction, maps, squared_error(last_pixels, pixels), self._state)

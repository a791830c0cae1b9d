"""PredNet over time: windows of frames in, weighted errors out; and one compiled step for streams."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf
from keras import ops

from model import config
from model.errors import BadInput
from model.prednet.cell import PredNetCell, State, Step
from model.prednet.start import start_by_copying

Tensor = Any


class Rollout(NamedTuple):
    """Every step of a window."""

    a_hat: Tensor  # predictions [B, T, H, W, C]
    e: tuple[Tensor, ...]  # errors per layer [B, T, H_l, W_l, 2 * stack_sizes[l]]
    r: tuple[Tensor, ...]  # representations per layer [B, T, H_l, W_l, r_stack_sizes[l]]


@keras.saving.register_keras_serializable(package="unforeseen")
class PredNet(keras.Model):
    """The loop over time around one cell.

    Called on windows `[B, T, H, W, C]` with values in [0, 1] it returns the mean error of each step and layer and the
    mean squared error of layer 0, `[B, T, L + 1]`: all that training looks at.

    Args:
        cell: the step.
        height: pixels of a frame.
        width: pixels of a frame.
        layer_loss_weights: (1, 0, ...) is the paper's L0, (1, 0.1, ...) its Lall.
    """

    def __init__(
        self, cell: PredNetCell, height: int, width: int, layer_loss_weights: tuple[float, ...], **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.cell = cell
        self.height = height
        self.width = width
        self.layer_loss_weights = tuple(layer_loss_weights)
        if len(self.layer_loss_weights) != cell.layers_count:
            raise ValueError(f"expected {cell.layers_count} layer_loss_weights. Received: {self.layer_loss_weights}")

    def build(self, input_shape: Any = None) -> None:
        """Makes the weights; the shape is known from the constructor."""
        if not self.cell.built:  # loading builds the cell first
            self.cell.build((None, self.height, self.width, self.cell.stack_sizes[0]))
        self.built = True

    def get_build_config(self) -> dict[str, Any]:
        """Nothing beside the constructor's arguments."""
        return {}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Makes the weights on loading."""
        self.build()

    def call(self, frames: Tensor) -> Tensor:
        """Mean errors and squared error of every step from a zero state, `[B, T, L + 1]`."""
        return self.measure(frames, self.zero_state(tf.shape(frames)[0]))[0]

    def measure(self, frames: Tensor, state: State) -> tuple[Tensor, State]:
        """The same from any state, and the state after the last frame."""
        (measures,), state = self._scan(frames, state, lambda step: [self._measure(step)])
        return measures, state

    def weighted_loss(self, measures: Tensor, fresh: Tensor) -> Tensor:
        """Equation (5): the weighted errors; the first frame after a zero state (`fresh`, bool [B]) does not count."""
        layers = ops.convert_to_tensor(self.layer_loss_weights, dtype="float32")
        first = ops.cast(ops.logical_not(fresh), "float32")[:, None]
        times = ops.concatenate([first, ops.ones_like(measures[:, 1:, 0])], axis=1)
        return ops.sum(times * ops.sum(measures[..., :-1] * layers, axis=-1)) / ops.sum(times)

    def rollout(self, frames: Tensor, extrap_start: int | None = None) -> Rollout:
        """All predictions, errors and representations of windows `[B, T, H, W, C]`.

        From step `extrap_start` on the frames are not looked at: the prediction takes the frame's place as the
        target of layer 0. (The published code takes the prediction of the step before, so that its E_0 is not zero.)
        """
        n = self.cell.layers_count
        state = self.zero_state(tf.shape(frames)[0])
        tensors, _ = self._scan(frames, state, lambda step: [step.a_hat, *step.state.e, *step.state.r], extrap_start)
        return Rollout(tensors[0], tuple(tensors[1 : n + 1]), tuple(tensors[n + 1 :]))

    def _scan(
        self, frames: Tensor, state: State, outputs: Callable[[Step], list[Tensor]], extrap_start: int | None = None
    ) -> tuple[list[Tensor], State]:
        """Runs the cell over `[B, T, ...]` and stacks what `outputs` takes from each step; gives the last state too.

        A loop in the graph, not an unrolled one: it is as fast and is traced in half the time.
        """
        frames = tf.transpose(tf.cast(frames, self.compute_dtype), (1, 0, 2, 3, 4))
        length = frames.shape[0]
        first = outputs(self.cell(frames[0], state))
        arrays = [tf.TensorArray(x.dtype, length, element_shape=x.shape) for x in first]

        def body(t: Tensor, state: State, arrays: list[Any]) -> tuple[Tensor, State, list[Any]]:
            step = self.cell(frames[t], state, seen=True if extrap_start is None else t < extrap_start)
            return t + 1, step.state, [a.write(t, x) for a, x in zip(arrays, outputs(step), strict=True)]

        _, state, arrays = tf.while_loop(lambda t, *_: t < length, body, (0, state, arrays), maximum_iterations=length)
        return [_batch_first(a.stack()) for a in arrays], state

    def _measure(self, step: Step) -> Tensor:
        """[B, L + 1] in float32; E_0 holds either half of |A-hat - A|, so its squares sum to the squared error."""
        e = [ops.cast(x, "float32") for x in step.state.e]
        means = [ops.mean(x, axis=(1, 2, 3)) for x in e]
        return ops.stack([*means, 2.0 * ops.mean(ops.square(e[0]), axis=(1, 2, 3))], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Mirrors the constructor."""
        return {
            **super().get_config(),
            "cell": keras.saving.serialize_keras_object(self.cell),
            "height": self.height,
            "width": self.width,
            "layer_loss_weights": self.layer_loss_weights,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> PredNet:
        """Undoes `get_config`."""
        cell = keras.saving.deserialize_keras_object(config.pop("cell"), custom_objects)
        return cls(cell=cell, **config)

    def shrink(self, frames: Tensor) -> Tensor:
        """Frames `[..., H, W, C]` at the network's size, every pixel the mean of the block that it stands for."""
        factor = frames.shape[-3] // self.height
        if factor == 1:
            return frames
        blocks = (-1, self.height, factor, self.width, factor, frames.shape[-1])
        small = tf.reduce_mean(tf.reshape(frames, blocks), axis=(2, 4))
        return tf.reshape(small, (*frames.shape[:-3], *small.shape[1:]))

    def zero_state(self, batch: Any) -> State:
        """The state before the first frame of a clip."""
        return self.cell.initial_state(batch, self.height, self.width)


def _batch_first(x: Tensor) -> Tensor:
    return tf.transpose(x, (1, 0, *range(2, x.shape.rank)))


def check_size(height: int, width: int, layers: int) -> None:
    """The pooling halves the picture between layers, so it must divide.

    Raises:
        BadInput: naming the nearest sizes that fit.
    """
    unit = 1 << (layers - 1)

    def fitting(size: int) -> list[int]:
        return sorted({max(unit, size // unit * unit), -(-size // unit) * unit})

    if height % unit or width % unit or min(height, width) < unit:
        choices = " or ".join(f"{h} x {w}" for h, w in zip(*_padded(fitting(height), fitting(width)), strict=True))
        raise BadInput(
            f"expected preprocessing.height and width that {layers} layers divide by {unit}: {choices}. "
            f"Received: {height} x {width}"
        )


def _padded(a: list[int], b: list[int]) -> tuple[list[int], list[int]]:
    n = max(len(a), len(b))
    return (a * n)[-n:] if len(a) == 1 else a, (b * n)[-n:] if len(b) == 1 else b


def shrunk(size: tuple[int, int], settings: config.PredNet) -> tuple[int, int]:
    """Height and width of what the network sees of frames of this size.

    Raises:
        BadInput: they do not divide.
    """
    height, width = size
    if height % settings.shrink or width % settings.shrink:
        raise BadInput(
            f"expected preprocessing.height and width that prednet.shrink, {settings.shrink}, divides. "
            f"Received: {height} x {width}"
        )
    return height // settings.shrink, width // settings.shrink


def build(
    settings: config.PredNet, height: int, width: int, layer_loss_weights: tuple[float, ...], dtype: str = "float32"
) -> PredNet:
    """A network with fresh weights, for pictures of this size.

    Raises:
        BadInput: settings that do not fit each other or the picture.
    """
    check_size(height, width, len(settings.stack_sizes))
    try:
        sizes = {key: value for key, value in dataclasses.asdict(settings).items() if key != "shrink"}
        cell = PredNetCell(**sizes, dtype=dtype)
        network = PredNet(cell, height, width, layer_loss_weights, dtype=dtype)
    except ValueError as e:
        raise BadInput(f"prednet: {e}") from e
    network.build()
    start_by_copying(cell)
    return network

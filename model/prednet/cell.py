"""One time step of PredNet, in the paper's letters: state and frame in, prediction and next state out."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf
from keras import ops

Tensor = Any


class State(NamedTuple):
    """What the network remembers; one tensor a layer, layer 0 first."""

    r: tuple[Tensor, ...]  # representation [B, H_l, W_l, r_stack_sizes[l]]
    c: tuple[Tensor, ...]  # LSTM cell, the shapes of r
    e: tuple[Tensor, ...]  # error [B, H_l, W_l, 2 * stack_sizes[l]]


class Step(NamedTuple):
    """The outcome of one step."""

    a_hat: Tensor  # prediction of the frame, made before the frame was seen [B, H, W, C]
    state: State


def hard_sigmoid(x: Tensor) -> Tensor:
    """The one PredNet was published with; Keras 3 has another function under this name."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def upsample(x: Tensor) -> Tensor:
    """Every pixel of `[B, H, W, C]` 2 x 2 times. (XLA cannot differentiate keras's own within a loop.)"""
    return tf.nn.depth_to_space(ops.concatenate([x] * 4, axis=-1), 2)


@keras.saving.register_keras_serializable(package="unforeseen")
class PredNetCell(keras.layers.Layer):
    """The equations (1) to (4) of the paper.

    Args:
        stack_sizes: channels of the targets A_l; the first is the frame's.
        r_stack_sizes: channels of the representations R_l.
        a_filter_sizes: kernel sizes of the convolutions to A_1 and up, one fewer than layers.
        a_hat_filter_sizes: kernel sizes of the predictions A-hat_l.
        r_filter_sizes: kernel sizes of the gates of R_l.
        pixel_max: largest value of a pixel; the prediction is clipped there.
    """

    def __init__(
        self,
        stack_sizes: tuple[int, ...],
        r_stack_sizes: tuple[int, ...],
        a_filter_sizes: tuple[int, ...],
        a_hat_filter_sizes: tuple[int, ...],
        r_filter_sizes: tuple[int, ...],
        pixel_max: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.stack_sizes = tuple(stack_sizes)
        self.r_stack_sizes = tuple(r_stack_sizes)
        self.a_filter_sizes = tuple(a_filter_sizes)
        self.a_hat_filter_sizes = tuple(a_hat_filter_sizes)
        self.r_filter_sizes = tuple(r_filter_sizes)
        self.pixel_max = pixel_max
        self.layers_count = len(self.stack_sizes)
        self._check_lengths()

        def convolutions(name: str, channels: list[int], sizes: tuple[int, ...], activation: str | None) -> list[Any]:
            return [
                keras.layers.Conv2D(
                    n, k, padding="same", activation=activation, name=f"{name}_{i}", dtype=self.dtype_policy
                )
                for i, (n, k) in enumerate(zip(channels, sizes, strict=True))
            ]

        # One convolution computes the four gates, in the order input, forget, output, candidate.
        self.gates = convolutions("gates", [4 * n for n in self.r_stack_sizes], self.r_filter_sizes, None)
        self.a_hat = convolutions("a_hat", list(self.stack_sizes), self.a_hat_filter_sizes, "relu")
        self.a = convolutions("a", list(self.stack_sizes[1:]), self.a_filter_sizes, "relu")
        self.pool = keras.layers.MaxPooling2D(2, dtype=self.dtype_policy)

    def _check_lengths(self) -> None:
        n = self.layers_count
        wanted = {"r_stack_sizes": n, "a_filter_sizes": n - 1, "a_hat_filter_sizes": n, "r_filter_sizes": n}
        for name, length in wanted.items():
            if len(getattr(self, name)) != length:
                raise ValueError(
                    f"expected {length} {name} for {n} stack_sizes. "
                    f"Received: {name}={getattr(self, name)}, stack_sizes={self.stack_sizes}"
                )

    def build(self, frame_shape: tuple[int | None, ...]) -> None:
        """Makes the weights for frames `[B, H, W, C]`."""
        for layer in range(self.layers_count):
            top = layer == self.layers_count - 1
            r, e = self.r_stack_sizes[layer], 2 * self.stack_sizes[layer]
            above = 0 if top else self.r_stack_sizes[layer + 1]
            self.gates[layer].build((None, None, None, r + e + above))
            self.a_hat[layer].build((None, None, None, r))
            if not top:
                self.a[layer].build((None, None, None, e))
        self.built = True

    def initial_state(self, batch: Any, height: int, width: int) -> State:
        """Zeros, as the paper has it."""

        def zeros(channels: tuple[int, ...]) -> tuple[Tensor, ...]:
            return tuple(
                ops.zeros((batch, height >> layer, width >> layer, n), dtype=self.compute_dtype)
                for layer, n in enumerate(channels)
            )

        return State(
            zeros(self.r_stack_sizes), zeros(self.r_stack_sizes), zeros(tuple(2 * n for n in self.stack_sizes))
        )

    def call(self, frame: Tensor, state: State, seen: Tensor | bool = True) -> Step:
        """One step; of a frame not `seen` the prediction takes the place (extrapolation), so that E_0 is zero."""
        r, c = self._representations(state)
        e = []
        a_hat_0 = a = frame
        for layer in range(self.layers_count):
            a_hat = self.a_hat[layer](r[layer])  # (2)
            if layer == 0:
                a_hat = a_hat_0 = ops.minimum(a_hat, self.pixel_max)
                a = frame if seen is True else ops.where(seen, frame, a_hat)
            e.append(ops.concatenate([ops.relu(a_hat - a), ops.relu(a - a_hat)], axis=-1))  # (3)
            if layer < self.layers_count - 1:
                a = self.pool(self.a[layer](e[layer]))  # (1)
        return Step(a_hat_0, State(tuple(r), tuple(c), tuple(e)))

    def _representations(self, state: State) -> tuple[list[Tensor], list[Tensor]]:
        r, c = list(state.r), list(state.c)
        above: list[Tensor] = []
        for layer in reversed(range(self.layers_count)):  # (4), from the top down
            x = self.gates[layer](ops.concatenate([state.r[layer], state.e[layer], *above], axis=-1))
            i, f, o, candidate = ops.split(x, 4, axis=-1)
            c[layer] = hard_sigmoid(f) * state.c[layer] + hard_sigmoid(i) * ops.tanh(candidate)
            r[layer] = hard_sigmoid(o) * ops.tanh(c[layer])
            above = [upsample(r[layer])]
        return r, c

    def get_config(self) -> dict[str, Any]:
        """Mirrors the constructor."""
        return {
            **super().get_config(),
            "stack_sizes": self.stack_sizes,
            "r_stack_sizes": self.r_stack_sizes,
            "a_filter_sizes": self.a_filter_sizes,
            "a_hat_filter_sizes": self.a_hat_filter_sizes,
            "r_filter_sizes": self.r_filter_sizes,
            "pixel_max": self.pixel_max,
        }

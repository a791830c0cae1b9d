"""One training step and one validation step, on one device or on several."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from model.prednet import PredNet, State

Tensor = Any


class Figures(NamedTuple):
    """Of one batch, scalars."""

    loss: Tensor
    mse: Tensor
    copy_last_frame_mse: Tensor


class Steps:
    """The compiled steps of a network; the streams' states go in and come out.

    The gradients are clipped and applied by the network's optimizer, which sums them over the devices of `strategy`.
    """

    def __init__(self, network: PredNet, optimizer: Any, strategy: Any, streams: int, *, xla: bool) -> None:
        self._network, self._optimizer, self.strategy = network, optimizer, strategy
        self._streams = streams // strategy.num_replicas_in_sync
        # The optimizer stays outside: where there are several devices it has to leave the compiled function.
        self._gradients = tf.function(self._compute_gradients, autograph=False, jit_compile=xla)
        self._judge = tf.function(self._compute_figures, autograph=False, jit_compile=xla)

    @tf.function(autograph=False)
    def zero_state(self) -> Any:
        """The streams' state before their first frames, a part on each device."""
        return self.strategy.run(lambda: self._network.zero_state(self._streams))

    @tf.function(autograph=False)
    def train(self, batch: Any, state: Any) -> tuple[Figures, Any]:
        """Changes the weights; gives the figures before the change, and the streams' next state."""
        figures, state = self.strategy.run(self._train, (*batch, state))
        return self._mean(figures), state

    @tf.function(autograph=False)
    def validate(self, batch: Any, state: Any) -> tuple[Figures, Any]:
        """The same without a change."""
        # Not the compiled function itself, which a strategy would take apart.
        figures, state = self.strategy.run(lambda *arguments: self._judge(*arguments), (*batch, state))
        return self._mean(figures), state

    def _train(self, frames: Tensor, fresh: Tensor, state: State) -> tuple[Figures, State]:
        gradients, figures, state = self._gradients(frames, fresh, state)
        self._optimizer.apply(gradients, self._network.trainable_variables)
        return figures, state

    def _compute_gradients(self, frames: Tensor, fresh: Tensor, state: State) -> tuple[list[Tensor], Figures, State]:
        with tf.GradientTape() as tape:
            figures, state = self._compute_figures(frames, fresh, state)
            # Each device has its share of the batch; the optimizer adds the gradients up.
            loss = self._optimizer.scale_loss(figures.loss / self.strategy.num_replicas_in_sync)
        return tape.gradient(loss, self._network.trainable_variables), figures, state

    def _compute_figures(self, frames: Tensor, fresh: Tensor, state: State) -> tuple[Figures, State]:
        frames = self._network.shrink(frames)
        measures, state = self._network.measure(frames, _begin(state, fresh))
        loss = self._network.weighted_loss(measures, fresh)
        # Within the window, where both the model and the copy know a last frame.
        copy = tf.reduce_mean(tf.square(frames[:, 1:] - frames[:, :-1]))
        return Figures(loss, tf.reduce_mean(measures[:, 1:, -1]), copy), state

    def _mean(self, figures: Figures) -> Figures:
        return Figures(*(self.strategy.reduce("MEAN", value, axis=None) for value in figures))


def _begin(state: State, fresh: Tensor) -> State:
    """Zero where a stream begins a clip."""
    kept = tf.reshape(tf.logical_not(fresh), (-1, 1, 1, 1))
    return State(*(tuple(x * tf.cast(kept, x.dtype) for x in part) for part in state))

"""The network's compiled step: for one clip, or for several that wait together."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from math import prod
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from model.prednet import PredNet, State


class Stepped(NamedTuple):
    """What one step of one clip gives."""

    prediction: np.ndarray  # float32 [H, W, C] in [0, 1] at the network's size, made before the frame was seen
    seen: np.ndarray  # float32 [H, W, C], what it should have been
    state: Any  # [N], the network's after the frame, all of it in one row; see `Step.unpack`
    beyond: np.ndarray | None = None  # prediction of the next frame, for which this one was not seen either


class Pending(Protocol):
    """A step that is under way."""

    def result(self) -> Stepped:
        """Waits for it."""
        ...


class Steps(Protocol):
    """Whoever makes a step for an observer: alone, or together with those of other clips."""

    def submit(self, frame: np.ndarray, state: Any) -> Pending:
        """Takes a frame `float32 [H, W, C]` in [0, 1] and the state before it, None before the first."""
        ...

    def unpack(self, state: Any) -> State:
        """The parts of a state, each a view."""
        ...


class Step:
    """Traced once for every number of clips that go together; one clip's numbers do not depend on the others.

    Args:
        network: with its weights.
        frame_size: height and width of the frames; None is what the network sees.
        extrapolates: whether the frame after the next is predicted too, which costs as much again.
    """

    def __init__(self, network: PredNet, frame_size: tuple[int, int] | None = None, extrapolates: bool = False) -> None:
        self._network, self._extrapolates = network, extrapolates
        self._size = (*(frame_size or (network.height, network.width)), network.cell.stack_sizes[0])
        self._shapes = [tuple(part.shape[1:]) for part in tf.nest.flatten(network.zero_state(1))]
        self._ends = np.cumsum([prod(shape) for shape in self._shapes]).tolist()
        self._first = tf.zeros(self._ends[-1], network.compute_dtype)
        self._compiled: dict[int, Any] = {}
        self._beside = ThreadPoolExecutor(1)  # the network does not hold Python's lock
        self.compile(1)

    def compile(self, clips: int) -> None:
        """Traces the step for so many clips at once, if it was not yet."""
        if clips in self._compiled:
            return
        frames = tf.TensorSpec((clips, *self._size), tf.float32)
        state = tf.TensorSpec(self._first.shape, self._first.dtype)
        # Concrete, and one row a state: to look one up by the shapes of its tensors would cost a tenth of the step.
        self._compiled[clips] = tf.function(self._step).get_concrete_function(frames, [state] * clips)

    def __call__(self, frame: np.ndarray, state: Any) -> Stepped:
        """One clip's step.

        Args:
            frame: `float32 [H, W, C]` in [0, 1] at its own size.
            state: None before the first frame.
        """
        return self.together([frame], [state])[0]

    def together(self, frames: Sequence[np.ndarray], states: Sequence[Any]) -> list[Stepped]:
        """A step of each of several clips, as many as were compiled for."""
        before = [self._first if state is None else state for state in states]
        predictions, seen, after, *beyond = self._compiled[len(frames)](np.stack(frames), before)
        ahead = map(np.asarray, beyond[0]) if beyond else [None] * len(frames)
        rows = zip(predictions, seen, after, ahead, strict=True)
        return [Stepped(np.asarray(p), np.asarray(s), state, further) for p, s, state, further in rows]

    def submit(self, frame: np.ndarray, state: Any) -> Future[Stepped]:
        """One clip's step, in a thread beside the caller's."""
        return self._beside.submit(self, frame, state)

    def unpack(self, state: Any) -> State:
        """The parts of a state, each a view `[1, H_l, W_l, c]`."""
        rows = np.split(np.asarray(state), self._ends[:-1])
        parts = [row.reshape(1, *shape) for row, shape in zip(rows, self._shapes, strict=True)]
        return self._state(parts)

    def _state(self, parts: Sequence[Any]) -> State:
        layers = len(parts) // 3
        return State(*(tuple(parts[k * layers : (k + 1) * layers]) for k in range(3)))

    def _step(self, frames: Any, states: list[Any]) -> tuple[list[Any], ...]:
        small = self._network.shrink(frames)
        clips = len(states)
        # Taken apart before they are joined, and joined after they are taken apart: a row's parts are no copies.
        rows = zip(*(tf.split(state, np.diff([0, *self._ends])) for state in states), strict=True)
        parts = [tf.reshape(tf.concat(row, 0), (clips, *shape)) for row, shape in zip(rows, self._shapes, strict=True)]
        cell, seen, state = self._network.cell, tf.cast(small, self._network.compute_dtype), self._state(parts)
        step = cell(seen, state)
        apart = [tf.unstack(tf.reshape(part, (clips, -1))) for part in tf.nest.flatten(step.state)]
        after = [tf.concat(row, 0) for row in zip(*apart, strict=True)]
        found = tf.unstack(tf.cast(step.a_hat, tf.float32)), tf.unstack(small), after
        if not self._extrapolates:
            return found
        unseen = cell(seen, state, seen=False).state
        return *found, tf.unstack(tf.cast(cell(seen, unseen, seen=False).a_hat, tf.float32))

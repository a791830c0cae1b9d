"""Training windows: streams that walk through memory-mapped clips, window after window, read when they are due.

A network that only ever sees short windows from a zero state is free to drift on long clips, and does. So every place
in a batch is a stream: its next window begins where the last one ended and takes over the network's state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from model.errors import BadInput

# Windows as `int64 [steps, streams, 3]`: clip, first frame, and 1 where the stream begins a clip with a zero state.
Windows = np.ndarray


def check(clips: Sequence[np.ndarray], window_frames: int, channels: int) -> None:
    """Is there a window in these clips, and are they all of one size and of so many channels?

    Raises:
        BadInput: no.
    """
    _starts(clips, window_frames)
    sizes = sorted({clip.shape[1:] for clip in clips})
    if len(sizes) != 1 or sizes[0][-1] != channels:
        raise BadInput(
            f"expected clips of one size and {channels} channels (as prednet.stack_sizes begins). Received: {sizes}"
        )


def walk(
    clips: Sequence[np.ndarray], window_frames: int, streams: int, steps: int, generator: np.random.Generator
) -> Windows:
    """Random walks: each begins at any window of any clip, all equally likely, and goes on to the clip's end."""
    starts = _starts(clips, window_frames)
    ends = np.cumsum(starts)
    rows = np.zeros((steps, streams, 3), np.int64)
    for stream in range(streams):
        clip, first = -1, 0
        for step in range(steps):
            first += window_frames
            fresh = clip < 0 or first >= starts[clip]
            if fresh:
                flat = generator.integers(0, ends[-1])
                clip = int(np.searchsorted(ends, flat, side="right"))
                first = int(flat - (ends[clip] - starts[clip]))
            rows[step, stream] = clip, first, fresh
    return rows


def patrol(clips: Sequence[np.ndarray], window_frames: int, streams: int, number: int) -> Windows:
    """The same windows every time, about `number`: each clip's first ones, as many of every clip."""
    usable = np.flatnonzero(_starts(clips, window_frames))
    chosen = min(number, len(usable))
    rows = [
        (clip, window * window_frames, window == 0)
        for clip in usable[np.arange(chosen) * len(usable) // chosen].tolist()
        for window in range(min(number // chosen, len(clips[clip]) // window_frames))
    ]
    steps = -(-len(rows) // streams)  # the last stream begins again where it has fewer
    table = np.array(rows, np.int64)[np.arange(streams * steps) % len(rows)].reshape(streams, steps, 3).swapaxes(0, 1)
    table[0, :, 2] = 1  # a stream may take over in the middle of a clip
    return table


def share(windows: Windows, replicas: int, workers: int, worker: int) -> Windows:
    """What the devices of one worker take in turn, `[steps * devices, streams / replicas, 3]`.

    Args:
        windows: of all streams.
        replicas: devices of all workers together.
        workers: how many.
        worker: which of them.
    """
    steps, streams, _ = windows.shape
    parts = windows.reshape(steps, workers, replicas // workers, streams // replicas, 3)
    return parts[:, worker].reshape(-1, streams // replicas, 3)


def _starts(clips: Sequence[np.ndarray], window_frames: int) -> np.ndarray:
    """How many windows begin in each clip `[N]`."""
    starts = np.array([max(0, len(clip) - window_frames + 1) for clip in clips])
    if not starts.any():
        longest = max((len(clip) for clip in clips), default=0)
        raise BadInput(
            f"expected a clip of at least {window_frames} frames (training.window_frames). Received: {longest}"
        )
    return starts


def batches(clips: Sequence[np.ndarray], windows: Windows, window_frames: int) -> Any:
    """A tf.data set of frames `float32 [B, T, H, W, C]` in [0, 1] and `bool [B]`, true where a stream begins anew."""
    shape = (windows.shape[1], window_frames, *clips[0].shape[1:])

    def read(rows: np.ndarray) -> np.ndarray:
        return np.stack([clips[clip][first : first + window_frames] for clip, first, _ in rows])

    def load(rows: Any) -> Any:
        pixels = tf.ensure_shape(tf.numpy_function(read, [rows], tf.uint8, stateful=False), shape)
        return tf.cast(pixels, tf.float32) / 255.0, tf.cast(rows[:, 2], tf.bool)

    # There is nothing to tune, and whoever drops the iterator would wait for the tuner's next look, 41 s after the
    # start.
    options = tf.data.Options()
    options.autotune.enabled = False
    data = tf.data.Dataset.from_tensor_slices(windows)
    return data.map(load, num_parallel_calls=2, deterministic=True).prefetch(2).with_options(options)

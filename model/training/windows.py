"""Training windows: stretches of memory-mapped clips, drawn by seed and epoch, read only when their batch is due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from model.errors import BadInput


def count(clips: Sequence[np.ndarray], window_frames: int) -> np.ndarray:
    """How many windows start in each clip [N]."""
    return np.array([max(0, len(clip) - window_frames + 1) for clip in clips])


def draw(clips: Sequence[np.ndarray], window_frames: int, number: int, generator: np.random.Generator) -> np.ndarray:
    """Random windows, every one of all clips equally likely: `int64 [number, 2]` of clip and first frame."""
    return _locate(clips, window_frames, generator.integers(0, _total(clips, window_frames), number))


def spread(clips: Sequence[np.ndarray], window_frames: int, number: int) -> np.ndarray:
    """Windows at even distances over all clips, the same every time: `int64 [<= number, 2]`."""
    total = _total(clips, window_frames)
    return _locate(clips, window_frames, np.unique(np.linspace(0, total - 1, number).astype(np.int64)))


def _total(clips: Sequence[np.ndarray], window_frames: int) -> int:
    total = int(count(clips, window_frames).sum())
    if not total:
        longest = max((len(clip) for clip in clips), default=0)
        raise BadInput(
            f"expected a clip of at least {window_frames} frames (training.window_frames). Received: {longest}"
        )
    return total


def _locate(clips: Sequence[np.ndarray], window_frames: int, flat: np.ndarray) -> np.ndarray:
    ends = np.cumsum(count(clips, window_frames))
    clip = np.searchsorted(ends, flat, side="right")
    first = flat - np.concatenate([[0], ends])[clip]
    return np.stack([clip, first], axis=-1)


def batches(clips: Sequence[np.ndarray], windows: np.ndarray, window_frames: int, batch_size: int) -> Any:
    """A tf.data set of `float32 [B, T, H, W, C]` in [0, 1]; a last batch that is not full is left out."""
    shape = (batch_size, window_frames, *clips[0].shape[1:])

    def read(rows: np.ndarray) -> np.ndarray:
        return np.stack([clips[clip][first : first + window_frames] for clip, first in rows])

    def load(rows: Any) -> Any:
        pixels = tf.ensure_shape(tf.numpy_function(read, [rows], tf.uint8, stateful=False), shape)
        return tf.cast(pixels, tf.float32) / 255.0

    data = tf.data.Dataset.from_tensor_slices(windows).batch(batch_size, drop_remainder=True)
    return data.map(load, num_parallel_calls=2, deterministic=True).prefetch(2)

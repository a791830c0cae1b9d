"""PredNet's training and inference beside a plain matrix multiplication, all float32 on all cores."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from model import config, prednet, scoring
from model.prednet import cost
from model.training.steps import Steps
from pipelines.bench.clock import Part, Rate, rates

SIZES = (1024, 2048)  # rows and columns of the matrices; which is faster depends on the machine


def measure(settings: config.Config, large: config.Config, rounds: int) -> dict[str, Any]:
    """Training and inference, and inference with the settings of a network that is large enough to be efficient."""
    found = rates(
        {
            **{f"matmul_{size}": _matmul(size) for size in SIZES},
            "training": _training(settings, steps=2),
            "inference": _inference(settings, frames=20),
            "inference_large": _inference(large, frames=1),
        },
        rounds,
    )
    flops, peak = _flops(settings), max(found[f"matmul_{size}"] for size in SIZES)
    return {
        "matmul": {"gflops": peak.best / 1e9, "median_gflops": peak.median / 1e9},
        "training": _row(found["training"], cost.TRAINING * flops, peak),
        "inference": _row(found["inference"], flops, peak),
        "inference_large": _row(found["inference_large"], _flops(large), peak),
    }


def _flops(settings: config.Config) -> int:
    return cost.flops_per_frame(settings.prednet, *_network_size(settings))


def _row(frames: Rate, flops: int, peak: Rate) -> dict[str, float]:
    return {
        "frames_per_second": frames.best,
        "median_frames_per_second": frames.median,
        "gflop_per_frame": flops / 1e9,
        "gflops": frames.best * flops / 1e9,
        "share_of_matmul": frames.best * flops / peak.best,
    }


def build(settings: config.Config) -> prednet.PredNet:
    """A network with fresh weights."""
    return prednet.build(settings.prednet, *_network_size(settings), settings.training.layer_loss_weights)


def _network_size(settings: config.Config) -> tuple[int, int]:
    return prednet.shrunk((settings.preprocessing.height, settings.preprocessing.width), settings.prednet)


def _matmul(size: int) -> Part:
    a, b = (tf.random.stateless_uniform((size, size), (0, seed)) for seed in range(2))

    def run() -> float:
        tf.matmul(a, b).numpy()
        return 2.0 * size**3

    return run


def _training(settings: config.Config, steps: int) -> Part:
    training, network = settings.training, build(settings)
    optimizer = keras.optimizers.Adam(training.learning_rate, global_clipnorm=training.clip_norm)
    optimizer.build(network.trainable_variables)
    compiled = Steps(network, optimizer, tf.distribute.get_strategy(), training.batch_size, xla=training.xla)
    shape = (training.batch_size, training.window_frames, *_picture(settings))
    batch = tf.random.stateless_uniform(shape, (0, 0)), tf.zeros(training.batch_size, tf.bool)
    state = compiled.zero_state()

    def run() -> float:
        nonlocal state
        for _ in range(steps):
            figures, state = compiled.train(batch, state)
            float(figures.loss)  # as the training loop does
        return steps * training.batch_size * training.window_frames

    return run


def _inference(settings: config.Config, frames: int) -> Part:
    step = scoring.Step(build(settings), _picture(settings)[:2])
    clip = np.random.default_rng(0).random((frames, *_picture(settings)), np.float32)

    def run() -> float:
        state = None
        for frame in clip:
            state = step(frame, state).state
        return len(clip)

    return run


def _picture(settings: config.Config) -> tuple[int, int, int]:
    return settings.preprocessing.height, settings.preprocessing.width, settings.preprocessing.channels

"""The training loop: epochs over windows, early stopping, a checkpoint an epoch, and going on after a kill."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from model import config, prednet
from model.training import windows
from model.training.checkpoint import Checkpoint

PROGRESS_SECONDS = 10.0


@dataclass(frozen=True)
class Fitted:
    """A network with its best weights, and how it got there."""

    network: prednet.PredNet
    history: list[dict[str, float]]


def fit(
    train: Sequence[np.ndarray],
    validation: Sequence[np.ndarray],
    architecture: config.PredNet,
    settings: config.Training,
    *,
    checkpoint_dir: Path,
    data_digest: str,
    on_epoch: Callable[[dict[str, float]], None] = lambda record: None,
    progress: Callable[[str], None] = lambda line: None,
    devices: Sequence[str] | None = None,
) -> Fitted:
    """Trains on clips `uint8 [T, H, W, C]`; the same arguments give the same weights on a CPU.

    A killed call is taken up after its last whole epoch by the same call. On more than one GPU (or the logical devices
    named in `devices`) every batch is shared out by MirroredStrategy.

    Raises:
        BadInput: no clip is as long as a window, or the settings do not fit the pictures.
    """
    keras.utils.set_random_seed(settings.seed)
    path = checkpoint_path(checkpoint_dir, architecture, settings, data_digest)
    with _strategy(devices).scope():
        network = _compiled(train[0].shape[1:3], architecture, settings)
    history: list[dict[str, float]] = []
    best_weights = network.get_weights()
    if path.exists():
        checkpoint = Checkpoint.load(path)
        checkpoint.restore(network)
        history, best_weights = checkpoint.history, checkpoint.best_weights
        progress(f"going on after epoch {len(history)} of {settings.epochs}")
    frames = settings.window_frames
    held_out = windows.batches(
        validation, windows.spread(validation, frames, settings.validation_windows), frames, settings.batch_size
    )
    while len(history) < settings.epochs and not _exhausted(history, settings.patience):
        record = _epoch(network, train, held_out, settings, len(history), progress)
        history.append(record)
        if record["validation_loss"] <= min(r["validation_loss"] for r in history):
            best_weights = network.get_weights()
        Checkpoint.take(network, best_weights, history).save(path)
        on_epoch(record)
        progress(_describe(record, settings))
    network.set_weights(best_weights)
    return Fitted(network, history)


def checkpoint_path(directory: Path, architecture: config.PredNet, settings: config.Training, data_digest: str) -> Path:
    """Where a training keeps its state: equal trainings on equal data share a file, others never do."""
    text = config.to_json(architecture) + config.to_json(settings) + data_digest
    return directory / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.npz"


def _strategy(devices: Sequence[str] | None) -> Any:
    devices = [d.name for d in tf.config.list_logical_devices("GPU")] if devices is None else devices
    return tf.distribute.MirroredStrategy(devices) if len(devices) > 1 else tf.distribute.get_strategy()


def _compiled(size: tuple[int, int], architecture: config.PredNet, settings: config.Training) -> prednet.PredNet:
    dtype = "mixed_float16" if settings.mixed_precision else "float32"
    network = prednet.build(architecture, *size, settings.layer_loss_weights, dtype=dtype)
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=settings.learning_rate / max(1, settings.warmup_steps),
        warmup_target=settings.learning_rate,
        warmup_steps=settings.warmup_steps,
        decay_steps=max(1, settings.epochs * settings.steps_per_epoch - settings.warmup_steps),
        alpha=settings.final_learning_rate / settings.learning_rate,
    )
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=settings.clip_norm)
    network.compile(optimizer=optimizer, jit_compile=settings.xla)
    return network


def _exhausted(history: list[dict[str, float]], patience: int) -> bool:
    """No better validation loss for `patience` epochs."""
    losses = [record["validation_loss"] for record in history]
    return len(losses) > patience and min(losses[-patience:]) > min(losses[:-patience])


def _epoch(
    network: prednet.PredNet,
    train: Sequence[np.ndarray],
    held_out: Any,
    settings: config.Training,
    epoch: int,
    progress: Callable[[str], None],
) -> dict[str, float]:
    generator = np.random.default_rng([settings.seed, epoch])  # so that a resumed epoch sees the same windows
    number = settings.steps_per_epoch * settings.batch_size
    drawn = windows.draw(train, settings.window_frames, number, generator)
    data = windows.batches(train, drawn, settings.window_frames, settings.batch_size)
    start = time.monotonic()
    report = _Progress(epoch, settings, progress)
    trained = network.fit(data, epochs=1, verbose=0, shuffle=False, callbacks=[report]).history
    seconds = time.monotonic() - start
    judged = network.evaluate(held_out, verbose=0, return_dict=True)
    return {
        "epoch": float(epoch + 1),
        "loss": float(trained["loss"][0]),
        "validation_loss": float(judged["loss"]),
        "validation_mse": float(judged["mse"]),
        "copy_last_frame_mse": float(judged["copy_last_frame_mse"]),
        "learning_rate": float(network.optimizer.learning_rate),
        "frames_per_second": number * settings.window_frames / seconds,
    }


def _describe(record: dict[str, float], settings: config.Training) -> str:
    ratio = record["validation_mse"] / max(record["copy_last_frame_mse"], 1e-12)
    return (
        f"epoch {record['epoch']:.0f}/{settings.epochs}: loss {record['loss']:.5f}, "
        f"validation {record['validation_loss']:.5f}, squared error {ratio:.2f} of copying the last frame, "
        f"{record['frames_per_second']:.0f} frames/s"
    )


class _Progress(keras.callbacks.Callback):
    """A line every few seconds within an epoch."""

    def __init__(self, epoch: int, settings: config.Training, progress: Callable[[str], None]) -> None:
        super().__init__()
        self.epoch = epoch
        self.settings = settings
        self.progress = progress
        self.start = self.said = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Speaks when it is time."""
        now = time.monotonic()
        if now - self.said < PROGRESS_SECONDS:
            return
        self.said = now
        loss = (logs or {}).get("loss", math.nan)
        rate = (batch + 1) * self.settings.batch_size * self.settings.window_frames / (now - self.start)
        self.progress(
            f"epoch {self.epoch + 1}/{self.settings.epochs}, step {batch + 1}/{self.settings.steps_per_epoch}: "
            f"loss {loss:.5f}, {rate:.0f} frames/s"
        )

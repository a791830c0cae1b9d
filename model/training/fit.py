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
from model.errors import BadInput, RunFailed
from model.training import windows
from model.training.checkpoint import Checkpoint
from model.training.steps import Figures, Steps
from model.training.workers import Workers, together

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
    start: Sequence[np.ndarray] | None = None,
    on_epoch: Callable[[dict[str, float]], None] = lambda record: None,
    progress: Callable[[str], None] = lambda line: None,
    devices: Sequence[str] | None = None,
    workers: Workers | None = None,
) -> Fitted:
    """Trains on clips `uint8 [T, H, W, C]`; the same arguments give the same weights on a CPU.

    It starts from the weights `start`, in Keras's order, or else from fresh ones.

    A killed call is taken up after its last whole epoch by the same call. On more than one GPU (or the logical devices
    named in `devices`) every batch is shared out by MirroredStrategy, and over `workers` likewise; then only the first
    of them reads and writes checkpoints.

    Raises:
        BadInput: no clip is as long as a window, or the settings do not fit the pictures.
        RunFailed: the loss is no number any more.
    """
    for clips in (train, validation):
        windows.check(clips, settings.window_frames, architecture.stack_sizes[0])
    keras.utils.set_random_seed(settings.seed)
    path = checkpoint_path(checkpoint_dir, architecture, settings, data_digest, start)
    patrol = windows.patrol(validation, settings.window_frames, settings.batch_size, settings.validation_windows)
    strategy = _strategy(devices, workers, settings.batch_size)
    size = prednet.shrunk(train[0].shape[1:3], architecture)
    with strategy.scope():
        network, optimizer = _fresh(size, architecture, settings)
        if start is not None:
            network.set_weights(start)
    first = workers is None or workers.first
    with together(workers):
        checkpoint = _newest(path if first else None, network, optimizer, workers)
        history, best_weights = checkpoint.history, checkpoint.best_weights
        if history:
            progress(f"going on after epoch {len(history)} of {settings.epochs}")
        steps = Steps(network, optimizer, strategy, settings.batch_size, xla=settings.xla)
        while len(history) < settings.epochs and not _exhausted(history, settings.patience):
            record = _train_epoch(steps, train, settings, len(history), progress)
            judged = _run(steps.validate, steps.zero_state(), strategy, validation, patrol, settings.window_frames)
            _check_finite(judged.loss, f"validation loss after epoch {len(history) + 1}", settings)
            record |= {
                "validation_loss": judged.loss,
                "validation_mse": judged.mse,
                "copy_last_frame_mse": judged.copy_last_frame_mse,
                "learning_rate": float(optimizer.learning_rate),
            }
            if record["validation_loss"] < min((r["validation_loss"] for r in history), default=math.inf):
                best_weights = network.get_weights()
            history.append(record)
            on_epoch(record)  # rather twice than never, where it is killed here
            if first:
                Checkpoint.take(network, optimizer, best_weights, history).save(path)
            progress(_describe(record, settings))
    if workers:  # the others may be gone when somebody uses it
        network, _ = _fresh(size, architecture, settings)
    network.set_weights(best_weights)
    return Fitted(network, history)


def checkpoint_path(
    directory: Path,
    architecture: config.PredNet,
    settings: config.Training,
    data_digest: str,
    start: Sequence[np.ndarray] | None = None,
) -> Path:
    """Where a training keeps its state: equal trainings by equal code on equal data share a file, others never do."""
    digest = hashlib.sha256((config.to_json(architecture) + config.to_json(settings) + data_digest).encode())
    for weights in start or ():
        digest.update(weights.tobytes())
    for package in (Path(__file__).parent, Path(prednet.__file__).parent):
        for file in sorted(package.glob("*.py")):
            digest.update(file.read_bytes())
    return directory / f"{digest.hexdigest()[:16]}.npz"


def _strategy(devices: Sequence[str] | None, workers: Workers | None, streams: int) -> Any:
    devices = [d.name for d in tf.config.list_logical_devices("GPU")] if devices is None else devices
    replicas = workers.strategy.num_replicas_in_sync if workers else max(1, len(devices))
    if streams % replicas:
        raise BadInput(f"expected training.batch_size that {replicas} devices divide. Received: {streams}")
    if workers:
        return workers.strategy
    return tf.distribute.MirroredStrategy(devices) if replicas > 1 else tf.distribute.get_strategy()


def _newest(path: Path | None, network: prednet.PredNet, optimizer: Any, workers: Workers | None) -> Checkpoint:
    """The state of the file, or of before the first epoch; every worker takes over the first one's."""
    checkpoint = Checkpoint.take(network, optimizer, network.get_weights(), [])
    if path and path.exists():
        checkpoint = Checkpoint.load(path)
    if workers:
        checkpoint = checkpoint.of_first(workers.strategy)
    checkpoint.restore(network, optimizer)
    return checkpoint


def _fresh(
    size: tuple[int, int], architecture: config.PredNet, settings: config.Training
) -> tuple[prednet.PredNet, Any]:
    dtype = "mixed_float16" if settings.mixed_precision else "float32"
    network = prednet.build(architecture, *size, settings.layer_loss_weights, dtype=dtype)
    _freeze(network.cell, settings.freeze_layers)
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=settings.learning_rate / max(1, settings.warmup_steps),
        warmup_target=settings.learning_rate,
        warmup_steps=settings.warmup_steps,
        decay_steps=max(1, settings.epochs * settings.steps_per_epoch - settings.warmup_steps),
        alpha=settings.final_learning_rate / settings.learning_rate,
    )
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=settings.clip_norm)
    if settings.mixed_precision:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(network.trainable_variables)
    return network, optimizer


def _freeze(cell: prednet.PredNetCell, layers: Sequence[int]) -> None:
    """Leaves the convolutions to A, A-hat and the gates of these layers as they are."""
    for layer in layers:
        if layer >= cell.layers_count:
            raise BadInput(f"expected training.freeze_layers below {cell.layers_count}, the layers. Received: {layer}")
        # A_0 is the frame; the convolution to A_1 is the first of its list.
        for unit in (cell.gates[layer], cell.a_hat[layer], *cell.a[max(0, layer - 1) : layer]):
            unit.trainable = False
    if set(layers) == set(range(cell.layers_count)):
        raise BadInput(f"expected training.freeze_layers to leave a layer to train. Received: {list(layers)}")


def _exhausted(history: list[dict[str, float]], patience: int) -> bool:
    """No better validation loss for `patience` epochs."""
    losses = [record["validation_loss"] for record in history]
    return len(losses) > patience and min(losses[-patience:]) >= min(losses[:-patience])


def _check_finite(loss: float, name: str, settings: config.Training) -> None:
    if not math.isfinite(loss):
        raise RunFailed(
            f"the {name} became {loss}. Lower training.learning_rate (it is {settings.learning_rate}) or "
            f"training.clip_norm (it is {settings.clip_norm})"
        )


def _train_epoch(
    steps: Steps,
    train: Sequence[np.ndarray],
    settings: config.Training,
    epoch: int,
    progress: Callable[[str], None],
) -> dict[str, float]:
    generator = np.random.default_rng([settings.seed, epoch])  # so that a resumed epoch sees the same windows
    walks = windows.walk(train, settings.window_frames, settings.batch_size, settings.steps_per_epoch, generator)
    start = said = time.monotonic()

    def report(step: int, loss: float) -> None:
        nonlocal said
        now = time.monotonic()
        _check_finite(loss, f"training loss of epoch {epoch + 1}, step {step},", settings)
        if now - said > PROGRESS_SECONDS:
            said = now
            rate = step * settings.batch_size * settings.window_frames / (now - start)
            progress(
                f"epoch {epoch + 1}/{settings.epochs}, step {step}/{settings.steps_per_epoch}: "
                f"loss {loss:.5f}, {rate:.0f} frames/s"
            )

    figures = _run(steps.train, steps.zero_state(), steps.strategy, train, walks, settings.window_frames, report)
    seconds = time.monotonic() - start
    frames = settings.steps_per_epoch * settings.batch_size * settings.window_frames
    return {"epoch": float(epoch + 1), "loss": figures.loss, "frames_per_second": frames / seconds}


def _run(
    step: Callable[[Any, Any], tuple[Figures, Any]],
    state: Any,
    strategy: Any,
    clips: Sequence[np.ndarray],
    rows: windows.Windows,
    window_frames: int,
    report: Callable[[int, float], None] = lambda number, loss: None,
) -> Figures:
    """Takes every batch through a step, handing the streams' state on; the mean figures."""
    totals = np.zeros(len(Figures._fields))

    def share(context: Any) -> Any:
        here = (context.num_replicas_in_sync, context.num_input_pipelines, context.input_pipeline_id)
        return windows.batches(clips, windows.share(rows, *here), window_frames)

    data = strategy.distribute_datasets_from_function(share)
    for number, batch in enumerate(data, 1):
        figures, state = step(batch, state)
        totals += [float(value) for value in figures]
        report(number, float(figures.loss))
    return Figures(*(totals / len(rows)).tolist())


def _describe(record: dict[str, float], settings: config.Training) -> str:
    ratio = record["validation_mse"] / max(record["copy_last_frame_mse"], 1e-12)
    return (
        f"epoch {record['epoch']:.0f}/{settings.epochs}: loss {record['loss']:.5f}, "
        f"validation {record['validation_loss']:.5f}, squared error {ratio:.2f} of copying the last frame, "
        f"{record['frames_per_second']:.0f} frames/s"
    )

"""A training of seconds, and the same in a process of its own that can be killed or see two devices."""

import dataclasses
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from model import config

ARCHITECTURE = config.PredNet((1, 4), (1, 4), (3,), (3, 3), (3, 3), shrink=1)
SETTINGS = config.Training(
    window_frames=5,
    batch_size=2,
    epochs=4,
    steps_per_epoch=8,
    validation_windows=6,
    layer_loss_weights=(1.0, 0.1),
    learning_rate=0.005,
    final_learning_rate=0.001,
    warmup_steps=2,
    patience=9,
)


def moving_block(frames, seed):
    """A bright block that walks over noise, `uint8 [T, 16, 24, 1]`."""
    clip = np.random.default_rng(seed).normal(100, 6, (frames, 16, 24, 1))
    for t in range(frames):
        clip[t, 5:11, (t // 2) % 20 : (t // 2) % 20 + 4] = 160
    return clip.clip(0, 255).astype(np.uint8)


TRAIN = [moving_block(30 + 5 * seed, seed) for seed in range(3)]
VALIDATION = [moving_block(20, 10 + seed) for seed in range(2)]


class Slow(np.ndarray):
    """Takes its time, so that a kill finds an epoch under way."""

    def __getitem__(self, key):
        time.sleep(0.2)
        return super().__getitem__(key)


def two_devices():
    # The same graph, compiled in half the time: here it matters that it compiles and learns, not how fast it then is.
    os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0"
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    return ["CPU:0", "CPU:1"]


def main(mode, directory):
    """Leaves weights and records in the directory, which holds the checkpoints too."""
    from model import training

    train = [clip.view(Slow) for clip in TRAIN] if mode == "slow" else TRAIN
    devices = two_devices() if mode == "mirrored" else None
    lines, records, records_under_xla = [], [], []

    def fit(settings, records):
        return training.fit(
            train,
            VALIDATION,
            ARCHITECTURE,
            settings,
            checkpoint_dir=Path(directory),
            data_digest="tiny",
            on_epoch=records.append,
            progress=lines.append,
            devices=devices,
        )

    np.savez(Path(directory) / f"{mode}.npz", *fit(SETTINGS, records).network.get_weights())
    if mode == "mirrored":
        fit(dataclasses.replace(SETTINGS, epochs=2, xla=True), records_under_xla)
    story = {"records": records, "lines": lines, "records_under_xla": records_under_xla}
    (Path(directory) / f"{mode}.json").write_text(json.dumps(story))


def one_of_several(words):
    """Trains with those whom TF_CONFIG names, or alone; leaves the weights and records in the directory."""
    from model import training

    directory = Path(words[0])
    workers = training.join(os.environ.get("TF_CONFIG", ""))
    fitted = training.fit(
        TRAIN,
        VALIDATION,
        ARCHITECTURE,
        dataclasses.replace(SETTINGS, epochs=6),
        checkpoint_dir=directory,
        data_digest="tiny",
        progress=lambda line: print(line, flush=True),
        workers=workers,
    )
    np.savez(directory / "weights.npz", *fitted.network.get_weights())
    (directory / "history.json").write_text(json.dumps(fitted.history))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A training of seconds, and the same in a process of its own that can be killed or see two devices."""

import json
import sys
import time
from pathlib import Path

import numpy as np

from model import config

ARCHITECTURE = config.PredNet((1, 4), (1, 4), (3,), (3, 3), (3, 3))
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


def main(mode, checkpoints, result):
    from model import training

    devices = None
    if mode == "mirrored":
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
        devices = ["CPU:0", "CPU:1"]
    lines, records = [], []
    fitted = training.fit(
        [clip.view(Slow) for clip in TRAIN] if mode == "slow" else TRAIN,
        VALIDATION,
        ARCHITECTURE,
        SETTINGS,
        checkpoint_dir=Path(checkpoints),
        data_digest="tiny",
        on_epoch=records.append,
        progress=lines.append,
        devices=devices,
    )
    np.savez(result, *fitted.network.get_weights())
    Path(result).with_suffix(".json").write_text(json.dumps({"records": records, "lines": lines}))


if __name__ == "__main__":
    main(*sys.argv[1:])

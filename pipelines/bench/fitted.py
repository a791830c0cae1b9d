"""A detector of walkway clips, for benches that judge what comes after it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model import config
from model.clips import Clip, LabelRange, Split

if TYPE_CHECKING:
    from model.detector import Detector
    from model.training import Fitted

# Small pictures and two layers: minutes instead of an hour. Deeper networks, trained for so short a time, drift away in
# a stream of thousands of frames.
SMALL = (
    *("walkway.height=64", "walkway.width=96", "preprocessing.height=64", "preprocessing.width=96"),
    *("prednet.stack_sizes=[1, 4]", "prednet.r_stack_sizes=[2, 4]", "prednet.a_filter_sizes=[3]"),
    *("prednet.a_hat_filter_sizes=[3, 3]", "prednet.r_filter_sizes=[3, 3]", "training.layer_loss_weights=[1, 0.1]"),
    *("training.window_frames=12", "training.epochs=4", "training.learning_rate=0.003", "training.warmup_steps=5"),
)


def fit(settings: config.Config, train: Sequence[Clip], validation: Sequence[Clip]) -> Detector:
    """A network trained on normal clips, and the detector that is calibrated on others."""
    network = trained(settings, [clip.frames for clip in train], validation).network
    from model import detector

    return detector.fit_detector(network, train, validation, settings, "walkway", {}, say)


def trained(settings: config.Config, train: Sequence[np.ndarray], validation: Sequence[Clip]) -> Fitted:
    """A network trained on `uint8 [T, H, W, C]` each, and stopped by normal clips."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # of this process: TensorFlow speaks of GPUs that are not there
    from model import training

    with tempfile.TemporaryDirectory(prefix="unforeseen-") as scratch:
        return training.fit(
            train,
            [clip.frames for clip in validation],
            settings.prednet,
            settings.training,
            checkpoint_dir=Path(scratch),
            data_digest="bench",
            progress=say,
        )


def clip(
    settings: config.Config,
    name: str,
    frames: Sequence[np.ndarray],
    split: Split = "train",
    labels: tuple[LabelRange, ...] = (),
) -> Clip:
    """Camera frames `uint8 [H, W, C]` as the network sees them."""
    from model.preprocessing import preprocess_frame

    prepared = np.stack([preprocess_frame(frame, settings.preprocessing) for frame in frames])
    return Clip(name, split, settings.walkway.fps, prepared, labels, None, name)


def say(line: str) -> None:
    """Progress."""
    print(f"bench: {line}", file=sys.stderr, flush=True)

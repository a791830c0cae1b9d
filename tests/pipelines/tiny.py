"""Settings with which the whole pipeline takes well under a minute, and still beats copying the last frame."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from model import config

PATIENCE_SECONDS = 400  # with a command; a busy machine is several times slower than a quiet one
# The more noise there is, the sooner a network is better than copying the last frame.
WALKWAY = config.Walkway(height=48, width=72, train_clips=5, test_clips=4, clip_frames=40, noise=12.0)
LABELLED = ("frame_auroc", "frame_auroc_macro", "average_precision", "eer", "pixel_auroc")  # measures that need labels
WARM_UP = config.Scoring.warm_up_frames
SETTINGS: dict[str, Any] = {
    **{f"walkway.{key}": getattr(WALKWAY, key) for key in ("height", "width", "train_clips", "test_clips")},
    "walkway.clip_frames": WALKWAY.clip_frames,
    "walkway.noise": WALKWAY.noise,
    "preprocessing.height": 32,
    "preprocessing.width": 48,
    "prednet.shrink": 1,
    "prednet.stack_sizes": [1, 4],
    "prednet.r_stack_sizes": [2, 4],
    "prednet.a_filter_sizes": [3],
    "prednet.a_hat_filter_sizes": [3, 3],
    "prednet.r_filter_sizes": [3, 3],
    "training.layer_loss_weights": [1, 0.1],
    "training.learning_rate": 0.003,
    "training.warmup_steps": 5,
    "training.batch_size": 2,
    "training.window_frames": 8,
    "training.epochs": 2,
    "training.steps_per_epoch": 25,
    # Seconds of footage buy a threshold that nothing reaches for one false alarm an hour.
    "decision.false_alarms_per_hour": 600.0,
}


class Finished(NamedTuple):
    """How a command ended."""

    code: int
    output: str
    errors: str


Command = Callable[..., Finished]


class Run(NamedTuple):
    """What a run left."""

    out: Path
    kept: Path  # a copy of what it published
    summary: dict[str, Any]
    finished: Finished


def options(**changed: Any) -> list[str]:
    """The settings as options of the command; `training__epochs=3` changes one."""
    settings = {**SETTINGS, **{key.replace("__", "."): value for key, value in changed.items()}}
    return [word for key, value in settings.items() for word in ("--set", f"{key}={json.dumps(value)}")]


def steps_in(out: Path) -> list[str]:
    """The folders of steps that a directory keeps."""
    return sorted(folder.name for folder in (out / "pipeline").glob("*/*"))


def last_line(done: Finished) -> str:
    """The one line that says why a command failed."""
    *progress, line = done.errors.splitlines()
    assert line.startswith("unforeseen: ")
    assert not [text for text in progress if text.startswith(("unforeseen: ", "Traceback"))], done.errors
    return line

"""`python -m pipelines.bench.transfer`: how many steps a base model from another camera saves, on two walkway cameras.

They differ in geometry, people and light. A network is trained on the first camera; then one from scratch and one from
that base model on the second, with the same settings.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from model import config, walkway

OVERRIDES = (
    *("preprocessing.height=48", "preprocessing.width=72", "prednet.shrink=1"),
    *("training.epochs=15", "training.steps_per_epoch=30", "training.patience=15", "walkway.train_clips=10"),
)
CAMERAS = ((0, 0), (1, 7))  # view and seed
VALIDATION = 2  # clips of each camera


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains three times."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.bench.transfer", description=__doc__)
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="a setting; repeatable")
    wanted = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # of this process: TensorFlow speaks of GPUs that are not there
    settings = config.build(overrides=[*OVERRIDES, *wanted.set])
    with tempfile.TemporaryDirectory(prefix="unforeseen-") as scratch:
        print("\n".join(lines(*measure(settings, Path(scratch)), settings.training.steps_per_epoch)))
    return 0


def measure(settings: config.Config, scratch: Path) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    """The histories of the second camera: from the base model, and from scratch."""
    from model import training

    def fit(name: str, clips: list[np.ndarray], start: list[np.ndarray] | None) -> training.Fitted:
        return training.fit(
            clips[:-VALIDATION],
            clips[-VALIDATION:],
            settings.prednet,
            settings.training,
            checkpoint_dir=scratch,
            data_digest=name,
            start=start,
            progress=lambda line: print(f"bench: {name}: {line}", file=sys.stderr, flush=True),
        )

    first, second = (_clips(settings, view, seed) for view, seed in CAMERAS)
    base = fit("first camera", first, None).network.get_weights()
    return fit("base model", second, base).history, fit("from scratch", second, None).history


def lines(transfer: list[dict[str, float]], scratch: list[dict[str, float]], steps: int) -> list[str]:
    """The table for people."""
    from model.transfer.compare import compare

    found = compare(transfer, scratch)
    rows = [f"  {'steps':>7}{'from scratch':>16}{'base model':>14}   squared error / copying the last frame"]
    for number in range(max(len(transfer), len(scratch))):
        cells = [_ratio(history, number) for history in (scratch, transfer)]
        rows.append(f"  {(number + 1) * steps:>7}{cells[0]:>16}{cells[1]:>14}")
    reached = "never" if found.transfer_epochs is None else f"after {found.transfer_epochs * steps}"
    best = found.scratch_epochs * steps
    return [*rows, f"  as good as from scratch after {best} steps: {reached}"]


def _ratio(history: list[dict[str, float]], number: int) -> str:
    if number >= len(history):
        return "-"
    return f"{history[number]['validation_mse'] / history[number]['copy_last_frame_mse']:.3f}"


def _clips(settings: config.Config, view: int, seed: int) -> list[np.ndarray]:
    from model.preprocessing import preprocess_frame

    place = replace(settings.walkway, view=view, seed=seed)
    clips = [walkway.render_clip(place, "train", number).frames for number in range(place.train_clips)]
    return [np.stack([preprocess_frame(frame, settings.preprocessing) for frame in clip]) for clip in clips]


if __name__ == "__main__":
    sys.exit(main())

"""`python -m pipelines.bench.recipe`: what makes PredNet good in few steps, one change of the training at a time.

Judged by the squared error on clips that were not trained on, beside copying the last frame, and by how well the
prediction error alone tells frames with an anomaly from others, on a walkway that no other figure is taken on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from model import config, metrics, walkway
from model.clips import Clip
from pipelines.bench import fitted

# Lall, which the settings said before this was measured: the changes are held against it.
LALL = "training.layer_loss_weights=[1, 0.1, 0.1, 0.1]"
OVERRIDES = ("training.epochs=2", LALL, "walkway.seed=7", "walkway.train_clips=12", "walkway.test_clips=5")
VALIDATED = 4  # of the walkway's normal clips; as many of the others teach the scene

Frames = np.ndarray  # uint8 [T, H, W, C]


class Variant(NamedTuple):
    """One change."""

    overrides: tuple[str, ...] = ()
    train: Callable[[Frames], Sequence[Frames]] = lambda frames: [frames]  # what is made of a clip


class Row(NamedTuple):
    """What came of it."""

    name: str
    ratio: float  # squared error in parts of copying the last frame
    auroc: float  # frame AUROC of the prediction error alone
    speed: float  # frames/s of the training's last epoch


VARIANTS = {
    "Lall": Variant(),
    "picture shrunk 4 times, one layer less": Variant(
        (
            "prednet.shrink=4",
            "prednet.stack_sizes=[1, 8, 16]",
            "prednet.r_stack_sizes=[4, 8, 16]",
            "prednet.a_filter_sizes=[3, 3]",
            "prednet.a_hat_filter_sizes=[3, 3, 3]",
            "prednet.r_filter_sizes=[3, 3, 3]",
            "training.layer_loss_weights=[1, 0.1, 0.1]",
        )
    ),
    "half the channels": Variant(("prednet.stack_sizes=[1, 4, 8, 16]", "prednet.r_stack_sizes=[2, 4, 8, 16]")),
    "L0": Variant(("training.layer_loss_weights=[1, 0, 0, 0]",)),
    "windows of 20": Variant(("training.window_frames=20", "training.steps_per_epoch=30")),
    "every second frame": Variant(train=lambda frames: [frames[::2], frames[1::2]]),
    "mirrored too": Variant(train=lambda frames: [frames, frames[:, :, ::-1]]),
    "darker and brighter too": Variant(train=lambda frames: [frames, _lit(frames, 0.7), _lit(frames, 1.3)]),
    "rate 0.003": Variant(("training.learning_rate=0.003", "training.final_learning_rate=0.0003")),
    "12 epochs": Variant(("training.epochs=12",)),
    "12 epochs, L0": Variant(("training.epochs=12", "training.layer_loss_weights=[1, 0, 0, 0]")),
    "24 epochs, L0": Variant(("training.epochs=24", "training.layer_loss_weights=[1, 0, 0, 0]")),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains once a change."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.bench.recipe", description=__doc__)
    parser.add_argument("changes", nargs="*", metavar="CHANGE", help=f"of {', '.join(VARIANTS)}; all of them")
    wanted = parser.parse_args(arguments)
    print(f"  {'':<40}{'squared error':>16}{'frame AUROC':>14}{'frames/s':>11}", flush=True)
    for name in wanted.changes or VARIANTS:
        print(line(measure(name)), flush=True)
    return 0


def line(row: Row) -> str:
    """For people."""
    return f"  {row.name:<40}{row.ratio:>16.3f}{row.auroc:>14.3f}{row.speed:>11.0f}"


def measure(name: str) -> Row:
    """One training with a change."""
    variant = VARIANTS[name]
    settings = config.build(overrides=[*OVERRIDES, *variant.overrides])
    train, validation, judged = _footage(settings)
    done = fitted.trained(settings, [part for c in train for part in variant.train(c.frames)], validation)
    from model.detector import fit_detector

    found = fit_detector(done.network, train[:VALIDATED], validation, settings, "camera", {}, fitted.say)
    best = min(done.history, key=lambda record: record["validation_loss"])
    errors = np.concatenate([found.score_inputs(clip.frames).evidence["prediction_error"] for clip in judged])
    labels = np.concatenate([clip.frame_labels for clip in judged if clip.frame_labels is not None])
    known = np.isfinite(errors)
    auroc = metrics.frame_auroc(labels[known], errors[known]) or 0.0
    return Row(name, best["validation_mse"] / best["copy_last_frame_mse"], auroc, done.history[-1]["frames_per_second"])


def _footage(settings: config.Config) -> list[list[Clip]]:
    """Clips to train on, to stop by and to judge by."""

    def clips(split: Literal["train", "test"], count: int) -> list[Clip]:
        made = (walkway.render_clip(settings.walkway, split, number) for number in range(count))
        return [fitted.clip(settings, c.name, list(c.frames), split, c.labels) for c in made]

    normal = clips("train", settings.walkway.train_clips)
    return [normal[VALIDATED:], normal[:VALIDATED], clips("test", settings.walkway.test_clips)]


def _lit(frames: Frames, times: float) -> Frames:
    return np.clip(frames * np.float32(times), 0, 255).astype(np.uint8)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m pipelines.bench.day`: false alarms of a walkway day under the fixed and under the adaptive threshold.

Both thresholds are set so that the same share of the anomalies of some days is found; false alarms are counted on days
that have none. A day is compressed into minutes, while people walk as fast as ever, so a level has fewer of them to go
by than on a camera. Traffic rises and falls with the hour; with `--dusk` so does the noise of the sensor.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from model import config, walkway
from model.clips import Clip
from model.decision import Level, Usual, events, fit_usual

LEVEL_SECONDS = 20.0  # of a day of 10 minutes; 21 minutes of a real one
SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)  # of the anomalies
PAIRS = 2  # of days that are judged
HEIGHTS = 400  # thresholds that are tried
PASS_SECONDS = 20.0  # an anomaly in so many, on the day that has some
OVERRIDES = (
    *("walkway.height=64", "walkway.width=96", "walkway.noise=10", "preprocessing.height=64", "preprocessing.width=96"),
    # Two layers: deeper networks, trained for so short a time, drift away in a stream of thousands of frames.
    *("prednet.stack_sizes=[1, 4]", "prednet.r_stack_sizes=[2, 4]", "prednet.a_filter_sizes=[3]"),
    *("prednet.a_hat_filter_sizes=[3, 3]", "prednet.r_filter_sizes=[3, 3]", "training.layer_loss_weights=[1, 0.1]"),
    *("training.window_frames=12", "training.epochs=4", "training.learning_rate=0.003", "training.warmup_steps=5"),
    f"decision.level_seconds={LEVEL_SECONDS}",
)


class Day(NamedTuple):
    """A scored day."""

    scores: np.ndarray  # float32 [T]
    passes: np.ndarray  # int [T], the anomaly in view, -1 where none is


class Row(NamedTuple):
    """At one share of anomalies found."""

    share: float
    fixed: float  # false alarms an hour
    adaptive: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains a small network on one day, calibrates it on a second, judges both thresholds on four more."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.bench.day", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="length of a day")
    parser.add_argument("--dusk", type=float, default=1.0, help="noise at both ends of the day, times that of noon")
    wanted = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # of this process: TensorFlow speaks of GPUs that are not there
    settings = config.build(overrides=OVERRIDES)
    with tempfile.TemporaryDirectory(prefix="unforeseen-") as scratch:
        calibration, *judged = score_days(settings, wanted.seconds, wanted.dusk, Path(scratch), _say)
    usual = fit_usual([(calibration.scores, settings.walkway.fps)], LEVEL_SECONDS)
    print("\n".join(lines(compare(judged[0::2], judged[1::2], usual, settings))))
    return 0


def score_days(
    settings: config.Config, seconds: float, dusk: float, scratch: Path, say: Callable[[str], None]
) -> list[Day]:
    """The day of the calibration, then in turn days with anomalies and days without."""
    from model import detector, training

    say("train")
    train, validation = (_clips(settings, seconds, dusk, seed) for seed in (0, 1))
    fitted = training.fit(
        [clip.frames for clip in train],
        [clip.frames for clip in validation],
        settings.prednet,
        settings.training,
        checkpoint_dir=scratch,
        data_digest="day",
        progress=say,
    )
    say("calibrate")
    judged = detector.fit_detector(fitted.network, train, validation, settings, "day", {}, say)
    days = []
    for seed in range(1, 2 * PAIRS + 2):
        say(f"score day {seed} of {2 * PAIRS + 1}")
        passes = 0 if seed % 2 else int(seconds / PASS_SECONDS)
        stream = judged.stream()
        moments = walkway.render_day(settings.walkway, seconds, passes, seed, dusk)
        rows = [(stream.push(moment.frame).score, moment.anomaly) for moment in moments]
        scores, seen = zip(*rows, strict=True)
        days.append(Day(np.array(scores, np.float32), np.array(seen)))
    return days


def compare(marked: Sequence[Day], normal: Sequence[Day], usual: Usual, settings: config.Config) -> list[Row]:
    """False alarms an hour at every share of the anomalies."""
    scores = np.concatenate([day.scores for day in marked])
    heights = np.linspace(np.nanmin(scores), np.nanmax(scores), HEIGHTS)[1:]
    rates = []
    for level in (None, usual):
        rates.append([_false_alarms(marked, normal, level, heights, share, settings) for share in SHARES])
    return [Row(share, fixed, adaptive) for share, fixed, adaptive in zip(SHARES, *rates, strict=True)]


def lines(rows: Sequence[Row]) -> list[str]:
    """The table for people."""
    head = f"  {'anomalies found':<18}{'fixed':>10}{'adaptive':>12}   false alarms an hour; fixed / adaptive"
    return [head, *(f"  {row.share:<18.0%}{row.fixed:>10.1f}{row.adaptive:>12.1f}   {_factor(row)}" for row in rows)]


def _factor(row: Row) -> str:
    return f"{row.fixed / row.adaptive:.1f}" if row.adaptive else "-"


def _false_alarms(
    marked: Sequence[Day],
    normal: Sequence[Day],
    usual: Usual | None,
    heights: np.ndarray,
    share: float,
    settings: config.Config,
) -> float:
    fps, rules = settings.walkway.fps, settings.decision
    low, high = 0, len(heights) - 1
    while low < high:  # the highest threshold that finds so many
        middle = (low + high + 1) // 2
        enough = np.mean([_found(day, usual, float(heights[middle]), settings) for day in marked]) >= share
        low, high = (middle, high) if enough else (low, middle - 1)
    alarms = [events(day.scores, thresholds(day.scores, usual, float(heights[low])), fps, rules) for day in normal]
    return sum(map(len, alarms)) / (sum(len(day.scores) for day in normal) / fps / 3600)


def thresholds(scores: np.ndarray, usual: Usual | None, height: float) -> np.ndarray:
    """The threshold in force at every frame, as a stream has it, `float [T]`."""
    level = Level(usual, height)
    return np.array([level.push(score) for score in scores.tolist()])


def _found(day: Day, usual: Usual | None, height: float, settings: config.Config) -> float:
    """The share of the anomalies that an event overlaps."""
    alarmed = events(day.scores, thresholds(day.scores, usual, height), settings.walkway.fps, settings.decision)
    hit = {int(number) for event in alarmed for number in day.passes[event.first : event.last + 1]}
    passes = set(day.passes.tolist()) - {-1}
    return len(hit & passes) / len(passes)


def _clips(settings: config.Config, seconds: float, dusk: float, seed: int) -> list[Clip]:
    """A normal day, cut as footage is."""
    from model.preprocessing import preprocess_frame

    moments = walkway.render_day(settings.walkway, seconds, 0, seed, dusk)
    frames = np.stack([preprocess_frame(moment.frame, settings.preprocessing) for moment in moments])
    parts = np.array_split(frames, max(2, int(seconds / settings.footage.clip_seconds)))
    return [Clip(f"{seed}@{i}", "train", settings.walkway.fps, part, (), None, "") for i, part in enumerate(parts)]


def _say(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

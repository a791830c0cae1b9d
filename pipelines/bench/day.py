"""`python -m pipelines.bench.day`: false alarms of walkway days under the fixed and under the adaptive threshold.

A day runs from midnight to midnight in 24 minutes, while people walk as fast as ever: at night hardly anybody comes, by
day traffic rises when lectures begin, at noon, and when they end, and where there is little light the sensor is
noisier. First both thresholds are set so that the same share of the anomalies of some days is found, and false alarms
are counted on days that have none. Beside them stands what no threshold can know beforehand: one that is higher in the
hours in which these very days have the highest scores, by as much as serves it best. Then each is set for a budget of
false alarms, and what days that nothing was fitted on bring is held against the interval that it promises.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from model import config, walkway
from model.clips import Clip
from model.decision import Level, Threshold, Usual, events, fit_threshold
from model.decision.threshold import SLOPES
from pipelines.bench import fitted

SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)  # of the anomalies
PAIRS = 2  # of days that are judged
HEIGHTS = 400  # thresholds that are tried
HOURS_APART = 12  # parts of the day that hindsight tells apart
HIGH = 0.97  # quantile of the scores that hindsight takes for the highest
PASS_SECONDS = 40.0  # an anomaly in so many, on the day that has some
CLIP_SECONDS = 20.0  # the day of the calibration is cut as footage is
OVERRIDES = (
    *fitted.SMALL,
    *("walkway.noise=5", "walkway.fps=5"),
    "decision.level_seconds=60",  # of a day of 24 minutes; an hour of a real one
    "decision.false_alarms_per_hour=10",  # so many that 24 minutes can count them
)


Rule = Callable[[np.ndarray, float], np.ndarray]  # the scores of a day and a height: the threshold at every frame


class Day(NamedTuple):
    """A scored day."""

    scores: np.ndarray  # float32 [T]
    passes: np.ndarray  # int [T], the anomaly in view, -1 where none is


class Row(NamedTuple):
    """At one share of anomalies found."""

    share: float
    fixed: float  # false alarms an hour
    adaptive: float
    hindsight: float


class Promise(NamedTuple):
    """A threshold for a budget, and what days without an anomaly brought."""

    name: str
    point: Threshold
    alarms: int
    hours: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains a small network on one day, calibrates it on a second, judges both thresholds on four more."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.bench.day", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1440.0, help="length of a day")
    parser.add_argument("--dusk", type=float, default=3.0, help="noise at midnight, times that of noon")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="a setting; repeatable")
    wanted = parser.parse_args(arguments)
    settings = config.build(overrides=[*OVERRIDES, *wanted.set])
    calibration, *judged = score_days(settings, wanted.seconds, wanted.dusk)
    marked, normal = judged[0::2], judged[1::2]
    fixed, adaptive = points(calibration, settings)
    assert adaptive.usual
    print("\n".join(lines(compare(marked, normal, adaptive.usual, settings))))
    print("\n".join(promises([keep(*point, normal, settings) for point in (("fixed", fixed), ("adaptive", adaptive))])))
    return 0


def score_days(settings: config.Config, seconds: float, dusk: float) -> list[Day]:
    """The day of the calibration, then in turn days with anomalies and days without."""
    train, validation = (_clips(settings, seconds, dusk, seed) for seed in (0, 1))
    detector = fitted.fit(settings, train, validation)
    days = []
    for seed in range(1, 2 * PAIRS + 2):
        fitted.say(f"score day {seed} of {2 * PAIRS + 1}")
        passes = 0 if seed % 2 else int(seconds / PASS_SECONDS)
        stream = detector.stream()
        moments = walkway.render_day(settings.walkway, seconds, passes, seed, dusk)
        rows = [(stream.push(moment.frame).score, moment.anomaly) for moment in moments]
        scores, seen = zip(*rows, strict=True)
        days.append(Day(np.array(scores, np.float32), np.array(seen)))
    return days


def points(day: Day, settings: config.Config) -> tuple[Threshold, Threshold]:
    """The fixed and the adaptive threshold that keep the budget on a day."""
    fps = settings.walkway.fps
    clips = [(part, fps) for part in np.array_split(day.scores, max(2, int(len(day.scores) / fps / CLIP_SECONDS)))]
    return fit_threshold(clips, settings.decision), fit_threshold(clips, replace(settings.decision, adaptive=True))


def keep(name: str, point: Threshold, normal: Sequence[Day], settings: config.Config) -> Promise:
    """What a threshold makes of days without an anomaly."""
    alarms = _alarms(normal, lambda scores, height: thresholds(scores, point.usual, height), point.value, settings)
    return Promise(name, point, alarms, sum(len(day.scores) for day in normal) / settings.walkway.fps / 3600)


def compare(marked: Sequence[Day], normal: Sequence[Day], usual: Usual, settings: config.Config) -> list[Row]:
    """False alarms an hour at every share of the anomalies."""
    scores = np.concatenate([day.scores for day in marked])
    heights = np.linspace(np.nanmin(scores), np.nanmax(scores), HEIGHTS)[1:]
    rules: list[Rule] = [lambda scores, height: thresholds(scores, usual, height), *_hindsight(normal)]
    rows = []
    for share in SHARES:
        adaptive, *told = (_false_alarms(marked, normal, rule, heights, share, settings) for rule in rules)
        rows.append(Row(share, told[0], adaptive, min(told)))
    return rows


def _hindsight(normal: Sequence[Day]) -> list[Rule]:
    """Thresholds that go with the highest scores of each hour, one a slope; the first does not."""
    parts = [np.array_split(day.scores, HOURS_APART) for day in normal]
    highest = np.array([np.nanquantile(np.concatenate(hour), HIGH) for hour in zip(*parts, strict=True)])

    def rule(slope: float) -> Rule:
        return lambda scores, height: (
            height + slope * (highest - highest.mean())[np.arange(len(scores)) * HOURS_APART // len(scores)]
        )

    return [rule(slope) for slope in SLOPES]


def lines(rows: Sequence[Row]) -> list[str]:
    """The table for people."""
    head = f"  {'anomalies found':<18}{'fixed':>10}{'adaptive':>12}{'hindsight':>12}   false alarms an hour"
    return [
        head,
        *(f"  {row.share:<18.0%}{row.fixed:>10.1f}{row.adaptive:>12.1f}{row.hindsight:>12.1f}" for row in rows),
    ]


def promises(found: Sequence[Promise]) -> list[str]:
    """The second table."""
    rows = [f"  {'for a budget':<18}{'promised':>22}{'found':>10}   false alarms an hour, and whether they agree"]
    for name, point, alarms, hours in found:
        promised = f"{point.low:.1f} to {point.high:.1f}"
        word = "yes" if point.agrees_with(alarms, hours) else "no"
        slope = f", slope {point.usual.slope:g}" if point.usual else ""
        rows.append(f"  {name + slope:<18}{promised:>22}{alarms / hours:>10.1f}   {word}")
    return rows


def _false_alarms(
    marked: Sequence[Day],
    normal: Sequence[Day],
    rule: Rule,
    heights: np.ndarray,
    share: float,
    settings: config.Config,
) -> float:
    low, high = 0, len(heights) - 1
    while low < high:  # the highest threshold that finds so many
        middle = (low + high + 1) // 2
        enough = np.mean([_found(day, rule, float(heights[middle]), settings) for day in marked]) >= share
        low, high = (middle, high) if enough else (low, middle - 1)
    hours = sum(len(day.scores) for day in normal) / settings.walkway.fps / 3600
    return _alarms(normal, rule, float(heights[low]), settings) / hours


def _alarms(days: Sequence[Day], rule: Rule, height: float, settings: config.Config) -> int:
    fps, rules = settings.walkway.fps, settings.decision
    return sum(len(events(day.scores, rule(day.scores, height), fps, rules)) for day in days)


def thresholds(scores: np.ndarray, usual: Usual | None, height: float) -> np.ndarray:
    """The threshold in force at every frame, as a stream has it, `float [T]`."""
    level = Level(usual, height)
    return np.array([level.push(score) for score in scores.tolist()])


def _found(day: Day, rule: Rule, height: float, settings: config.Config) -> float:
    """The share of the anomalies that an event overlaps."""
    alarmed = events(day.scores, rule(day.scores, height), settings.walkway.fps, settings.decision)
    hit = {int(number) for event in alarmed for number in day.passes[event.first : event.last + 1]}
    passes = set(day.passes.tolist()) - {-1}
    return len(hit & passes) / len(passes)


def _clips(settings: config.Config, seconds: float, dusk: float, seed: int) -> list[Clip]:
    """A normal day, cut as footage is."""
    frames = [moment.frame for moment in walkway.render_day(settings.walkway, seconds, 0, seed, dusk)]
    length = int(CLIP_SECONDS * settings.walkway.fps)
    parts = [frames[first : first + length] for first in range(0, len(frames), length)]
    return [fitted.clip(settings, f"{seed}@{number}", part) for number, part in enumerate(parts)]


if __name__ == "__main__":
    sys.exit(main())

"""`python -m pipelines.bench.day`: false alarms of walkway days under a fixed and under two adaptive thresholds.

A day runs from midnight to midnight in 24 minutes, while people walk as fast as ever: at night hardly anybody comes, by
day traffic rises when lectures begin, at noon, and when they end (`--rhythm gate`: when shifts do, with hardly anybody
between), and where there is little light the sensor is noisier. One adaptive threshold knows no time of day and follows
a running level; the other has a profile of the day. First all are set so that the same share of the anomalies of some
days is found, and false alarms are counted on days that have none. Then each is set for a budget of false alarms, and
what days that nothing was fitted on bring is held against the interval that it promises.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from model import config, walkway
from model.clips import Clip
from model.decision import HOURS, Level, Threshold, events, fit_threshold
from model.walkway.day import Moment
from model.walkway.traffic import RHYTHMS
from pipelines.bench import fitted

SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)  # of the anomalies
CALIBRATION = 2  # days that thresholds are fitted on
JUDGED = 5  # days with anomalies, and as many without
HEIGHTS = 400  # thresholds that are tried
PASS_SECONDS = 40.0  # an anomaly in so many, on the days that have some
CLIP_SECONDS = 20.0  # the days of the calibration are cut as footage is
OVERRIDES = (
    *fitted.SMALL,
    *("walkway.noise=5", "walkway.fps=5"),
    "walkway.seed=11",  # what a profile is made of was chosen on days of seed 0
    "decision.level_seconds=60",  # of a day of 24 minutes; an hour of a real one
    "decision.false_alarms_per_hour=10",  # so many that days of 24 minutes can count them
)


class Day(NamedTuple):
    """A scored day."""

    scores: np.ndarray  # float32 [T]
    passes: np.ndarray  # int [T], the anomaly in view, -1 where none is


class Kept(NamedTuple):
    """A threshold for a budget, and what days that nothing was fitted on brought."""

    name: str
    point: Threshold
    share: float  # of the anomalies found
    alarms: int  # on days without an anomaly
    hours: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains a small network on one day, calibrates it on others, judges the thresholds on ten more."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.bench.day", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1440.0, help="length of a day")
    parser.add_argument("--dusk", type=float, default=3.0, help="noise at midnight, times that of noon")
    parser.add_argument("--rhythm", choices=list(RHYTHMS), default="campus", help="when people come and go")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="a setting; repeatable")
    wanted = parser.parse_args(arguments)
    settings = config.build(overrides=[*OVERRIDES, *wanted.set])
    days = list(score_days(settings, wanted.seconds, wanted.dusk, wanted.rhythm))
    calibration, judged = days[:CALIBRATION], days[CALIBRATION:]
    marked, normal = judged[0::2], judged[1::2]
    points = fit_points(calibration, settings)
    print("\n".join(lines({name: compare(marked, normal, point, settings) for name, point in points.items()})))
    print("\n".join(promises([keep(name, point, marked, normal, settings) for name, point in points.items()])))
    return 0


def score_days(settings: config.Config, seconds: float, dusk: float, rhythm: str) -> Iterator[Day]:
    """The days of the calibration, then in turn days with anomalies and days without."""
    train, validation = (_clips(settings, seconds, dusk, rhythm, seed) for seed in (0, 1))
    detector = fitted.fit(settings, train, validation)
    for number in range(CALIBRATION + 2 * JUDGED):
        fitted.say(f"score day {number + 1} of {CALIBRATION + 2 * JUDGED}")
        passes = 0 if number < CALIBRATION or (number - CALIBRATION) % 2 else int(seconds / PASS_SECONDS)
        seen: list[int] = []
        moments = walkway.render_day(settings.walkway, seconds, passes, 2 + number, dusk, rhythm)
        scores = [result.score for _, result in detector.stream().push_all(_frames(moments, seen))]
        yield Day(np.array(scores, np.float32), np.array(seen))


def _frames(moments: Iterable[Moment], seen: list[int]) -> Iterator[np.ndarray]:
    """The frames; what is in view in each is added to `seen`."""
    for moment in moments:
        seen.append(moment.anomaly)
        yield moment.frame


def fit_points(days: Sequence[Day], settings: config.Config) -> dict[str, Threshold]:
    """Thresholds that keep the budget on these days: fixed, with a running level, with a profile of the day."""
    fps = settings.walkway.fps
    pieces = max(2, int(len(days[0].scores) / fps / CLIP_SECONDS))
    clips = [(part, fps) for day in days for part in np.array_split(day.scores, pieces)]
    begins = [HOURS * (piece + 0.5) / pieces for piece in range(pieces)] * len(days)  # within one, an hour stands still
    adaptive = replace(settings.decision, adaptive=True)
    return {
        "fixed": fit_threshold(clips, settings.decision),
        "level": fit_threshold(clips, adaptive),
        "profile": fit_threshold(clips, adaptive, begins),
    }


def in_force(point: Threshold, scores: np.ndarray, height: float) -> np.ndarray:
    """The threshold at every frame of a day, `float [T]`, where its usual place is this height."""
    if point.profile:
        return height * point.profile.at(HOURS * np.arange(len(scores)) / len(scores))
    level = Level(point.usual, height)
    return np.array([level.push(score) for score in scores.tolist()])


def compare(marked: Sequence[Day], normal: Sequence[Day], point: Threshold, settings: config.Config) -> list[float]:
    """False alarms an hour at every one of `SHARES`."""
    scores = np.concatenate([day.scores for day in marked])
    heights = np.linspace(np.nanmin(scores), np.nanmax(scores), HEIGHTS)[1:].tolist()
    return [_false_alarms(marked, normal, point, heights, share, settings) for share in SHARES]


def keep(name: str, point: Threshold, marked: Sequence[Day], normal: Sequence[Day], settings: config.Config) -> Kept:
    """What a threshold makes of days that nothing was fitted on."""
    share = float(np.mean([_found(day, point, point.value, settings) for day in marked]))
    return Kept(name, point, share, _alarms(normal, point, point.value, settings), _hours(normal, settings))


def lines(found: Mapping[str, Sequence[float]]) -> list[str]:
    """The table for people."""
    head = f"  {'anomalies found':<18}" + "".join(f"{name:>10}" for name in found) + "   false alarms an hour"
    rows = zip(SHARES, *found.values(), strict=True)
    return [head, *(f"  {share:<18.0%}" + "".join(f"{rate:>10.1f}" for rate in rates) for share, *rates in rows)]


def promises(kept: Sequence[Kept]) -> list[str]:
    """The second table."""
    head = f"  {'for a budget':<18}{'finds':>10}{'promised':>18}{'came':>10}"
    rows = [f"{head}   false alarms an hour, and whether they agree"]
    for name, point, share, alarms, hours in kept:
        promised = f"{point.low:.1f} to {point.high:.1f}"
        word = "yes" if point.agrees_with(alarms, hours) else "no"
        slope = f", slope {point.usual.slope:g}" if point.usual else ""
        rows.append(f"  {name + slope:<18}{share:>10.0%}{promised:>18}{alarms / hours:>10.1f}   {word}")
    return rows


def _false_alarms(
    marked: Sequence[Day],
    normal: Sequence[Day],
    point: Threshold,
    heights: Sequence[float],
    share: float,
    settings: config.Config,
) -> float:
    low, high = 0, len(heights) - 1
    while low < high:  # the highest threshold that finds so many
        middle = (low + high + 1) // 2
        enough = np.mean([_found(day, point, heights[middle], settings) for day in marked]) >= share
        low, high = (middle, high) if enough else (low, middle - 1)
    return _alarms(normal, point, heights[low], settings) / _hours(normal, settings)


def _hours(days: Sequence[Day], settings: config.Config) -> float:
    return sum(len(day.scores) for day in days) / settings.walkway.fps / 3600


def _alarms(days: Sequence[Day], point: Threshold, height: float, settings: config.Config) -> int:
    fps, rules = settings.walkway.fps, settings.decision
    return sum(len(events(day.scores, in_force(point, day.scores, height), fps, rules)) for day in days)


def _found(day: Day, point: Threshold, height: float, settings: config.Config) -> float:
    """The share of the anomalies that an event overlaps."""
    alarmed = events(day.scores, in_force(point, day.scores, height), settings.walkway.fps, settings.decision)
    hit = {int(number) for event in alarmed for number in day.passes[event.first : event.last + 1]}
    passes = set(day.passes.tolist()) - {-1}
    return len(hit & passes) / len(passes)


def _clips(settings: config.Config, seconds: float, dusk: float, rhythm: str, seed: int) -> list[Clip]:
    """A normal day, cut as footage is."""
    frames = [moment.frame for moment in walkway.render_day(settings.walkway, seconds, 0, seed, dusk, rhythm)]
    length = int(CLIP_SECONDS * settings.walkway.fps)
    parts = [frames[first : first + length] for first in range(0, len(frames), length)]
    return [fitted.clip(settings, f"{seed}@{number}", part) for number, part in enumerate(parts)]


if __name__ == "__main__":
    sys.exit(main())

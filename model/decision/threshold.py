"""The threshold that a budget of false alarms buys, and what is known of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from model.config import Decision
from model.decision.events import events
from model.decision.level import Usual, fit_usual, lifts
from model.decision.profile import Profile, fit_profile, frame_hours
from model.decision.tail import CONFIDENCE, Z, fit_tail

MEASURED = 3  # events; a budget that brings so many in the footage is counted, a smaller one is extrapolated
LOOKED_AT = 0.1  # share of the frames, the highest; further down everything joins into one event
MOST = 3600.0  # events an hour; more are not told apart
SLOPES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of an adaptive threshold against the level of the scores
STEEPNESS = (0.0, 0.25, 0.5, 0.75)  # of its profile against the hours' high scores: the highest of all rise by less

Clips = Sequence[tuple[np.ndarray, float]]


@dataclass(frozen=True)
class Threshold:
    """A score and how often normal footage passes it."""

    value: float  # scores at or over it are alarms
    low: float = 0.0  # events an hour on normal footage: the rate lies from low
    high: float = MOST  # to high, at the confidence below
    confidence: float = CONFIDENCE
    method: Literal["counted", "extrapolated"] = "extrapolated"
    hours: float = 0.0  # of normal footage that it was fitted on
    clips: int = 0
    note: str | None = None  # for people, where the footage was too short for the budget
    usual: Usual | None = None  # the level that the value stands above, where the threshold follows one
    profile: Profile | None = None  # of the day, where it follows that; the value is the mean over the hours

    @classmethod
    def restore(cls, data: Mapping[str, Any]) -> Threshold:
        """From what `dataclasses.asdict` gave, after JSON too."""
        usual, profile = data["usual"], data.get("profile")
        return cls(
            **{
                **data,
                "usual": usual and Usual(**usual),
                "profile": profile and Profile(tuple(profile["factors"])),
            }
        )

    @property
    def hourly(self) -> tuple[float, ...]:
        """The threshold in the middle of each hour of the day; nothing where it does not go with the hour."""
        return tuple(self.value * factor for factor in self.profile.factors) if self.profile else ()

    @property
    def followed(self) -> str | None:
        """What an adaptive threshold goes with, for people."""
        if self.profile:
            low, high = int(np.argmin(self.hourly)), int(np.argmax(self.hourly))
            ends = f"{self.hourly[low]:.3g} at {low}:30 to {self.hourly[high]:.3g} at {high}:30"
            return f"The threshold follows the hour of the day, from {ends}"
        known = "fewer than two hours of the day are known from the names of clips"
        return f"The threshold follows the running level of the scores: {known}" if self.usual else None

    def agrees_with(self, seen: int, hours: float) -> bool:
        """Whether a rate of the interval may well have brought so many events in so many hours."""
        low, high = _gamma(seen, 1 / max(seen, 1))[0], _gamma(seen + 1, 1 / (seen + 1))[1]
        return low / hours <= self.high and high / hours >= self.low


def fit_threshold(
    clips: Clips, rules: Decision | None = None, begins: Sequence[float | None] | None = None
) -> Threshold:
    """The score that normal footage passes `rules.false_alarms_per_hour` times an hour, with the rate's interval.

    Events are counted, never frames, for neighbouring frames are no news. Where the budget brings `MEASURED` events or
    more in this footage, the threshold is the k-th highest event: of as many hours again, k events are expected to
    reach it, whatever the scores' distribution (conformal, Vovk 2005), and the true rate scatters around that like a
    gamma variable; events that crowd in a few clips count for fewer. On shorter footage the tail of the events is
    extrapolated, see `model.decision.tail`: its interval is wide, and true to it.

    An adaptive threshold is fitted on what is left of the scores without what moves it: the hour of the day, where the
    clips tell it, or else their running level.

    Args:
        clips: scores `float [T]`, NaN in warm-up, and frames/s of normal clips that the detector was not trained on.
        rules: the budget, and what an event is.
        begins: hour of the day at the first frame of each clip, where it is known.
    """
    rules = rules or Decision()
    if rules.adaptive:
        begins = begins or [None] * len(clips)
        profile = fit_profile(clips, begins)
        return _fit_hours(clips, begins, rules, profile) if profile else _fit_level(clips, rules)
    scored = [(scores[np.isfinite(scores)], scores, fps) for scores, fps in clips if np.isfinite(scores).any()]
    lengths = np.array([len(known) / fps / 3600 for known, _, fps in scored])  # hours
    hours, values = float(lengths.sum()), np.sort(np.concatenate([known for known, _, _ in scored]))[::-1]
    budget = rules.false_alarms_per_hour

    def count(height: float) -> np.ndarray:
        """Events a clip."""
        return np.array([len(events(scores, height, fps, rules)) for _, scores, fps in scored])

    wanted = int(budget * hours + 1e-9)
    counted = _height_of(max(wanted, MEASURED), values[: math.ceil(LOOKED_AT * len(values))], count)
    if wanted >= MEASURED:
        if count(counted).sum() > wanted:  # equal scores
            counted = _just_over(counted)
        low, high = _counted_interval(count(counted), lengths)
        return Threshold(counted, low, high, CONFIDENCE, "counted", hours, len(scored))
    tail = fit_tail([(known, fps) for known, _, fps in scored], rules)
    if tail is None:  # as good as nothing is known: none was higher, so 3.0 in as many hours are still likely
        value, low, high = _just_over(float(values[0])), 0.0, -math.log((1 - CONFIDENCE) / 2) / hours
    else:
        value = max(tail.height(budget), counted)  # never under what was counted: a smaller budget alarms no more
        low, high = tail.interval(value)
    high = min(high, MOST)
    note = _note(budget, hours, len(scored), low, high)
    return Threshold(value, low, high, CONFIDENCE, "extrapolated", hours, len(scored), note)


def _fit_hours(clips: Clips, begins: Sequence[float | None], rules: Decision, profile: Profile) -> Threshold:
    """Of the thresholds that keep the budget, each with a profile of its own steepness, the lowest in the mean."""
    hours = [
        None if hour is None else frame_hours(hour, len(scores), fps)
        for (scores, fps), hour in zip(clips, begins, strict=True)
    ]
    fixed = replace(rules, adaptive=False)

    def at(steepness: float) -> Threshold:
        flat = profile.flattened(steepness)
        rest = [(scores / flat.at(hour), fps) for (scores, fps), hour in zip(clips, hours, strict=True)]
        return replace(fit_threshold(rest, fixed), profile=flat)

    return min(map(at, STEEPNESS), key=lambda point: point.value)


def _fit_level(clips: Clips, rules: Decision) -> Threshold:
    """Of the thresholds that keep the budget, each following the level at a slope of its own, the lowest in the mean.

    Usual scores rise more with the traffic than the highest ones do, which one or two people make; a threshold that
    followed them all the way would stand too high in busy hours and too low in quiet ones.
    """
    clips = [(scores, fps) for scores, fps in clips if np.isfinite(scores).any()]
    usual = fit_usual(clips, rules.level_seconds)
    lifted = lifts([scores for scores, _ in clips], usual)
    mean = float(np.concatenate(lifted).mean())
    fixed = replace(rules, adaptive=False)

    def at(slope: float) -> Threshold:
        rest = [(scores - slope * lift, fps) for (scores, fps), lift in zip(clips, lifted, strict=True)]
        return replace(fit_threshold(rest, fixed), usual=replace(usual, slope=slope))

    return min(map(at, SLOPES), key=lambda point: point.value + point.usual.slope * mean if point.usual else 0.0)


def _height_of(events_wanted: int, heights: np.ndarray, count: Callable[[float], np.ndarray]) -> float:
    """The largest of the descending heights that so many events reach, or else the last.

    By bisection, so that fewer events never lie lower; in ratios, for low heights take longest to count.
    """
    over, under = 0, len(heights)  # ranks: not far enough down, far enough
    while over < under - 1:
        middle = max(over + 1, int(math.sqrt(over * under)))
        enough = count(float(heights[middle - 1])).sum() >= events_wanted
        over, under = (over, middle) if enough else (middle, under)
    return float(heights[under - 1])


def _counted_interval(counts: np.ndarray, hours: np.ndarray) -> tuple[float, float]:
    """Of as many events as tell something new."""
    seen, clips = int(counts.sum()), len(counts)
    if not seen:
        return 0.0, -math.log((1 - CONFIDENCE) / 2) / float(hours.sum())
    variance = 1 / seen
    if clips > 1:  # of the rate, relative, from leaving out one clip after the other
        rates = (seen - counts) / (hours.sum() - hours)
        variance = max(variance, (clips - 1) * float(np.var(rates)) * (float(hours.sum()) / seen) ** 2)
    return _gamma(seen / float(hours.sum()), variance)


def _gamma(mean: float, variance: float) -> tuple[float, float]:
    """Between which a gamma variable lies at the stated confidence (Wilson and Hilferty 1931); relative variance."""
    low, high = (max(0.0, 1 - variance / 9 + z * math.sqrt(variance) / 3) ** 3 for z in (-Z, Z))
    return mean * low, mean * high


def _just_over(value: float) -> float:
    return float(np.nextafter(np.float32(value), np.float32(np.inf)))


def _note(budget: float, hours: float, clips: int, low: float, high: float) -> str:
    return (
        f"{_length(hours)} of normal footage in {_plural(clips, 'clip')} are too short for"
        f" {_plural(budget, 'false alarm')} an hour: the threshold is extrapolated and brings {_number(low)} to"
        f" {_number(high)} an hour at {CONFIDENCE:.0%} confidence; with {_length(MEASURED / budget)} it would be"
        " counted"
    )


def _number(rate: float) -> str:
    return f"{rate:.2g}" if rate < 100 else f"{rate:,.0f}"


def _length(hours: float) -> str:
    if hours >= 2:
        return f"{hours:.1f} hours"
    return f"{60 * hours:.{1 if hours < 1 / 6 else 0}f} minutes"


def _plural(number: float, noun: str) -> str:
    return f"{number:g} {noun}{'' if number == 1 else 's'}"

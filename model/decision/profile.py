"""The threshold's profile of the day: how high it stands at each hour, in parts of its mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

HOURS = 24
HIGH = 0.97  # quantile of an hour's normal scores
LEAST_SECONDS = 30.0  # of normal footage; an hour of which there is less tells nothing
REACH = 1.0  # hours: what was before and after counts as well, the less the further
LOWEST = 0.1  # of the busiest hour's; where nothing ever moves, everything would be an alarm


@dataclass(frozen=True)
class Profile:
    """Where many come and go the highest normal scores are higher than at night, day after day.

    Attributes:
        factors: of the threshold at the middle of every hour, from half past midnight on; their mean is 1.
    """

    factors: tuple[float, ...]

    def at(self, hour: np.ndarray | float | None) -> np.ndarray:
        """The factor at hours of the day, `float [...]`; an unknown one may be the busiest."""
        if hour is None:
            return np.asarray(max(self.factors))
        around = (self.factors[-1], *self.factors, self.factors[0])
        return np.interp(np.mod(hour, HOURS), np.arange(HOURS + 2) - 0.5, around)

    def flattened(self, steepness: float) -> Profile:
        """Raised to this power: 0 makes all hours alike."""
        factors = np.power(self.factors, steepness)
        return Profile(tuple((factors / factors.mean()).tolist()))


def frame_hours(begin: float, frames: int, fps: float) -> np.ndarray:
    """The hour of the day of each frame of a clip that began at this one, `float [T]`; it may pass 24."""
    return begin + np.arange(frames) / fps / 3600


def fit_profile(clips: Sequence[tuple[np.ndarray, float]], begins: Sequence[float | None]) -> Profile | None:
    """From scores `float [T]`, NaN in warm-up, and frames/s of normal clips; None where fewer than two hours are known.

    A high quantile of each hour's scores says how high they go then. An hour of which little or nothing was seen is
    taken for the busiest, so that it brings no more false alarms than the others.

    Args:
        clips: normal ones.
        begins: hour of the day at each clip's first frame, where it is known.
    """
    seen: list[list[np.ndarray]] = [[] for _ in range(HOURS)]
    seconds = np.zeros(HOURS)
    for (scores, fps), begin in zip(clips, begins, strict=True):
        if begin is None:
            continue
        scored = np.isfinite(scores)
        numbers = np.mod(frame_hours(begin, len(scores), fps)[scored], HOURS).astype(int)
        for number in np.unique(numbers):
            seen[number].append(scores[scored][numbers == number])
            seconds[number] += len(seen[number][-1]) / fps
    known = seconds >= LEAST_SECONDS
    if known.sum() < 2:
        return None
    highest = np.zeros(HOURS)
    highest[known] = [np.quantile(np.concatenate(seen[number]), HIGH) for number in np.flatnonzero(known)]
    if highest.max() <= 0:
        return None
    highest[~known] = highest.max()
    apart = np.abs(np.subtract.outer(np.arange(HOURS), np.arange(HOURS)))
    weights = np.exp(-0.5 * np.square(np.minimum(apart, HOURS - apart) / REACH))
    smooth = weights @ np.maximum(highest, LOWEST * highest.max()) / weights.sum(axis=1)
    return Profile(tuple((smooth / smooth.mean()).tolist()))

"""How often events pass a height that footage is too short to have seen: the maxima of blocks and their law.

Generalised extreme values fitted by L-moments (Hosking, Wallis and Wood 1985); location and scale carry the scatter
between clips (jackknife), the shape what so few blocks leave open.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from model.config import Decision
from model.decision.events import event_height

CONFIDENCE = 0.9  # of every interval; five in a hundred on either side
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
BLOCK_SECONDS = 5.0  # longer than what neighbouring frames share
MANY = 40  # blocks; where there are twice as many they are joined, for longer blocks come closer to the law
FEWEST = 4  # blocks
TINY = 1e-6  # a shape that is as good as 0
SHAPE_SCATTER = 0.2  # standard deviation of the shape from camera to camera, around 0: an exponential tail


@dataclass(frozen=True)
class Tail:
    """The law of block maxima.

    Attributes:
        units: block maxima `float [n]` each, of what is independent of the others: clips, or blocks longer than clips.
        hours: length of a block.
        shape: over 0 heavier than exponential, below 0 bounded.
        shape_error: its standard error.
    """

    units: tuple[np.ndarray, ...]
    hours: float
    shape: float
    shape_error: float

    def height(self, rate: float) -> float:
        """The score that is passed `rate` times an hour."""
        location, scale = _location_and_scale(np.concatenate(self.units), self.shape)
        return location + scale * math.expm1(-self.shape * math.log(rate * self.hours)) / self.shape

    def interval(self, height: float) -> tuple[float, float]:
        """Passes an hour, low and high, at the stated confidence."""
        middle = self._log_rate(height, self.shape)
        spread = self._spread(height)
        low = middle - self._log_rate(height, self.shape - Z * self.shape_error)
        high = self._log_rate(height, self.shape + Z * self.shape_error) - middle
        return math.exp(middle - math.hypot(spread, low)), math.exp(min(middle + math.hypot(spread, high), 700.0))

    def _log_rate(self, height: float, shape: float, maxima: np.ndarray | None = None) -> float:
        every = np.concatenate(self.units) if maxima is None else maxima
        shape = shape or TINY
        location, scale = _location_and_scale(every, shape)
        reach = 1 + shape * (height - location) / scale
        return -math.log(reach) / shape - math.log(self.hours) if reach > 0 else -math.inf

    def _spread(self, height: float) -> float:
        """Half the interval of the log rate while the shape is known: between blocks, or between clips if more."""
        blocks, passes = sum(map(len, self.units)), -self._log_rate(height, self.shape) - math.log(self.hours)
        variance = (1.128 + 0.457 * passes + 0.805 * passes**2) / blocks  # Phien 1987, for shape 0
        between_blocks = _student(blocks - 1) * math.sqrt(max(variance, 0.0))
        count = len(self.units)
        if count < 3:
            return between_blocks
        left_out = [np.concatenate([*self.units[:i], *self.units[i + 1 :]]) for i in range(count)]
        rates = np.maximum([self._log_rate(height, self.shape, maxima) for maxima in left_out], -700.0)
        between_clips = _student(count - 1) * math.sqrt((count - 1) * float(np.var(rates)))
        return max(between_blocks, between_clips)


def fit_tail(clips: Sequence[tuple[np.ndarray, float]], rules: Decision) -> Tail | None:
    """From scores `float [T]` without NaN and frames/s a clip; None where the footage is too short or all the same."""
    seconds = sum(len(scores) / fps for scores, fps in clips)
    least = math.ceil(FEWEST / len(clips))
    units = [_maxima(*clip, rules, max(least, round(len(clip[0]) / clip[1] / BLOCK_SECONDS))) for clip in clips]
    together = sum(map(len, units)) // MANY
    if together >= 2:
        units = _join(units, together)
    maxima = np.concatenate(units)
    mean, scale, skew = _l_moments(maxima)
    if len(maxima) < FEWEST or not scale > 1e-6 * max(abs(mean), 1e-6):
        return None
    lost = 0.6 / len(maxima)  # variance of the shape that L-moments estimate, near shape 0
    trust = SHAPE_SCATTER**2 / (SHAPE_SCATTER**2 + lost)
    ratio = 2 / (3 + min(max(skew / scale, -0.5), 0.6)) - math.log(2) / math.log(3)
    shape = -trust * (7.859 * ratio + 2.9554 * ratio**2)
    return Tail(tuple(units), seconds / 3600 / len(maxima), shape or TINY, math.sqrt(trust * lost))


def _maxima(scores: np.ndarray, fps: float, rules: Decision, blocks: int) -> np.ndarray:
    """Of each block the highest event: a score that does not last alarms nobody."""
    parts = np.array_split(scores, min(blocks, len(scores)))
    return np.array([event_height(part, fps, rules) for part in parts], float)


def _join(units: list[np.ndarray], together: int) -> list[np.ndarray]:
    """Blocks of several blocks; where they outgrow a clip, each stands for itself."""
    a_clip = max(1.0, sum(map(len, units)) / len(units) / together)
    every = np.concatenate(units)
    longer = np.array([part.max() for part in np.array_split(every, len(every) // together)])
    return np.array_split(longer, max(1, round(len(longer) / a_clip)))


def _location_and_scale(maxima: np.ndarray, shape: float) -> tuple[float, float]:
    mean, scale, _ = _l_moments(maxima)
    gamma = math.gamma(1 - shape)
    sigma = scale * shape / (gamma * math.expm1(shape * math.log(2)))
    return mean - sigma * (gamma - 1) / shape, sigma


def _l_moments(values: np.ndarray) -> tuple[float, float, float]:
    """The first three, from probability-weighted moments."""
    ordered, count = np.sort(values), len(values)
    rank = np.arange(count)
    b0 = ordered.mean()
    b1 = (rank * ordered).mean() / max(count - 1, 1)
    b2 = (rank * (rank - 1) * ordered).mean() / max((count - 1) * (count - 2), 1)
    return float(b0), float(2 * b1 - b0), float(6 * b2 - 6 * b1 + b0)


def _student(freedom: int) -> float:
    """Student's t at the stated confidence (expansion, Abramowitz and Stegun 26.7.5)."""
    return Z + (Z**3 + Z) / (4 * freedom) + (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * freedom**2)

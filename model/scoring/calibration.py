"""What is normal: each kind of evidence on the scale of its tail probability among normal frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEVELS = np.linspace(0.0, 0.9, 46)  # probabilities at which the normal values' quantiles are kept
_SURPRISE = -np.log10(1.0 - LEVELS)
WEIGHTS = {"appearance_distance": 0.25}  # share of the false alarms that a kind may make beside the others
GAP = 10  # frames; what passes the last quantile again within them is one case


@dataclass(frozen=True)
class Tail:
    """How rare a value is among normal ones: -log10 P(normal >= value), discounted where few cases tell.

    Quantiles tell it up to the 90th percentile. Beyond that the excess is taken as exponential with a mean that is
    known from few cases only, so that its predictive tail falls as a power (Lomax 1954). Neighbouring frames are one
    case: somebody who passes.
    """

    quantiles: tuple[float, ...]  # at LEVELS
    excess: float  # mean excess over the last quantile
    cases: int  # behind it, at least 1

    @classmethod
    def fit(cls, clips: Sequence[np.ndarray]) -> Tail:
        """From normal values `float [N]` of each clip."""
        values = np.concatenate(clips)
        quantiles = np.maximum.accumulate(np.quantile(values, LEVELS))
        over = values[values > quantiles[-1]] - quantiles[-1]
        tiny = max(1e-12, 1e-6 * float(abs(quantiles[-1])))
        return cls(
            tuple(float(q) for q in quantiles),
            max(float(over.mean()) if len(over) else 0.0, tiny),
            max(1, sum(_cases(clip > quantiles[-1]) for clip in clips)),
        )

    def surprise(self, values: np.ndarray) -> np.ndarray:
        """`float32 [...]`: 0 at the smallest normal value, up to 1 at the 90th percentile; under 0 at zero."""
        low, high = self.quantiles[0], self.quantiles[-1]
        # Looked up from above, so that a value which many normal frames share counts as no rarer than they are.
        inside = np.interp(np.negative(values), np.negative(self.quantiles[::-1]), _SURPRISE[::-1])
        above = self.cases * np.log10(1.0 + np.maximum(values - high, 0.0) / (self.cases * self.excess))
        below = np.minimum(values - low, 0.0) / max(abs(low), 1e-12)  # keeps the order of pixels nobody looks at
        return np.asarray(self.cases / (self.cases + 1) * (inside + above + below), np.float32)


def _cases(over: np.ndarray) -> int:
    """Stretches of True in `bool [T]`, those that are no further apart than `GAP` counted as one."""
    frames = np.flatnonzero(over)
    return int(len(frames) > 0) + int((np.diff(frames) > GAP).sum())


@dataclass(frozen=True)
class Calibration:
    """What is normal: the tails of what every kind of evidence reaches anywhere in a frame.

    Attributes:
        fused: the kinds that make the score; the others are shown beside it.
    """

    tails: dict[str, Tail]
    fused: tuple[str, ...]

    def evidence(self, peaks: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Surprise of each kind that there is of the largest values in the picture, `float [...]` each."""
        return {name: self._surprise(name, peaks[name]) for name in self.tails if name in peaks}

    def join(self, maps: dict[str, np.ndarray]) -> np.ndarray:
        """How strange every place is, or every frame with its peaks, `float32 [...]`: the largest surprise of any kind.

        One kind is enough for an alarm: who crosses the lawn at walking speed surprises no other.
        """
        return np.asarray(np.max([self._surprise(name, maps[name]) for name in self.fused], axis=0))

    def _surprise(self, name: str, values: np.ndarray) -> np.ndarray:
        # A weighted Bonferroni correction: with a weight of 1/4 a kind needs values four times as rare.
        return self.tails[name].surprise(values) + np.float32(np.log10(WEIGHTS.get(name, 1.0)))

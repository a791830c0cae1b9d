"""What is normal: each kind of evidence on the scale of its tail probability among normal frames."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

LEVELS = np.linspace(0.0, 0.9, 46)  # probabilities at which the normal values' quantiles are kept
_SURPRISE = -np.log10(1.0 - LEVELS)


@dataclass(frozen=True)
class Tail:
    """How rare a value is among normal ones: -log10 P(normal >= value).

    Quantiles tell it up to the 90th percentile; beyond that the excess is taken as exponential, so that values larger
    than any that was seen keep their order.
    """

    quantiles: tuple[float, ...]  # at LEVELS
    excess: float  # mean excess over the last quantile

    @classmethod
    def fit(cls, values: np.ndarray) -> Tail:
        """From normal values `float [N]`."""
        quantiles = np.maximum.accumulate(np.quantile(values, LEVELS))
        over = values[values > quantiles[-1]] - quantiles[-1]
        tiny = max(1e-12, 1e-6 * float(abs(quantiles[-1])))
        return cls(tuple(float(q) for q in quantiles), max(float(over.mean()) if len(over) else 0.0, tiny))

    def surprise(self, values: np.ndarray) -> np.ndarray:
        """`float32 [...]`: 0 at the smallest normal value, 1 at the 90th percentile; -1 at zero."""
        low, high = self.quantiles[0], self.quantiles[-1]
        # Looked up from above, so that a value which many normal frames share counts as no rarer than they are.
        inside = np.interp(np.negative(values), np.negative(self.quantiles[::-1]), _SURPRISE[::-1])
        above = np.maximum(values - high, 0.0) / (self.excess * math.log(10.0))
        below = np.minimum(values - low, 0.0) / max(abs(low), 1e-12)  # keeps the order of pixels nobody looks at
        return np.asarray(inside + above + below, np.float32)


@dataclass(frozen=True)
class Calibration:
    """The tails of every kind of evidence, one a block size."""

    tails: dict[str, tuple[Tail, ...]]

    def evidence(self, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Surprise per kind of evidence, the mean over its block sizes; values are `[..., sizes]`."""
        return {
            name: np.mean([tail.surprise(values[name][..., i]) for i, tail in enumerate(tails)], axis=0)
            for name, tails in self.tails.items()
        }


def calibrate(values: dict[str, np.ndarray]) -> Calibration:
    """Fits the tails on normal values, `float [N, sizes]` a kind of evidence."""
    return Calibration({name: tuple(Tail.fit(v[:, i]) for i in range(v.shape[1])) for name, v in values.items()})


def join(evidence: dict[str, np.ndarray]) -> np.ndarray:
    """One score from all evidence: the sum of the surprises, as if they were independent (Fisher 1925)."""
    return np.asarray(sum(evidence.values()), np.float32)

"""The level of a camera's scores, which rises and falls with the traffic, and the threshold that goes with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Usual:
    """The level of the normal clips, against which that of a stream is held.

    Attributes:
        level: median of the normal scores.
        spread: between their quartiles.
        frames: time constant of the running level.
        slope: how far the threshold goes with the level: 0 is not at all, 1 is as far.
    """

    level: float
    spread: float
    frames: float
    slope: float = 1.0


@dataclass
class LevelState:
    """All that a level remembers."""

    lift: float = 0.0  # how far the level stands above the usual one
    alarmed: int = 0  # frames for which it has been frozen


class Level:
    """Follows one stream: where the level of the scores rises, the threshold in force rises by `slope` times as much.

    The level is a running median (stochastic approximation, Robbins and Monro 1951), so a frame pulls it by its side,
    never by its height: by `spread / frames`. While a frame is an alarm it does not pull at all: an anomaly cannot drag
    the level along. An alarm that outlasts the time constant is taken for a change of the scene. There is no daily
    profile, for clips do not know their time of day.

    Attributes:
        state: can be saved at any frame, and given to another level of the same calibration.
    """

    def __init__(self, usual: Usual | None, threshold: float, state: LevelState | None = None) -> None:
        self._usual, self._threshold = usual, threshold
        self.state = state or LevelState()

    def push(self, score: float) -> float:
        """The threshold in force at a frame, from the frames before it; the score is NaN in warm-up."""
        usual, state = self._usual, self.state
        if usual is None:
            return self._threshold
        in_force = self._threshold + usual.slope * state.lift
        if math.isnan(score):
            return in_force
        state.alarmed = state.alarmed + 1 if score >= in_force else 0
        if not 0 < state.alarmed <= usual.frames:
            side = 1 if score >= usual.level + state.lift else -1
            state.lift += side * usual.spread / usual.frames
        return in_force


def fit_usual(clips: Sequence[tuple[np.ndarray, float]], seconds: float) -> Usual:
    """From scores `float [T]`, NaN in warm-up, and frames/s of normal clips; the time constant in seconds."""
    values = np.concatenate([scores[np.isfinite(scores)] for scores, _ in clips])
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    fps = float(np.mean([fps for _, fps in clips]))
    return Usual(float(middle), float(high - low), seconds * fps)


def lifts(clips: Sequence[np.ndarray], usual: Usual) -> list[np.ndarray]:
    """How far the level stands above the usual one at each frame of normal clips, `float [T]` each; none is an alarm.

    One stream runs through all of them, as it would if they were cut from one recording. Begun anew in each, at its own
    median, the level would know of every clip what a stream learns only in the course of it.
    """
    level = Level(usual, math.inf)

    def before(score: float) -> float:
        lift = level.state.lift
        level.push(score)
        return lift

    return [np.array([before(score) for score in scores.tolist()]) for scores in clips]

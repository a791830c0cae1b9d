"""All that a stream remembers of its clip: taken at any frame, another stream of the same detector goes on with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from model.config import Hour, Natural
from model.decision import LevelState, TrackerState


@dataclass(frozen=True)
class Numbers:
    """What is no array; plain data, which `config.parse` reads again.

    Attributes:
        first: index of the clip's first frame.
        seen: frames so far.
        baselines: their smoothed values.
        level: of the scores.
        hour: of the day at the frame that comes next; None where it is unknown.
        event: the one that is under way; None without a frame rate.
        voted_from: index of the frame with which the event began that the votes are of; None without one.
        votes: of the classifier for it, a class each.
    """

    first: Natural = 0
    seen: Natural = 0
    baselines: dict[str, float] = field(default_factory=dict)
    level: LevelState = field(default_factory=LevelState)
    hour: Hour = None
    event: TrackerState | None = None
    voted_from: int | None = None
    votes: tuple[float, ...] = ()


class Remembered(NamedTuple):
    """Numbers, and by name the network's state, the last frame and all that is smoothed."""

    numbers: Numbers
    arrays: dict[str, np.ndarray]

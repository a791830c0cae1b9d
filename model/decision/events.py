"""Alarms joined into events."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

JOIN_SECONDS = 1.0  # alarms closer than this are one event


class Event(NamedTuple):
    """Consecutive alarms joined; frame indices are 0-based, `last` is included."""

    first: int
    last: int
    peak: int
    score: float


def events(alarms: np.ndarray, scores: np.ndarray, fps: float) -> list[Event]:
    """Joins alarms `bool [T]` with scores `float [T]` into events."""
    return [
        Event(int(run[0]), int(run[-1]), int(run[np.argmax(scores[run])]), float(scores[run].max()))
        for run in _runs(np.flatnonzero(alarms), fps)
    ]


def _runs(indices: np.ndarray, fps: float) -> list[np.ndarray]:
    gaps = np.flatnonzero(np.diff(indices) > JOIN_SECONDS * fps)
    return [run for run in np.split(indices, gaps + 1) if len(run)]

"""From scores to alarms and events."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

JOIN_SECONDS = 1.0  # alarms closer than this are one event
TAIL_FRAMES = 100  # so many normal scores tell how the tail falls


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


def fit_threshold(clips: Sequence[tuple[np.ndarray, float]], false_alarms_per_hour: float) -> float:
    """The score that normal footage passes `false_alarms_per_hour` times an hour.

    Peaks over threshold: over the 98th percentile of the normal scores, neighbouring frames are joined into events, the
    events' peaks are counted per hour, and their excess is taken as exponential (Leadbetter 1991). A budget rarer than
    the footage is long is so extrapolated. Short footage leaves too few frames there, and the percentile falls to the
    90th. That errs towards rarer alarms, because what is apart further up is joined there; so it should, for a few
    clips know little of how clips differ.

    Args:
        clips: scores `float [T]`, NaN in warm-up, and frames/s of normal clips.
        false_alarms_per_hour: the budget, in events.
    """
    scored = [(scores, fps) for scores, fps in clips if np.isfinite(scores).any()]
    values = np.concatenate([s[np.isfinite(s)] for s, _ in scored])
    base = float(np.quantile(values, 1 - np.clip(TAIL_FRAMES / len(values), 0.02, 0.1)))
    peaks = [event.score for s, fps in scored for event in events(s > base, s, fps)]
    hours = sum(np.isfinite(s).sum() / fps for s, fps in scored) / 3600.0
    if not peaks:  # all scores equal
        return float(np.nextafter(np.float32(base), np.float32(np.inf)))
    return base + float(np.mean(peaks) - base) * max(0.0, math.log(len(peaks) / hours / false_alarms_per_hour))


def box(anomaly_map: np.ndarray) -> tuple[int, int, int, int]:
    """Around what is at least half as strange as the strangest pixel and connected with it.

    Args:
        anomaly_map: `float32 [H, W]`.

    Returns:
        Left, top, right, bottom in pixels; right and bottom are not included.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats((anomaly_map >= anomaly_map.max() / 2).astype(np.uint8))
    left, top, width, height, _ = stats[labels.flat[anomaly_map.argmax()]].tolist()
    return left, top, left + width, top + height

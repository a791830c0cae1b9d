"""The threshold that a budget of false alarms buys."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from model.config import Decision
from model.decision.events import events

CLUSTERS = Decision(leave_share=1.0, shortest_seconds=0.0, cool_down_seconds=0.0)  # neighbouring frames, nothing else
TAIL_FRAMES = 100  # so many normal scores tell how the tail falls


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
    peaks = [event.score for s, fps in scored for event in events(s, np.nextafter(base, np.inf), fps, CLUSTERS)]
    hours = sum(np.isfinite(s).sum() / fps for s, fps in scored) / 3600.0
    if not peaks:  # all scores equal
        return float(np.nextafter(np.float32(base), np.float32(np.inf)))
    return base + float(np.mean(peaks) - base) * max(0.0, math.log(len(peaks) / hours / false_alarms_per_hour))

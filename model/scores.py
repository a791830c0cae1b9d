"""What a detector says of a clip, and a clip's scores beside its ground truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.clips import LabelRange, Split
from model.decision import Event


@dataclass(frozen=True)
class ClipScores:
    """Everything the detector computes per frame; the first warm-up frames have NaN scores."""

    scores: np.ndarray  # float32 [T], calibrated anomaly score
    alarms: np.ndarray  # bool [T], score at or over the threshold
    evidence: dict[str, np.ndarray]  # float32 [T] each, calibrated, one a kind of evidence
    baselines: dict[str, np.ndarray]  # float32 [T] each: frame_difference, optical_flow, nothing learned
    model_mse: np.ndarray  # float32 [T], mean squared prediction error, pixel values in [0, 1]
    copy_last_frame_mse: np.ndarray  # float32 [T], the same for the previous frame taken as the prediction
    thresholds: np.ndarray | None = None  # float32 [T], in force at each frame; None is the same for all
    probabilities: np.ndarray | None = None  # float32 [T, C], of the detector's classifier, where it has one


@dataclass(frozen=True)
class ScoredClip:
    """A clip's scores and events with what a person marked."""

    name: str
    split: Split
    fps: float
    labels: tuple[LabelRange, ...] | None
    result: ClipScores
    events: tuple[Event, ...] = ()

"""Scores the clips of a data set and measures them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from model import metrics
from model.clips import Clip, Dataset
from model.detector import Detector, FrameScore
from model.detector.detector import collect
from model.evaluation.measures import measures
from model.scores import ClipScores, ScoredClip


@dataclass(frozen=True)
class Evaluation:
    """Measures as `summary.json` holds them, and the scored test and holdout clips behind them."""

    measures: dict[str, Any]
    clips: tuple[ScoredClip, ...]


def evaluate(detector: Detector, dataset: Dataset, progress: Callable[[str], None] = lambda line: None) -> Evaluation:
    """Scores test and holdout clips; nothing is fitted here.

    Args:
        dataset: preprocessed as the detector wants it.
    """
    pixels = metrics.PixelAuroc()
    clips = score_clips(detector, dataset, pixels, progress)
    return Evaluation(measures(clips, detector.threshold, pixels.value), clips)


def score_clips(
    detector: Detector,
    dataset: Dataset,
    pixels: metrics.PixelAuroc | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> tuple[ScoredClip, ...]:
    """The test and the holdout clips with their scores; where asked, pixels are counted on the way."""
    fitted = set(detector.facts.get("fitted_clips", ()))  # elsewhere the same clips may be called holdout
    clips = [*dataset.clips("test"), *(c for c in dataset.clips("holdout") if c.sha256 not in fitted)]
    scored = []
    for number, clip in enumerate(clips, 1):
        result = _score(detector, clip, pixels)
        scored.append(ScoredClip(clip.name, clip.split, clip.fps, clip.labels, result))
        progress(f"scored {number}/{len(clips)} clips")
    return tuple(scored)


def _score(detector: Detector, clip: Clip, pixels: metrics.PixelAuroc | None) -> ClipScores:
    stream = detector.stream()

    def results() -> Iterator[FrameScore]:
        for t, frame in enumerate(clip.frames):
            result = stream.push_input(frame)
            if pixels and clip.masks is not None and not np.isnan(result.score):
                pixels.add(clip.masks[t], detector.anomaly_map(stream.observation))
            yield result

    return collect(results())

"""Scores the clips of a data set and measures them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from model.clips import Clip, Dataset
from model.evaluation.films import Projector, best
from model.evaluation.measures import false_alarm_check, measures
from model.evaluation.pasted import pasted_measures
from model.evaluation.places import Places
from model.report.content import EventFilm
from model.scores import ScoredClip

if TYPE_CHECKING:  # at run time only who scores loads the network's libraries: registering reads what was scored
    from model.detector import Detector, FrameScore


@dataclass(frozen=True)
class Evaluation:
    """Measures as `summary.json` holds them, and the scored test and holdout clips behind them."""

    measures: dict[str, Any]
    clips: tuple[ScoredClip, ...]
    films: tuple[EventFilm, ...] = ()  # of the strongest events; these are not saved


def evaluate(detector: Detector, dataset: Dataset, progress: Callable[[str], None] = lambda line: None) -> Evaluation:
    """Scores test and holdout clips; nothing is fitted here.

    Args:
        dataset: preprocessed as the detector wants it.
    """
    places, films = Places(), list[EventFilm]()
    clips = score_clips(detector, dataset, places, films, progress)
    judged = {
        **measures(clips, detector.threshold, places.measures),
        **false_alarm_check(clips, detector.operating_point),
    }
    beside = {"pasted": pasted_measures(detector, dataset, clips), **_supervised(detector, dataset, clips)}
    return Evaluation({**judged, **beside}, clips, tuple(films))


def _supervised(detector: Detector, dataset: Dataset, clips: tuple[ScoredClip, ...]) -> dict[str, Any]:
    from model import classifier

    found = classifier.judge(detector, list(dataset.clips("test")), clips)
    return {"classifier": found} if found else {}


def score_clips(
    detector: Detector,
    dataset: Dataset,
    places: Places | None = None,
    films: list[EventFilm] | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> tuple[ScoredClip, ...]:
    """The test and the holdout clips with their scores; where asked, places are counted, events filmed."""
    fitted = set(detector.facts.get("fitted_clips", ()))  # elsewhere the same clips may be called holdout
    clips = [*dataset.clips("test"), *(c for c in dataset.clips("holdout") if c.sha256 not in fitted)]
    scored = []
    for number, clip in enumerate(clips, 1):
        projector = None if films is None else Projector(clip)
        scored.append(_score(detector, clip, places, projector))
        if films is not None and projector:
            films[:] = best([*films, *projector.films])
        progress(f"scored {number}/{len(clips)} clips")
    return tuple(scored)


def _score(detector: Detector, clip: Clip, places: Places | None, projector: Projector | None) -> ScoredClip:
    from model.detector.detector import collect

    stream = detector.stream(clip.fps, clip.name, steps=detector.extrapolating, hour=clip.hour)
    results: list[FrameScore] = []
    for t, result in enumerate(stream.push_all_inputs(clip.frames)):
        results.append(result)
        if places and clip.masks is not None and not np.isnan(result.score):
            places.add(clip.masks[t], stream.anomaly_map())
        if projector:
            projector.add(t, stream, result)
    last = stream.finish()
    if places:
        places.end_clip()
    if projector and last:
        projector.end(last)
    events = tuple(event for event in [*(result.closed for result in results), last] if event)
    return ScoredClip(clip.name, clip.split, clip.fps, clip.labels, collect(results), events)

"""What the detector finds of anomalies pasted into normal clips: a measure for a camera without labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from model import metrics
from model.clips import Clip, Dataset, frame_labels
from model.pasting import KINDS, paste, study
from model.scores import ClipScores, ScoredClip

if TYPE_CHECKING:
    from model.detector import Detector

ROUNDS = 4  # clips a kind in a report: one thing of a kind may be easy or hard
LONGEST = 120  # frames of a clip that are pasted into; more costs time and says little more

Columns = dict[str, np.ndarray]  # float32 [N], the joined score and every evidence and baseline by its name


def pasted_measures(detector: Detector, dataset: Dataset, scored: Sequence[ScoredClip]) -> dict[str, Any] | None:
    """Pastes what was cut out of all normal clips into those that nothing was fitted on; None where there are none.

    Args:
        dataset: preprocessed as the detector wants it.
        scored: its clips as they are; the holdout clips among them are pasted into.
    """
    results = {clip.name: clip.result for clip in scored if clip.split == "holdout"}
    holdout = [clip for clip in dataset.clips("holdout") if clip.name in results]
    if not holdout:
        return None
    normal = [*dataset.clips("train"), *dataset.clips("validation"), *dataset.clips("holdout")]
    normal.sort(key=lambda clip: clip.sha256)  # the same clips paste the same anomalies, whatever their splits
    score = partial(detector.score_inputs, steps=detector.extrapolating)
    return _measures(score, holdout, results, normal, seeds=range(ROUNDS))


def pasted_auroc(detector: Detector, normal: Sequence[Clip], seed: int) -> dict[str, Any]:
    """How well frames with an anomaly are told from those of the same clips without, one clip a kind of anomaly.

    Args:
        normal: clips without labels, to cut things out of and to paste them into.
        seed: equal seeds paste equal anomalies, so that detectors can be compared.

    Returns:
        Frame AUROCs: `frame_auroc` joined, of each of the `kinds` (None where the camera has nothing to make it of),
        and of each `evidence` and of the `baselines` alone.
    """
    used = normal[: len(KINDS)]
    results = {clip.name: detector.score_inputs(clip.frames[:LONGEST]) for clip in used}
    return _measures(detector.score_inputs, used, results, normal, seeds=[seed])


def _measures(
    score: Callable[[np.ndarray], ClipScores],
    normal: Sequence[Clip],
    results: Mapping[str, ClipScores],
    material: Sequence[Clip],
    seeds: Sequence[int],
) -> dict[str, Any]:
    scene = study([clip.frames for clip in material])
    found: dict[str, Columns | None] = {}
    for number, kind in enumerate(KINDS):
        columns = []
        for seed in seeds:
            frames = np.array(normal[(number + seed) % len(normal)].frames[:LONGEST])
            clip = paste(frames, kind, scene, np.random.default_rng([seed, number]))
            if clip:
                labels = frame_labels(clip.labels, len(frames))
                columns.append(_columns(score(clip.frames), labels))
        found[kind] = _joined(columns) if columns else None
    without = _joined([_columns(result) for result in results.values()])
    one = next(iter(results.values()))
    every = _aurocs(_joined([columns for columns in found.values() if columns]), without)
    return {
        "frame_auroc": every["score"],
        "kinds": {kind: columns and _aurocs(columns, without)["score"] for kind, columns in found.items()},
        "evidence": {name: every[f"evidence.{name}"] for name in one.evidence},
        "baselines": {name: every[f"baselines.{name}"] for name in one.baselines},
    }


def _columns(result: ClipScores, labels: np.ndarray | None = None) -> Columns:
    """Of the frames that have a score, and where asked only of those with an anomaly."""
    kept = np.isfinite(result.scores) & (True if labels is None else labels)
    columns = {
        "score": result.scores,
        **{f"evidence.{name}": values for name, values in result.evidence.items()},
        **{f"baselines.{name}": values for name, values in result.baselines.items()},
    }
    return {name: values[kept] for name, values in columns.items()}


def _joined(clips: Sequence[Columns]) -> Columns:
    return {name: np.concatenate([columns[name] for columns in clips]) for name in clips[0]}


def _aurocs(anomalous: Columns, normal: Columns) -> dict[str, float | None]:
    return {
        name: metrics.frame_auroc(
            np.arange(len(values) + len(normal[name])) < len(values), np.concatenate([values, normal[name]])
        )
        for name, values in anomalous.items()
    }

"""The measures of `summary.json` from scored clips."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from model import metrics
from model.clips import frame_labels
from model.decision import events
from model.scores import ClipScores, ScoredClip
from model.scoring import EVIDENCE

Pick = Callable[[ClipScores], np.ndarray]


def labelled_scores(clips: Iterable[ScoredClip], pick: Pick) -> list[tuple[np.ndarray, np.ndarray]]:
    """Labels `bool [N]` and scores `float [N]` of every labelled test clip, frames without a score left out."""
    pairs = []
    for clip in clips:
        if clip.split == "test" and clip.labels is not None:
            scored = np.isfinite(clip.result.scores)
            pairs.append((frame_labels(clip.labels, len(scored))[scored], pick(clip.result)[scored]))
    return pairs


def measures(clips: Sequence[ScoredClip], threshold: float, pixel_auroc: float | None) -> dict[str, Any]:
    """Every measure by its name; those that need labels are None where there are none.

    Clips and frames are those of the test clips, or of the holdout clips where there are no test clips.
    """
    judged = [c for c in clips if c.split == "test"] or [c for c in clips if c.split == "holdout"]
    pairs = labelled_scores(clips, lambda result: result.scores)
    frames = pooled(pairs)
    return {
        "frame_auroc": metrics.frame_auroc(*frames),
        "frame_auroc_macro": metrics.macro_auroc([p[0] for p in pairs], [p[1] for p in pairs]),
        "average_precision": metrics.average_precision(*frames),
        "eer": metrics.equal_error_rate(*frames),
        "pixel_auroc": pixel_auroc,
        "false_alarms_per_hour": false_alarms_per_hour([c for c in clips if c.split == "holdout"], threshold),
        "clips": len(judged),
        "frames": sum(len(c.result.scores) for c in judged),
        "frames_without_score": int(sum(np.isnan(c.result.scores).sum() for c in judged)),
        "baselines": {
            "frame_difference": _auroc(clips, lambda result: result.baselines["frame_difference"]),
            "optical_flow": _auroc(clips, lambda result: result.baselines["optical_flow"]),
            "copy_last_frame_mse": _mean([c.result.copy_last_frame_mse for c in judged]),
        },
        "model_mse": _mean([c.result.model_mse for c in judged]),
        "evidence": {name: _auroc(clips, lambda result, name=name: result.evidence[name]) for name in EVIDENCE},  # type: ignore[misc]
        "threshold": threshold,
    }


def false_alarms_per_hour(normal: Sequence[ScoredClip], threshold: float) -> float | None:
    """Events an hour on normal clips that nothing was fitted on; None without such clips."""
    hours = sum(np.isfinite(c.result.scores).sum() / c.fps for c in normal) / 3600.0
    alarms = sum(len(events(c.result.scores, threshold, c.fps)) for c in normal)
    return alarms / hours if hours else None


def _auroc(clips: Sequence[ScoredClip], pick: Pick) -> float | None:
    return metrics.frame_auroc(*pooled(labelled_scores(clips, pick)))


def pooled(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The frames of all clips in one, labels and scores."""
    if not pairs:
        return np.zeros(0, bool), np.zeros(0, np.float32)
    return np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])


def _mean(columns: Sequence[np.ndarray]) -> float | None:
    values = np.concatenate([*columns, np.zeros(0)])
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else None

"""The measures of `summary.json` from scored clips."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from model import metrics
from model.clips import LabelRange, frame_labels
from model.decision import Threshold
from model.scores import ClipScores, ScoredClip

Pick = Callable[[ClipScores], np.ndarray]


def labelled_scores(clips: Iterable[ScoredClip], pick: Pick) -> list[tuple[np.ndarray, np.ndarray]]:
    """Labels `bool [N]` and scores `float [N]` of every labelled test clip, frames without a score left out."""
    pairs = []
    for clip in _labelled(clips):
        scored = np.isfinite(clip.result.scores)
        pairs.append((frame_labels(clip.labels or (), len(scored))[scored], pick(clip.result)[scored]))
    return pairs


def _labelled(clips: Iterable[ScoredClip]) -> list[ScoredClip]:
    return [clip for clip in clips if clip.split == "test" and clip.labels is not None]


def measures(clips: Sequence[ScoredClip], threshold: float, places: Mapping[str, float | None]) -> dict[str, Any]:
    """Every measure by its name; those that need labels are None where there are none.

    Clips and frames are those of the test clips, or of the holdout clips where there are no test clips.

    Args:
        places: the measures that need masks.
    """
    judged = [c for c in clips if c.split == "test"] or [c for c in clips if c.split == "holdout"]
    pairs = labelled_scores(clips, lambda result: result.scores)
    frames = pooled(pairs)
    return {
        "frame_auroc": metrics.frame_auroc(*frames),
        "frame_auroc_macro": metrics.macro_auroc([p[0] for p in pairs], [p[1] for p in pairs]),
        "average_precision": metrics.average_precision(*frames),
        "eer": metrics.equal_error_rate(*frames),
        **places,
        "events": _event_measures(clips),
        "delay_seconds": _delay_measures(clips),
        "categories": _category_measures(clips),
        "false_alarms_per_hour": false_alarms_per_hour([c for c in clips if c.split == "holdout"]),
        "clips": len(judged),
        "frames": sum(len(c.result.scores) for c in judged),
        "frames_without_score": int(sum(np.isnan(c.result.scores).sum() for c in judged)),
        "baselines": {
            "frame_difference": _auroc(clips, lambda result: result.baselines["frame_difference"]),
            "optical_flow": _auroc(clips, lambda result: result.baselines["optical_flow"]),
            "copy_last_frame_mse": _mean([c.result.copy_last_frame_mse for c in judged]),
        },
        "model_mse": _mean([c.result.model_mse for c in judged]),
        "evidence": {name: _auroc(clips, lambda result, name=name: result.evidence[name]) for name in _evidence(clips)},  # type: ignore[misc]
        "threshold": threshold,
    }


def false_alarms_per_hour(normal: Sequence[ScoredClip]) -> float | None:
    """Events an hour on normal clips that nothing was fitted on; None without such clips."""
    hours = _hours(normal)
    return sum(len(c.events) for c in normal) / hours if hours else None


def false_alarm_check(clips: Sequence[ScoredClip], promised: Threshold) -> dict[str, Any]:
    """The rate that the threshold promised, and whether the holdout clips agree; None without such clips."""
    normal = [c for c in clips if c.split == "holdout"]
    hours, seen = _hours(normal), sum(len(c.events) for c in normal)
    return {
        "false_alarm_interval": {"low": promised.low, "high": promised.high},
        "false_alarms_within_interval": promised.agrees_with(seen, hours) if hours else None,
    }


def _hours(clips: Sequence[ScoredClip]) -> float:
    return float(sum(np.isfinite(c.result.scores).sum() / c.fps for c in clips)) / 3600.0


def _evidence(clips: Sequence[ScoredClip]) -> list[str]:
    return list(clips[0].result.evidence) if clips else []


def _marked(clip: ScoredClip) -> list[LabelRange]:
    """The ranges of a clip without its warm-up, in which nothing can be found."""
    start = int(np.isnan(clip.result.scores).sum())
    return [label._replace(first=max(label.first, start)) for label in clip.labels or () if label.last >= start]


def _event_measures(clips: Sequence[ScoredClip]) -> dict[str, float | None]:
    counts = [metrics.count_events(c.events, _marked(c)) for c in _labelled(clips)]
    total = metrics.EventCounts(*(sum(column) for column in zip(*counts, strict=True))) if counts else None
    return {
        "precision": total and total.precision,
        "recall": total and total.recall,
        "count": total and total.events,
        "right": total and total.right,
        "marked": total and total.marked,
        "found": total and total.found,
    }


def _delay_measures(clips: Sequence[ScoredClip]) -> dict[str, float | None]:
    waited = [delay / c.fps for c in _labelled(clips) for delay in metrics.delays(c.events, _marked(c))]
    return {
        "mean": float(np.mean(waited)) if waited else None,
        "median": float(np.median(waited)) if waited else None,
    }


def _category_measures(clips: Sequence[ScoredClip]) -> dict[str, dict[str, float | None]]:
    """Of every category that labels name: its frames against all normal ones, and its ranges that were found."""
    labelled = _labelled(clips)
    names = sorted({label.category for c in labelled for label in c.labels or () if label.category})
    return {name: _category(labelled, name) for name in names}


def _category(labelled: Sequence[ScoredClip], name: str) -> dict[str, float | None]:
    pairs = []
    ranges = [0, 0]
    for clip in labelled:
        scores, mine = clip.result.scores, tuple(label for label in _marked(clip) if label.category == name)
        one, every = (frame_labels(labels, len(scores)) for labels in (mine, clip.labels or ()))
        judged = np.isfinite(scores) & (one | ~every)  # other categories are neither
        pairs.append((one[judged], scores[judged]))
        counts = metrics.count_events(clip.events, mine)
        ranges = [ranges[0] + counts.marked, ranges[1] + counts.found]
    return {
        "frame_auroc": metrics.frame_auroc(*pooled(pairs)),
        "marked": ranges[0],
        "found": ranges[1],
        "event_recall": ranges[1] / ranges[0] if ranges[0] else None,
    }


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

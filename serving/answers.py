"""From what is known of every frame to what the caller asked for."""

from __future__ import annotations

import numpy as np

from serving.camera import Row, Scored
from serving.fleet import Loaded
from serving.messages import BOX, CATEGORY, EVIDENCE, HEAT_MAP, Answer, Request


def answer(loaded: Loaded, request: Request, scored: Scored) -> Answer:
    """The rows side by side, with the extras of the request."""
    rows, detector, extras = scored.rows, loaded.detector, request.extras
    frames = [row.frame for row in rows]
    size = request.frames[0].shape[:2]
    kinds = frames[0].evidence if EVIDENCE in extras else ()
    classes = detector.classifier.classes if detector.classifier and CATEGORY in extras else ()
    return Answer(
        frame_index=np.array([row.frame_index for row in rows], np.int64),
        scores=_column([frame.score for frame in frames]),
        alarms=np.array([frame.alarm for frame in frames], bool),
        thresholds=_column([frame.threshold for frame in frames]),
        warm=np.isfinite([frame.score for frame in frames]),
        evidence={kind: _column([frame.evidence[kind] for frame in frames]) for kind in kinds},
        heat_maps=np.stack([_heat(loaded, row) for row in rows]) if HEAT_MAP in extras else None,
        crop=detector.preprocessing.crop,
        boxes=tuple(detector.box(row.strange, size) for row in rows) if BOX in extras else None,
        categories=tuple(_category(row, classes) for row in rows) if classes else (),
        opened=tuple(frame.opened for frame in frames if frame.opened),
        closed=(*scored.closed, *(frame.closed for frame in frames if frame.closed)),
        detector=loaded.version,
        state=scored.state,
    )


def _column(values: list[float]) -> np.ndarray:
    return np.array(values, np.float32)


def _heat(loaded: Loaded, row: Row) -> np.ndarray:
    return loaded.detector.anomaly_map(row.strange) / np.float32(row.frame.threshold)


def _category(row: Row, classes: tuple[str, ...]) -> str:
    """The likeliest; empty in warm-up."""
    probabilities = row.frame.probabilities
    if probabilities is None or np.isnan(probabilities).any():
        return ""
    return classes[int(probabilities.argmax())]

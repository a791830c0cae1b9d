"""The supervised road, beside the other one: a detector and labelled clips in, the detector with a classifier out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from model.classifier.examples import Examples, advice, class_labels, class_names, read_examples, why_not
from model.classifier.fit import fit, out_of_fold
from model.classifier.measures import measures
from model.clips import Clip
from model.scores import ScoredClip

if TYPE_CHECKING:
    from model.detector import Detector


def supervise(
    detector: Detector, clips: Sequence[Clip], kind: str, seed: int, progress: Callable[[str], None]
) -> Detector:
    """Fits a classifier to all labelled clips and measures it out of fold.

    The detector's facts say what it was fitted on and how good it is, or in one line why there is none; scores and
    threshold stay as they are.
    """
    labelled = [clip for clip in clips if clip.labels is not None]
    warm_up = detector.settings.warm_up_frames
    if reason := why_not(labelled, warm_up):
        return replace(detector, facts={**detector.facts, "classifier": {"kind": kind, "notes": [reason]}})
    classes = class_names(labelled, warm_up)
    examples = read_examples(detector, labelled, classes, progress)
    probabilities = out_of_fold(kind, examples, seed, progress)
    found = measures(examples, probabilities, f"out-of-fold predictions of {len(labelled)} clips")
    notes = advice(labelled, classes)
    facts = {"kind": kind, "notes": notes, "clips": [clip.sha256 for clip in labelled], "measures": found}
    fitted = fit(kind, examples, seed)
    return replace(detector, classifier=fitted, facts={**detector.facts, "classifier": facts})


def judge(detector: Detector, clips: Sequence[Clip], scored: Sequence[ScoredClip]) -> dict[str, Any] | None:
    """Measures of a detector's classifier on labelled clips that it does not know, else those taken out of fold.

    Args:
        detector: None is returned where it has no classifier.
        clips: the test clips.
        scored: what the detector says of them, in any order and among others.
    """
    if detector.classifier is None:
        return None
    about, results = detector.facts["classifier"], {clip.name: clip.result for clip in scored}
    unknown = [clip for clip in clips if clip.labels is not None and clip.sha256 not in about["clips"]]
    if not unknown:
        return {"kind": about["kind"], **about["measures"]}
    classes, rows = detector.classifier.classes, []
    for number, clip in enumerate(unknown):
        labels = class_labels(clip.labels or (), len(clip.frames), classes)
        probabilities = results[clip.name].probabilities
        assert probabilities is not None
        kept = (labels >= 0) & np.isfinite(probabilities[:, 0])
        rows.append((labels[kept], np.full(kept.sum(), number), probabilities[kept]))
    truth, numbers, probabilities = (np.concatenate(column) for column in zip(*rows, strict=True))
    examples = Examples(np.zeros((len(truth), 0), np.float32), truth, numbers, classes)
    words = f"{len(unknown)} labelled clips that it was not fitted on"
    return {"kind": about["kind"], **measures(examples, probabilities, words)}

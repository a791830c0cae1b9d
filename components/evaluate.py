"""Detector and data set in, evaluation and report out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from kfp import dsl

from components.registry.registry import flat
from components.step import seldom, step
from model.clips import Dataset

if TYPE_CHECKING:
    from model.evaluation import Evaluation

ROC_POINTS = 200  # the KFP page draws no more


def evaluate(
    revision: str,
    clips: dsl.Input[dsl.Dataset],
    dataset: dsl.Input[dsl.Dataset],
    detector: dsl.Input[dsl.Model],
    evaluation: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    roc: dsl.Output[dsl.ClassificationMetrics],
    report: dsl.Output[dsl.HTML],
) -> None:
    """The same figures as JSON, as HTML and as KFP's own artifacts."""
    from components.evaluate import evaluate_detector

    evaluate_detector(clips.path, dataset.path, detector.path, evaluation.path, report.path, metrics, roc)


def evaluate_detector(
    clips: str,
    dataset: str,
    detector: str,
    output: str,
    report: str,
    metrics: dsl.Metrics,
    roc: dsl.ClassificationMetrics,
) -> None:
    """Writes measures, scores, notes and pictures into `output`, the report, and KFP's own figures."""
    with step("evaluate", output) as progress:
        from model import evaluation, footage
        from model.detector import load
        from model.report import write_report
        from model.transfer.compare import compare

        loaded, data = load(Path(detector)), Dataset.open(Path(dataset))
        result = evaluation.evaluate(loaded, data, seldom(5.0, progress))
        strips = evaluation.strips(loaded, data, result.clips)
        evaluation.save(result, Path(output))
        evaluation.save_pictures(result, loaded, strips, Path(output) / "pictures")
        advice = footage.advice(footage.read_index(Path(clips) / "footage.json"))
        point = loaded.operating_point
        notes = [note for note in (point.note, point.followed, *advice) if note]
        notes += loaded.facts.get("classifier", {}).get("notes", [])
        if scratch := loaded.facts.get("scratch_history"):
            notes.append(compare(loaded.facts["history"], scratch).sentence)
        (Path(output) / "notes.json").write_text(json.dumps(notes))
        write_report(Path(report), evaluation.report(loaded, result, strips, notes))
        for name, value in flat(result.measures).items():
            if isinstance(value, (int, float)):
                metrics.log_metric(name, value)
        curve = _roc(result)
        if curve:
            roc.log_roc_curve(*curve)
        for artifact in (metrics, roc):  # one without a file is never found in the local cache
            Path(artifact.path).write_text(json.dumps(result.measures))
        progress("report written")


def _roc(result: "Evaluation") -> tuple[list[float], list[float], list[float]] | None:
    import numpy as np

    from model import evaluation
    from model.metrics import roc

    labels, scores = evaluation.pooled(evaluation.labelled_scores(result.clips, lambda clip: clip.scores))
    if labels.all() or not labels.any():
        return None
    false, true, thresholds = roc(labels, scores)
    thresholds = np.minimum(thresholds, thresholds[np.isfinite(thresholds)].max() + 1)  # the first one is infinite
    kept = np.unique(np.linspace(0, len(false) - 1, min(len(false), ROC_POINTS)).astype(int))
    return false[kept].tolist(), true[kept].tolist(), thresholds[kept].tolist()

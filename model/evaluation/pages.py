"""An evaluation as a report, and its pictures as files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from model.evaluation.evaluate import Evaluation
from model.report import Report, Strip, figures, pictures
from model.report.film import film_image

if TYPE_CHECKING:
    from model.detector import Detector

TIMELINES = 12  # clips drawn as files


def report(detector: Detector, evaluation: Evaluation, strips: Sequence[Strip], notes: Sequence[str]) -> Report:
    """What the page shows, from what the detector knows of itself."""
    facts = detector.facts
    settings = json.loads(json.dumps(facts["settings"]))
    shown = {
        "revision": str(facts["revision"]),
        "data digest": str(facts["data_digest"]),
        "MLflow run": str(facts["source_run"]),
        "base model": str(facts.get("base_model") or "none"),
        **{section: json.dumps(values) for section, values in settings.items()},
    }
    return Report(
        title=f"Unforeseen on {detector.camera}",
        camera=detector.camera,
        subtitle=f"{evaluation.measures['clips']} clips, {evaluation.measures['frames']} frames judged",
        measures=evaluation.measures,
        clips=evaluation.clips,
        threshold=detector.threshold,
        history=tuple(facts["history"]),
        strips=tuple(strips),
        notes=tuple(notes),
        facts=shown,
        films=evaluation.films,
        hourly=detector.operating_point.hourly,
        scratch=tuple(facts.get("scratch_history", ())),
    )


def save_pictures(evaluation: Evaluation, detector: Detector, strips: Sequence[Strip], directory: Path) -> None:
    """The figures of the report as PNG files, for pages that show files."""
    directory.mkdir(parents=True)
    drawn = {
        "training.png": figures.training_figure(detector.facts["history"], detector.facts.get("scratch_history", ()))
    }
    if evaluation.measures["frame_auroc"] is not None:
        drawn["roc.png"] = figures.roc_figure(evaluation.clips)
    span = figures.score_span(evaluation.clips, detector.threshold)
    for number, clip in enumerate(evaluation.clips[:TIMELINES]):
        drawn[f"timeline-{number:02}.png"] = figures.timeline_figure(clip, detector.threshold, span)
    for name, figure in drawn.items():
        (directory / name).write_bytes(figures.png(figure))
    scale = pictures.error_scale(strips)
    for number, strip in enumerate(strips):
        name = f"strip-{number:02}-{strip.kind.replace(' ', '-')}.png"
        (directory / name).write_bytes(pictures.png(pictures.strip_image(strip, scale)))
    for number, film in enumerate(evaluation.films):
        name = f"event-{number:02}-{film.kind.replace(' ', '-')}.png"
        (directory / name).write_bytes(pictures.png(film_image(film.stills, film.event.peak, film.fps)))

"""A report as one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from model.atomic import write_text
from model.report import figures, pictures, verdict
from model.report.confusion import confusion_figure
from model.report.content import EventFilm, Kind, Report, Strip
from model.report.film import film_image
from model.report.template import template
from model.scores import ScoredClip

TIMELINES = 12  # the clips with the highest scores; more would bury the reader
STRIPS = 5  # of a kind
KINDS: tuple[tuple[Kind, str, str], ...] = (
    ("hit", "Best hits", "anomalous frames with the highest scores"),
    ("miss", "Misses", "anomalous frames that stayed under the threshold"),
    ("false alarm", "Worst false alarms", "normal frames over the threshold"),
)
EVENTS: tuple[tuple[Kind, str, str], ...] = (
    ("hit", "Right", "events over something that a person marked, the strongest first"),
    ("false alarm", "False alarms", "events over nothing marked, or on normal footage"),
)


def write_report(path: Path, report: Report) -> None:
    """Writes the page; a reader never sees half of it."""
    write_text(path, render(report))


def render(report: Report) -> str:
    """The page as HTML; every text from outside is escaped."""
    shown = _shown(report.clips)
    return template("report.html.j2").render(
        report=report,
        verdict=verdict.verdict(report.measures),
        cards=verdict.cards(report),
        amount=verdict.amount(report.measures),
        comparison=verdict.comparison(report.measures),
        pasted=verdict.pasted(report.measures),
        gain=verdict.prediction_gain(report.measures),
        timelines=_timelines(shown, report.threshold),
        hourly=_figure(figures.hours_figure(report.hourly)) if report.hourly else None,
        left_out=len(report.clips) - len(shown),
        films=_films(report),
        roc=_roc(report),
        histogram=_figure(figures.histogram_figure(report.clips, report.threshold)) if report.clips else None,
        classifier=report.measures.get("classifier"),
        confusion=_confusion(report),
        training=_figure(figures.training_figure(report.history, report.scratch)) if report.history else None,
        strips=_strips(report),
    )


def _shown(clips: tuple[ScoredClip, ...]) -> list[ScoredClip]:
    """The highest peaks, test clips before held-out ones, in the order they came."""
    ranked = sorted(clips, key=lambda clip: (clip.split != "test", -_peak(clip)))[:TIMELINES]
    return [clip for clip in clips if any(clip is other for other in ranked)]


def _peak(clip: ScoredClip) -> float:
    return float(np.max(clip.result.scores, initial=-np.inf, where=np.isfinite(clip.result.scores)))


def _timelines(clips: list[ScoredClip], threshold: float) -> list[dict[str, Any]]:
    span = figures.score_span(clips, threshold)
    return [
        {
            "clip": clip,
            "picture": _figure(figures.timeline_figure(clip, threshold, span)),
            "alarms": int(clip.result.alarms.sum()),
            "labels": [
                (label.category or "labelled", label.first / clip.fps, (label.last + 1) / clip.fps)
                for label in clip.labels or ()
            ],
        }
        for clip in clips
    ]


def _films(report: Report) -> list[dict[str, Any]]:
    """The events by kind, those without any left out."""
    groups = []
    for kind, title, meaning in EVENTS:
        rows = [(film, _image(_film(film))) for film in report.films if film.kind == kind]
        groups.append({"title": title, "meaning": meaning, "rows": rows})
    return [group for group in groups if group["rows"]]


def _film(film: EventFilm) -> bytes:
    return pictures.png(film_image(film.stills, film.event.peak, film.fps))


def _roc(report: Report) -> str | None:
    if report.measures.get("frame_auroc") is None:
        return None
    return _figure(figures.roc_figure(report.clips))


def _confusion(report: Report) -> str | None:
    found = report.measures.get("classifier")
    return _figure(confusion_figure(found["classes"], found["confusion"])) if found else None


def _strips(report: Report) -> list[dict[str, Any]]:
    scale = pictures.error_scale(report.strips)
    fps = {clip.name: clip.fps for clip in report.clips}
    groups = []
    for kind, title, meaning in KINDS:
        rows = [strip for strip in report.strips if strip.kind == kind][:STRIPS]
        groups.append(
            {"title": title, "meaning": meaning, "rows": [_strip(row, scale, fps.get(row.clip)) for row in rows]}
        )
    return [group for group in groups if group["rows"]]


def _strip(strip: Strip, scale: float, fps: float | None) -> dict[str, Any]:
    picture = _image(pictures.png(pictures.strip_image(strip, scale)))
    return {"strip": strip, "picture": picture, "seconds": strip.frame / fps if fps else None}


def _figure(figure: Figure) -> str:
    return _image(figures.png(figure))


def _image(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"

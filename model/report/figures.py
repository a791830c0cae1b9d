"""Scores and training history as matplotlib Figures; none of them touches pyplot's global state."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from model.clips import frame_labels
from model.scores import ClipScores, ScoredClip

INK, MUTED, GRID = "#1f2933", "#7b8794", "#e4e7eb"
BLUE, RED, AMBER = "#1f6f8b", "#c0392b", "#e9b44c"
EVIDENCE = ("#5b8c5a", "#8367a8", "#b0703c", "#4a7fc1", "#a8577e")


def timeline_figure(clip: ScoredClip, threshold: float, span: tuple[float, float] | None = None) -> Figure:
    """Score over seconds: threshold, labelled stretches with their category, warm-up grey, alarms red.

    Args:
        span: ends of the score axis, so that several clips can share one scale.
    """
    figure, axes = _panel(5.5, 1.75)
    scores, seconds = clip.result.scores, np.arange(len(clip.result.scores)) / clip.fps
    for label in clip.labels or ():
        start, end = label.first / clip.fps, (label.last + 1) / clip.fps
        axes.axvspan(start, end, color=AMBER, alpha=0.3, lw=0, gid="label")
        axes.text(start, 0.97, f" {label.category.replace('_', ' ')}", transform=axes.get_xaxis_transform(),
                  va="top", fontsize=7, color="#8a6d1d", parse_math=False, clip_on=True)  # fmt: skip
    warm_up = int(np.argmax(np.isfinite(scores))) if np.isfinite(scores).any() else len(scores)
    if warm_up:
        axes.axvspan(0, warm_up / clip.fps, color=GRID, lw=0, gid="warm-up")
    axes.plot(seconds, scores, color=BLUE, lw=1.1, gid="score")
    axes.plot(seconds, _in_force(clip, threshold), color=RED, lw=0.9, ls=(0, (4, 3)), gid="threshold")
    runs = np.flatnonzero(np.diff(np.pad(clip.result.alarms.astype(int), 1))).reshape(-1, 2) / clip.fps
    for start, end in runs:
        axes.axvspan(start, end, 0, 0.05, color=RED, lw=0, gid="alarm")
    axes.set_xlim(0, len(scores) / clip.fps)
    axes.set_ylim(span or score_span([clip], threshold))
    axes.set_xlabel("seconds")
    return figure


def score_span(clips: Sequence[ScoredClip], threshold: float) -> tuple[float, float]:
    """Ends for score axes that hold the threshold and that a single freak frame does not stretch."""
    scores = np.concatenate([clip.result.scores[_scored(clip)] for clip in clips] + [np.array([threshold])])
    in_force = np.concatenate([_in_force(clip, threshold) for clip in clips] + [np.array([threshold])])
    low, high = min(scores.min(), in_force.min()), max(np.quantile(scores, 0.995), in_force.max())
    margin = 0.15 * (high - low) or 1.0
    return float(low - margin), float(high + margin)


def roc_figure(clips: Sequence[ScoredClip]) -> Figure:
    """ROC over the pooled frames of the labelled test clips: detector, each evidence, each baseline.

    Raises:
        ValueError: no clip with labels, or only one kind of frame.
    """
    labels, scores = _labelled_frames(clips)
    if len(np.unique(labels)) < 2:
        raise ValueError(
            f"expected normal and anomalous frames with a score. Received: {len(labels)} frames of one kind"
        )
    figure, axes = _panel(5.2, 4.2)
    axes.plot([0, 1], [0, 1], color=GRID, lw=1)
    _roc(axes, labels, scores, "detector", color=BLUE, lw=2.2, zorder=3)
    for (name, values), colour in zip(_curves(clips, "evidence").items(), EVIDENCE * 9, strict=False):
        _roc(axes, labels, values, name, color=colour, lw=1.1)
    for (name, values), dash in zip(_curves(clips, "baselines").items(), (":", "--", "-.") * 9, strict=False):
        _roc(axes, labels, values, name, color=MUTED, lw=1.2, ls=dash)
    alarms = np.concatenate([clip.result.alarms[_scored(clip)] for clip in _labelled(clips)])
    axes.plot(
        alarms[~labels].mean(),
        alarms[labels].mean(),
        "o",
        color=BLUE,
        ms=7,
        mec="white",
        zorder=4,
        ls="",
        label="threshold in use",
    )
    axes.set(xlim=(-0.01, 1), ylim=(0, 1.01), xlabel="normal frames flagged (share)",
             ylabel="anomalous frames flagged (share)")  # fmt: skip
    axes.legend(loc="lower right", fontsize=7.5, frameon=False, labelcolor=INK)
    return figure


def histogram_figure(clips: Sequence[ScoredClip], threshold: float) -> Figure:
    """How the scores spread: normal against anomalous frames, or held-out normal frames where nobody labelled any."""
    figure, axes = _panel(5.2, 4.2)
    groups = _groups(clips)
    bins = np.linspace(*score_span(clips, threshold), 60).tolist()
    for name, values, colour in groups:
        share = np.full(len(values), 100 / max(len(values), 1))
        name = f"{name} ({len(values):,} frames)"
        axes.hist(np.minimum(values, bins[-1]), bins, weights=share, color=colour, alpha=0.6, label=name)
    axes.axvline(threshold, color=RED, lw=1, ls=(0, (4, 3)), label=f"threshold {threshold:.3g}")
    axes.set(xlabel="anomaly score", ylabel="% of frames")
    # Looking for the best place may take seconds; the threshold may stand behind this one.
    axes.legend(loc="upper right", fontsize=7.5, edgecolor="none", framealpha=0.85, labelcolor=INK)
    return figure


def hours_figure(thresholds: Sequence[float]) -> Figure:
    """The threshold at each hour of the day."""
    figure, axes = _panel(11, 1.9)
    hours = np.arange(len(thresholds))
    axes.bar(hours + 0.5, thresholds, width=0.86, color=RED, alpha=0.55, gid="threshold")
    axes.set(xlim=(0, len(thresholds)), xticks=hours[::3], xlabel="hour of the day", ylabel="threshold")
    return figure


def training_figure(history: Sequence[dict[str, float]], scratch: Sequence[dict[str, float]] = ()) -> Figure:
    """Loss and validation error per epoch, the latter against copying the last frame.

    Args:
        scratch: the history of a training that started from nothing, where this one did not.
    """
    figure = Figure(figsize=(11, 2.9), layout="constrained")
    loss, error = (_style(axes) for axes in figure.subplots(1, 2))
    epochs = [entry["epoch"] for entry in history]
    for axes, key, name, colour in (
        (loss, "loss", "training loss", BLUE),
        (loss, "validation_loss", "validation loss", AMBER),
        (error, "validation_mse", "PredNet, validation clips", BLUE),
        (error, "copy_last_frame_mse", "copying the last frame", RED),
    ):
        dash = "--" if key == "copy_last_frame_mse" else "-"
        axes.plot(epochs, [entry.get(key, np.nan) for entry in history], dash, color=colour, label=name, lw=1.6,
                  marker="o", ms=3)  # fmt: skip
    for axes, key in ((loss, "validation_loss"), (error, "validation_mse")) if scratch else ():
        axes.plot([entry["epoch"] for entry in scratch], [entry[key] for entry in scratch], ":", color=MUTED, lw=1.6,
                  label="validation, from scratch")  # fmt: skip
    for axes, name in ((loss, "loss"), (error, "mean squared error")):
        axes.set(xlabel="epoch", ylabel=name)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="upper right", fontsize=8, frameon=False, labelcolor=INK)
    return figure


def png(figure: Figure) -> bytes:
    """The figure as a PNG file, sharp on a dense screen."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # A category in a script that the font lacks is drawn as boxes; the page says it in text too.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(buffer, format="png", dpi=170)
    return buffer.getvalue()


def _panel(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, _style(figure.subplots())


def _style(axes: Axes) -> Axes:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#cbd2d9")
    axes.tick_params(colors=MUTED, labelsize=7.5, length=2.5)
    axes.xaxis.label.set(color=MUTED, fontsize=8)
    axes.yaxis.label.set(color=MUTED, fontsize=8)
    axes.grid(axis="y", color=GRID, lw=0.6)
    axes.set_axisbelow(True)
    return axes


def _scored(clip: ScoredClip) -> np.ndarray:
    return np.isfinite(clip.result.scores)


def _in_force(clip: ScoredClip, threshold: float) -> np.ndarray:
    in_force = clip.result.thresholds
    return np.full(len(clip.result.scores), threshold) if in_force is None else in_force


def _labelled(clips: Iterable[ScoredClip]) -> list[ScoredClip]:
    return [clip for clip in clips if clip.split == "test" and clip.labels is not None]


def _labelled_frames(clips: Iterable[ScoredClip]) -> tuple[np.ndarray, np.ndarray]:
    pairs = [
        (frame_labels(clip.labels or (), len(_scored(clip)))[_scored(clip)], clip.result.scores[_scored(clip)])
        for clip in _labelled(clips)
    ]
    labels, scores = zip(*pairs, strict=True) if pairs else ([np.zeros(0, bool)], [np.zeros(0)])
    return np.concatenate(labels), np.concatenate(scores)


def _curves(clips: Sequence[ScoredClip], field: str) -> dict[str, np.ndarray]:
    """Evidence or baselines by name, over the same frames as the detector's scores."""
    labelled = _labelled(clips)

    def series(result: ClipScores) -> dict[str, np.ndarray]:
        return result.evidence if field == "evidence" else result.baselines

    names = series(labelled[0].result)
    return {name: np.concatenate([series(clip.result)[name][_scored(clip)] for clip in labelled]) for name in names}


def _roc(axes: Axes, labels: np.ndarray, values: np.ndarray, name: str, **style: Any) -> None:
    from sklearn.metrics import roc_curve  # slow to load, and the overlay, which shares this package, does without

    known = np.isfinite(values)
    false_alarms, hits, _ = roc_curve(labels[known], values[known])
    area = float(np.trapezoid(hits, false_alarms))
    axes.plot(false_alarms, hits, label=f"{name.replace('_', ' ')}  {area:.3f}", **style)


def _groups(clips: Sequence[ScoredClip]) -> list[tuple[str, np.ndarray, str]]:
    labels, scores = _labelled_frames(clips)
    if labels.any() and not labels.all():
        return [("normal", scores[~labels], BLUE), ("anomalous", scores[labels], AMBER)]
    splits = {"holdout": ("normal, held out", BLUE), "test": ("test, not labelled", MUTED)}
    pooled = {split: [c.result.scores[_scored(c)] for c in clips if c.split == split] for split in splits}
    return [
        (*splits[split][:1], np.concatenate(values), splits[split][1]) for split, values in pooled.items() if values
    ]

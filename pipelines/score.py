"""`unforeseen score`: a video in; scores, events and a video of what the detector thinks out."""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from model import atomic, footage, scoring
from model.clips import SourceClip
from model.decision import Event, box, events
from model.detector import Detector, FrameScore, load
from model.report.overlay import OverlayWriter
from pipelines.judge import fitted_settings

Say = Callable[[str], None]
PROGRESS_SECONDS = 5.0


def score(video: str, detector: Path, out: Path, say: Say) -> dict[str, Any]:
    """Writes `scores.csv`, `events.json` and `overlay.mp4` into the new directory `out`.

    A folder that holds several clips gives a directory a clip.

    Raises:
        BadInput: no video, no detector, or something is in `out` already.
    """
    loaded = load(detector)
    clips = footage.read_clips(Path(video), None, fitted_settings(loaded).footage)
    results = {}
    with atomic.new_directory(out) as partial:
        for clip in clips:
            directory = partial if len(clips) == 1 else partial / clip.name
            directory.mkdir(parents=True, exist_ok=True)
            results[clip.name] = _score_clip(clip, loaded, directory, say)
    return {"threshold": loaded.threshold, "clips": results}


def _score_clip(clip: SourceClip, detector: Detector, directory: Path, say: Say) -> dict[str, Any]:
    stream = detector.stream()
    results: list[FrameScore] = []
    boxes: dict[int, list[int]] = {}
    size = detector.settings.block_sizes[0]
    start = said = time.monotonic()
    frames = footage.frames(clip)
    first = next(frames)
    height, width = first.shape[:2]
    with OverlayWriter(
        directory / "overlay.mp4",
        fps=clip.fps,
        frame_size=(height, width),
        threshold=detector.threshold,
        error_scale=_error_scale(detector),
        crop=detector.preprocessing.crop,
    ) as overlay:
        for frame in chain([first], frames):
            result = stream.push(frame)
            heat = scoring.block_means(stream.observation.maps["prediction_error"], size)
            overlay.add(frame, None if math.isnan(result.score) else heat, result.score, alarm=result.alarm)
            if result.alarm:
                where = detector.anomaly_map(stream.observation)
                boxes[len(results)] = _in_frame(box(where), where.shape, detector.preprocessing.crop, height, width)
            results.append(result)
            if time.monotonic() - said > PROGRESS_SECONDS or len(results) == clip.frames:
                said = time.monotonic()
                rate = len(results) / (said - start)
                say(f"score: {clip.name}: {len(results)} of {clip.frames} frames, {rate:.0f} frames/s")
    found = _events(results, clip.fps, detector.threshold)
    _write_scores(directory / "scores.csv", results, clip.fps)
    rows = [_row(event, clip.fps, boxes) for event in found]
    (directory / "events.json").write_text(json.dumps(rows, indent=1) + "\n")
    return {"frames": len(results), "seconds": round(len(results) / clip.fps, 3), "events": rows}


def _events(results: list[FrameScore], fps: float, threshold: float) -> list[Event]:
    scores = np.array([result.score for result in results], np.float32)
    return events(scores, threshold, fps)


def _error_scale(detector: Detector) -> float:
    """Full heat where about one normal frame in five hundred comes."""
    assert detector.calibration
    tail = detector.calibration.tails["prediction_error"][0]
    return tail.quantiles[-1] + 4 * tail.excess


def _in_frame(
    region: tuple[int, int, int, int], shape: tuple[int, ...], crop: tuple[float, ...], height: int, width: int
) -> list[int]:
    """A box of the network input as left, top, right, bottom in pixels of the camera frame."""
    top, bottom, left, right = crop

    def across(x: int) -> int:
        return round(width * (left + (right - left) * x / shape[1]))

    def down(y: int) -> int:
        return round(height * (top + (bottom - top) * y / shape[0]))

    return [across(region[0]), down(region[1]), across(region[2]), down(region[3])]


def _row(event: Event, fps: float, boxes: dict[int, list[int]]) -> dict[str, Any]:
    return {
        "first_frame": event.first,
        "last_frame": event.last,
        "peak_frame": event.peak,
        "start_seconds": round(event.first / fps, 3),
        "end_seconds": round((event.last + 1) / fps, 3),
        "score": round(event.score, 4),
        "box": boxes[event.peak],
    }


def _write_scores(path: Path, results: list[FrameScore], fps: float) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["frame", "seconds", "score", "alarm"])
        for number, result in enumerate(results):
            text = "" if math.isnan(result.score) else f"{result.score:.6g}"  # no score in warm-up
            writer.writerow([number, f"{number / fps:.3f}", text, int(result.alarm)])

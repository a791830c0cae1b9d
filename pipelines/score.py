"""`unforeseen score`: a video in; scores, events with their pictures, and a video of what the detector thinks out."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from model import atomic, footage
from model.clips import SourceClip
from model.decision import Event
from model.detector import Detector, FrameScore, Stream, load
from model.report.film import still
from model.report.overlay import OverlayWriter
from model.report.recorder import EventRecorder
from pipelines.judge import fitted_settings

Say = Callable[[str], None]
PROGRESS_SECONDS = 5.0
FULL_HEAT = 1.5  # thresholds


def score(video: str, detector: Path, out: Path, say: Say) -> dict[str, Any]:
    """Writes `scores.csv`, `events.json`, `events/` and `overlay.mp4` into the new directory `out`.

    A folder that holds several clips gives a directory a clip. Frames are taken one at a time and not kept.

    Raises:
        BadInput: no video, no detector, or something is in `out` already.
    """
    loaded = load(detector)
    clips = footage.read_clips(Path(video), None, fitted_settings(loaded).footage)
    results = {}
    with atomic.new_directory(out) as unfinished:
        for clip in clips:
            directory = unfinished if len(clips) == 1 else unfinished / clip.name
            directory.mkdir(parents=True, exist_ok=True)
            results[clip.name] = _score_clip(clip, loaded, directory, say)
    point = loaded.operating_point
    return {"threshold": point.value, "note": point.note, "follows": point.followed, "clips": results}


def _score_clip(clip: SourceClip, detector: Detector, directory: Path, say: Say) -> dict[str, Any]:
    stream = detector.stream(clip.fps, clip.name, hour=clip.hour)
    frames = footage.frames(clip)
    first = next(frames)
    found: list[Event] = []
    if detector.operating_point.profile and clip.hour is None:
        say(f"score: {clip.name}: its name tells no hour of the day; the threshold is that of the busiest one")
    start = said = time.monotonic()
    with ExitStack() as stack:
        scores = stack.enter_context((directory / "scores.csv").open("w"))
        scores.write(",".join(_columns(detector)) + "\n")
        overlay = stack.enter_context(_overlay(directory / "overlay.mp4", clip, detector, first))
        recorder = EventRecorder(directory / "events", clip.fps)
        stack.callback(recorder.drop)
        show = partial(_show, stream, detector.preprocessing.crop, overlay, recorder)
        for number, (frame, result) in enumerate(stream.push_all(chain([first], frames))):
            scores.write(_line(number, clip.fps, result))
            show(number, frame, result)
            found += [result.closed] if result.closed else []
            if time.monotonic() - said > PROGRESS_SECONDS or number + 1 == clip.frames:
                said = time.monotonic()
                rate = (number + 1) / (said - start)
                say(f"score: {clip.name}: {number + 1} of {clip.frames} frames, {rate:.0f} frames/s")
        last = stream.finish()
        if last:
            recorder.keep(last)
            found.append(last)
    rows = [_row(event, clip) for event in found]
    (directory / "events.json").write_text(json.dumps(rows, indent=1) + "\n")
    return {"frames": clip.frames, "seconds": round(clip.frames / clip.fps, 3), "events": rows}


def _overlay(path: Path, clip: SourceClip, detector: Detector, frame: np.ndarray) -> OverlayWriter:
    return OverlayWriter(
        path,
        fps=clip.fps,
        frame_size=(frame.shape[0], frame.shape[1]),
        threshold=detector.threshold,
        error_scale=FULL_HEAT * max(detector.threshold, 1.0),  # an anomaly map is on the scale of the scores
        crop=detector.preprocessing.crop,
    )


def _show(
    stream: Stream,
    crop: tuple[float, float, float, float],
    overlay: OverlayWriter,
    recorder: EventRecorder,
    number: int,
    frame: np.ndarray,
    result: FrameScore,
) -> None:
    """The frame that was just pushed, in the overlay and in the event that it belongs to."""
    assert stream.tracker
    heat = None if math.isnan(result.score) else stream.anomaly_map()
    box = stream.box() if stream.tracker.state.last == number else None
    picture = overlay.add(frame, heat, result.score, alarm=result.alarm, threshold=result.threshold, box=box)
    small = None if box is None else still(number, result.score, frame, stream.anomaly_map(), box, crop)
    recorder.add(picture, stream.tracker, result.closed, small)


def _columns(detector: Detector) -> list[str]:
    """Of scores.csv: why a frame was flagged stands beside its score."""
    classes = detector.classifier.classes if detector.classifier else ()
    return [
        "frame",
        "seconds",
        "score",
        "alarm",
        "threshold",
        *detector.kinds,
        *(f"probability_{name}" for name in classes),
    ]


def _line(number: int, fps: float, result: FrameScore) -> str:
    probabilities = () if result.probabilities is None else result.probabilities.tolist()
    rest = [_cell(value) for value in (result.threshold, *result.evidence.values(), *probabilities)]
    return ",".join([str(number), f"{number / fps:.3f}", _cell(result.score), str(int(result.alarm)), *rest]) + "\n"


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"  # nothing in warm-up


def _row(event: Event, clip: SourceClip) -> dict[str, Any]:
    """An event as JSON, with all it takes to find its frames again."""
    source = clip.video or clip.pictures[0].parent
    return {
        "id": event.id,
        "clip": clip.name,
        "source": str(source.resolve()),
        "source_frames": [clip.first + event.first, clip.first + event.last],
        "fps": clip.fps,
        "first": event.first,
        "opened": event.opened,
        "last": event.last,
        "peak": event.peak,
        "start_seconds": round(event.first / clip.fps, 3),
        "end_seconds": round((event.last + 1) / clip.fps, 3),
        "score": round(event.score, 4),
        "threshold": round(event.threshold, 4),
        "cause": event.cause,
        "evidence": {name: round(value, 4) for name, value in event.evidence.items()},
        "box": event.box,
        "category": event.category,
    }

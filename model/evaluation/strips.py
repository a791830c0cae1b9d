"""The frames a person should see: the best hits, the misses, the worst false alarms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from model.clips import Clip, Dataset, frame_labels
from model.report.content import Kind, Strip
from model.scores import ScoredClip

if TYPE_CHECKING:
    from model.detector import Detector

EACH = 4  # of each kind
APART_SECONDS = 2.0  # frames of one clip closer than this show the same thing
LEAD_FRAMES = 40  # that warm the network up before the frame that is shown


def strips(detector: Detector, dataset: Dataset, clips: Sequence[ScoredClip]) -> tuple[Strip, ...]:
    """Chooses frames by their scores and has the network predict them again."""
    chosen = [
        *_choose(clips, "hit"),
        *_choose(clips, "miss"),
        *_choose(clips, "false alarm"),
    ]
    by_clip: dict[str, list[tuple[Kind, int, float]]] = defaultdict(list)
    for kind, name, frame, score in chosen:
        by_clip[name].append((kind, frame, score))
    shown = {
        (clip.name, strip.kind, strip.frame): strip
        for split in ("test", "holdout")
        for clip in dataset.clips(split)
        for strip in _strips(detector, clip, by_clip.get(clip.name, []))
    }
    return tuple(shown[name, kind, frame] for kind, name, frame, _ in chosen)


def _choose(clips: Sequence[ScoredClip], kind: Kind) -> list[tuple[Kind, str, int, float]]:
    candidates = []
    for clip in clips:
        scores = clip.result.scores
        labels = None if clip.labels is None else frame_labels(clip.labels, len(scores))
        anomalous = np.zeros(len(scores), bool) if labels is None else labels
        alarm = clip.result.alarms  # at the threshold in force, which may move
        wanted = {
            "hit": anomalous & alarm,
            "miss": anomalous & ~alarm & np.isfinite(scores),
            "false alarm": ~anomalous & alarm & (labels is not None or clip.split == "holdout"),
        }[kind]
        candidates += [(float(scores[t]), clip.name, int(t), clip.fps) for t in np.flatnonzero(wanted)]
    candidates.sort(key=lambda c: c[0], reverse=kind != "miss")
    taken: list[tuple[Kind, str, int, float]] = []
    for score, name, frame, fps in candidates:
        if len(taken) < EACH and all(n != name or abs(f - frame) > APART_SECONDS * fps for _, n, f, _ in taken):
            taken.append((kind, name, frame, score))
    return taken


def _strips(detector: Detector, clip: Clip, chosen: Sequence[tuple[Kind, int, float]]) -> Iterator[Strip]:
    """One walk past the chosen frames; where they are far apart, it begins again before the next one."""
    stream, pushed = detector.stream(), 0
    for kind, frame, score in sorted(chosen, key=lambda one: one[1]):
        if frame - LEAD_FRAMES > pushed:
            stream, pushed = detector.stream(), frame - LEAD_FRAMES
        for t in range(pushed, frame + 1):
            stream.push_input(clip.frames[t])
        pushed = frame + 1
        observation = stream.observation
        yield Strip(
            clip=clip.name,
            frame=frame,
            kind=kind,
            score=score,
            picture=np.array(clip.frames[frame]),
            prediction=(observation.prediction * 255).round().astype(np.uint8),
            error=observation.error,
            mask=None if clip.masks is None else np.array(clip.masks[frame]),
        )

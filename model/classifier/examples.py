"""Labelled clips as examples: features of every frame with a score, its class, and the clip it is from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from model.classifier.classifier import NORMAL, UNNAMED
from model.classifier.features import FrameFeatures
from model.clips import Clip, LabelRange

if TYPE_CHECKING:
    from model.detector import Detector

LEAST_CLIPS = 2  # of a class: one to learn from and one to judge by


@dataclass(frozen=True)
class Examples:
    """Labelled frames."""

    features: np.ndarray  # float32 [N, F]
    labels: np.ndarray  # int [N], indices of classes
    clips: np.ndarray  # int [N], the clip's number
    classes: tuple[str, ...]

    def of(self, chosen: np.ndarray) -> Examples:
        """Those that `bool [N]` chooses."""
        return replace(self, features=self.features[chosen], labels=self.labels[chosen], clips=self.clips[chosen])


def class_names(clips: Sequence[Clip], warm_up_frames: int) -> tuple[str, ...]:
    """Normal, the categories that enough clips show, and what is anomalous without being one of them."""
    names = [_frame_names(clip.labels or (), len(clip.frames))[warm_up_frames:] for clip in clips]

    def shown(*wanted: str) -> int:
        return sum(bool(np.isin(frames, wanted).any()) for frames in names)

    found = sorted({str(name) for frames in names for name in frames} - {NORMAL, UNNAMED})
    categories = [name for name in found if shown(name) >= LEAST_CLIPS]
    rest = [name for name in (*found, UNNAMED) if name not in categories]
    return (NORMAL, *categories, *([UNNAMED] if shown(*rest) >= LEAST_CLIPS else []))


def why_not(clips: Sequence[Clip], warm_up_frames: int) -> str | None:
    """One line that says why no classifier can be fitted to labelled clips; None where one can."""
    names = [_frame_names(clip.labels or (), len(clip.frames))[warm_up_frames:] for clip in clips]
    anomalous = sum(bool((frames != NORMAL).any()) for frames in names)
    normal = sum(bool((frames == NORMAL).any()) for frames in names)
    if min(anomalous, normal) >= LEAST_CLIPS and len(class_names(clips, warm_up_frames)) > 1:
        return None
    return (
        f"no classifier: expected {LEAST_CLIPS} labelled clips or more with anomalous frames, and as many with normal "
        f"ones. Received: {anomalous} and {normal} of {len(clips)} labelled clips"
    )


def advice(clips: Sequence[Clip], classes: Sequence[str]) -> list[str]:
    """What a person should know of the classes."""
    found = {label.category for clip in clips for label in clip.labels or ()} - {"", *classes}
    lines = []
    if found:
        lines.append(f"classifier: no category of its own, for want of a second clip: {', '.join(sorted(found))}")
    if set(classes) <= {NORMAL, UNNAMED}:
        lines.append("classifier: labels without categories tell anomalous from normal, and no more")
    return lines


def class_labels(ranges: Sequence[LabelRange], frames: int, classes: Sequence[str]) -> np.ndarray:
    """The class of every frame `int [T]`; -1 where it has none."""
    number = {name: index for index, name in enumerate(classes)}
    other = number.get(UNNAMED, -1)
    return np.array([number.get(str(name), other) for name in _frame_names(ranges, frames)], int)


def read_examples(
    detector: Detector, clips: Sequence[Clip], classes: tuple[str, ...], progress: Callable[[str], None]
) -> Examples:
    """Pushes labelled clips through a detector."""
    assert detector.scene
    features, labels, numbers = [], [], []
    for number, clip in enumerate(clips):
        wanted = class_labels(clip.labels or (), len(clip.frames), classes)
        stream, reader = detector.stream(), FrameFeatures(detector.settings.smoothing_frames)
        for result, label in zip(stream.push_all_inputs(clip.frames), wanted, strict=True):
            if np.isnan(result.score):
                continue
            row = reader.push(detector.scene, stream.maps, stream.observation.motion, stream.strange)
            if label >= 0:
                features.append(row)
                labels.append(label)
                numbers.append(number)
        progress(f"classifier: features of {number + 1}/{len(clips)} labelled clips")
    return Examples(np.stack(features), np.array(labels), np.array(numbers), classes)


def _frame_names(ranges: Sequence[LabelRange], frames: int) -> np.ndarray:
    """Normal, a category, or what has none; where ranges overlap the later one counts."""
    names = np.full(frames, NORMAL, object)
    for label in ranges:
        named = label.category not in ("", NORMAL)
        names[label.first : label.last + 1] = label.category if named else UNNAMED
    return names

"""What flows: clips as a source holds them, and clips as the network sees them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from model.errors import BadInput

Split = Literal["train", "validation", "holdout", "test"]
FORMAT = 1
MARKED = "feedback/"  # what the names of clips begin with whose events a person marked as normal


class LabelRange(NamedTuple):
    """Consecutive anomalous frames that a person marked; 0-based, both ends included."""

    first: int
    last: int
    category: str  # "" where the source names none


@dataclass(frozen=True)
class SourceClip:
    """A clip as its source holds it, nothing decoded yet.

    Either `pictures` (one file a frame, in order) or `video` with the frames `first` to `first + frames - 1`.
    """

    name: str  # unique in the footage, for example Train/Train001
    split: Split
    fps: float
    frames: int
    pictures: tuple[Path, ...] = ()
    video: Path | None = None
    first: int = 0
    labels: tuple[LabelRange, ...] | None = None  # None: nobody labelled it; () labelled, all normal
    masks: tuple[Path, ...] = ()  # one picture a frame, non-zero where anomalous
    hour: float | None = None  # of the day at the first frame, where the source tells it


@dataclass(frozen=True)
class Clip:
    """A preprocessed clip; arrays are memory-mapped, read-only."""

    name: str
    split: Split
    fps: float
    frames: np.ndarray  # uint8 [T, H, W, C]
    labels: tuple[LabelRange, ...] | None
    masks: np.ndarray | None  # uint8 [T, H, W], 0 or 1
    sha256: str  # of the frames
    hour: float | None = None  # of the day at the first frame, where the source tells it

    @property
    def marked(self) -> bool:
        """Whether it was taken for an anomaly until a person marked it as normal."""
        return self.name.startswith(MARKED)

    @property
    def frame_labels(self) -> np.ndarray | None:
        """bool [T], or None where nobody labelled the clip."""
        return None if self.labels is None else frame_labels(self.labels, len(self.frames))


def later(hour: float | None, frames: int, fps: float) -> float | None:
    """The hour of the day so many frames after this one, where it is known; it may pass 24."""
    return None if hour is None else hour + frames / fps / 3600


def frame_labels(ranges: tuple[LabelRange, ...], frames: int) -> np.ndarray:
    """Label ranges as bool [T]."""
    labels = np.zeros(frames, bool)
    for label in ranges:
        labels[label.first : label.last + 1] = True
    return labels


def label_ranges(labels: np.ndarray, category: str) -> tuple[LabelRange, ...]:
    """The reverse: runs of True in bool [T]."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], labels, [False]]).astype(int)))
    return tuple(LabelRange(int(first), int(end) - 1, category) for first, end in edges.reshape(-1, 2))


@dataclass(frozen=True)
class Dataset:
    """A directory of preprocessed clips: `index.json` and per clip `NNNN.npy`, with masks also `NNNN.mask.npy`."""

    directory: Path
    index: dict[str, Any]

    @classmethod
    def open(cls, directory: Path) -> Dataset:
        """Reads the index only.

        Raises:
            BadInput: no index there, or one of another format.
        """
        path = directory / "index.json"
        if not path.is_file():
            raise BadInput(f"expected a preprocessed data set with index.json. Received: {directory}")
        index = json.loads(path.read_text())
        if index.get("format") != FORMAT:
            raise BadInput(f"{path}: expected format {FORMAT}. Received: {index.get('format')}")
        return cls(directory, index)

    @property
    def digest(self) -> str:
        """SHA-256 over settings, labels and every clip's frames: equal digests mean equal data."""
        return str(self.index["digest"])

    def clips(self, split: Split) -> Iterator[Clip]:
        """The clips of one split, in order; nothing is read until an array is touched."""
        for entry in self.index["clips"]:
            if entry["split"] == split:
                yield self._clip(entry)

    def _clip(self, entry: dict[str, Any]) -> Clip:
        masks = self.directory / f"{entry['file']}.mask.npy"
        return Clip(
            name=entry["name"],
            split=entry["split"],
            fps=entry["fps"],
            frames=np.load(self.directory / f"{entry['file']}.npy", mmap_mode="r", allow_pickle=False),
            labels=None if entry["labels"] is None else tuple(LabelRange(*label) for label in entry["labels"]),
            masks=np.load(masks, mmap_mode="r", allow_pickle=False) if entry["masks"] else None,
            sha256=entry["sha256"],
            hour=entry.get("hour"),
        )

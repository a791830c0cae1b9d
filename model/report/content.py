"""What a report is made of: measures, scored clips, training history and rows of pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from model.decision import Box, Event
from model.scores import ScoredClip

Kind = Literal["hit", "miss", "false alarm"]


@dataclass(frozen=True)
class Strip:
    """One frame beside what the network made of it."""

    clip: str
    frame: int
    kind: Kind
    score: float
    picture: np.ndarray  # uint8 [H, W, C], the network's input
    prediction: np.ndarray  # uint8 [H, W, C]
    error: np.ndarray  # float32 [H, W]
    mask: np.ndarray | None  # uint8 [H, W], 0 or 1


@dataclass(frozen=True)
class Still:
    """One frame of an event."""

    frame: int
    score: float
    picture: np.ndarray  # uint8 [H, W, C], small
    anomaly_map: np.ndarray  # float32 [h, w], of the part of the picture that `part` names
    box: Box  # in pixels of the picture
    part: tuple[float, float, float, float]  # top, bottom, left, right, shares of the picture


@dataclass(frozen=True)
class EventFilm:
    """An event and a few of its frames."""

    clip: str
    kind: Kind
    fps: float
    event: Event
    stills: tuple[Still, ...]


@dataclass(frozen=True)
class Report:
    """Everything that the page shows; measures that need labels are None where there are none."""

    title: str
    camera: str
    subtitle: str
    measures: dict[str, Any]  # as summary.json holds them
    clips: tuple[ScoredClip, ...]  # of the splits test and holdout
    threshold: float
    history: tuple[dict[str, float], ...]  # one entry an epoch
    strips: tuple[Strip, ...]
    notes: tuple[str, ...]  # plain sentences for the reader
    facts: dict[str, str]  # version, commit, data digest, settings, seconds
    films: tuple[EventFilm, ...] = ()  # the strongest events
    hourly: tuple[float, ...] = ()  # the threshold at each hour, where it goes with the hour of the day
    scratch: tuple[dict[str, float], ...] = ()  # of a training from nothing, beside one from a base model

    @property
    def labelled(self) -> bool:
        """Whether a person marked at least one test clip."""
        return any(clip.split == "test" and clip.labels is not None for clip in self.clips)

"""Scores joined into events, one frame after the other: what a guard hears of once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from model.config import Decision

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels; right and bottom are not included


@dataclass(frozen=True)
class Event:
    """Frames that belong together; indices are 0-based, `last` is included."""

    id: str  # clip and first frame, for example Test003-120
    first: int
    opened: int  # the frame at which it had lasted long enough to be announced
    last: int
    peak: int
    score: float  # at the peak, as is all that follows
    threshold: float
    evidence: Mapping[str, float] = field(default_factory=dict)
    box: Box | None = None
    category: str | None = None  # of a classifier, where one was fitted

    @classmethod
    def restore(cls, data: Mapping[str, Any]) -> Event:
        """From what `dataclasses.asdict` gave, after JSON too."""
        return cls(**{**data, "box": data["box"] and tuple(data["box"])})

    @property
    def cause(self) -> str | None:
        """The evidence with the largest surprise at the peak."""
        return max(self.evidence, key=lambda name: self.evidence[name], default=None)


class Changes(NamedTuple):
    """What one frame brought."""

    opened: Event | None = None
    closed: Event | None = None


@dataclass
class TrackerState:
    """All that a tracker remembers, for whoever wants to keep it: numbers, and the evidence by name."""

    first: int = -1  # of the event that is under way; -1 is none
    opened: int = -1  # -1 as long as it has not lasted
    last: int = -1
    peak: int = -1
    score: float = 0.0
    threshold: float = 0.0
    evidence: dict[str, float] = field(default_factory=dict)
    box: Box | None = None
    quiet_until: int = 0  # the first frame after the cool-down

    @classmethod
    def restore(cls, data: Mapping[str, Any]) -> TrackerState:
        """From what `dataclasses.asdict` gave, after JSON too."""
        return cls(**{**data, "box": data["box"] and tuple(data["box"])})


class EventTracker:
    """One clip or camera on its way to events; causal.

    An event begins where the score reaches the threshold and goes on while it stays over `leave_share` of it. Where the
    score comes back to the threshold within `join_seconds`, it is the same event. It is announced (opened) when it has
    lasted `shortest_seconds`; what is shorter is dropped. For `cool_down_seconds` after its last frame no other is
    announced: what is over by then would have told a guard who is looking already nothing new, and is dropped; what
    still lasts opens then, with the frame at which it began. So nothing that lasts is swallowed by what came before.

    Attributes:
        state: can be saved at any frame, and given to another tracker of the same rules.
    """

    def __init__(self, rules: Decision, fps: float, clip: str = "", state: TrackerState | None = None) -> None:
        self._rules, self._name = rules, PurePosixPath(clip).name
        self._shortest = rules.shortest_seconds * fps  # all three in frames
        self._join = max(1.0, rules.join_seconds * fps)
        self._cool_down = rules.cool_down_seconds * fps
        self.state = state or TrackerState()

    def push(
        self,
        frame: int,
        score: float,
        threshold: float,
        evidence: Mapping[str, float] | None = None,
        box: Callable[[], Box] | None = None,
    ) -> Changes:
        """Takes a frame that comes after those before; frames left out had nothing.

        Args:
            frame: its index.
            score: NaN in warm-up.
            threshold: of this frame.
            evidence: the calibrated evidence behind the score.
            box: called only where the event has a new peak.
        """
        over = self.state.first >= 0 and frame - self.state.last > self._join
        closed = self.finish() if over else None
        state = self.state
        goes_on = state.first >= 0 and frame == state.last + 1 and score >= leave(threshold, self._rules)
        if not (goes_on or score >= threshold):
            return Changes(closed=closed)
        if state.first < 0:
            state.first = frame
        state.last = frame
        if state.peak < 0 or score > state.score:
            state.peak, state.score, state.threshold = frame, score, threshold
            state.evidence, state.box = dict(evidence or {}), box() if box else None
        lasted = frame - state.first + 1 >= self._shortest
        if state.opened < 0 and lasted and frame >= state.quiet_until:
            state.opened = frame
            return Changes(self.event, closed)
        return Changes(closed=closed)

    def finish(self) -> Event | None:
        """Ends the event that is under way, as the end of a clip does."""
        event = self.event
        quiet_until = int(event.last + self._cool_down) + 1 if event else self.state.quiet_until
        self.state = TrackerState(quiet_until=quiet_until)
        return event

    @property
    def event(self) -> Event | None:
        """The event that is open, as far as it has come."""
        s = self.state
        if s.opened < 0:
            return None
        evidence = dict(s.evidence)
        return Event(self.id_at(s.first), s.first, s.opened, s.last, s.peak, s.score, s.threshold, evidence, s.box)

    def id_at(self, first: int) -> str:
        """The name of an event that begins at a frame."""
        return f"{self._name}-{first}"


def leave(threshold: float, rules: Decision) -> float:
    """The score under which an event ends; scores under 0 are usual even for normal frames."""
    return min(threshold, rules.leave_share * threshold)


def events(
    scores: np.ndarray, threshold: np.ndarray | float, fps: float, rules: Decision | None = None, clip: str = ""
) -> list[Event]:
    """The events of one clip, by the same tracker.

    Args:
        scores: `float [T]`, NaN in warm-up.
        threshold: one number, or one a frame `float [T]`.
        fps: frames/s.
        rules: the defaults of the configuration where there are none.
        clip: its name.
    """
    rules = rules or Decision()
    thresholds = np.broadcast_to(np.asarray(threshold, np.float64), scores.shape)
    near = np.flatnonzero(scores >= np.minimum(thresholds, rules.leave_share * thresholds))
    tracker = EventTracker(rules, fps, clip)
    changes = [
        tracker.push(frame, score, height)
        for frame, score, height in zip(near.tolist(), scores[near].tolist(), thresholds[near].tolist(), strict=True)
    ]
    return [event for event in [*(change.closed for change in changes), tracker.finish()] if event]


def event_height(scores: np.ndarray, fps: float, rules: Decision) -> float:
    """The largest threshold at which scores `float [T]` without NaN have an event; their maximum where none lasts.

    Found by bisection: where there is an event, there is one at every lower threshold.
    """
    # Rising the threshold, an event is lost where a score no longer reaches it, or its share that is enough to go on.
    heights = np.unique(np.concatenate([scores, scores / rules.leave_share]))
    heights = heights[heights <= scores.max()]
    under, over = -1, len(heights)
    while under < over - 1:
        middle = (under + over) // 2
        under, over = (middle, over) if events(scores, float(heights[middle]), fps, rules) else (under, middle)
    return float(heights[under] if under >= 0 else scores.max())

"""Events against the ranges that a person marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from model.clips import LabelRange
from model.decision import Event


class EventCounts(NamedTuple):
    """Of one clip or of several, summed."""

    events: int
    right: int  # events that overlap a marked range
    marked: int
    found: int  # marked ranges that an event overlaps

    @property
    def precision(self) -> float | None:
        """None without events."""
        return self.right / self.events if self.events else None

    @property
    def recall(self) -> float | None:
        """None where nothing is marked."""
        return self.found / self.marked if self.marked else None


def count_events(events: Sequence[Event], marked: Sequence[LabelRange]) -> EventCounts:
    """The counts of one clip."""
    right = sum(any(_overlap(event, label) for label in marked) for event in events)
    found = sum(any(_overlap(event, label) for event in events) for label in marked)
    return EventCounts(len(events), right, len(marked), found)


def delays(events: Sequence[Event], marked: Sequence[LabelRange]) -> list[int]:
    """Frames from the start of every found range until an event over it is announced; 0 where it was before."""
    return [
        max(0, min(event.opened for event in events if _overlap(event, label)) - label.first)
        for label in marked
        if any(_overlap(event, label) for event in events)
    ]


def _overlap(event: Event, label: LabelRange) -> bool:
    return event.first <= label.last and label.first <= event.last

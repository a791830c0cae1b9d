"""The events that a report shows, with their frames, picked while clips are scored."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest
from typing import TYPE_CHECKING

from model.clips import Clip
from model.decision import Event
from model.report.content import EventFilm, Kind
from model.report.film import Film, still

if TYPE_CHECKING:
    from model.detector import FrameScore, Stream

EACH = 6  # of the hits, and of the false alarms; the rest would bury the reader


class Projector:
    """Films the events of one clip as its frames go by."""

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        self._film = Film()
        self._first = -1
        self.films: list[EventFilm] = []

    def add(self, frame: int, stream: Stream, result: FrameScore) -> None:
        """Takes the frame that was just pushed."""
        if result.closed:
            self.end(result.closed)
        assert stream.tracker
        state = stream.tracker.state
        if state.first != self._first:  # another one began, or this one was dropped
            self._first, self._film = state.first, Film()
        if state.last == frame:
            picture = self._clip.frames[frame]
            self._film.add(still(frame, result.score, picture, stream.anomaly_map(), stream.box()))

    def end(self, event: Event) -> None:
        """Takes an event that is over."""
        kind = _kind(event, self._clip)
        if kind:
            self.films.append(EventFilm(self._clip.name, kind, self._clip.fps, event, self._film.stills()))
        self._film = Film()


def best(films: Sequence[EventFilm]) -> tuple[EventFilm, ...]:
    """The strongest of either kind, hits first."""
    kinds: tuple[Kind, ...] = ("hit", "false alarm")
    return tuple(
        film
        for kind in kinds
        for film in nlargest(EACH, (f for f in films if f.kind == kind), key=lambda f: f.event.score)
    )


def _kind(event: Event, clip: Clip) -> Kind | None:
    """None where nobody knows."""
    if clip.labels is None:
        return "false alarm" if clip.split == "holdout" else None
    marked = any(event.first <= label.last and label.first <= event.last for label in clip.labels)
    return "hit" if marked else "false alarm"

"""What the service keeps of every camera between its requests, and how a request's frames join what is kept.

A state is bound to the detector that it began with. It holds the network's R, C and E, the last frame, the smoothed
maps, the level of an adaptive threshold, the event that is under way with its votes, and the last answers.

Where a state is lost, a client that kept a copy of it (the extra `state`) and the frames since goes on with the same
scores and events. Context alone brings them back as far as it reaches; they are the same with all frames since the
stream began. Optical flow and direction are within 1e-3 after 24 frames and within 1e-5 after 48 (UCSD Ped2, default
settings); where the prediction error makes the score, PredNet remembers longer, and 0.1 may remain after 32 frames,
0.02 after 64. The level of an adaptive threshold begins at its usual place, and events begin anew.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from model.decision import HOURS, Event
from serving.errors import Refused
from serving.messages import STATE, Place, Request
from serving.state import State, pack, unpack

if TYPE_CHECKING:
    from model.detector import FrameScore, Stream
    from model.scoring import Steps
    from serving.fleet import Loaded

REMEMBERED = 32  # answers a stream, for frames that come twice
EMPTY = 4096  # bytes of a state without its arrays


class Plan(NamedTuple):
    """What becomes of a request's frames.

    Attributes:
        first: index of the request's first frame.
        anew: the stream begins with that frame; what was kept does not reach so far.
        push: so many of the first frames are not looked at, for they were seen before.
    """

    first: int
    anew: bool
    push: int


def plan(place: Place, context: int, kept: range | None) -> Plan:
    """How a request joins the stream.

    Context that covers a gap goes through the detector and has no answer; context of frames that were seen before is
    not looked at; context that reaches further back than the state is taken instead of it.

    Args:
        place: of the request's first frame.
        context: so many of its first frames have no answer.
        kept: indices of the frames in the state; None where there is none.
    """
    if place.start or kept is None:
        return Plan(place.frame_index or 0, True, 0)
    first = kept.stop - context if place.frame_index is None else place.frame_index
    further_back = context > 0 and first < kept.start and first + context >= kept.stop
    if first > kept.stop or (further_back and place.frame_index is not None):
        return Plan(first, True, 0)
    return Plan(first, False, kept.stop - first)


class Row(NamedTuple):
    """The answer for one frame."""

    frame_index: int
    frame: FrameScore
    strange: np.ndarray  # float32 [h, w]: how strange every place is


class Scored(NamedTuple):
    """What came of a request."""

    rows: list[Row]
    closed: list[Event]  # beside those of the rows: a stream that ended or began anew ends its event
    fresh: list[Row]  # of the rows, those that were not known before
    pushed: int  # frames that went through the detector
    restarted: bool  # the stream had a state, which did not fit
    state: bytes  # after the last frame, where the request asks for it


class Camera:
    """One stream. Whoever holds its lock may call it."""

    def __init__(self, name: str) -> None:
        self.lock = threading.Lock()
        self.users = 0  # requests that hold the lock or wait for it
        self.heard = 0.0  # monotonic seconds
        self._name = name
        self.forget()

    def forget(self) -> None:
        """Drops the state."""
        self._stream: Stream | None = None
        self._loaded: Loaded | None = None
        self._kept = range(0)
        self._shape: tuple[int, ...] = ()
        self._fps: float | None = None
        self._rows: deque[Row] = deque(maxlen=REMEMBERED)

    @property
    def empty(self) -> bool:
        """Whether there is no state."""
        return self._stream is None

    @property
    def bytes(self) -> int:
        """Of the state, the answers that are kept included."""
        return EMPTY + (self._stream.bytes if self._stream else 0) + sum(row.strange.nbytes for row in self._rows)

    def score(self, loaded: Loaded, steps: Steps, request: Request, place: Place) -> Scored:
        """Takes the frames of a request.

        Raises:
            Refused: frames out of order, or of another size or rate than before.
        """
        outdated = self._loaded is not None and self._loaded is not loaded
        found = plan(place, request.context, None if self.empty else self._kept)
        if outdated:
            found = Plan(max(0, found.first), True, 0)
        restarted, closed = found.anew and not self.empty and not place.start, []
        if found.anew:
            brought = unpack(request.state, loaded) if request.state else None
            closed += self._finish() if restarted else []
            self.forget()
            joined = plan(replace(place, start=False), request.context, brought.seen) if brought else found
            if brought and not joined.anew:
                found = joined
                self._go_on(loaded, steps, request, found, brought)
            else:
                self._begin(loaded, steps, request, found.first)
        else:
            self._refuse_changes(request)
        known = self._recall(found.first + request.context, found.first + len(request.frames))
        assert self._stream
        if request.hour is not None:
            skipped = found.push / self._fps / 3600 if self._fps else 0.0
            self._stream.hour = (request.hour + skipped) % HOURS
        fresh = [self._push(frame) for frame in request.frames[found.push :]]
        fresh = fresh[max(0, request.context - found.push) :]
        self._rows.extend(fresh)
        pushed = max(0, len(request.frames) - found.push)
        state = pack(loaded, self._stream, self._shape, self._fps) if STATE in request.extras else b""
        if place.end:
            closed += self._finish()
            self.forget()
        return Scored(known + fresh, closed, fresh, pushed, restarted, state)

    def _begin(self, loaded: Loaded, steps: Steps, request: Request, first: int) -> None:
        fps = request.fps or loaded.detector.fps
        self._stream = loaded.detector.stream(fps, self._name, first, steps)
        self._loaded, self._fps, self._shape = loaded, fps, request.frames[0].shape
        self._kept = range(first, first)

    def _go_on(self, loaded: Loaded, steps: Steps, request: Request, joined: Plan, brought: State) -> None:
        """Where the state that the request brought was taken."""
        self._kept, self._fps, self._shape = brought.seen, brought.fps, brought.shape
        self._refuse_changes(request)
        if joined.push > request.context:
            expected = f"expected the frames before {brought.seen.stop}, which this state has seen, as context at most"
            raise Refused(f"{expected}. Received: {joined.first + request.context}")
        stream = loaded.detector.stream(brought.fps, self._name, steps=steps)
        stream.restore(brought.remembered)
        self._stream, self._loaded = stream, loaded

    def _push(self, frame: np.ndarray) -> Row:
        assert self._stream
        index = self._kept.stop
        result = self._stream.push(frame)
        self._kept = range(self._kept.start, index + 1)
        return Row(index, result, self._stream.strange)

    def _finish(self) -> list[Event]:
        event = self._stream.finish() if self._stream else None
        return [event] if event else []

    def _recall(self, start: int, stop: int) -> list[Row]:
        """The answers for frames that were seen before."""
        wanted = range(start, min(stop, self._kept.stop))
        rows = [row for row in self._rows if row.frame_index in wanted]
        if len(rows) < len(wanted):
            raise Refused(
                f"expected frames from {self._kept.stop} on, or one of the last {REMEMBERED} again. Received: {start}"
            )
        return rows

    def _refuse_changes(self, request: Request) -> None:
        shape = request.frames[0].shape
        if shape != self._shape:
            raise Refused(f"expected frames {list(self._shape)} as before in this stream. Received: {list(shape)}")
        if request.fps and request.fps != self._fps:
            raise Refused(f"expected fps {self._fps} as before in this stream. Received: {request.fps}")

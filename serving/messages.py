"""What passes between the protocols and the engine: a request of decoded frames, and the answer of their scores."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from model.decision import Box, Event

EVIDENCE, HEAT_MAP, BOX, CATEGORY, STATE = "evidence", "heat_map", "box", "category", "state"
EXTRAS = frozenset({EVIDENCE, HEAT_MAP, BOX, CATEGORY, STATE})


@dataclass(frozen=True)
class Place:
    """Where the frames stand in the stream of one camera.

    Attributes:
        sequence_id: names the stream.
        frame_index: of the request's first frame; None means that they follow the last one.
        start: the stream begins here; a state that is there is forgotten.
        end: it ends with the last frame; its state is forgotten after it.
    """

    sequence_id: str
    frame_index: int | None = None
    start: bool = False
    end: bool = False


@dataclass(frozen=True)
class Request:
    """Frames to be scored.

    Attributes:
        frames: `uint8 [H, W, C]` of one camera in order, one size, C is 1 or 3 (RGB).
        place: in a stream; None is a clip of its own.
        context: so many of the first frames warm the stream up and have no row in the answer.
        fps: frames/s, without which there are no events; None takes the detector's.
        hour: of the day at the first frame, 0 to 24; None goes on from what an earlier request said, if any did.
        extras: what the answer holds beside the scores, of `EXTRAS`.
        state: of an earlier answer, with which the stream begins where the server has none; empty without one.
    """

    frames: tuple[np.ndarray, ...]
    place: Place | None = None
    context: int = 0
    fps: float | None = None
    hour: float | None = None
    extras: frozenset[str] = frozenset()
    state: bytes = b""


@dataclass(frozen=True)
class Answer:
    """One row a frame, T of them.

    Attributes:
        frame_index: of every frame in its stream or clip.
        scores: NaN in warm-up.
        alarms: scores at or over the threshold.
        thresholds: in force at every frame.
        warm: False where there is no score.
        evidence: a kind each, NaN in warm-up; empty unless asked for.
        heat_maps: how strange every place is in thresholds, 1 is an alarm; None unless asked for.
        crop: the part of the frame that heat maps cover: top, bottom, left, right, shares of the frame.
        boxes: left, top, right, bottom in pixels of the frame; None unless asked for.
        categories: the likeliest class; empty unless asked for and the detector has a classifier.
        opened: events that were announced by a frame of this request.
        closed: events that are known to be over with one.
        detector: version of it, for logs.
        state: of the stream after the last frame, for the client to keep; empty unless asked for.
    """

    frame_index: np.ndarray  # int64 [T]
    scores: np.ndarray  # float32 [T]
    alarms: np.ndarray  # bool [T]
    thresholds: np.ndarray  # float32 [T]
    warm: np.ndarray  # bool [T]
    evidence: dict[str, np.ndarray] = field(default_factory=dict)  # float32 [T]
    heat_maps: np.ndarray | None = None  # float32 [T, H, W] at the size of preprocessing
    crop: tuple[float, float, float, float] = (0.0, 1.0, 0.0, 1.0)
    boxes: tuple[Box, ...] | None = None
    categories: tuple[str, ...] = ()
    opened: tuple[Event, ...] = ()
    closed: tuple[Event, ...] = ()
    detector: str = ""
    state: bytes = b""

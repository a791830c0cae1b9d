"""From requests of decoded frames to scores; knows no protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from model.errors import BadInput
from serving.errors import Refused, TooLarge
from serving.fleet import Fleet
from serving.limits import Limits
from serving.messages import Answer, Request

if TYPE_CHECKING:
    from model.detector import Detector, FrameScore


@dataclass(frozen=True)
class Description:
    """What there is to know of a model before anything is sent to it."""

    camera: str
    version: str
    height: int  # pixels, of preprocessing and so of the heat maps; frames may have any size
    width: int
    channels: int
    warm_up_frames: int
    threshold: float
    evidence: tuple[str, ...]
    classes: tuple[str, ...] = ()  # of the classifier, where there is one
    fps: float | None = None  # frames/s of the footage it was fitted on


class Engine:
    """Thread-safe and blocking: protocols call it from worker threads."""

    def __init__(self, fleet: Fleet, limits: Limits | None = None) -> None:
        self._fleet, self._limits = fleet, limits or fleet.limits
        self.metrics = fleet.metrics

    def models(self) -> tuple[str, ...]:
        """The names that can be asked for."""
        return self._fleet.names()

    def ready(self, model: str) -> bool:
        """Whether the detector is in memory and compiled."""
        return self._fleet.ready(model)

    def describe(self, model: str) -> Description:
        """What the model takes and gives.

        Raises:
            Refused: NotFound, Loading.
        """
        loaded = self._fleet.get(model)
        found = loaded.detector
        return Description(
            found.camera,
            loaded.version,
            found.preprocessing.height,
            found.preprocessing.width,
            found.preprocessing.channels,
            found.settings.warm_up_frames,
            found.threshold,
            tuple(found.calibration.tails) if found.calibration else (),
            tuple(found.classifier.classes) if found.classifier else (),
        )

    def score(self, model: str, request: Request, request_id: str = "") -> Answer:
        """Scores the frames.

        Args:
            model: its name.
            request: frames, and where they stand.
            request_id: for the logs.

        Raises:
            Refused: NotFound, TooLarge, Full, Loading, or the request is not as it should be.
        """
        self._check(request)
        loaded = self._fleet.get(model)
        stream = loaded.detector.stream(request.fps)
        try:
            results = [stream.push(frame) for frame in request.frames][request.context :]
        except BadInput as e:
            raise Refused(str(e)) from e
        return _answer(loaded.detector, results, request.context, loaded.version)

    def close(self) -> None:
        """Finishes what is under way."""
        self._fleet.close()

    def _check(self, request: Request) -> None:
        frames = request.frames
        if not frames or request.context >= len(frames):
            raise Refused(f"expected at least one frame after {request.context} of context. Received: {len(frames)}")
        if len(frames) > self._limits.frames:
            raise TooLarge(f"expected at most {self._limits.frames} frames a request. Received: {len(frames)}")


def _answer(detector: Detector, results: Sequence[FrameScore], first: int, version: str) -> Answer:
    scores = np.array([r.score for r in results], np.float32)
    return Answer(
        frame_index=np.arange(first, first + len(results)),
        scores=scores,
        alarms=np.array([r.alarm for r in results], bool),
        thresholds=np.array([r.threshold for r in results], np.float32),
        warm=np.isfinite(scores),
        opened=tuple(r.opened for r in results if r.opened),
        closed=tuple(r.closed for r in results if r.closed),
        detector=version,
    )

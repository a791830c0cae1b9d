"""From requests of decoded frames to scores; knows no protocol."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from model.errors import BadInput
from serving.answers import answer
from serving.batcher import Batcher
from serving.camera import Camera, Scored
from serving.errors import Refused, TooLarge
from serving.fleet import Fleet, Loaded
from serving.limits import Limits
from serving.messages import EXTRAS, STATE, Answer, Place, Request
from serving.streams import Streams

log = logging.getLogger(__name__)


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
    hourly: tuple[float, ...] = ()  # the threshold at each hour, where it goes with the hour that requests say


class Engine:
    """Thread-safe and blocking: protocols call it from worker threads."""

    def __init__(self, fleet: Fleet, limits: Limits | None = None) -> None:
        self.metrics = fleet.metrics
        self._fleet, self._limits = fleet, limits or fleet.limits
        self._streams = Streams(self._limits, self.metrics)
        self._batcher = Batcher(self._limits, self.metrics)
        fleet.evicted = self._streams.forget

    def models(self) -> tuple[str, ...]:
        """The names that can be asked for."""
        return self._fleet.names()

    def ready(self, model: str) -> bool:
        """Whether the detector is in memory and compiled."""
        return self._fleet.ready(model)

    def describe(self, model: str) -> Description:
        """What the model takes and gives; loads it where it is not there.

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
            found.kinds,
            tuple(found.classifier.classes) if found.classifier else (),
            found.fps,
            found.operating_point.hourly,
        )

    def score(self, model: str, request: Request, request_id: str = "") -> Answer:
        """Scores the frames.

        Args:
            model: its name.
            request: frames, and where they stand.
            request_id: for the logs.

        Raises:
            Refused: NotFound, TooLarge, Loading, or the request is not as it should be.
        """
        begun = time.monotonic()
        with self._refusals(model, request, request_id):
            check(request, self._limits)
            loaded = self._fleet.get(model)
            scored = self._scored(loaded, request)
            found = answer(loaded, request, scored)
        self._count(loaded, scored, time.monotonic() - begun)
        return found

    def close(self) -> None:
        """To be called when nothing is under way any more."""
        self._batcher.close()
        self._fleet.close()

    def _scored(self, loaded: Loaded, request: Request) -> Scored:
        step, place = loaded.detector.step, request.place
        steps = self._batcher.steps(step)
        if place is None:
            clip = Place("clip", start=True, end=True)
            with self._batcher.request(step):
                return Camera(clip.sequence_id).score(loaded, steps, request, clip)
        with self._streams.use(loaded.name, place.sequence_id) as camera, self._batcher.request(step):
            return camera.score(loaded, steps, request, place)

    @contextmanager
    def _refusals(self, model: str, request: Request, request_id: str) -> Iterator[None]:
        """Counts and logs them; what the detector refuses is the caller's too."""
        try:
            try:
                yield
            except BadInput as e:
                raise Refused(str(e)) from e
        except Refused as e:
            self.metrics.refused.labels(type(e).__name__.lower()).inc()
            sequence = request.place.sequence_id if request.place else None
            about = {"model": model, "request_id": request_id, "sequence_id": sequence, "reason": type(e).__name__}
            log.info("refused: %s", e, extra=about)
            raise

    def _count(self, loaded: Loaded, scored: Scored, seconds: float) -> None:
        model, metrics = loaded.name, self.metrics
        metrics.requests.labels(model).inc()
        metrics.request_seconds.labels(model).observe(seconds)
        metrics.frames.labels(model).inc(scored.pushed)
        metrics.gaps.labels(model).inc(scored.restarted)
        rows = [row.frame for row in scored.fresh]
        metrics.alarms.labels(model).inc(sum(row.alarm for row in rows))
        metrics.events.labels(model).inc(sum(row.opened is not None for row in rows))
        scores = metrics.scores.labels(model)
        for row in rows:
            if not math.isnan(row.score):
                scores.observe(row.score)


def check(request: Request, limits: Limits) -> None:
    """Refuses what can be seen without a detector.

    Raises:
        Refused: TooLarge, or frames that do not belong together.
    """
    frames = request.frames
    if len(frames) > limits.frames:
        raise TooLarge(f"expected at most {limits.frames} frames a request. Received: {len(frames)}")
    if not 0 <= request.context < max(1, len(frames)) or not frames:
        raise Refused(f"expected a frame, and fewer of context than frames. Received: {request.context}, {len(frames)}")
    shapes = {frame.shape for frame in frames}
    if len(shapes) > 1:
        sizes = ", ".join(str(list(shape)) for shape in sorted(shapes))
        raise Refused(f"expected frames of one size. Received: {sizes}")
    height, width = (*frames[0].shape, 0, 0)[:2]
    if height * width > limits.pixels:
        raise TooLarge(f"expected at most {limits.pixels} pixels a frame. Received: {height} x {width}")
    if (total := sum(frame.nbytes for frame in frames)) > limits.request_bytes:
        raise TooLarge(f"expected at most {limits.request_bytes} bytes of frames a request. Received: {total}")
    if request.fps is not None and not 0 < request.fps < math.inf:
        raise Refused(f"expected fps over 0. Received: {request.fps}")
    if unknown := sorted(request.extras - EXTRAS):
        raise Refused(f"expected extras out of: {', '.join(sorted(EXTRAS))}. Received: {unknown[0]}")
    if STATE in request.extras and (request.place is None or request.place.end):
        raise Refused("expected a stream that goes on, beside the extra state. Received: none")
    if request.place and (request.place.frame_index or 0) < 0:
        raise Refused(f"expected frame_index of at least 0. Received: {request.place.frame_index}")

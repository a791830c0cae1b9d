"""The one road from frames to scores: a batch is a stream that is pushed a clip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import cv2
import numpy as np

from model import config, scoring
from model.classifier import Classifier, FrameFeatures, Votes
from model.decision import HOURS, Box, Event, EventTracker, Level, Threshold, box, in_frame
from model.detector.ahead import one_ahead
from model.detector.remembered import Numbers, Remembered
from model.errors import BadInput
from model.prednet import PredNet
from model.preprocessing import preprocess_frame
from model.scores import ClipScores

BASELINES = ("frame_difference", "optical_flow")  # what nobody has to learn


class FrameScore(NamedTuple):
    """What the detector says of one frame; NaN and False in warm-up."""

    score: float
    alarm: bool
    evidence: dict[str, float]
    baselines: dict[str, float]
    model_mse: float
    copy_last_frame_mse: float
    opened: Event | None = None  # the event that is announced with this frame
    closed: Event | None = None  # the event that is known to be over with this frame
    threshold: float = np.inf  # in force at this frame; it moves where it is adaptive
    probabilities: np.ndarray | None = None  # float32 [C], of the classes of the classifier, where there is one


@dataclass(frozen=True)
class Detector:
    """Fitted to one camera.

    Attributes:
        camera: its name.
        network: PredNet with its weights.
        preprocessing: the road from a camera frame to a network input.
        settings: what evidence is taken.
        scene: what is usual for the camera; None only while it is being fitted.
        calibration: what is normal in it; None only while it is being fitted.
        operating_point: the threshold, and how often normal footage passes it.
        decision: how alarms are joined into events.
        classifier: names what is anomalous, where labels were there to learn from; scores do without.
        facts: where it comes from (data digest, source run, version, training history), for people.
    """

    camera: str
    network: PredNet
    preprocessing: config.Preprocessing
    settings: config.Scoring
    scene: scoring.Scene | None = None
    calibration: scoring.Calibration | None = None
    operating_point: Threshold = Threshold(np.inf)
    decision: config.Decision = field(default_factory=config.Decision)
    classifier: Classifier | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def threshold(self) -> float:
        """Scores at or over it are alarms; where it is adaptive, this is its usual place."""
        return self.operating_point.value

    @property
    def fps(self) -> float | None:
        """Frames/s of the footage it was fitted on, where that is known."""
        return self.facts.get("fps")

    @cached_property
    def step(self) -> scoring.Step:
        """The compiled step, shared by all streams."""
        return self._compiled(scoring.EXTRAPOLATION in self.kinds)

    @cached_property
    def extrapolating(self) -> scoring.Step:
        """The same with the error of extrapolating, which is shown where a detector is judged."""
        return self.step if scoring.EXTRAPOLATION in self.kinds else self._compiled(extrapolates=True)

    def _compiled(self, extrapolates: bool) -> scoring.Step:
        return scoring.Step(self.network, (self.preprocessing.height, self.preprocessing.width), extrapolates)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of the evidence that its streams give."""
        return tuple(k for k in scoring.EVIDENCE if k != scoring.EXTRAPOLATION or k in self.settings.fused)

    def stream(
        self,
        fps: float | None = None,
        clip: str = "",
        first: int = 0,
        steps: scoring.Steps | None = None,
        hour: float | None = None,
    ) -> Stream:
        """A new clip, to be pushed frame by frame.

        Args:
            fps: frames/s; without them frames have scores and alarms, but there are no events.
            clip: its name, which the names of its events begin with.
            first: index of its first frame, which the events count from.
            steps: makes the network's steps; None is the detector's own.
            hour: of the day at the first frame; without it a threshold with a profile is that of the busiest hour.
        """
        tracker = EventTracker(self.decision, fps, clip) if fps else None
        return Stream(self, tracker, first, steps or self.step, fps or self.fps, hour)

    def anomaly_map(self, strange: np.ndarray) -> np.ndarray:
        """A stream's `strange` as a map `float32 [H, W]` of the preprocessed frame."""
        size = self.preprocessing.width, self.preprocessing.height
        return np.asarray(cv2.resize(strange, size, interpolation=cv2.INTER_LINEAR))

    def box(self, strange: np.ndarray, frame_size: tuple[int, int] | None) -> Box:
        """Where it is strangest, in pixels of a camera frame of this size; without one, of the network input."""
        where = self.anomaly_map(strange)
        if frame_size is None:
            return box(where)
        return in_frame(box(where), where.shape, self.preprocessing.crop, frame_size)

    def score(self, frames: Iterable[np.ndarray]) -> ClipScores:
        """Scores the camera frames `uint8 [H, W, C]` of one clip.

        Raises:
            BadInput: frames of another type or shape.
        """
        return collect(result for _, result in self.stream().push_all(frames))

    def score_inputs(self, inputs: Iterable[np.ndarray], steps: scoring.Steps | None = None) -> ClipScores:
        """The same for frames that are preprocessed already; `steps` as in `stream`."""
        return collect(self.stream(steps=steps).push_all_inputs(inputs))


class Stream:
    """One clip on its way through a detector; equal frames give equal numbers, however they arrive.

    Attributes:
        observation: prediction and maps of the frame that was pushed last.
        maps: every kind of evidence on the camera's scale, smoothed, `float32 [h, w]`; empty without a scene.
        tracker: the events of this clip so far; None where the frame rate is unknown.
        level: of the scores, which an adaptive threshold goes with.
        hour: of the day at the frame that comes next, where it is known; it may be set at any frame.
        strange: how strange every place of the frame is that was pushed last, `float32 [h, w]`; zero in warm-up.
    """

    observation: scoring.Observation
    maps: dict[str, np.ndarray]

    def __init__(
        self,
        detector: Detector,
        tracker: EventTracker | None,
        first: int,
        steps: scoring.Steps,
        fps: float | None,
        hour: float | None,
    ) -> None:
        self.tracker, self.hour = tracker, None if hour is None else hour % HOURS
        self.level = Level(detector.operating_point.usual, detector.threshold)
        self._detector = detector
        self._frame_size: tuple[int, int] | None = None
        self.strange = np.zeros((1, 1), np.float32)
        self._first, self._fps = first, fps
        self._observer = scoring.Observer(steps, detector.settings.block_size)
        self._smoother = scoring.Smoother(detector.settings.smoothing_frames)
        self._baselines: dict[str, float] = {}
        self.maps = {}
        self._features = FrameFeatures(detector.settings.smoothing_frames)
        self._votes: Votes | None = None
        self._seen = 0

    def push(self, frame: np.ndarray) -> FrameScore:
        """Takes the next camera frame `uint8 [H, W, C]`, C is 1 or 3 (RGB)."""
        return self.push_input(self._preprocess(frame))

    def push_input(self, frame: np.ndarray) -> FrameScore:
        """Takes the next preprocessed frame `uint8 [h, w, channels]`."""
        return self._judge(self._observer.observe(frame))

    def push_all(self, frames: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, FrameScore]]:
        """Each frame with what `push` says of it; while one is judged, the next is observed in a thread beside it.

        A stream that is left before the end has seen a frame that it never judged: it is not to go on.
        """
        ahead = one_ahead((frame, self._observer.observe(self._preprocess(frame))) for frame in frames)
        return ((frame, self._judge(observation)) for frame, observation in ahead)

    def push_all_inputs(self, frames: Iterable[np.ndarray]) -> Iterator[FrameScore]:
        """What `push_input` says of each, as in `push_all`."""
        return map(self._judge, one_ahead(map(self._observer.observe, frames)))

    def _preprocess(self, frame: np.ndarray) -> np.ndarray:
        if (
            not isinstance(frame, np.ndarray)
            or frame.dtype != np.uint8
            or frame.ndim != 3
            or frame.shape[2] not in (1, 3)
        ):
            got = f"{frame.dtype} {list(frame.shape)}" if isinstance(frame, np.ndarray) else type(frame).__name__
            raise BadInput(f"expected a frame as uint8 [H, W, 1 or 3]. Received: {got}")
        self._frame_size = frame.shape[:2]
        return preprocess_frame(frame, self._detector.preprocessing)

    def _judge(self, observation: scoring.Observation) -> FrameScore:
        detector, self.observation = self._detector, observation
        warm = self._seen >= detector.settings.warm_up_frames
        self._gather(observation)
        self._seen += 1
        evidence, score = dict.fromkeys(detector.kinds, np.nan), np.nan
        if warm and detector.calibration:
            peaks = detector.calibration.evidence({name: values.max() for name, values in self.maps.items()})
            evidence |= {name: float(value) for name, value in peaks.items()}
            self.strange = detector.calibration.join(self.maps)
            score = float(self.strange.max())
        baselines = {name: self._baselines[name] if warm else np.nan for name in BASELINES}
        mse, copy = (observation.model_mse, observation.copy_last_frame_mse) if warm else (np.nan, np.nan)
        threshold = self._threshold(score)
        result = FrameScore(score, score >= threshold, evidence, baselines, mse, copy, threshold=threshold)
        result = result._replace(probabilities=self._classify(warm))
        if self.tracker is None:
            return result
        changes = self.tracker.push(self._index, score, threshold, {k: evidence[k] for k in detector.kinds}, self.box)
        closed = self._named(changes.closed)
        self._vote(self.tracker, result.probabilities)
        return result._replace(opened=self._named(changes.opened), closed=closed)

    def finish(self) -> Event | None:
        """Ends the clip, and with it the event that is open."""
        return self._named(self.tracker.finish()) if self.tracker else None

    def anomaly_map(self) -> np.ndarray:
        """That of the frame that was pushed last, `float32 [H, W]`; zero in warm-up."""
        return self._detector.anomaly_map(self.strange)

    def box(self) -> Box:
        """Where the last frame is strangest, in pixels of the camera frame; of the network input if that was pushed."""
        return self._detector.box(self.strange, self._frame_size)

    @property
    def remembered(self) -> Remembered:
        """What another stream of this detector goes on with, see `restore`."""
        votes, event = self._votes, self.tracker.state if self.tracker else None
        arrays = self._observer.remembered | {f"mean.{name}": mean for name, mean in self._smoother.means.items()}
        if self._features.smoothed is not None:
            arrays["features"] = self._features.smoothed
        numbers = Numbers(
            self._first,
            self._seen,
            dict(self._baselines),
            replace(self.level.state),
            self.hour,
            event and replace(event),
        )
        if votes:
            numbers = replace(numbers, voted_from=votes.first, votes=tuple(votes.sum.tolist()))
        return Remembered(numbers, arrays)

    def restore(self, remembered: Remembered) -> None:
        """Goes on with the same numbers as the stream that remembered this; to be called before the first frame."""
        numbers, arrays = remembered
        self._first, self._seen, self._baselines = numbers.first, numbers.seen, dict(numbers.baselines)
        self.level.state, self.hour = replace(numbers.level), numbers.hour
        if self.tracker and numbers.event:
            self.tracker.state = replace(numbers.event)
        self._observer.restore(arrays)
        means = {name.removeprefix("mean."): mean for name, mean in arrays.items() if name.startswith("mean.")}
        self._smoother.means, self._features.smoothed = means, arrays.get("features")
        if self._detector.classifier and numbers.voted_from is not None:
            self._votes = Votes(self._detector.classifier.classes, numbers.voted_from)
            self._votes.sum += numbers.votes

    @property
    def bytes(self) -> int:
        """Of what is remembered."""
        last = self.observation
        seen = sum(
            array.nbytes for array in (last.prediction, last.error, last.motion, last.looks, *last.maps.values())
        )
        return self._observer.bytes + self._smoother.bytes + seen + self.strange.nbytes

    def _threshold(self, score: float) -> float:
        """In force at this frame."""
        value, profile, hour = self.level.push(score), self._detector.operating_point.profile, self.hour
        if hour is not None and self._fps:
            self.hour = (hour + 1 / self._fps / 3600) % HOURS
        return value if profile is None else value * float(profile.at(hour))

    @property
    def _index(self) -> int:
        """Of the frame that was pushed last."""
        return self._first + self._seen - 1

    def _classify(self, warm: bool) -> np.ndarray | None:
        classifier, scene = self._detector.classifier, self._detector.scene
        if classifier is None or scene is None:
            return None
        if not warm:
            return np.full(len(classifier.classes), np.nan, np.float32)
        features = self._features.push(scene, self.maps, self.observation.motion, self.strange)
        return classifier.probabilities(features[np.newaxis])[0]

    def _vote(self, tracker: EventTracker, probabilities: np.ndarray | None) -> None:
        """Counts the last frame for its event, if it is in one."""
        first, classifier = tracker.state.first, self._detector.classifier
        if classifier is None or probabilities is None or tracker.state.last != self._index:
            return
        if self._votes is None or self._votes.first != first:
            self._votes = Votes(classifier.classes, first)
        self._votes.add(probabilities)

    def _named(self, event: Event | None) -> Event | None:
        return replace(event, category=self._votes.category) if event and self._votes else event

    def _gather(self, observation: scoring.Observation) -> None:
        """Adds the frame to what is remembered; the first one has no frame before it and says nothing."""
        if self._seen == 0:
            return
        for name in BASELINES:  # smoothed in time only: nothing is known of the camera
            now = float(observation.maps[name].max())
            last = self._baselines.get(name, now)
            self._baselines[name] = last + (now - last) / self._detector.settings.smoothing_frames
        if self._detector.scene:
            self.maps = self._detector.scene.gather(self._smoother, observation)


def collect(stream: Iterable[FrameScore]) -> ClipScores:
    """The frames of one clip, side by side."""
    frames = list(stream)

    def column(values: Iterable[float]) -> np.ndarray:
        return np.fromiter(values, np.float32, len(frames))

    found = {name for f in frames for name in f.evidence}
    kinds = [name for name in scoring.EVIDENCE if name in found]
    rows = [f.probabilities for f in frames if f.probabilities is not None]
    return ClipScores(
        scores=column(f.score for f in frames),
        alarms=np.fromiter((f.alarm for f in frames), bool, len(frames)),
        evidence={name: column(f.evidence.get(name, np.nan) for f in frames) for name in kinds},
        baselines={name: column(f.baselines[name] for f in frames) for name in BASELINES},
        model_mse=column(f.model_mse for f in frames),
        copy_last_frame_mse=column(f.copy_last_frame_mse for f in frames),
        thresholds=column(f.threshold for f in frames),
        probabilities=np.stack(rows) if rows else None,
    )

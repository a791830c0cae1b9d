"""The one road from frames to scores: a batch is a stream that is pushed a clip."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from model import config, scoring
from model.classifier import Classifier, FrameFeatures, Votes
from model.clips import Clip
from model.decision import Box, Event, EventTracker, Level, Threshold, box, fit_threshold, in_frame
from model.errors import BadInput, RunFailed
from model.prednet import PredNet
from model.preprocessing import preprocess_frame
from model.scores import ClipScores


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
        calibration: what is normal; None only while it is being fitted.
        operating_point: the threshold, and how often normal footage passes it.
        decision: how alarms are joined into events.
        classifier: names what is anomalous, where labels were there to learn from; scores do without.
        facts: where it comes from (data digest, source run, version, training history), for people.
    """

    camera: str
    network: PredNet
    preprocessing: config.Preprocessing
    settings: config.Scoring
    calibration: scoring.Calibration | None = None
    operating_point: Threshold = Threshold(np.inf)
    decision: config.Decision = field(default_factory=config.Decision)
    classifier: Classifier | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def threshold(self) -> float:
        """Scores at or over it are alarms; where it is adaptive, this is its usual place."""
        return self.operating_point.value

    @cached_property
    def step(self) -> scoring.Step:
        """The compiled step, shared by all streams."""
        return scoring.Step(self.network)

    def stream(self, fps: float | None = None, clip: str = "") -> Stream:
        """A new clip, to be pushed frame by frame.

        Args:
            fps: frames/s; without them frames have scores and alarms, but there are no events.
            clip: its name, which the names of its events begin with.
        """
        return Stream(self, EventTracker(self.decision, fps, clip) if fps else None)

    def score(self, frames: Iterable[np.ndarray]) -> ClipScores:
        """Scores the camera frames `uint8 [H, W, C]` of one clip.

        Raises:
            BadInput: frames of another type or shape.
        """
        stream = self.stream()
        return collect(stream.push(frame) for frame in frames)

    def score_inputs(self, inputs: Iterable[np.ndarray]) -> ClipScores:
        """The same for frames that are preprocessed already."""
        stream = self.stream()
        return collect(stream.push_input(frame) for frame in inputs)

    def anomaly_map(self, observation: scoring.Observation) -> np.ndarray:
        """Where: the surprise of the smallest blocks, summed over the evidence, `float32 [h, w]`."""
        assert self.calibration
        size = self.settings.block_sizes[0]
        maps = {
            name: self.calibration.tails[name][0].surprise(scoring.block_means(observation.maps[name], size))
            for name in scoring.EVIDENCE
        }
        return scoring.join(maps)


class Stream:
    """One clip on its way through a detector; equal frames give equal numbers, however they arrive.

    Attributes:
        observation: prediction and maps of the frame that was pushed last.
        tracker: the events of this clip so far; None where the frame rate is unknown.
        level: of the scores, which an adaptive threshold goes with.
    """

    observation: scoring.Observation

    def __init__(self, detector: Detector, tracker: EventTracker | None = None) -> None:
        self.tracker = tracker
        self.level = Level(detector.operating_point.usual, detector.threshold)
        self._detector = detector
        self._frame_size: tuple[int, int] | None = None
        self._where: np.ndarray | None = None
        self._observer = scoring.Observer(detector.step)
        self._smoothed: dict[str, np.ndarray] = {}
        self._features = FrameFeatures(detector.settings.smoothing_frames)
        self._votes: Votes | None = None
        self._seen = 0

    def push(self, frame: np.ndarray) -> FrameScore:
        """Takes the next camera frame `uint8 [H, W, C]`, C is 1 or 3 (RGB)."""
        if (
            not isinstance(frame, np.ndarray)
            or frame.dtype != np.uint8
            or frame.ndim != 3
            or frame.shape[2] not in (1, 3)
        ):
            got = f"{frame.dtype} {list(frame.shape)}" if isinstance(frame, np.ndarray) else type(frame).__name__
            raise BadInput(f"expected a frame as uint8 [H, W, 1 or 3]. Received: {got}")
        self._frame_size = frame.shape[:2]
        return self.push_input(preprocess_frame(frame, self._detector.preprocessing))

    def push_input(self, frame: np.ndarray) -> FrameScore:
        """Takes the next preprocessed frame `uint8 [h, w, channels]`."""
        detector = self._detector
        observation = self.observation = self._observer.observe(frame)
        self._where = None
        warm = self._seen >= detector.settings.warm_up_frames
        self._seen += 1
        if warm:
            self._smooth(observation)
        evidence = self._evidence() if warm and detector.calibration else dict.fromkeys(scoring.EVIDENCE, np.nan)
        score = float(scoring.join({name: np.asarray(value, np.float32) for name, value in evidence.items()}))
        baselines = {
            "frame_difference": float(self._smoothed["frame_difference"][-1]) if warm else np.nan,
            "optical_flow": float(self._smoothed["optical_flow"][-1]) if warm else np.nan,
        }
        mse, copy = (observation.model_mse, observation.copy_last_frame_mse) if warm else (np.nan, np.nan)
        threshold = self.level.push(score)
        result = FrameScore(score, score >= threshold, evidence, baselines, mse, copy, threshold=threshold)
        result = result._replace(probabilities=self._classify(evidence, warm))
        if self.tracker is None:
            return result
        changes = self.tracker.push(self._seen - 1, score, threshold, evidence, self.box)
        closed = self._named(changes.closed)
        self._vote(self.tracker, result.probabilities)
        return result._replace(opened=self._named(changes.opened), closed=closed)

    def finish(self) -> Event | None:
        """Ends the clip, and with it the event that is open."""
        return self._named(self.tracker.finish()) if self.tracker else None

    def anomaly_map(self) -> np.ndarray:
        """That of the frame that was pushed last, `float32 [h, w]`."""
        if self._where is None:
            self._where = self._detector.anomaly_map(self.observation)
        return self._where

    def box(self) -> Box:
        """Where the last frame is strangest, in pixels of the camera frame; of the network input if that was pushed."""
        where = self.anomaly_map()
        size = self._frame_size
        return in_frame(box(where), where.shape, self._detector.preprocessing.crop, size) if size else box(where)

    def _classify(self, evidence: dict[str, float], warm: bool) -> np.ndarray | None:
        classifier = self._detector.classifier
        if classifier is None:
            return None
        if not warm:
            return np.full(len(classifier.classes), np.nan, np.float32)
        features = self._features.push(evidence, self.observation, self.anomaly_map())
        return classifier.probabilities(features[np.newaxis])[0]

    def _vote(self, tracker: EventTracker, probabilities: np.ndarray | None) -> None:
        """Counts the last frame for its event, if it is in one."""
        first, classifier = tracker.state.first, self._detector.classifier
        if classifier is None or probabilities is None or tracker.state.last != self._seen - 1:
            return
        if self._votes is None or self._votes.first != first:
            self._votes = Votes(classifier.classes, first)
        self._votes.add(probabilities)

    def _named(self, event: Event | None) -> Event | None:
        return replace(event, category=self._votes.category) if event and self._votes else event

    @property
    def values(self) -> dict[str, np.ndarray]:
        """Smoothed largest block means `float32 [sizes]` a kind of evidence, as calibration reads them."""
        return {name: self._smoothed[name] for name in scoring.EVIDENCE}

    def _smooth(self, observation: scoring.Observation) -> None:
        maps = {**observation.maps, "frame_difference": observation.frame_difference}
        for name, evidence_map in maps.items():
            values = scoring.largest_block_means(evidence_map, self._detector.settings.block_sizes)
            last = self._smoothed.get(name, values)
            self._smoothed[name] = last + (values - last) / np.float32(self._detector.settings.smoothing_frames)

    def _evidence(self) -> dict[str, float]:
        assert self._detector.calibration
        return {name: float(value) for name, value in self._detector.calibration.evidence(self.values).items()}


def collect(stream: Iterable[FrameScore]) -> ClipScores:
    """The frames of one clip, side by side."""
    frames = list(stream)

    def column(values: Iterable[float]) -> np.ndarray:
        return np.fromiter(values, np.float32, len(frames))

    rows = [f.probabilities for f in frames if f.probabilities is not None]
    return ClipScores(
        scores=column(f.score for f in frames),
        alarms=np.fromiter((f.alarm for f in frames), bool, len(frames)),
        evidence={name: column(f.evidence[name] for f in frames) for name in scoring.EVIDENCE},
        baselines={name: column(f.baselines[name] for f in frames) for name in ("frame_difference", "optical_flow")},
        model_mse=column(f.model_mse for f in frames),
        copy_last_frame_mse=column(f.copy_last_frame_mse for f in frames),
        probabilities=np.stack(rows) if rows else None,
    )


def fit_detector(
    network: PredNet,
    normal: Sequence[Clip],
    settings: config.Config,
    camera: str,
    facts: dict[str, Any],
    progress: Callable[[str], None] = lambda line: None,
) -> Detector:
    """Calibrates a trained network on normal clips that it was not trained on, and sets the threshold.

    Raises:
        RunFailed: the network predicts no better than copying the last frame.
    """
    raw = Detector(camera, network, settings.preprocessing, settings.scoring, decision=settings.decision, facts=facts)
    values: list[dict[str, np.ndarray]] = []
    per_clip: list[slice] = []
    errors = np.zeros(2)
    for number, clip in enumerate(normal, 1):
        stream, start = raw.stream(), len(values)
        for t, frame in enumerate(clip.frames):
            result = stream.push_input(frame)
            if t >= settings.scoring.warm_up_frames:
                values.append(stream.values)
                errors += result.model_mse, result.copy_last_frame_mse
        per_clip.append(slice(start, len(values)))
        progress(f"calibration: {number}/{len(normal)} normal clips")
    _check(errors, len(values), settings.scoring)
    stacked = {name: np.stack([v[name] for v in values]) for name in scoring.EVIDENCE}
    calibration = scoring.calibrate(stacked)
    scores = scoring.join(calibration.evidence(stacked))
    operating_point = fit_threshold(
        [(scores[part], clip.fps) for part, clip in zip(per_clip, normal, strict=True)], settings.decision
    )
    if operating_point.note:
        progress(operating_point.note)
    return replace(raw, calibration=calibration, operating_point=operating_point)


def _check(errors: np.ndarray, frames: int, settings: config.Scoring) -> None:
    if not frames:
        raise BadInput(f"expected normal clips longer than {settings.warm_up_frames} frames of warm-up. Received: none")
    model, copy = errors / frames
    if not model < copy:
        raise RunFailed(
            f"the network predicts no better than copying the last frame: squared error {model:.3g} against {copy:.3g} "
            f"on validation clips. Train longer (training.epochs) or at another training.learning_rate"
        )

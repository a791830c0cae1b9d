"""From a trained network and normal clips to a detector: what is usual in the scene, what is rare, what is an alarm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from model import config, scoring
from model.clips import Clip, later
from model.decision import fit_threshold
from model.detector.detector import Detector, Stream
from model.errors import BadInput, RunFailed
from model.prednet import PredNet

SCENE_FRAMES = 2400  # more would cost minutes
# Kinds of evidence that are lower where it was trained.
OF_THE_NETWORK = ("prediction_error", "extrapolation_error", "layer_error")


class Normal(NamedTuple):
    """A normal clip."""

    clip: Clip
    peaks: scoring.Peaks  # of frames that have a score


def fit_detector(
    network: PredNet,
    train: Sequence[Clip],
    validation: Sequence[Clip],
    settings: config.Config,
    camera: str,
    facts: dict[str, Any],
    progress: Callable[[str], None] = lambda line: None,
) -> Detector:
    """Learns what is usual in the scene, what is rare and what is an alarm.

    The scene is learned from all clips and calibrated on each as if it had not been learned from that one. The network
    is not trained as many times over: its errors count as they are on the validation clips, and on the others lifted
    to these.

    Clips that a person marked as normal teach the scene where that happens. They calibrate nothing: each was an
    anomaly to the rest, and a few of them would raise the threshold for everything.

    Raises:
        BadInput: no validation clip is longer than the warm-up.
        RunFailed: the network predicts no better than copying the last frame.
    """
    known = {"fps": float(np.median([clip.fps for clip in validation])), **facts} if validation else facts
    raw = Detector(camera, network, settings.preprocessing, settings.scoring, decision=settings.decision, facts=known)
    chosen = _chosen([*train, *validation])
    scene, apart = scoring.fit_scene(
        _observed(raw, chosen, progress),
        settings.scoring.smoothing_frames,
        np.random.default_rng(settings.training.seed),
        {number for number, clip in enumerate(chosen) if clip.marked},
    )
    raw = replace(raw, scene=scene)
    rehearsed = [
        Normal(clip, {name: values[settings.scoring.warm_up_frames - 1 :] for name, values in peaks.items()})
        for clip, peaks in zip(chosen, apart, strict=True)
    ]
    unseen = _validate(raw, validation, {normal.clip.name: normal.peaks for normal in rehearsed}, progress)
    names = {clip.name for clip in validation}
    trained = [n for n in rehearsed if n.peaks and n.clip.name not in names and not n.clip.marked]
    normal = [*unseen, *_as_unseen(trained, unseen)]
    tails = {name: scoring.Tail.fit([n.peaks[name] for n in normal if name in n.peaks]) for name in scoring.EVIDENCE}
    calibration = scoring.Calibration(tails, settings.scoring.fused)
    complete = [n for n in normal if set(calibration.fused) <= set(n.peaks)]
    begins = [later(n.clip.hour, settings.scoring.warm_up_frames, n.clip.fps) for n in complete]
    point = fit_threshold([(calibration.join(n.peaks), n.clip.fps) for n in complete], settings.decision, begins)
    if point.note:
        progress(point.note)
    return replace(raw, calibration=calibration, operating_point=point)


def _chosen(clips: Sequence[Clip]) -> list[Clip]:
    """Clips evenly spread over the footage, until there are `SCENE_FRAMES`, and all that a person marked."""
    common = [clip for clip in clips if not clip.marked]
    total = sum(len(clip.frames) for clip in common)
    wanted = max(1, round(len(common) * min(1.0, SCENE_FRAMES / max(total, 1))))
    spread = [common[(2 * k + 1) * len(common) // (2 * wanted)] for k in range(wanted if common else 0)]
    return [*spread, *(clip for clip in clips if clip.marked)]


def _observed(
    raw: Detector, clips: Sequence[Clip], progress: Callable[[str], None]
) -> Iterator[Iterator[scoring.Observation]]:
    for number, clip in enumerate(clips, 1):
        stream = raw.stream(steps=raw.extrapolating)
        yield (_push(stream, frame) for frame in clip.frames)
        progress(f"scene: {number}/{len(clips)} normal clips")


def _push(stream: Stream, frame: np.ndarray) -> scoring.Observation:
    stream.push_input(frame)
    return stream.observation


def _validate(
    raw: Detector, clips: Sequence[Clip], rehearsed: dict[str, scoring.Peaks], progress: Callable[[str], None]
) -> list[Normal]:
    """Clips that the network was not trained on; where the scene knows one, as if it did not."""
    found, errors = [], []
    for number, clip in enumerate(clips, 1):
        peaks, error = _validated(raw, clip)
        found.append(Normal(clip, peaks | rehearsed.get(clip.name, {})))
        errors.append(error)
        progress(f"calibration: {number}/{len(clips)} normal clips")
    _check(np.concatenate(errors), raw.settings)
    return [normal for normal in found if len(normal.peaks["optical_flow"])]


def _as_unseen(trained: Sequence[Normal], unseen: Sequence[Normal]) -> list[Normal]:
    """Clips that the network was trained on, its errors in them raised to what they are in the mean where it was not.

    They were lower by a few in a hundred at most (docs/decisions/0005), and there are four times as many of them.
    """
    if not trained:
        return []

    def mean(clips: Sequence[Normal], name: str) -> float:
        return float(np.concatenate([clip.peaks[name] for clip in clips]).mean())

    lift = {name: max(1.0, mean(unseen, name) / max(mean(trained, name), 1e-12)) for name in OF_THE_NETWORK}
    return [Normal(n.clip, {name: values * lift.get(name, 1.0) for name, values in n.peaks.items()}) for n in trained]


def _validated(raw: Detector, clip: Clip) -> tuple[scoring.Peaks, np.ndarray]:
    """Peaks `[T]` a kind of evidence, and the errors `[T, 2]`, of frames that have a score."""
    stream, peaks, errors = raw.stream(steps=raw.extrapolating), [], []
    for t, result in enumerate(stream.push_all_inputs(clip.frames)):
        if t >= raw.settings.warm_up_frames:
            peaks.append([stream.maps[name].max() for name in scoring.EVIDENCE])
            errors.append((result.model_mse, result.copy_last_frame_mse))
    columns = np.array(peaks, np.float32).reshape(-1, len(scoring.EVIDENCE)).T
    return dict(zip(scoring.EVIDENCE, columns, strict=True)), np.array(errors).reshape(-1, 2)


def _check(errors: np.ndarray, settings: config.Scoring) -> None:
    if not len(errors):
        raise BadInput(f"expected normal clips longer than {settings.warm_up_frames} frames of warm-up. Received: none")
    model, copy = errors.mean(axis=0)
    if not model < copy:
        raise RunFailed(
            f"the network predicts no better than copying the last frame: squared error {model:.3g} against {copy:.3g} "
            f"on validation clips. Train longer (training.epochs) or at another training.learning_rate"
        )

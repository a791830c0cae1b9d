"""From a trained network and normal clips to a detector: what is usual in the scene, what is rare, what is an alarm."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from model import config, scoring
from model.clips import Clip
from model.decision import fit_threshold
from model.detector.detector import Detector, Stream
from model.errors import BadInput, RunFailed
from model.prednet import PredNet

SCENE_FRAMES = 1500  # more would cost minutes and change nothing that a person could see


def fit_detector(
    network: PredNet,
    train: Sequence[Clip],
    validation: Sequence[Clip],
    settings: config.Config,
    camera: str,
    facts: dict[str, Any],
    progress: Callable[[str], None] = lambda line: None,
) -> Detector:
    """Learns the scene from the clips the network was trained on; calibrates on normal clips it was not.

    Clips that a person marked as normal teach the scene where that happens. They calibrate nothing: each was an
    anomaly to the rest, and a few of them would raise the threshold for everything.

    Raises:
        BadInput: no validation clip is longer than the warm-up.
        RunFailed: the network predicts no better than copying the last frame.
    """
    known = {"fps": float(np.median([clip.fps for clip in validation])), **facts} if validation else facts
    raw = Detector(camera, network, settings.preprocessing, settings.scoring, decision=settings.decision, facts=known)
    chosen = _chosen(train)
    scene, apart = scoring.fit_scene(
        _observed(raw, chosen, progress),
        settings.scoring.smoothing_frames,
        np.random.default_rng(settings.training.seed),
    )
    raw = replace(raw, scene=scene)
    apart = [peaks for clip, peaks in zip(chosen, apart, strict=True) if not clip.marked]
    with tempfile.TemporaryDirectory() as directory:  # the maps of hours of footage do not fit into memory
        files = [Path(directory) / f"{number}.npz" for number in range(len(validation))]
        for number, (clip, file) in enumerate(zip(validation, files, strict=True), 1):
            np.savez(file, allow_pickle=False, **_validated(raw, clip))
            progress(f"calibration: {number}/{len(validation)} normal clips")
        _check(files, settings.scoring)
        calibration = scoring.Calibration(_tails(files, apart, settings.scoring), settings.scoring.fused)
        scores = [calibration.join({name: _read(file, name) for name in calibration.fused}) for file in files]
    clips = [(s.max(axis=(1, 2)), clip.fps) for s, clip in zip(scores, validation, strict=True) if len(s)]
    point = fit_threshold(clips, settings.decision)
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
        stream = raw.stream()
        yield (_push(stream, frame) for frame in clip.frames)
        progress(f"scene: {number}/{len(clips)} normal clips")


def _push(stream: Stream, frame: np.ndarray) -> scoring.Observation:
    stream.push_input(frame)
    return stream.observation


def _validated(raw: Detector, clip: Clip) -> dict[str, np.ndarray]:
    """Smoothed maps `float32 [T, h, w]` a kind of evidence, and the errors `[T, 2]`, of frames that have a score."""
    stream, maps, errors = raw.stream(), [], []
    for t, frame in enumerate(clip.frames):
        result = stream.push_input(frame)
        if t >= raw.settings.warm_up_frames:
            maps.append(stream.maps)
            errors.append((result.model_mse, result.copy_last_frame_mse))
    if not maps:
        grid = raw.preprocessing.height // scoring.CELL, raw.preprocessing.width // scoring.CELL
        return {"errors": np.zeros((0, 2)), **dict.fromkeys(scoring.EVIDENCE, np.zeros((0, *grid), np.float32))}
    return {"errors": np.array(errors), **{name: np.stack([m[name] for m in maps]) for name in scoring.EVIDENCE}}


def _tails(files: Sequence[Path], apart: Sequence[scoring.Peaks], settings: config.Scoring) -> dict[str, scoring.Tail]:
    """From the validation clips and, for what the network has no part in, from the scene's own clips too."""
    warm = settings.warm_up_frames
    rehearsed = {name: [peaks[name][warm - 1 :] for peaks in apart if name in peaks] for name in scoring.EVIDENCE}
    return {
        name: scoring.Tail.fit([*(_read(file, name).max(axis=(1, 2)) for file in files), *rehearsed[name]])
        for name in scoring.EVIDENCE
    }


def _read(file: Path, name: str) -> np.ndarray:
    with np.load(file, allow_pickle=False) as arrays:
        return np.asarray(arrays[name])


def _check(files: Sequence[Path], settings: config.Scoring) -> None:
    errors = np.concatenate([_read(file, "errors") for file in files])
    if not len(errors):
        raise BadInput(f"expected normal clips longer than {settings.warm_up_frames} frames of warm-up. Received: none")
    model, copy = errors.mean(axis=0)
    if not model < copy:
        raise RunFailed(
            f"the network predicts no better than copying the last frame: squared error {model:.3g} against {copy:.3g} "
            f"on validation clips. Train longer (training.epochs) or at another training.learning_rate"
        )

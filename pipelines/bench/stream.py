"""A camera's frames through the whole detector, frame by frame, and what the parts of it take alone."""

from __future__ import annotations

import dataclasses
import itertools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from model import config, footage, scoring, walkway
from model.clips import SourceClip
from model.decision import Threshold
from model.detector import Detector
from model.preprocessing import preprocess_frame
from model.report.overlay import OverlayWriter
from model.scoring.appearance import ENTRIES as LOOKS
from model.scoring.evidence import Flow
from model.scoring.motions import ENTRIES as MOTIONS
from model.scoring.motions import Motions
from pipelines.bench import network
from pipelines.bench.clock import rates

CAMERA = {"height": 240, "width": 360}  # pixels


def measure(settings: config.Config, rounds: int, frames: int) -> dict[str, Any]:
    """Frames/s of `push`, of `push_input` without preprocessing, of its parts, and of the overlay video."""
    wanted = dataclasses.replace(settings.walkway, **CAMERA, clip_frames=frames)
    clip = walkway.render_clip(wanted, "test", 0).frames
    inputs = [preprocess_frame(frame, settings.preprocessing) for frame in clip]
    pixels = [frame.astype(np.float32) / np.float32(255) for frame in inputs]
    detector = untrained(settings, inputs)

    def step() -> float:
        state = None
        for frame in pixels:
            state = detector.step(frame, state).state
        return frames

    def flow() -> float:
        move = Flow()
        for last, frame in itertools.pairwise(inputs):
            move(last, frame)
        return frames - 1

    def push_input() -> float:
        stream = detector.stream()
        for frame in inputs:
            stream.push_input(frame)
        return frames

    def push() -> float:
        stream = detector.stream()
        for frame in clip:
            stream.push(frame)
        return frames

    def overlay() -> float:
        _write_overlay(clip, settings.walkway.fps)
        return frames

    found = rates(
        {"push": push, "push_input": push_input, "network": step, "optical_flow": flow, "overlay": overlay}, rounds
    )
    seconds = {name: 1 / rate.best for name, rate in found.items()}
    # The flow runs beside the network, so the longer of the two is what a frame takes at least.
    parts = {name: seconds[name] / seconds["push_input"] for name in ("network", "optical_flow")}
    return {
        "stream": {
            "frames_per_second": found["push_input"].best,
            "median_frames_per_second": found["push_input"].median,
            "share": {**parts, "rest": 1 - max(parts.values())},
            "push_frames_per_second": found["push"].best,
        },
        "overlay": {
            "frames_per_second": found["overlay"].best,
            "median_frames_per_second": found["overlay"].median,
        },
    }


def measure_footage(settings: config.Config, clip: SourceClip, rounds: int, frames: int) -> dict[str, float]:
    """Frames/s on real footage: the more moves in it, the more there is to compare with what is normal.

    By `push`, as of a camera, whose next frame is not there yet, and by `push_all`, as of a file.
    """
    seen = list(itertools.islice(footage.frames(clip), frames))
    detector = untrained(settings, [preprocess_frame(frame, settings.preprocessing) for frame in seen])

    def push() -> float:
        stream = detector.stream()
        for frame in seen:
            stream.push(frame)
        return len(seen)

    def push_all() -> float:
        return sum(1 for _ in detector.stream().push_all(seen))

    found = rates({"push": push, "push_all": push_all}, rounds)
    return {
        "frames_per_second": found["push"].best,
        "median_frames_per_second": found["push"].median,
        "file_frames_per_second": found["push_all"].best,
        "median_file_frames_per_second": found["push_all"].median,
    }


def untrained(settings: config.Config, inputs: list[np.ndarray]) -> Detector:
    """Untrained, its banks full: it scores nonsense at the speed of any other."""
    raw = Detector("bench", network.build(settings), settings.preprocessing, settings.scoring)
    observer = scoring.Observer(raw.step, settings.scoring.block_size)
    scene, _ = scoring.fit_scene([map(observer.observe, inputs)], 4.0, np.random.default_rng(0))
    motions = Motions(_full(scene.motions.entries, MOTIONS))
    looks = dataclasses.replace(scene.appearance, entries=_full(scene.appearance.entries, LOOKS))
    scene = dataclasses.replace(scene, motions=motions, appearance=looks)
    tail = scoring.Tail.fit([np.linspace(0, 1, 100)])
    calibration = scoring.Calibration(dict.fromkeys(scoring.EVIDENCE, tail), settings.scoring.fused)
    return dataclasses.replace(raw, scene=scene, calibration=calibration, operating_point=Threshold(1.0))


def _full(entries: np.ndarray, count: int) -> np.ndarray:
    """As many entries of a bank as footage of some minutes leaves, near those of one short clip; none of none."""
    if not len(entries):
        return entries
    generator = np.random.default_rng(0)
    chosen = entries[generator.integers(len(entries), size=count)]
    return (chosen + generator.normal(0, 0.1, chosen.shape)).astype(np.float32)


def _write_overlay(clip: np.ndarray, fps: float) -> None:
    heat = np.linspace(0, 1, 80 * 120, dtype=np.float32).reshape(80, 120)
    with (
        tempfile.TemporaryDirectory(prefix="unforeseen-") as scratch,
        OverlayWriter(
            Path(scratch) / "overlay.mp4", fps=fps, frame_size=clip.shape[1:3], threshold=1.0, error_scale=1.0
        ) as video,
    ):
        for number, frame in enumerate(clip):
            video.add(frame, heat, number / len(clip), alarm=number % 50 > 40)

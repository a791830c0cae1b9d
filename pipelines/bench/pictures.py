"""The walkway's rendering on one core, and preprocessing beside the bare OpenCV loop over the same files."""

from __future__ import annotations

import dataclasses
import itertools
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import cv2

from model import config, footage, preprocessing, walkway
from model.clips import SourceClip
from model.preprocessing.bare import decode_and_resize
from pipelines.bench.clock import rates


def measure_walkway(settings: config.Walkway, rounds: int, frames: int) -> dict[str, float]:
    """Frames/s of `render_clip` on one core."""
    wanted = dataclasses.replace(settings, clip_frames=frames)

    def render() -> float:
        return len(walkway.render_clip(wanted, "train", 0).frames)

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        rate = rates({"render": render}, rounds)["render"]
    finally:
        cv2.setNumThreads(threads)
    return {"frames_per_second": rate.best, "median_frames_per_second": rate.median}


def measure_preprocessing(
    clips: Sequence[SourceClip], settings: config.Preprocessing, scratch: Path, rounds: int
) -> dict[str, float]:
    """Frames/s of `write_dataset` and of the bare loop, both with a thread a core."""
    workers = os.cpu_count() or 1
    pictures = [picture for clip in clips for picture in clip.pictures]
    numbers = itertools.count()

    def write() -> float:
        directory = scratch / f"dataset{next(numbers)}"
        preprocessing.write_dataset(clips, directory, settings, camera="bench", workers=workers)
        shutil.rmtree(directory)
        return len(pictures)

    def bare() -> float:
        return decode_and_resize(pictures, settings, workers)

    found = rates({"write": write, "bare": bare}, rounds)
    return {
        "frames_per_second": found["write"].best,
        "median_frames_per_second": found["write"].median,
        "bare_frames_per_second": found["bare"].best,
        "ratio": found["write"].best / found["bare"].best,
    }


def walkway_clips(settings: config.Walkway, directory: Path, clips: int) -> list[SourceClip]:
    """Writes a walkway of normal clips as PNG files."""
    walkway.write(dataclasses.replace(settings, train_clips=clips, test_clips=0), directory)
    return footage.read_clips(directory, None, config.Footage())


def footage_clips(directory: Path) -> list[SourceClip]:
    """The normal clips of real footage, which have no masks to decode."""
    return [clip for clip in footage.read_clips(directory, None, config.Footage()) if clip.split != "test"]

"""The walkway as files, in the layout of the UCSD data set."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from model import atomic
from model.clips import LabelRange
from model.config import Walkway
from model.walkway.clip import check, render_clip

# Sensor noise does not compress: run lengths alone are faster and no larger than the default.
FAST = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
Rows = list[tuple[str, int | str, int | str, str]]


def write(settings: Walkway, directory: Path, progress: Callable[[str], None] | None = None) -> None:
    """Renders all clips into `directory`, which appears whole or not at all.

        Train/Train001/000.png ...
        Test/Test001/000.png ...      Test/Test001_gt/000.png ...    0 or 255 where an anomaly is
        Test/labels.csv               clip,first,last,category       0-based, both ends included; empty where normal

    Raises:
        BadInput: settings too small, or something is in `directory` already.
    """
    check(settings)
    with atomic.new_directory(directory) as partial:
        _write_clips(settings, partial, progress or (lambda line: None))


def _write_clips(settings: Walkway, directory: Path, progress: Callable[[str], None]) -> None:
    splits: list[tuple[Literal["train", "test"], int]] = [("train", index) for index in range(settings.train_clips)]
    splits += [("test", index) for index in range(settings.test_clips)]
    labels: Rows = []
    workers = ThreadPoolExecutor(min(4, os.cpu_count() or 1))  # drawing, noise and PNG run outside the interpreter lock
    try:
        clips = workers.map(lambda clip: _write_clip(settings, clip[0], clip[1], directory), splits)
        for done, ((split, _), rows) in enumerate(zip(splits, clips, strict=True), start=1):
            labels += rows if split == "test" else []
            progress(f"walkway: clip {done} of {len(splits)}")
    finally:
        workers.shutdown(cancel_futures=True)
    if settings.test_clips:
        with (directory / "Test" / "labels.csv").open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([("clip", "first", "last", "category"), *labels])


def _write_clip(settings: Walkway, split: Literal["train", "test"], index: int, directory: Path) -> Rows:
    clip = render_clip(settings, split, index)
    folder = directory / split.title() / clip.name
    _write_pictures(folder, clip.frames[..., ::-1])  # OpenCV wants BGR
    if split == "test":
        _write_pictures(folder.with_name(f"{clip.name}_gt"), clip.masks * np.uint8(255))
    ranges: tuple[LabelRange, ...] = clip.labels
    return [(clip.name, *label) for label in ranges] or [(clip.name, "", "", "")]


def _write_pictures(folder: Path, pictures: np.ndarray) -> None:
    folder.mkdir(parents=True)
    digits = max(3, len(str(len(pictures) - 1)))
    for number, picture in enumerate(pictures):
        _, data = cv2.imencode(".png", picture, FAST)
        (folder / f"{number:0{digits}}.png").write_bytes(data.tobytes())

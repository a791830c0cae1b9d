"""Writes the data set of `model.clips`: a uint8 array file a clip, the index last."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import chain, groupby
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from model import atomic
from model.clips import FORMAT, Dataset, SourceClip
from model.config import Preprocessing
from model.errors import BadInput
from model.footage.decode import frames_of_pieces, read_picture
from model.preprocessing.frame import preprocess_frame, preprocess_mask

WRITE_BUFFER = 1 << 20  # bytes
Progress = Callable[[int, int], None]  # frames done, frames in all


def write_dataset(
    clips: Sequence[SourceClip],
    directory: Path,
    settings: Preprocessing,
    *,
    camera: str,
    progress: Progress = lambda done, total: None,
    workers: int | None = None,
) -> Dataset:
    """Preprocesses every clip into the new directory; memory grows neither with their number nor with their length.

    Threads, not processes: OpenCV and hashlib work outside Python's lock, and nothing has to be started or sent.

    Args:
        clips: in the order of the index.
        directory: made here; on any error nothing is left of it.
        settings: the road from frame to network input, kept in the index.
        camera: the name that the index carries.
        progress: called from the worker threads, one call at a time.
        workers: threads; by default one a core.

    Raises:
        BadInput: a file that cannot be decoded to its end, frames or masks of several sizes.
    """
    tally = _Tally(sum(clip.frames for clip in clips), progress)
    with atomic.new_directory(directory) as partial:
        jobs = _jobs(clips, partial)
        pool = ThreadPoolExecutor(workers or os.cpu_count())
        try:
            written = list(pool.map(lambda job: _write_job(job, settings, tally), jobs))
        finally:
            pool.shutdown(cancel_futures=True)
        entries = sorted((entry for job in written for entry in job), key=lambda entry: str(entry["file"]))
        index = _index(entries, settings, camera)
        atomic.write_text(partial / "index.json", json.dumps(index, indent=1) + "\n")
    return Dataset.open(directory)


class _Tally:
    """Frames done, over all threads."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._done, self._total, self._progress, self._lock = 0, total, progress, Lock()

    def passed(self, frame: np.ndarray) -> np.ndarray:
        """Counts the frame and gives it back."""
        with self._lock:
            self._done += 1
            self._progress(self._done, self._total)
        return frame


Job = list[tuple[SourceClip, Path]]  # each clip with its file's path, without suffix


def _jobs(clips: Sequence[SourceClip], directory: Path) -> list[Job]:
    """One clip of pictures, or all pieces of one video in order of time, so that it is decoded once."""
    named = [(clip, directory / f"{number:04d}") for number, clip in enumerate(clips)]
    videos = sorted((pair for pair in named if pair[0].video), key=lambda pair: (str(pair[0].video), pair[0].first))
    by_video = [list(pieces) for _, pieces in groupby(videos, key=lambda pair: pair[0].video)]
    return by_video + [[pair] for pair in named if not pair[0].video]


def _write_job(job: Job, settings: Preprocessing, tally: _Tally) -> list[dict[str, Any]]:
    streams = frames_of_pieces([clip for clip, _ in job], settings.channels)
    return [
        _write_clip(clip, path, stream, settings, tally) for (_, path), (clip, stream) in zip(job, streams, strict=True)
    ]


def _write_clip(
    clip: SourceClip, path: Path, stream: Iterator[np.ndarray], settings: Preprocessing, tally: _Tally
) -> dict[str, Any]:
    first = next(stream)
    frame_size, size = first.shape[:2], (settings.height, settings.width)
    rows = (tally.passed(preprocess_frame(frame, settings)) for frame in chain([first], stream))
    sha256 = _save(path.with_suffix(".npy"), (clip.frames, *size, settings.channels), rows)
    masks = (preprocess_mask(mask, settings) for mask in _masks(clip, frame_size))
    told = {} if clip.hour is None else {"hour": clip.hour}
    return {
        "file": path.name,
        "name": clip.name,
        "split": clip.split,
        "fps": clip.fps,
        "frames": clip.frames,
        "frame_size": list(frame_size),
        "labels": clip.labels,
        "masks": bool(clip.masks),
        "sha256": sha256,
        "mask_sha256": _save(path.with_suffix(".mask.npy"), (clip.frames, *size), masks) if clip.masks else None,
        **told,
    }


def _masks(clip: SourceClip, frame_size: tuple[int, ...]) -> Iterator[np.ndarray]:
    for path in clip.masks:
        mask = read_picture(path)
        if mask.shape[:2] != frame_size:
            raise BadInput(f"{path}: expected a mask of [height, width] {frame_size}. Received: {mask.shape[:2]}")
        yield mask if mask.ndim == 2 else mask.max(axis=2)


def _save(path: Path, shape: tuple[int, ...], rows: Iterable[np.ndarray]) -> str:
    """Writes the rows as one .npy file and gives the SHA-256 of the array's bytes.

    Written as a file, not through a memory map: mapped pages count as memory of this process, and a full disk would
    end it with a signal instead of an error.
    """
    digest = hashlib.sha256()
    with path.open("wb", buffering=WRITE_BUFFER) as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        for row in rows:
            file.write(row.data)
            digest.update(row.data)
    return digest.hexdigest()


def _index(entries: list[dict[str, Any]], settings: Preprocessing, camera: str) -> dict[str, Any]:
    frame_size = entries[0]["frame_size"]
    for entry in entries:
        if entry["frame_size"] != frame_size:
            raise BadInput(
                f"{entry['name']}: expected clips of one camera, [height, width] {frame_size} as in"
                f" {entries[0]['name']}. Received: {entry['frame_size']}"
            )
    content = json.dumps([asdict(settings), entries], sort_keys=True)
    return {
        "format": FORMAT,
        "camera": camera,
        "digest": hashlib.sha256(content.encode()).hexdigest(),
        "channels": settings.channels,
        "frame_size": frame_size,
        "preprocessing": asdict(settings),
        "clips": entries,
    }

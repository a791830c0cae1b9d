"""`unforeseen evaluate`: an existing detector on other footage."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from components.fetch import fetch
from components.ingest import ARCHIVES, WALKWAY
from components.step import every, seldom
from model import config, evaluation, footage, preprocessing, walkway
from model.clips import SourceClip
from model.detector import Detector, load
from model.footage import archive
from pipelines.memory import PeakMemory
from pipelines.profile import Profile


def judge(
    detector: Path, source: str, camera: str | None, profile: Profile, say: Callable[[str], None]
) -> dict[str, Any]:
    """The measures of `summary.json`; false alarms are counted on clips that the detector was not fitted on.

    Raises:
        BadInput: no detector, or whatever is wrong with the source.
    """
    loaded, seconds = load(detector), {}
    settings = fitted_settings(loaded)
    with tempfile.TemporaryDirectory(prefix="unforeseen-") as scratch, PeakMemory() as memory:
        start = time.monotonic()
        root = _local(source, Path(scratch), settings, profile, say)
        clips = _clips(root, camera, settings.footage)
        seconds["ingest"] = time.monotonic() - start
        start = time.monotonic()
        data = preprocessing.write_dataset(
            clips, Path(scratch) / "dataset", loaded.preprocessing, camera=camera or "", progress=every(5.0, say)
        )
        seconds["preprocess"] = time.monotonic() - start
        start = time.monotonic()
        result = evaluation.evaluate(loaded, data, seldom(5.0, say))
        seconds["evaluate"] = time.monotonic() - start
    return {
        **result.measures,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "peak_memory_mb": round(memory.peak_mb, 1),
        "version": version("unforeseen"),
    }


def fitted_settings(detector: Detector) -> config.Config:
    """Those of the run that fitted the detector."""
    return config.parse(config.Config, detector.facts["settings"])


def _clips(root: Path, camera: str | None, settings: config.Footage) -> list[SourceClip]:
    """Normal clips are cut as for training, to know again those the detector was fitted on; none trains here."""
    clips = footage.read_clips(root, camera, settings)
    normal = [clip for clip in clips if clip.split != "test"]
    pieces = footage.assign_splits(normal, settings, 1) if normal else []
    return [replace(clip, split="holdout") for clip in pieces] + [clip for clip in clips if clip.split == "test"]


def _local(source: str, scratch: Path, settings: config.Config, profile: Profile, say: Callable[[str], None]) -> Path:
    if source == WALKWAY:
        walkway.write(settings.walkway, scratch / "source", seldom(5.0, say))
        return scratch / "source"
    limit = settings.footage.max_expansion_mb
    root = fetch(source, scratch / "download", profile.store.endpoint, profile.store.region, limit, say)
    if root.name.endswith(ARCHIVES):
        archive.unpack(root, scratch / "source", limit)
        return scratch / "source"
    return root

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
from components.step import every
from model import config, evaluation, footage, preprocessing, walkway
from model.detector import load
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
    loaded, settings, seconds = load(detector), config.Footage(), {}
    with tempfile.TemporaryDirectory(prefix="unforeseen-") as scratch, PeakMemory() as memory:
        start = time.monotonic()
        root = _local(source, Path(scratch), settings.max_expansion_mb, profile, say)
        # No normal clip of this footage trains anything here.
        clips = [
            replace(clip, split="holdout") if clip.split != "test" else clip
            for clip in footage.read_clips(root, camera, settings)
        ]
        seconds["ingest"] = time.monotonic() - start
        start = time.monotonic()
        data = preprocessing.write_dataset(
            clips, Path(scratch) / "dataset", loaded.preprocessing, camera=camera or "", progress=every(5.0, say)
        )
        seconds["preprocess"] = time.monotonic() - start
        start = time.monotonic()
        result = evaluation.evaluate(loaded, data, say)
        seconds["evaluate"] = time.monotonic() - start
    return {
        **result.measures,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "peak_memory_mb": round(memory.peak_mb, 1),
        "version": version("unforeseen"),
    }


def _local(source: str, scratch: Path, max_mb: int, profile: Profile, say: Callable[[str], None]) -> Path:
    if source == WALKWAY:
        walkway.write(config.Walkway(), scratch / "source", say)
        return scratch / "source"
    root = fetch(source, scratch / "download", profile.store.endpoint, profile.store.region, max_mb, say)
    if root.name.endswith(ARCHIVES):
        archive.unpack(root, scratch / "source", max_mb)
        return scratch / "source"
    return root

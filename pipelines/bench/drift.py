"""`python -m pipelines.bench.drift DETECTOR`: how far a walkway's scores lie from calibration, as it was and changed.

The detector is one of the built-in walkway. Clips that it never saw are scored as the service would: as they always
were, and with something changed. The distance is that of `pipelines.fleet.drift`, over which `fleet.drift` trains anew.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model import config, walkway
from pipelines.fleet.drift import ALL, Counts, distance
from pipelines.profile import Fleet

if TYPE_CHECKING:
    from model.detector import Detector

FRESH = 500  # index of the first clip that no run has seen
AS_IT_WAS = config.Walkway()
SCENES = {
    "as it was": AS_IT_WAS,
    "with what does not belong there": AS_IT_WAS,
    "noise x 1.5": replace(AS_IT_WAS, noise=1.5 * AS_IT_WAS.noise),
    "noise x 3": replace(AS_IT_WAS, noise=3 * AS_IT_WAS.noise),
    "the camera turned": replace(AS_IT_WAS, view=1),
    "a frozen picture": AS_IT_WAS,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line a scene."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.bench.drift", description=__doc__)
    parser.add_argument("detector", type=Path, help="directory, of a run on the walkway")
    parser.add_argument("--clips", type=int, default=4, help="of 15 s, each time")
    wanted = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from model import detector

    found = detector.load(wanted.detector)
    kinds = len(found.settings.fused)
    for name, scene in SCENES.items():
        far, words = distance(_counted(found, name, scene, wanted.clips), kinds)
        print(f"  {name:<34}{far:5.2f}  {f'drift: {words}' if far > Fleet.drift else ''}".rstrip(), flush=True)
    return 0


def _counted(found: Detector, name: str, scene: config.Walkway, clips: int) -> Counts:
    """Scores up to each edge of the service's histogram."""
    from serving.metrics import SCORES

    strange, scores = name == "with what does not belong there", []
    for index in range(FRESH, FRESH + clips):
        frames = walkway.render_clip(scene, "test" if strange else "train", index).frames
        if name == "a frozen picture":
            frames = np.repeat(frames[:1], len(frames), axis=0)
        scores.append(found.score(frames).scores)
    every = np.concatenate(scores)
    every = every[np.isfinite(every)]
    return {**{str(edge): float((every <= edge).sum()) for edge in SCORES}, ALL: float(len(every))}


if __name__ == "__main__":
    sys.exit(main())

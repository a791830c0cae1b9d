"""What the pipeline costs beside its steps: a tiny run of the command, and the same again from the cache."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model.errors import RunFailed

TINY = (  # the smallest walkway and network that beat copying the last frame at once: noise makes it easy
    "walkway.height=48",
    "walkway.width=72",
    "walkway.train_clips=5",
    "walkway.test_clips=4",
    "walkway.clip_frames=40",
    "walkway.noise=12",
    "preprocessing.height=32",
    "preprocessing.width=48",
    "prednet.stack_sizes=[1,4]",
    "prednet.r_stack_sizes=[2,4]",
    "prednet.a_filter_sizes=[3]",
    "prednet.a_hat_filter_sizes=[3,3]",
    "prednet.r_filter_sizes=[3,3]",
    "training.layer_loss_weights=[1,0.1]",
    "training.learning_rate=0.003",
    "training.warmup_steps=5",
    "training.epochs=2",
    "training.steps_per_epoch=25",
)


def measure(out: Path, settings: Sequence[str] = TINY) -> dict[str, float]:
    """Runs the pipeline twice into the new directory `out`.

    Raises:
        RunFailed: the command did not succeed.
    """
    fresh = _run(out, settings)
    return overhead(fresh, _run(out, settings))


def overhead(fresh: dict[str, Any], cached: dict[str, Any]) -> dict[str, float]:
    """From the `seconds` of two summaries; the rest is starting each step, its imports, and KFP itself."""
    steps = {name: seconds for name, seconds in fresh.items() if name != "total"}
    return {
        "seconds": fresh["total"],
        "steps_seconds": sum(steps.values()),
        "ratio": fresh["total"] / sum(steps.values()),
        "overhead_seconds_per_step": (fresh["total"] - sum(steps.values())) / len(steps),
        "cached_seconds": cached["total"],
    }


def _run(out: Path, settings: Sequence[str]) -> dict[str, float]:
    command = [sys.executable, "-m", "pipelines.cli", "run", "--out", str(out)]
    command += [argument for setting in settings for argument in ("--set", setting)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RunFailed(f"expected the tiny run to succeed. Received: {done.stderr.strip().splitlines()[-1]}")
    return dict(json.loads((out / "summary.json").read_text())["seconds"])

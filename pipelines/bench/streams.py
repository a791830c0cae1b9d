"""Many camera streams at once beside the same streams one after the other, through the engine, a frame a request."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

STREAMS = 16
FRAMES = 6  # a stream and round
CAMERA = {"height": 240, "width": 360}  # pixels


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.bench.streams", description=__doc__)
    parser.add_argument("detector", type=Path, help="directory")
    parser.add_argument("--rounds", type=int, default=10, help="both ways in turn; the best of each counts")
    wanted = parser.parse_args(arguments)
    from serving import cores

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    cores.share()
    print(json.dumps(_measure(wanted.detector, wanted.rounds)))
    return 0


def measure(detector: Path, rounds: int) -> dict[str, Any]:
    """Frames/s both ways, in a process of its own that shares its cores as a server does."""
    command = [sys.executable, "-m", "pipelines.bench.streams", str(detector), "--rounds", str(rounds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def rows(found: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """What, how much, what it should be, and whether it is."""
    rate, alone = f"{found['together']:.1f} frames/s", f"{found['one_by_one']:.1f} one by one"
    return [
        (f"{STREAMS} streams, batched", f"{found['ratio']:.2f} times", "at least 1.5", found["ratio"] >= 1.5),
        ("  together", rate, alone, True),
        ("  frames a batch", f"{found['batch']:.1f}", "", True),
    ]


def _measure(directory: Path, rounds: int) -> dict[str, Any]:
    from concurrent.futures import ThreadPoolExecutor

    from model import config, walkway
    from pipelines.bench.clock import rates
    from serving.engine import Engine
    from serving.fleet import Fleet
    from serving.messages import Place, Request
    from serving.sources import Directory

    frames = walkway.render_clip(config.Walkway(**CAMERA, clip_frames=32), "test", 0).frames[:FRAMES]
    engine = Engine(Fleet(Directory(directory)))
    (model,) = engine.models()
    engine.describe(model)
    cameras = ThreadPoolExecutor(STREAMS)

    def stream(number: int) -> None:
        for t, frame in enumerate(frames):
            engine.score(model, Request((frame,), Place(f"camera-{number}", t, start=t == 0)))

    def one_by_one() -> float:
        for number in range(STREAMS):
            stream(number)
        return STREAMS * FRAMES

    def together() -> float:
        list(cameras.map(stream, range(STREAMS)))
        return STREAMS * FRAMES

    found = rates({"one_by_one": one_by_one, "together": together}, rounds)
    value = engine.metrics.registry.get_sample_value
    alone = (rounds + 1) * STREAMS * FRAMES  # batches of one, before which nobody waited
    batched = (value("unforeseen_batch_frames_count") or 0.0) - alone
    cameras.shutdown()
    engine.close()
    ratio = found["together"].best / found["one_by_one"].best
    median = found["together"].median / found["one_by_one"].median
    return {
        "one_by_one": found["one_by_one"].best,
        "together": found["together"].best,
        "ratio": ratio,
        "median_ratio": median,
        "batch": alone / batched,
        "load": os.getloadavg()[0],
    }


if __name__ == "__main__":
    sys.exit(main())

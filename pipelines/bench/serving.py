"""`make bench-serving`: what the service adds to the detector, and what it does when too much is asked of it."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

SIZE = (128, 160)  # pixels of a camera's frame


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures for about five minutes; with `--quick` for one."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.bench.serving", description=__doc__)
    parser.add_argument("--json", type=Path, default=Path("runs/bench-serving.json"), help="file for the figures")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, a crowd of 10 s; not to be quoted")
    wanted = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    wanted.json.parent.mkdir(parents=True, exist_ok=True)
    found = measure(wanted.quick, lambda line: print(f"bench: {line}", file=sys.stderr, flush=True))

    from model.atomic import write_text

    write_text(wanted.json, json.dumps(found, indent=1) + "\n")
    print("\n".join([*lines(found), "", f"  written: {wanted.json}"]))
    return 0


def measure(quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """All figures, with an untrained detector of the default settings: it is as fast as any other."""
    from model import config, detector, walkway
    from model.preprocessing import preprocess_frame
    from pipelines.bench import crowd, served, stream, streams

    settings = config.build()
    pictures = replace(settings.walkway, height=SIZE[0], width=SIZE[1], clip_frames=100 if quick else 300)
    frames = walkway.render_clip(pictures, "test", 0).frames
    bare = stream.untrained(settings, [preprocess_frame(frame, settings.preprocessing) for frame in frames[:40]])
    with tempfile.TemporaryDirectory(prefix="unforeseen-") as directory:
        scratch = Path(directory)
        detector.save(replace(bare, camera=served.NAME), scratch / "detector")
        bare = detector.load(scratch / "detector")
        request = crowd.of_clip(served.NAME, frames[:10], bare.score(frames[:10]).scores)
        say("start")
        found: dict[str, Any] = {"start": served.start(scratch / "detector", scratch, 1 if quick else 3)}
        say("many streams")
        found["streams"] = streams.measure(scratch / "detector", 2 if quick else 10)
        with served.serve(scratch / "detector", scratch / "log") as server:
            say("frame by frame")
            found["stream"] = served.frame_by_frame(server, bare, frames)
            say("clips")
            found["clip"] = served.clip(server, bare, request, frames[:10], 5 if quick else 20)
            say("crowd")
            rate = asyncio.run(crowd.capacity(server.url, request, 8, 5.0 if quick else 15.0))
            wave = crowd.crowd(server.url, request, 200, 10.0 if quick else 120.0, 2 * rate, server.resident)
            found["crowd"] = _crowd(rate, asyncio.run(wave))
    found["load"] = os.getloadavg()[1]
    return found


def _crowd(rate: float, tally: Any) -> dict[str, Any]:
    quarter = len(tally.resident) // 4
    early, late = (median(part) for part in (tally.resident[quarter : 2 * quarter], tally.resident[-quarter:]))
    health = sorted(tally.health)
    return {
        "capacity": rate,
        "statuses": dict(tally.statuses),
        "wrong": tally.wrong,
        "broken": tally.broken,
        "grown_mb": (late - early) / 1e6,
        "resident_mb": late / 1e6,
        "health_median": median(health),
        "health_p99": health[int(0.99 * (len(health) - 1))],
    }


def lines(found: dict[str, Any]) -> list[str]:
    """A line a target: what, how much, what it should be, and whether it is."""
    from pipelines.bench import streams

    stream, clip, start, crowd = (found[name] for name in ("stream", "clip", "start", "crowd"))
    others = {int(status): count for status, count in crowd["statuses"].items() if int(status) not in (200, 429)}
    statuses = ", ".join(f"{count} x {status}" for status, count in sorted(crowd["statuses"].items()))
    rows = [
        ("gRPC over the bare step", f"{stream['overhead']:.0%}", "at most 15%", stream["overhead"] <= 0.15),
        ("  p99 over the median", f"{stream['spread']:.1f}", "at most 2", stream["spread"] <= 2),
        *streams.rows(found["streams"]),
        ("10 frames, REST binary", f"{clip['beside'] * 1e3:.1f} ms", "at most 15 ms", clip["beside"] <= 0.015),
        ("crowd: statuses", statuses, "200 and 429 only", not others and not crowd["broken"]),
        ("  wrong answers", str(crowd["wrong"]), "none", crowd["wrong"] == 0),
        ("  memory grew", f"{crowd['grown_mb']:.0f} MB", "flat", crowd["grown_mb"] < 0.05 * crowd["resident_mb"]),
        ("  health, p99", f"{crowd['health_p99'] * 1e3:.0f} ms", "at most 50 ms", crowd["health_p99"] <= 0.05),
        (
            "start beside TensorFlow",
            f"{start['beside']:.1f} s ({start['cpu']:.1f} of CPU)",
            "at most 5 s",
            start["beside"] <= 5,
        ),
    ]
    table = [
        f"  {name:<26}{value:>24}   {target:<20}{'yes' if held else 'NO'}".rstrip()
        for name, value, target, held in rows
    ]
    return [*table, f"  load of the machine: {found['load']:.1f}"]


if __name__ == "__main__":
    sys.exit(main())

"""The figures as lines for people."""

from __future__ import annotations

from typing import Any


def lines(found: dict[str, Any]) -> list[str]:
    """One line a figure: what, how much, and beside which reference."""
    stream, dag = found["stream"], found["dag"]
    share = "network {network:.0%}, beside it optical flow {optical_flow:.0%}, rest {rest:.0%}".format(
        **stream["share"]
    )
    rows = [
        ("matrix multiplication", f"{found['matmul']['gflops']:.0f} GFLOP/s", "the reference of the next three"),
        ("training", _rate(found["training"]), _effort(found["training"])),
        ("inference, the network alone", _rate(found["inference"]), _effort(found["inference"])),
        ("inference, preset paper", _rate(found["inference_large"]), _effort(found["inference_large"])),
        ("detector, network inputs", _rate(stream), share),
        ("detector, camera frames", f"{stream['push_frames_per_second']:.0f} frames/s", "with preprocessing"),
        *(_footage(found["footage"]) if "footage" in found else ()),
        *(
            (f"preprocessing, {name}", _rate(row), f"{row['ratio']:.2f} of the bare OpenCV loop (goal 0.80)")
            for name, row in found["preprocessing"].items()
        ),
        ("walkway, one core", _rate(found["walkway"]), "goal 200"),
        ("overlay video", _rate(found["overlay"]), "480 x 396 pixels"),
        (
            "pipeline, tiny run",
            f"{dag['seconds']:.1f} s",
            f"{dag['ratio']:.2f} of its steps, {dag['steps_seconds']:.1f} s",
        ),
        ("  beside the steps", f"{dag['overhead_seconds_per_step']:.1f} s a step", "start, imports, KFP"),
        ("  again, from the cache", f"{dag['cached_seconds']:.1f} s", ""),
    ]
    return [f"  {name:<30}{value:>15}   {beside}".rstrip() for name, value, beside in rows]


def _footage(row: dict[str, float]) -> list[tuple[str, str, str]]:
    return [
        ("detector, footage", _rate(row), "with preprocessing"),
        ("detector, a file of it", f"{row['file_frames_per_second']:.1f} frames/s", "the next frame ahead"),
    ]


def _rate(row: dict[str, float]) -> str:
    value = row["frames_per_second"]
    return f"{value:.{0 if value >= 100 else 1}f} frames/s"


def _effort(row: dict[str, float]) -> str:
    return f"{row['gflops']:.1f} GFLOP/s, {row['share_of_matmul']:.0%} of the matrix multiplication"

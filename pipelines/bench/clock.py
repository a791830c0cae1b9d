"""Rates on a machine that does other things as well: rounds that take all parts in turn, and the best of the rounds."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

Part = Callable[[], float]  # does some work and says how much


class Rate(NamedTuple):
    """Work a second. What disturbs a machine only ever slows it down, so the best round tells what the code can do."""

    best: float
    median: float


def rates(parts: dict[str, Part], rounds: int, now: Callable[[], float] = time.perf_counter) -> dict[str, Rate]:
    """Calls every part once unmeasured, for what is compiled or cached at first, then in turn `rounds` times."""
    found: dict[str, list[float]] = {name: [] for name in parts}
    for part in parts.values():
        part()
    for _ in range(rounds):
        for name, part in parts.items():
            start = now()
            work = part()
            found[name].append(work / (now() - start))
    return {name: Rate(max(values), median(values)) for name, values in found.items()}

"""Katib's medianstop: its "median" is the mean of the finished trials' averages over their first reports."""

from __future__ import annotations

from collections.abc import Sequence

from model.search.experiment import MedianStop


def bound(succeeded: Sequence[Sequence[float]], rule: MedianStop) -> float | None:
    """What a trial that starts now has to reach; None while too few trials have succeeded.

    Args:
        succeeded: the objective's reports of each trial that succeeded; stopped ones do not count.
    """
    averages = [sum(reports[: rule.start_step]) / len(reports[: rule.start_step]) for reports in succeeded]
    return sum(averages) / len(averages) if len(averages) >= rule.min_trials_required else None


def is_stopped(reports: Sequence[float], rule: MedianStop, bound: float | None, *, minimize: bool) -> bool:
    """Is the best of the first `start_step` reports worse than the bound? Katib looks once, at that report."""
    if bound is None or len(reports) < rule.start_step:
        return False
    first = reports[: rule.start_step]
    return min(first) > bound if minimize else max(first) < bound

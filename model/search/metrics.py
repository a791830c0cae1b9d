"""What a trial reports: `name=value` lines, as Katib's StdOut collector reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

Reports = dict[str, tuple[float, ...]]  # in the order they came, a metric each

# The collector's default filter.
REPORT = re.compile(r"([\w|-]+)\s*=\s*([+-]?\d+(?:\.\d+)?(?:[Ee][+-]?\d+)?)")


def line(name: str, value: float) -> str:
    """A report with its time, RFC 3339."""
    return f"{datetime.now(UTC).isoformat()} {name}={value:.10g}"


def read_reports(text: str, names: Iterable[str]) -> Reports:
    """The reports of these metrics in what a trial printed; those without any are left out."""
    found = [(name, float(value)) for name, value in REPORT.findall(text)]
    series = {name: tuple(value for other, value in found if other == name) for name in names}
    return {name: values for name, values in series.items() if values}


def extract(values: Sequence[float], strategy: str) -> float:
    """The one value that stands for all reports: min, max or latest."""
    return {"min": min(values), "max": max(values), "latest": values[-1]}[strategy]

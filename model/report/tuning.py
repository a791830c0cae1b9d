"""A search as one HTML file: the trials, what mattered, how each learned."""

from __future__ import annotations

from pathlib import Path

from model.atomic import write_text
from model.search import Result


def write_tuning(path: Path, result: Result) -> None:
    write_text(path, "<!doctype html>")

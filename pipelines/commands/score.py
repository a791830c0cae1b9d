"""`unforeseen score`: a video in; scores, events and an overlay out."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pipelines.commands.common import Commands, quiet, say


def add(commands: Commands) -> None:
    """Declares the command."""
    score = commands.add_parser("score", help="score a video or a folder of pictures with a detector")
    score.add_argument("video", help="a video, a folder of pictures, or a folder of either")
    score.add_argument("--detector", type=Path, required=True, help="detector directory")
    score.add_argument("--out", type=Path, required=True, help="new directory for scores, events and overlay")
    score.add_argument("--json", action="store_true", help="print the result as JSON")
    score.set_defaults(act=_score)


def _score(wanted: argparse.Namespace) -> None:
    with quiet():
        from pipelines import score, table

    result = score.score(wanted.video, wanted.detector, wanted.out, say)
    print(json.dumps(result, indent=1) if wanted.json else table.of_score(result, wanted.out))

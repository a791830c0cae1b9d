"""`unforeseen evaluate`: a detector judged on other footage."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from pipelines.commands.common import Commands, quiet, say


def add(commands: Commands) -> None:
    """Declares the command."""
    evaluate = commands.add_parser("evaluate", help="judge a detector on other footage")
    evaluate.add_argument("--detector", type=Path, required=True, help="detector directory")
    evaluate.add_argument("--source", required=True, help="as for run")
    evaluate.add_argument("--camera", help="which camera, where the source holds several")
    evaluate.add_argument("--json", type=Path, help="file for the measures")
    evaluate.add_argument("--profile", type=Path, help="YAML file that says where S3 is")
    evaluate.set_defaults(act=_evaluate)


def _evaluate(wanted: argparse.Namespace) -> None:
    with quiet():
        from pipelines import judge, profile, table

    measures: dict[str, Any] = judge.judge(
        wanted.detector, wanted.source, wanted.camera, profile.read(wanted.profile), say
    )
    if wanted.json:
        from model.atomic import write_text

        wanted.json.parent.mkdir(parents=True, exist_ok=True)
        write_text(wanted.json, json.dumps(measures, indent=1) + "\n")
    print(table.of_measures(measures))

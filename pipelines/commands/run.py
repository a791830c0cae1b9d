"""`unforeseen run`: the whole DAG on this machine."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pipelines.commands.common import Commands, add_profile, say
from pipelines.commands.training import add_training, read_wanted


def add(commands: Commands) -> None:
    """Declares the command."""
    run = commands.add_parser("run", help="ingest, preprocess, train, evaluate and register, on this machine")
    add_training(run)
    run.add_argument("--out", type=Path, required=True, help="directory for report, detector, MLflow's files and cache")
    run.add_argument("--dry-run", action="store_true", help="check source and settings, print what would run, stop")
    run.add_argument("--image", metavar="NAME", help="run each step in a container of this image, by Docker or podman")
    add_profile(run)
    run.add_argument("--json", action="store_true", help="print the summary as JSON")
    run.set_defaults(act=_run)


def _run(wanted: argparse.Namespace) -> None:
    from pipelines import containers, local, profile, table

    places = profile.read(wanted.profile)
    asked = read_wanted(wanted, places)
    start = (asked.base_model, asked.compare_scratch)
    image = containers.find(wanted.image) if wanted.image else None
    what = (asked.settings, places, asked.feedback, asked.experiment, *start, image)
    run = local.Run(asked.source, asked.camera, wanted.out.absolute(), *what)
    if wanted.dry_run:
        print(json.dumps(local.plan(run), indent=1))
        return
    summary = local.run(run, say)
    print(json.dumps(summary, indent=1) if wanted.json else table.of_run(summary, wanted.out, places.tracking_uri))

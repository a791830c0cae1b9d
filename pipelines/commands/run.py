"""`unforeseen run`: the whole DAG on this machine."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from model.errors import BadInput
from pipelines.commands.common import Commands, add_profile, say
from pipelines.commands.tune import EXPERIMENT, read_experiment


def add(commands: Commands) -> None:
    """Declares the command."""
    run = commands.add_parser("run", help="ingest, preprocess, train, evaluate and register, on this machine")
    run.add_argument(
        "--source",
        default="walkway",
        help="walkway (built in), a directory, an archive (.tar.gz, .zip), a video, http(s)://..., s3://bucket/prefix",
    )
    run.add_argument("--camera", help="which camera, where the source holds several; names model and experiment")
    run.add_argument("--out", type=Path, required=True, help="directory for report, detector, MLflow's files and cache")
    run.add_argument("--preset", default="small", help="small (the default) or paper")
    run.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="a setting; repeatable")
    run.add_argument("--feedback", type=Path, metavar="FILE", help="what people marked as normal, see feedback")
    run.add_argument("--dry-run", action="store_true", help="check source and settings, print what would run, stop")
    run.add_argument(
        "--tune",
        type=Path,
        nargs="?",
        const=EXPERIMENT,
        metavar="FILE",
        help="search for better settings first, as a Katib Experiment describes it; by default the project's own",
    )
    run.add_argument(
        "--base-model",
        default="",
        metavar="DIR|models:/NAME@ALIAS",
        help="train on from another camera's detector, or from what import-weights wrote",
    )
    run.add_argument(
        "--compare-scratch", action="store_true", help="with --base-model: train from scratch too, and report both"
    )
    add_profile(run)
    run.add_argument("--json", action="store_true", help="print the summary as JSON")
    run.set_defaults(act=_run)


def _run(wanted: argparse.Namespace) -> None:
    from model import config
    from model.footage import feedback
    from pipelines import local, profile, table
    from pipelines.tuning import placed

    if wanted.compare_scratch and not wanted.base_model:
        raise BadInput("expected --base-model with --compare-scratch. Received: none")
    settings, places = config.build(wanted.preset, wanted.set), profile.read(wanted.profile)
    camera = wanted.camera or ("walkway" if wanted.source == "walkway" else _name_of(wanted.source))
    said = feedback.to_json(feedback.read(wanted.feedback)) if wanted.feedback else ""
    experiment = placed(read_experiment(wanted.tune, settings, wanted.base_model), places) if wanted.tune else ""
    start = (wanted.base_model, wanted.compare_scratch)
    run = local.Run(wanted.source, camera, wanted.out.absolute(), settings, places, said, experiment, *start)
    if wanted.dry_run:
        print(json.dumps(local.plan(run), indent=1))
        return
    summary = local.run(run, say)
    print(json.dumps(summary, indent=1) if wanted.json else table.of_run(summary, wanted.out, places.tracking_uri))


def _name_of(source: str) -> str:
    """A camera's name from the last part of a path or address."""
    name = Path(source.rstrip("/").partition("?")[0]).name.partition(".")[0]
    return "".join(c if c.isalnum() and c.isascii() or c in "._-" else "-" for c in name).strip("-._") or "camera"

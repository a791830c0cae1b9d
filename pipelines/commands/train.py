"""`unforeseen train`: one training on a preprocessed data set, alone or as one of several workers."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from model import config
from model.atomic import check_free
from pipelines.commands.common import Commands, quiet, say


def add(commands: Commands) -> None:
    """Declares the command."""
    train = commands.add_parser("train", help="train on a preprocessed data set, on one node or several")
    train.add_argument("--data", required=True, help="preprocessed data set: a directory or s3://bucket/prefix")
    train.add_argument("--out", required=True, help="for the detector: a directory or s3://bucket/prefix")
    train.add_argument("--camera", required=True, help="names the experiment in MLflow")
    train.add_argument("--preset", default="small", help="small (the default) or paper")
    train.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="a setting; repeatable")
    train.add_argument("--base-model", default="", help="a detector directory or models:/NAME@ALIAS")
    train.add_argument("--tracking-uri", required=True, help="of MLflow")
    train.add_argument("--artifact-location", default="", help="where a new MLflow experiment keeps its files")
    train.add_argument("--checkpoints", default="", help="where it goes on: a directory or s3://bucket/prefix")
    train.add_argument("--checkpoint-minutes", type=float, default=5.0, help="between two copies to s3://")
    train.add_argument("--endpoint", default="", help="of S3")
    train.add_argument("--region", default="", help="of S3")
    train.set_defaults(act=_train)


def _train(wanted: argparse.Namespace) -> None:
    with quiet():
        from components.fetch import fetch
        from components.step import cancellable
        from components.storage import open_store, upload_tree
        from components.train import Place, train_on
        from pipelines import local

    settings = config.build(wanted.preset, wanted.set)
    place = Place(
        tracking_uri=wanted.tracking_uri,
        artifact_location=wanted.artifact_location,
        checkpoints=wanted.checkpoints,
        checkpoint_minutes=wanted.checkpoint_minutes,
        endpoint=wanted.endpoint,
        region=wanted.region,
    )
    store = (wanted.endpoint, wanted.region)
    is_remote = wanted.out.startswith("s3://")
    with cancellable(), tempfile.TemporaryDirectory(prefix="unforeseen-") as scratch:
        made = Path(scratch, "detector") if is_remote else Path(wanted.out)
        # What could be refused after hours of training is refused before.
        check_free(made)
        target = open_store(wanted.out, *store) if is_remote else None
        data = fetch(wanted.data, Path(scratch, "data"), *store, settings.footage.max_expansion_mb, say)
        start = (wanted.base_model, False)
        copies = train_on(data, wanted.camera, settings, place, local.revision(), "", *start, made, say)
        if copies is None:
            say("the first worker writes the detector")
            return
        # The copies stay: the pipeline, given the same settings, finds the training finished.
        if target:
            upload_tree(made, *target, say)
    say(f"written: {wanted.out}")

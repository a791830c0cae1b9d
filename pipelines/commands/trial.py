"""`unforeseen trial`: one trial of a search, as Katib's Job and `unforeseen tune` start it."""

from __future__ import annotations

import argparse

from pipelines.commands.common import Commands, quiet


def add(commands: Commands) -> None:
    """Declares the command."""
    trial = commands.add_parser("trial", help="one trial of a search: started by tune, or by Katib")
    trial.add_argument("--name", required=True, help="names the trial's run in MLflow")
    trial.add_argument("--data", required=True, help="preprocessed data set: a directory or s3://bucket/prefix")
    trial.add_argument("--camera", required=True, help="names the experiment in MLflow")
    trial.add_argument("--settings", default="{}", metavar="JSON", help="all settings; those left out have defaults")
    trial.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="over these; repeatable")
    trial.add_argument("--transfer", choices=("yes", "no"), default="yes", help="start from the base model, if any")
    trial.add_argument("--base-model", default="", help="a detector directory or models:/NAME@ALIAS")
    trial.add_argument("--pasted", action="store_true", help="also judge on anomalies pasted into validation clips")
    trial.add_argument("--tracking-uri", required=True, help="of MLflow")
    trial.add_argument("--artifact-location", default="", help="where a new MLflow experiment keeps its files")
    trial.add_argument("--parent", default="", help="MLflow's run of the search")
    trial.add_argument("--endpoint", default="", help="of S3")
    trial.add_argument("--region", default="", help="of S3")
    trial.set_defaults(act=_trial)


def _trial(wanted: argparse.Namespace) -> None:
    with quiet():
        from components.trial import Place, run_trial
        from model import training  # noqa: F401  TensorFlow greets while it is loaded

    place = Place(
        data=wanted.data,
        camera=wanted.camera,
        tracking_uri=wanted.tracking_uri,
        artifact_location=wanted.artifact_location,
        parent=wanted.parent,
        endpoint=wanted.endpoint,
        region=wanted.region,
        base_model=wanted.base_model,
    )
    run_trial(wanted.name, place, wanted.settings, wanted.set, transfer=wanted.transfer == "yes", pasted=wanted.pasted)

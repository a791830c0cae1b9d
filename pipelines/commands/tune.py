"""`unforeseen tune`: checks a search, or runs it on a preprocessed data set."""

from __future__ import annotations

import argparse
from pathlib import Path

from model import config, search
from model.atomic import write_text
from model.errors import BadInput
from pipelines.commands.common import Commands, add_profile, quiet, say

EXPERIMENT = Path(__file__).parents[2] / "manifests" / "experiment.yaml"


def add(commands: Commands) -> None:
    """Declares the command."""
    tune = commands.add_parser("tune", help="search for better settings, as a Katib Experiment describes it")
    tune.add_argument(
        "--experiment", type=Path, default=EXPERIMENT, metavar="FILE", help="by default the project's own"
    )
    tune.add_argument("--check", action="store_true", help="only say whether Katib and this machine take the file")
    tune.add_argument("--data", type=Path, help="preprocessed data set, for example RUN/pipeline/.../dataset")
    tune.add_argument("--camera", default="walkway", help="names the experiment in MLflow")
    tune.add_argument("--out", type=Path, help="directory for the report, the study, the trials' logs")
    tune.add_argument("--preset", default="small", help="small (the default) or paper")
    tune.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="a setting; repeatable")
    add_profile(tune)
    tune.set_defaults(act=_tune)


def _tune(wanted: argparse.Namespace) -> None:
    settings = config.build(wanted.preset, wanted.set)
    experiment = read_experiment(wanted.experiment, settings)
    if wanted.check:
        print(f"{wanted.experiment}: {experiment.max_trials} trials of {len(experiment.parameters)} parameters")
        return
    if not (wanted.data and wanted.out):
        raise BadInput("expected --data and --out, or --check. Received: neither")
    with quiet():
        from components.trial import Place
        from components.tune import Target, search_settings
        from pipelines import local, profile

    wanted.out.mkdir(parents=True, exist_ok=True)
    out = wanted.out.absolute()
    places = profile.read(wanted.profile)
    place = Place(str(wanted.data.absolute()), wanted.camera, *places.tracking(out))
    target = Target("optuna", "", out, out, out / "tuning.html")
    text = config.to_json(settings)
    found, _ = search_settings(experiment, text, place, wanted.data, local.revision(), target, say)
    write_text(out / "settings.json", config.to_json(found) + "\n")
    print(f"report {target.report}, settings {out / 'settings.json'}")


def read_experiment(path: Path, settings: config.Config, base_model: str = "") -> search.Experiment:
    """An Experiment that Katib, this machine and training take.

    Raises:
        BadInput: they do not.
    """
    experiment = search.read(path)
    search.check_settings(experiment, settings, base_model, str(path))
    return experiment

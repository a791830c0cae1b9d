"""What a training is asked for, the same on this machine and in a cluster."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from model.errors import BadInput
from pipelines.commands.tune import EXPERIMENT, read_experiment

if TYPE_CHECKING:
    from pipelines.compiled import Wanted
    from pipelines.profile import Profile


def add_training(command: argparse.ArgumentParser) -> None:
    """Declares the options."""
    command.add_argument(
        "--source",
        default="walkway",
        help="walkway (built in), a directory, an archive (.tar.gz, .zip), a video, http(s)://..., s3://bucket/prefix",
    )
    command.add_argument("--camera", help="which camera, where the source holds several; names model and experiment")
    command.add_argument("--preset", default="small", help="small (the default) or paper")
    command.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="a setting; repeatable"
    )
    command.add_argument("--feedback", type=Path, metavar="FILE", help="what people marked as normal, see feedback")
    command.add_argument(
        "--tune",
        type=Path,
        nargs="?",
        const=EXPERIMENT,
        metavar="FILE",
        help="search for better settings first, as a Katib Experiment describes it; by default the project's own",
    )
    command.add_argument(
        "--base-model",
        default="",
        metavar="DIR|models:/NAME@ALIAS",
        help="train on from another camera's detector, or from what import-weights wrote",
    )
    command.add_argument(
        "--compare-scratch", action="store_true", help="with --base-model: train from scratch too, and report both"
    )


def read_wanted(given: argparse.Namespace, places: Profile) -> Wanted:
    """The options, checked.

    Raises:
        BadInput: a setting or a file that is none.
    """
    from model import config
    from model.footage import feedback
    from pipelines.compiled import Wanted
    from pipelines.tuning import placed

    if given.compare_scratch and not given.base_model:
        raise BadInput("expected --base-model with --compare-scratch. Received: none")
    settings = config.build(given.preset, given.set)
    camera = given.camera or ("walkway" if given.source == "walkway" else _name_of(given.source))
    said = feedback.to_json(feedback.read(given.feedback)) if given.feedback else ""
    experiment = placed(read_experiment(given.tune, settings, given.base_model), places) if given.tune else ""
    return Wanted(given.source, camera, settings, said, experiment, given.base_model, given.compare_scratch)


def _name_of(source: str) -> str:
    """A camera's name from the last part of a path or address."""
    name = Path(source.rstrip("/").partition("?")[0]).name.partition(".")[0]
    return "".join(c if c.isalnum() and c.isascii() or c in "._-" else "-" for c in name).strip("-._") or "camera"

"""`unforeseen compile`: the pipeline of a profile as the YAML that Kubeflow Pipelines runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipelines.commands.common import Commands, add_places, read_places, say


def add(commands: Commands) -> None:
    """Declares the command."""
    compiled = commands.add_parser("compile", help="write the pipeline of a profile as Kubeflow Pipelines' YAML")
    add_places(compiled)
    compiled.add_argument("--tune", action="store_true", help="with a search before the training")
    compiled.add_argument("--deploy", action="store_true", help="with a rollout of the champion at the end")
    compiled.add_argument("--out", type=Path, metavar="FILE", help="by default it is printed")
    compiled.set_defaults(act=_compile)


def _compile(wanted: argparse.Namespace) -> None:
    from pipelines import compiled

    places, form = read_places(wanted), compiled.Form(wanted.tune, wanted.deploy)
    if wanted.out is None:
        print(compiled.compile_pipeline(places, form), end="")
        return
    compiled.write(places, form, wanted.out)
    say(f"written: {wanted.out}")

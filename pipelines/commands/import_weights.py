"""`unforeseen import-weights`: PredNet's published weights as a base model."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipelines.commands.common import Commands, quiet


def add(commands: Commands) -> None:
    """Declares the command."""
    importing = commands.add_parser("import-weights", help="published PredNet weights (HDF5) for run --base-model")
    importing.add_argument("file", type=Path, help="weights of coxlab/prednet, written by Keras 2")
    importing.add_argument("--out", type=Path, required=True, help="new directory")
    importing.set_defaults(act=_import)


def _import(wanted: argparse.Namespace) -> None:
    with quiet():
        from model.transfer import base, published

        network = published.read_published(wanted.file)
        base.save(network, wanted.file, wanted.out)
    cell = network.cell
    sizes = ("stack_sizes", "r_stack_sizes", "a_filter_sizes", "a_hat_filter_sizes", "r_filter_sizes")
    words = [f"--set 'prednet.{name}={list(getattr(cell, name))}'" for name in sizes]
    print(f"{wanted.out}: {network.count_params():,} weights, for unforeseen run --base-model {wanted.out}")
    print(f"  with --preset paper, or with settings of the same sizes: {' '.join(words)}")

"""`unforeseen submit`: a run in a cluster, by Kubeflow Pipelines."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import BadInput
from pipelines.commands.common import Commands, add_places, on_signal, read_places, say
from pipelines.commands.training import add_training, read_wanted

if TYPE_CHECKING:
    from pipelines.kubeflow.connection import Connection
    from pipelines.kubeflow.screen import Logs
    from pipelines.profile import Profile

INTERRUPTED = 130


def add(commands: Commands) -> None:
    """Declares the command."""
    submit = commands.add_parser("submit", help="start a run in a cluster, by Kubeflow Pipelines")
    add_places(submit)
    add_training(submit)
    submit.add_argument("--deploy", action="store_true", help="roll out the champion at the end")
    submit.add_argument("--wait", action="store_true", help="show how it goes; the exit code is the run's")
    submit.add_argument("--follow", metavar="RUN", help="show how a run goes that was started before")
    submit.add_argument("--cancel", metavar="RUN", help="stop a run")
    submit.add_argument("--upload-only", action="store_true", help="give KFP the pipeline as a version, start no run")
    submit.add_argument("--dry-run", action="store_true", help="check everything, print what would be asked, stop")
    submit.set_defaults(act=_submit)


def _submit(wanted: argparse.Namespace) -> None:
    places = read_places(wanted)
    if wanted.follow and wanted.cancel:
        raise BadInput("expected --follow or --cancel. Received: both")
    if wanted.follow:
        _follow(_connect(places), places, wanted.follow, wanted.profile)
    elif wanted.cancel:
        _cancel(_connect(places), wanted.cancel)
    else:
        _start(wanted, places)


def _start(wanted: argparse.Namespace, places: Profile) -> None:
    from pipelines import compiled
    from pipelines.kubeflow import runs, versions
    from pipelines.local import revision

    asked = read_wanted(wanted, places)
    form = compiled.Form(tuned=bool(asked.experiment), deployed=wanted.deploy)
    arguments = compiled.arguments(asked, places, form, revision())
    text = compiled.compile_pipeline(places, form)
    if wanted.dry_run:
        told = {"version": versions.version_name(text), "arguments": arguments}
        print(json.dumps(told, indent=1))
        return
    connection = _connect(places)
    version = versions.upload(connection, text)
    if wanted.upload_only:
        print(json.dumps({"version": version.name}))
        return
    run = runs.start(connection, places, version, f"{asked.camera} {version.name}", arguments)
    say(f"run {run} of version {version.name}: {connection.link(run)}")
    if wanted.wait:
        _follow(connection, places, run, wanted.profile)
    print(json.dumps({"run": run, "version": version.name, "link": connection.link(run)}))


def _connect(places: Profile) -> Connection:
    from pipelines.kubeflow.connection import Connection

    return Connection(places)


def _follow(connection: Connection, places: Profile, run: str, file: Path) -> None:
    from pipelines.kubeflow import runs
    from pipelines.kubeflow.screen import Screen

    # Asked for between two looks: an exception may come up where a library's code swallows it.
    stop = on_signal()
    if not runs.follow(connection, run, runs.STEPS, Screen(sys.stderr, _logs(places, run)).show, stop):
        again = f"unforeseen submit --profile {file}"
        say(f"\nthe run goes on. Follow it: {again} --follow {run}. Stop it: {again} --cancel {run}")
        sys.exit(INTERRUPTED)
    say(f"run {run}: succeeded, {connection.link(run)}")


def _cancel(connection: Connection, run: str) -> None:
    from pipelines.kubeflow import runs

    runs.cancel(connection, run)
    say(f"run {run}: is told to stop, {connection.link(run)}")


def _logs(places: Profile, run: str) -> Logs:
    """From the pods of a step, by the labels that KFP and our placement give them; connects when first asked."""
    clusters: list[Any] = []

    def logs(step: str, lines: int) -> list[str]:
        from components.cluster import connect

        if not clusters:
            clusters.append(connect(places.namespace))
        found = clusters[0].logs(f"pipeline/runid={run},unforeseen/step={step}", "main", lines)
        return [line for text in found.values() for line in text.splitlines()]

    return logs

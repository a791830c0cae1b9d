"""Data set and a search in, the best settings out: an Experiment run by Katib, or here with the same meaning."""

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kfp import dsl

from components.registry import Registry
from components.registry.connection import without_password
from components.step import cancellable, step
from components.trial import MODULES, Place
from model import config, search
from model.atomic import write_text
from model.clips import Dataset
from model.errors import BadInput, RunFailed

if TYPE_CHECKING:
    from model.search import Result


ENVIRONMENT = {"MLFLOW_DISABLE_TELEMETRY": "true", "TF_CPP_MIN_LOG_LEVEL": "3"}  # of a trial on this machine
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")


@dataclass(frozen=True)
class Target:
    """Who runs the trials, and where the search leaves what it finds."""

    tuner: str  # katib, or optuna on this machine
    namespace: str  # of Katib's Experiment
    workspace: Path  # where a search on this machine goes on
    output: Path  # for status.json
    report: Path


def tune(
    camera: str,
    settings: str,
    experiment: str,
    tuner: str,
    namespace: str,
    tracking_uri: str,
    artifact_location: str,
    endpoint: str,
    region: str,
    workspace: str,
    revision: str,
    base_model: str,
    base_digest: str,
    dataset: dsl.Input[dsl.Dataset],
    best: dsl.OutputPath(str),  # type: ignore[valid-type]
    start: dsl.OutputPath(str),  # type: ignore[valid-type]
    tuning: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
) -> None:
    """Goes on where a killed search stopped: with the trials in `workspace`, or with the Experiment on the cluster.

    Best are the settings of the best trial, start is what it started from; `base_digest` is for the cache alone.
    """
    from components.trial import Place
    from components.tune import tune_settings

    data = dataset.uri.replace("minio://", "s3://") if tuner == "katib" else dataset.path
    place = Place(data, camera, tracking_uri, artifact_location, "", endpoint, region, base_model)
    paths = (dataset.path, workspace, best, start, tuning.path, report.path)
    tune_settings(place, settings, experiment, tuner, namespace, revision, *paths)


def tune_settings(
    place: Place,
    settings: str,
    experiment: str,
    tuner: str,
    namespace: str,
    revision: str,
    dataset: str,
    workspace: str,
    best: str,
    start: str,
    output: str,
    report: str,
) -> None:
    """Writes the best settings, what training starts from, `status.json` as Katib has it, and the report."""
    with step("tune", output) as progress, cancellable():
        directory = Path(workspace or tempfile.mkdtemp(prefix="unforeseen-"))
        target = Target(tuner, namespace, directory, Path(output), Path(report))
        found, base_model = search_settings(
            search.parse(experiment), settings, place, Path(dataset), revision, target, progress
        )
        write_text(Path(best), config.to_json(found))
        write_text(Path(start), base_model)


def search_settings(
    wanted: search.Experiment,
    settings: str,
    place: Place,
    dataset: Path,
    revision: str,
    target: Target,
    progress: Callable[[str], None],
) -> tuple[config.Config, str]:
    """The settings with those that the best trial had, and the base model if it started from it.

    Raises:
        BadInput: a parameter has a value that training would refuse.
        RunFailed: too many trials failed, or none had a value.
    """
    from model.report.tuning import write_tuning

    everything = config.parse(config.Config, json.loads(settings))
    search.check_settings(wanted, everything, place.base_model, wanted.name)
    data = Dataset.open(dataset)
    registry = Registry(place.tracking_uri, place.camera, place.artifact_location or None)
    key = json.dumps([data.digest, settings, revision, place.base_model])
    run_id = _run(registry, wanted, search.digest(wanted, key))
    progress(f"{wanted.max_trials} trials, {wanted.parallel} at a time, {wanted.algorithm}; MLflow run {run_id}")
    told = arguments(place, settings, run_id)
    if target.tuner == "katib" and not place.data.startswith("s3://"):
        raise BadInput(f"expected the data set in an S3 store, where Katib's trials find it. Received: {place.data}")
    with registry.recording(run_id):
        if target.tuner == "katib":
            result = _on_cluster(wanted, told, run_id, registry, target.namespace, progress)
        else:
            result = _here(wanted, key, told, target.workspace, progress)
        target.output.mkdir(parents=True, exist_ok=True)
        status = json.dumps(result.status(), indent=1)
        write_text(target.output / "status.json", status)
        write_tuning(target.report, result)
        registry.log_files(run_id, "tuning", {"report.html": target.report.read_text(), "status.json": status})
        best = _best(result)
    changes = search.overrides(wanted, best.assignments)
    found = {"trial": best.name, "metric": wanted.metric, "value": best.value(wanted), "trials": len(result.trials)}
    write_text(target.output / "best.json", json.dumps({**found, "settings": changes}))
    progress(f"best: {best.name}, {', '.join(changes)}")
    return search.apply(everything, changes), place.base_model if search.transfers(wanted, best.assignments) else ""


def arguments(place: Place, settings: str, parent: str) -> list[str]:
    """What a trial's command is told beside its parameters."""
    told = {
        "data": place.data,
        "camera": place.camera,
        "settings": settings,
        "tracking-uri": place.tracking_uri,
        "artifact-location": place.artifact_location,
        "parent": parent,
        "endpoint": place.endpoint,
        "region": place.region,
        "base-model": place.base_model,
    }
    return [f"--{name}={value}" for name, value in told.items() if value]


def _run(registry: Registry, experiment: search.Experiment, digest: str) -> str:
    """The MLflow run of this search, the same one when it goes on."""
    tags = {"mlflow.runName": digest}
    params: dict[str, Any] = {
        "algorithm": experiment.algorithm,
        "objective": experiment.metric,
        "trials": experiment.max_trials,
        "parameters": ", ".join(parameter.name for parameter in experiment.parameters),
    }
    return registry.start_run(params, tags, registry.find_run(tags))


def _here(
    experiment: search.Experiment, key: str, told: list[str], workspace: Path, progress: Callable[[str], None]
) -> "Result":
    """Trials share the machine's cores, and one import of TensorFlow."""
    cores = max(1, (os.cpu_count() or 1) // experiment.parallel)
    environment = {**ENVIRONMENT, **dict.fromkeys(THREADS, str(cores))}
    return search.run(
        experiment, workspace, progress, arguments=told, key=key, modules=MODULES, environment=environment
    )


def _on_cluster(
    experiment: search.Experiment,
    told: list[str],
    run_id: str,
    registry: Registry,
    namespace: str,
    progress: Callable[[str], None],
) -> "Result":
    from components.cluster import connect
    from components.katib import run_on_katib

    # An Experiment can be read by many; the password comes to the trials in a Secret.
    told = [without_password(word) if word.startswith("--tracking-uri=") else word for word in told]
    return run_on_katib(experiment, told, run_id, connect(namespace), registry, progress)


def _best(result: "Result") -> "search.Trial":
    if result.reason == "ExperimentFailed" or not result.best:
        failed = next((trial for trial in reversed(result.trials) if trial.last_lines), None)
        last = f"; {failed.name} ended with: {failed.last_lines.splitlines()[-1]}" if failed else ""
        raise RunFailed(f"the search found nothing: {result.message}{last}")
    return result.best

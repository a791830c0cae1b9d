"""One trial of a search: trains on the preprocessed data set, reports each epoch to Katib and to MLflow."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.fetch import fetch
from components.registry import Registry
from components.start import starting_weights
from model import config
from model.clips import Dataset
from model.errors import RunFailed
from model.search import metrics
from model.search.settings import apply

if TYPE_CHECKING:
    from model.training import Fitted

GUESSING = 0.5  # the AUROC of a detector that knows nothing
# What every trial imports, for a process that does it once.
MODULES = (
    *("components.trial", "components.registry.registry", "model.training", "model.detector"),
    *("mlflow.store.tracking.sqlalchemy_store", "mlflow.store.model_registry.sqlalchemy_store"),
    "mlflow.system_metrics.system_metrics_monitor",
)


@dataclass(frozen=True)
class Place:
    """Where a trial finds its data and leaves its curves."""

    data: str  # of the preprocessed data set: a directory, or s3://bucket/prefix
    camera: str
    tracking_uri: str
    artifact_location: str = ""
    parent: str = ""  # MLflow's run of the whole search
    endpoint: str = ""  # of S3
    region: str = ""
    base_model: str = ""  # a directory or models:/... that trials may start from


def run_trial(name: str, place: Place, settings: str, changes: Sequence[str], *, transfer: bool, pasted: bool) -> None:
    """Prints `relative_error=...` after every epoch; where `pasted` is set, at the end also `pasted_auroc=...`.

    With `transfer` it starts from the base model, where there is one.

    Raises:
        BadInput: settings or data that training refuses.
        RunFailed: the loss is no number any more.
    """
    from model import training

    wanted = apply(config.parse(config.Config, json.loads(settings)), changes)
    with tempfile.TemporaryDirectory(prefix="unforeseen-") as scratch:
        data = _open(place, Path(scratch))
        registry, run_id = _start(name, place, wanted, data)
        started = place.base_model if transfer else ""
        weights = starting_weights(started, place.tracking_uri, wanted.prednet) if started else None

        def report(record: dict[str, float]) -> None:
            error = record["validation_mse"] / max(record["copy_last_frame_mse"], 1e-12)
            registry.log_epoch(run_id, int(record["epoch"]), {**record, "relative_error": error})
            print(metrics.line("relative_error", error), flush=True)

        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # Katib's way to stop one early
        try:
            with registry.recording(run_id):
                start = time.monotonic()
                fitted = training.fit(
                    [clip.frames for clip in data.clips("train")],
                    [clip.frames for clip in data.clips("validation")],
                    wanted.prednet,
                    wanted.training,
                    checkpoint_dir=Path(scratch),
                    data_digest=data.digest,
                    start=weights,
                    on_epoch=report,
                )
                print(metrics.line("training_seconds", time.monotonic() - start), flush=True)
                if pasted:
                    auroc = _pasted(fitted, data, wanted, place.camera)
                    registry.log_epoch(run_id, len(fitted.history), {"pasted_auroc": auroc})
                    print(metrics.line("pasted_auroc", auroc), flush=True)
        except SystemExit:
            registry.end_run(run_id, "KILLED")
            raise


def _open(place: Place, scratch: Path) -> Dataset:
    limit = config.Footage.max_expansion_mb
    return Dataset.open(fetch(place.data, scratch, place.endpoint, place.region, limit, lambda line: None))


def _start(name: str, place: Place, settings: config.Config, data: Dataset) -> tuple[Registry, str]:
    """The trial's run below the search's, the same one where a trial is begun again."""
    os.environ.pop("MLFLOW_RUN_ID", None)  # the search's own, where KFP opened one
    registry = Registry(place.tracking_uri, place.camera, place.artifact_location or None)
    tags = {"mlflow.runName": name, **({"mlflow.parentRunId": place.parent} if place.parent else {})}
    params: dict[str, Any] = {**dataclasses.asdict(settings), "data_digest": data.digest}
    return registry, registry.start_run(params, tags, registry.find_run(tags))


def _pasted(fitted: Fitted, data: Dataset, settings: config.Config, camera: str) -> float:
    """Of the validation clips: what chooses parameters must not be what the detector is judged on."""
    from model import detector, evaluation

    validation = list(data.clips("validation"))
    facts: dict[str, Any] = {"history": fitted.history, "settings": dataclasses.asdict(settings)}
    try:
        judged = detector.fit_detector(fitted.network, list(data.clips("train")), validation, settings, camera, facts)
    except RunFailed as e:  # it would fail a run; of a trial it is the worst result
        print(e, flush=True)
        return GUESSING
    return float(evaluation.pasted_auroc(judged, validation, seed=0)["frame_auroc"])

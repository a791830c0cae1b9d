"""Data set in, Detector out: trains PredNet, calibrates it on held-out normal clips, follows it in MLflow."""

import dataclasses
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kfp import dsl

from components.checkpoints import Copies
from components.registry import Registry
from components.start import starting_weights
from components.step import cancellable, seldom, step
from components.storage import Progress
from model import config
from model.atomic import write_text
from model.clips import Clip, Dataset, Split
from model.footage import feedback as marked

if TYPE_CHECKING:
    import numpy as np

    from model.training import Fitted

FITTED: tuple[Split, ...] = ("train", "validation")


@dataclass(frozen=True)
class Place:
    """Where a training leaves what it comes to."""

    tracking_uri: str
    artifact_location: str
    checkpoints: str  # a directory, or s3://bucket/prefix that a copy goes to
    checkpoint_minutes: float  # between two copies
    endpoint: str  # of S3
    region: str


def train(
    camera: str,
    settings: str,
    tracking_uri: str,
    artifact_location: str,
    checkpoints: str,
    checkpoint_minutes: float,
    endpoint: str,
    region: str,
    revision: str,
    feedback: str,
    base_model: str,
    base_digest: str,
    compare_scratch: bool,
    dataset: dsl.Input[dsl.Dataset],
    detector: dsl.Output[dsl.Model],
) -> None:
    """Goes on from the last epoch in `checkpoints` when it was killed; `base_digest` is for the cache alone."""
    from components.train import Place, train_detector

    start = (base_model, compare_scratch)
    place = Place(tracking_uri, artifact_location, checkpoints, checkpoint_minutes, endpoint, region)
    train_detector(dataset.path, camera, settings, place, revision, feedback, *start, detector.path)


def train_detector(
    dataset: str,
    camera: str,
    settings: str,
    place: Place,
    revision: str,
    feedback: str,
    base_model: str,
    compare_scratch: bool,
    output: str,
) -> None:
    """Writes the detector directory; its facts name the MLflow run."""
    with step("train", output) as progress, cancellable():
        everything = config.parse(config.Config, json.loads(settings))
        what = (revision, feedback, base_model, compare_scratch)
        copies = train_on(Path(dataset), camera, everything, place, *what, Path(output), progress)
        if copies:
            copies.remove()


def train_on(
    dataset: Path,
    camera: str,
    settings: config.Config,
    place: Place,
    revision: str,
    feedback: str,
    base_model: str,
    compare_scratch: bool,
    output: Path,
    progress: Progress,
) -> Copies | None:
    """Writes the detector directory, alone or as one of the workers that TF_CONFIG names.

    Returns:
        The copies of its checkpoints, for who needs them no more. None where it is not the first worker: that one
        writes and logs for all.

    Raises:
        BadInput: settings or data that training refuses, or a TF_CONFIG that is none.
        RunFailed: the loss is no number any more, the detector is worthless, or another worker went away.
    """
    from model import training

    workers = training.join(os.environ.get("TF_CONFIG", ""))  # before anybody uses TensorFlow
    data = Dataset.open(dataset)
    start = starting_weights(base_model, place.tracking_uri, settings.prednet) if base_model else None
    with tempfile.TemporaryDirectory(prefix="unforeseen-") as scratch:
        is_remote = place.checkpoints.startswith("s3://")
        directory = Path(scratch if is_remote else place.checkpoints or scratch)
        fit = partial(
            training.fit,
            [clip.frames for clip in data.clips("train")],
            [clip.frames for clip in data.clips("validation")],
            settings.prednet,
            checkpoint_dir=directory,
            data_digest=data.digest,
            workers=workers,
        )
        if workers and not workers.first:
            _fit(fit, settings.training, start, compare_scratch, progress)
            return None
        registry = Registry(place.tracking_uri, camera, place.artifact_location or None)
        checkpoint = training.checkpoint_path(directory, settings.prednet, settings.training, data.digest, start)
        url = f"{place.checkpoints}/{registry.name}/{checkpoint.stem}" if is_remote else ""
        copies = Copies(directory, url, place.endpoint, place.region, progress)
        copies.bring()
        run_id = _run(registry, checkpoint.with_suffix(".run"), settings, data, revision)
        progress(f"MLflow run {run_id} of {registry.name}")
        with registry.recording(run_id), copies.kept(place.checkpoint_minutes):
            registry.log_dataset(run_id, camera, data.digest)

            def log(record: dict[str, float]) -> None:
                registry.log_epoch(run_id, int(record["epoch"]), record)

            fitted, scratch_history = _fit(fit, settings.training, start, compare_scratch, progress, log)
            facts = {
                "data_digest": data.digest,
                "source_run": run_id,
                "revision": revision,
                "feedback": [dataclasses.asdict(mark) for mark in marked.parse(feedback)],
                "fitted_clips": [clip.sha256 for split in FITTED for clip in data.clips(split)],
                "history": fitted.history,
                "base_model": base_model,
                "scratch_history": scratch_history,
                "settings": dataclasses.asdict(settings),
            }
            _finish(fitted, data, settings, camera, facts, output, progress)
    return copies


def _fit(
    fit: Callable[..., "Fitted"],
    settings: config.Training,
    start: "list[np.ndarray] | None",
    compare_scratch: bool,
    progress: Progress,
    on_epoch: Callable[[dict[str, float]], None] = lambda record: None,
) -> "tuple[Fitted, list[dict[str, float]]]":
    """The training, and the history of the one from scratch where it is wanted."""
    fitted = fit(settings, start=start, on_epoch=on_epoch, progress=progress)
    if not compare_scratch:
        return fitted, []
    unfrozen = dataclasses.replace(settings, freeze_layers=())
    return fitted, fit(unfrozen, progress=lambda line: progress(f"from scratch: {line}")).history


def _finish(
    fitted: "Fitted",
    data: Dataset,
    settings: config.Config,
    camera: str,
    facts: dict[str, Any],
    output: Path,
    progress: Progress,
) -> None:
    """Calibrates, and writes the detector."""
    from model import classifier, detector

    clips: dict[Split, list[Clip]] = {split: list(data.clips(split)) for split in ("train", "validation", "test")}
    known, often = (settings, camera, facts), seldom(5.0, progress)
    result = detector.fit_detector(fitted.network, clips["train"], clips["validation"], *known, often)
    kind = settings.classifier.kind
    if kind != "none":
        result = classifier.supervise(result, clips["test"], kind, settings.training.seed, often)
        for note in result.facts["classifier"]["notes"]:
            progress(note)
    detector.save(result, output)


def _run(registry: Registry, memory: Path, settings: config.Config, data: Dataset, revision: str) -> str:
    """The MLflow run of this training, the same one after a kill."""
    params = {**dataclasses.asdict(settings), "data_digest": data.digest}
    known = memory.read_text() if memory.exists() else None
    run_id = registry.start_run(params, {"revision": revision}, known)
    memory.parent.mkdir(parents=True, exist_ok=True)
    write_text(memory, run_id)
    return run_id

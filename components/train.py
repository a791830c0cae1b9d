"""Data set in, Detector out: trains PredNet, calibrates it on held-out normal clips, follows it in MLflow."""

import dataclasses
import json
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kfp import dsl

from components.checkpoints import Copies
from components.registry import Registry
from components.start import starting_weights
from components.step import cancellable, seldom, step
from model import config
from model.atomic import write_text
from model.clips import Dataset, Split
from model.footage import feedback as marked

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
        from model import classifier, detector, training

        everything = config.parse(config.Config, json.loads(settings))
        data = Dataset.open(Path(dataset))
        registry = Registry(place.tracking_uri, camera, place.artifact_location or None)
        remote = place.checkpoints.startswith("s3://")
        local = "" if remote else place.checkpoints
        directory = Path(local or tempfile.mkdtemp(prefix="unforeseen-"))
        start = starting_weights(base_model, place.tracking_uri, everything.prednet) if base_model else None
        checkpoint = training.checkpoint_path(directory, everything.prednet, everything.training, data.digest, start)
        url = f"{place.checkpoints}/{registry.name}/{checkpoint.stem}" if remote else ""
        copies = Copies(directory, url, place.endpoint, place.region, progress)
        copies.bring()
        run_id = _run(registry, checkpoint.with_suffix(".run"), everything, data, revision)
        progress(f"MLflow run {run_id} of {registry.name}")
        validation = list(data.clips("validation"))
        with registry.recording(run_id), copies.kept(place.checkpoint_minutes):
            registry.log_dataset(run_id, camera, data.digest)
            fit = partial(
                training.fit,
                [clip.frames for clip in data.clips("train")],
                [clip.frames for clip in validation],
                everything.prednet,
                checkpoint_dir=directory,
                data_digest=data.digest,
            )
            fitted = fit(
                everything.training,
                start=start,
                on_epoch=lambda record: registry.log_epoch(run_id, int(record["epoch"]), record),
                progress=progress,
            )
            scratch: list[dict[str, float]] = []
            if compare_scratch:
                unfrozen = dataclasses.replace(everything.training, freeze_layers=())
                scratch = fit(unfrozen, progress=lambda line: progress(f"from scratch: {line}")).history
            facts = {
                "data_digest": data.digest,
                "source_run": run_id,
                "revision": revision,
                "feedback": [dataclasses.asdict(mark) for mark in marked.parse(feedback)],
                "fitted_clips": [clip.sha256 for split in FITTED for clip in data.clips(split)],
                "history": fitted.history,
                "base_model": base_model,
                "scratch_history": scratch,
                "settings": dataclasses.asdict(everything),
            }
            result = detector.fit_detector(
                fitted.network,
                list(data.clips("train")),
                validation,
                everything,
                camera,
                facts,
                seldom(5.0, progress),
            )
            if everything.classifier.kind != "none":
                kind, seed = everything.classifier.kind, everything.training.seed
                result = classifier.supervise(result, list(data.clips("test")), kind, seed, seldom(5.0, progress))
                for note in result.facts["classifier"]["notes"]:
                    progress(note)
            detector.save(result, Path(output))
        copies.remove()


def _run(registry: Registry, memory: Path, settings: config.Config, data: Dataset, revision: str) -> str:
    """The MLflow run of this training, the same one after a kill."""
    params = {**dataclasses.asdict(settings), "data_digest": data.digest}
    known = memory.read_text() if memory.exists() else None
    run_id = registry.start_run(params, {"revision": revision}, known)
    memory.parent.mkdir(parents=True, exist_ok=True)
    write_text(memory, run_id)
    return run_id

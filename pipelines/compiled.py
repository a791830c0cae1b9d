"""The pipeline of a profile as KFP's YAML, and the arguments of a run of it."""

from __future__ import annotations

import json
import tempfile
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from components.registry import experiment_name
from components.start import pin
from model import config
from model.atomic import write_text
from model.errors import BadInput
from pipelines.profile import Profile
from pipelines.service import inference_service


@dataclass(frozen=True)
class Form:
    """Which steps the pipeline has beside the usual ones."""

    tuned: bool = False
    deployed: bool = False


@dataclass(frozen=True)
class Wanted:
    """What a run in a cluster is asked for."""

    source: str
    camera: str
    settings: config.Config
    feedback: str = ""  # the text of a feedback file
    experiment: str = ""  # the text of a Katib Experiment
    base_model: str = ""  # models:/...
    compare_scratch: bool = False


def compile_pipeline(profile: Profile, form: Form) -> str:
    """KFP's YAML; a run of it has to be told the source and the camera, and may be told the settings."""
    from kfp import compiler

    from pipelines.training import pipeline

    made = pipeline(tuned=form.tuned, deployed=form.deployed, profile=profile)
    nothing = {"ingest_settings": "{}", "preprocess_settings": "{}", "train_settings": "{}"}  # then all have defaults
    defaults = {**nothing, "seed": 0, "revision": profile.image, "fingerprint": "", **_places(profile)}
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of kfp's own making
        file = Path(scratch) / "pipeline.yaml"
        compiler.Compiler().compile(made, str(file), pipeline_parameters=defaults)
        return file.read_text()


def write(profile: Profile, form: Form, out: Path) -> None:
    """Writes the YAML."""
    write_text(out, compile_pipeline(profile, form))


def arguments(wanted: Wanted, profile: Profile, form: Form, revision: str) -> dict[str, Any]:
    """What a run is told; nothing of this machine.

    Args:
        wanted: by the user.
        profile: where it runs.
        form: of the pipeline.
        revision: of the code; with the image it is part of the cache's key.

    Raises:
        BadInput: the source, the base model or the tracking is of this machine, or a name is none.
    """
    model = experiment_name(wanted.camera)
    if wanted.source != "walkway" and not wanted.source.startswith(("http://", "https://", "s3://")):
        raise BadInput(f"expected walkway, http(s)://... or s3://bucket/prefix in a cluster. Received: {wanted.source}")
    if not profile.tracking_uri.startswith(("http://", "https://")):
        raise BadInput(f"expected tracking_uri as http(s)://... for a cluster. Received: {profile.tracking_uri!r}")
    base_model, base_digest = _base(wanted.base_model, profile)
    told = {
        "source": wanted.source,
        "camera": wanted.camera,
        "revision": f"{revision} in {profile.image}",
        "ingest_settings": ingest_settings(wanted.settings),
        "preprocess_settings": config.to_json(wanted.settings.preprocessing),
        "train_settings": config.to_json(wanted.settings),
        "seed": wanted.settings.training.seed,
        "feedback": wanted.feedback,
        "base_model": base_model,
        "base_digest": base_digest,
        "compare_scratch": wanted.compare_scratch,
        "experiment": wanted.experiment,
        **_places(profile),
    }
    if form.deployed:
        service = inference_service(model, profile)
        told |= {"model": model, "artifact_root": profile.artifact_root, "service": json.dumps(service)}
    return told


def ingest_settings(settings: config.Config) -> str:
    """No more than ingest reads: another learning rate finds the same clips."""
    window = {"window_frames": settings.training.window_frames}
    sections = {"walkway": asdict(settings.walkway), "footage": asdict(settings.footage), "training": window}
    return json.dumps(sections, sort_keys=True)


def _places(profile: Profile) -> dict[str, Any]:
    store = profile.store
    return {
        "checkpoints": f"s3://{store.bucket}/checkpoints" if store.bucket else "",
        "checkpoint_minutes": store.checkpoint_minutes,
        "endpoint": store.endpoint,
        "region": store.region,
        "tracking_uri": profile.tracking_uri,
        "tuner": profile.tuner,
        "namespace": profile.namespace,
    }


def _base(base_model: str, profile: Profile) -> tuple[str, str]:
    if not base_model:
        return "", ""
    if not base_model.startswith("models:/"):
        raise BadInput(f"expected --base-model as models:/NAME@ALIAS for a cluster. Received: {base_model}")
    return pin(base_model, profile.tracking_uri)

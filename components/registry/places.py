"""Where the files of a registered detector lie, for who downloads them without MLflow."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from components.registry.connection import answering, connect
from components.registry.models import ModelVersion
from model.errors import BadInput

PROXIED = "mlflow-artifacts"  # MLflow's server passes the files through


class Place(NamedTuple):
    """One version of a detector."""

    model: ModelVersion
    uri: str  # of its directory: s3, gs, pvc, https or file
    checksum: str  # that its description carries


def place(tracking_uri: str, model: ModelVersion, artifact_root: str) -> Place:
    """Finds the detector's directory among the files of the logged model.

    Args:
        tracking_uri: of MLflow.
        model: its version.
        artifact_root: what `mlflow-artifacts:/` stands for on MLflow's server; "" where files are not passed through.

    Raises:
        BadInput: it has no detector, its files are passed through and no root is given, or MLflow does not answer.
    """
    import mlflow
    from mlflow.artifacts import download_artifacts

    client = connect(tracking_uri)
    mlflow.set_tracking_uri(tracking_uri)  # `models:/` is looked up in the global registry
    with answering(tracking_uri):
        version = client.get_model_version(model.name, model.version)
        logged = client.get_logged_model(str(version.source).removeprefix("models:/"))
        found = client.list_logged_model_artifacts(logged.model_id, "data")
        if len(found) != 1:
            raise BadInput(f"{model.uri}: expected one detector among its files. Received: {len(found)}")
        path = found[0].path
        with tempfile.TemporaryDirectory() as scratch:
            description = f"{model.uri}/{path}/detector.json"
            copy = Path(download_artifacts(description, dst_path=scratch, tracking_uri=tracking_uri))
            checksum = json.loads(copy.read_text())["self_sha256"]
    return Place(model, f"{_without_proxy(logged.artifact_location, artifact_root)}/{path}", checksum)


def _without_proxy(location: str, artifact_root: str) -> str:
    parts = urlsplit(location)
    if parts.scheme != PROXIED:
        return location.rstrip("/")
    if not artifact_root:
        raise BadInput(f"expected artifact_root in the profile, for what MLflow passes through. Received: {location}")
    return f"{artifact_root.rstrip('/')}/{parts.path.strip('/')}"

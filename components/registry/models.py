"""A detector in the registry, by the address that MLflow gives it: `models:/NAME@ALIAS` or `models:/NAME/VERSION`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from components.registry.connection import SQLITE, answering, connect
from model.errors import BadInput


class NotRegistered(BadInput):
    """The registry answers that it has no such model, alias or version."""


class ModelVersion(NamedTuple):
    """What an address means now; an alias may mean another one tomorrow."""

    name: str  # of the registered model
    version: str

    @property
    def uri(self) -> str:
        """The address that means this version for good."""
        return f"models:/{self.name}/{self.version}"


def resolve(tracking_uri: str, uri: str) -> ModelVersion:
    """The version that an address means.

    Raises:
        NotRegistered: no such model, alias or version.
        BadInput: no such address; or MLflow does not answer.
    """
    match = re.fullmatch(r"models:/([^/@]+)(?:@([^/@]+)|/(\d+))", uri)
    if not match:
        raise BadInput(f"expected models:/NAME@ALIAS or models:/NAME/VERSION. Received: {uri}")
    name, alias, version = match.groups()
    database = Path(tracking_uri.removeprefix(SQLITE))
    if tracking_uri.startswith(SQLITE) and not database.is_file():  # which connecting would make
        raise NotRegistered(f"expected a registered model under {uri}. Received: no {database}")
    from mlflow.exceptions import MlflowException

    client = connect(tracking_uri)
    with answering(tracking_uri):
        try:
            if alias:
                return ModelVersion(name, str(client.get_model_version_by_alias(name, alias).version))
            return ModelVersion(name, str(client.get_model_version(name, version).version))
        except MlflowException as e:
            if e.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            raise NotRegistered(f"expected a registered model under {uri}. Received: {e.message}") from e


def download(tracking_uri: str, model: ModelVersion, directory: Path) -> Path:
    """Copies the detector of a version into the directory; gives where it lies there."""
    import mlflow
    from mlflow.artifacts import download_artifacts

    mlflow.set_tracking_uri(tracking_uri)  # `models:/` is looked up in the global registry
    with answering(tracking_uri):
        data = download_artifacts(f"{model.uri}/data", dst_path=str(directory), tracking_uri=tracking_uri)
    (detector,) = Path(data).iterdir()
    return detector

"""The pipeline in KFP, one version for every content that was ever submitted."""

from __future__ import annotations

import hashlib
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from components.registry.commit import git_commit
from pipelines.kubeflow.connection import Connection, named
from pipelines.profile import PIPELINE

NOT_FOUND = 404


class Version(NamedTuple):
    """What a run refers to."""

    pipeline: str  # its id
    id: str
    name: str


def version_name(text: str) -> str:
    """The commit, or the release where there is none, and a digest of the YAML: a profile changes that, too."""
    commit = "".join(git_commit().values())[:12] or version("unforeseen")
    return f"{commit}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def upload(connection: Connection, text: str) -> Version:
    """The version of this YAML; it is uploaded where it is not there yet.

    Raises:
        BadInput: KFP does not answer, or refuses.
    """
    name, namespace = version_name(text), connection.namespace()
    with tempfile.TemporaryDirectory() as scratch, connection.answering("to take the pipeline"):
        file = Path(scratch) / "pipeline.yaml"
        file.write_text(text)
        pipeline = _pipeline(connection, {"namespace": namespace} if namespace else {})
        listed = connection.pipelines.pipeline_service_list_pipeline_versions(pipeline, filter=named(name))
        found = (listed.pipeline_versions or [None])[0] or connection.uploads.upload_pipeline_version(
            str(file), name=name, pipelineid=pipeline
        )
    return Version(pipeline, found.pipeline_version_id, name)


def _pipeline(connection: Connection, given: dict[str, str]) -> str:
    import kfp_server_api as api

    service = connection.pipelines
    try:
        found = service.pipeline_service_get_pipeline_by_name(PIPELINE, **given)
    except api.ApiException as e:
        if e.status != NOT_FOUND:
            raise
        made = api.V2beta1Pipeline(name=PIPELINE, display_name=PIPELINE, **given)
        found = service.pipeline_service_create_pipeline(made)  # empty: every version has a name that says what it is
    return str(found.pipeline_id)

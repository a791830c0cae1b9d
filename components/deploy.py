"""The champion of the registry in, an InferenceService that serves it out; nothing is done where it serves already."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfp import dsl

from components.registry.rollback import CHAMPION, PREVIOUS, take_back
from components.step import step

CHALLENGER = "challenger"
SHORT = 12  # characters of a checksum that a server calls its version


def deploy(
    model: str,
    tracking_uri: str,
    artifact_root: str,
    service: str,
    namespace: str,
    seconds: int,
    registration: dsl.Input[dsl.Artifact],
    deployment: dsl.Output[dsl.Artifact],
) -> None:
    """Comes after the registration, which moved the alias or did not."""
    from components.deploy import deploy_step

    deploy_step(model, tracking_uri, artifact_root, service, namespace, seconds, deployment.path)


def deploy_step(
    model: str, tracking_uri: str, artifact_root: str, service: str, namespace: str, seconds: int, output: str
) -> None:
    """Writes `deployment.json`."""
    with step("deploy", output) as progress:
        wanted = Wanted(model, tracking_uri, artifact_root, json.loads(service), namespace, seconds)
        result = deploy_version(wanted, progress)
        Path(output).mkdir(parents=True, exist_ok=True)
        (Path(output) / "deployment.json").write_text(json.dumps(result))


@dataclass(frozen=True)
class Wanted:
    """What is to serve, and where.

    Attributes:
        model: registered name.
        tracking_uri: of MLflow.
        artifact_root: what `mlflow-artifacts:/` stands for.
        service: an InferenceService whose STORAGE_URI is empty.
        namespace: "" is the cluster's own choice.
        seconds: to become ready, and then to answer a clip.
        alias: of the version.
    """

    model: str
    tracking_uri: str
    artifact_root: str
    service: dict[str, Any]
    namespace: str = ""
    seconds: int = 900
    alias: str = CHAMPION


def document(wanted: Wanted) -> tuple[dict[str, Any], str]:
    """The InferenceService with the version in it (and the challenger in its canary), and the version's checksum.

    Raises:
        BadInput: no version has the alias, or there is no challenger for a canary.
    """
    from components.cluster.rollout import filled
    from components.registry.models import resolve
    from components.registry.places import place

    def found(alias: str) -> Any:
        version = resolve(wanted.tracking_uri, f"models:/{wanted.model}@{alias}")
        return place(wanted.tracking_uri, version, wanted.artifact_root)

    main = found(wanted.alias)
    canary = found(CHALLENGER).uri if wanted.service.get("spec", {}).get("canary") else ""
    made = filled(wanted.service, wanted.model, main.model.version, main.uri, canary)
    return made, main.checksum


def deploy_version(wanted: Wanted, say: Callable[[str], None], connection: Any = None) -> dict[str, Any]:
    """Rolls the version out, waits, sends a clip, and puts back what was there where one of them fails.

    Only when the previous version serves, the registry makes it the champion again.

    Raises:
        BadInput: no version has the alias, or the cluster refuses.
        RunFailed: it does not serve; what was there before does, and the registry is as it was.
    """
    from components.cluster import connect
    from components.cluster.rollout import VERSION, roll_out
    from components.cluster.smoke import send_clip

    service, checksum = document(wanted)
    cluster = connection or connect(wanted.namespace)

    def smoke(addresses: list[str]) -> None:
        send_clip(addresses, checksum[:SHORT], wanted.seconds, say)

    changed = roll_out(cluster, service, smoke, wanted.seconds, say)
    if wanted.alias == PREVIOUS:
        say(f"{wanted.model}: version {take_back(wanted.tracking_uri, wanted.model)} is the champion again")
    metadata = service["metadata"]
    version = metadata["annotations"][VERSION]
    return {"model": wanted.model, "version": version, "service": metadata["name"], "changed": changed}

"""`unforeseen deploy`: the champion of the registry, or the one before it, served in a cluster."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from model.errors import BadInput
from pipelines.commands.common import Commands, add_places, read_places, say


def add(commands: Commands) -> None:
    """Declares the command."""
    deploy = commands.add_parser("deploy", help="serve a model's champion in a cluster, by KServe")
    add_places(deploy)
    deploy.add_argument("--model", required=True, metavar="NAME", help="registered model, such as unforeseen-lobby")
    deploy.add_argument("--out", type=Path, metavar="DIR", help="of the run whose registry it is, without tracking_uri")
    deploy.add_argument(
        "--manifest", type=Path, metavar="FILE", help="InferenceService, such as kustomize builds; by default profile's"
    )
    deploy.add_argument("--rollback", action="store_true", help="serve the champion before, and make it that again")
    deploy.add_argument("--wait", type=int, default=900, metavar="SECONDS", help="to become ready; by default 900")
    deploy.add_argument("--dry-run", action="store_true", help="print what would be applied, ask no cluster")
    deploy.set_defaults(act=_deploy)


def _deploy(wanted: argparse.Namespace) -> None:
    import yaml

    from components import deploy
    from components.registry.rollback import CHAMPION, PREVIOUS
    from pipelines.service import inference_service

    places = read_places(wanted)
    if not (places.tracking_uri or wanted.out):
        raise BadInput("expected tracking_uri in the profile, or --out of a run. Received: neither")
    tracking_uri, _ = places.tracking((wanted.out or Path()).absolute())
    service = _manifest(wanted.manifest) if wanted.manifest else inference_service(wanted.model, places)
    alias = PREVIOUS if wanted.rollback else CHAMPION
    rollout = deploy.Wanted(
        wanted.model, tracking_uri, places.artifact_root, service, places.namespace, max(1, wanted.wait), alias
    )
    if wanted.dry_run:
        print(yaml.safe_dump(deploy.document(rollout)[0], sort_keys=False), end="")
        return
    print(json.dumps(deploy.deploy_version(rollout, say), indent=1))


def _manifest(path: Path) -> dict[str, Any]:
    import yaml

    try:
        documents = [found for found in yaml.safe_load_all(path.read_text()) if found]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        raise BadInput(f"{path}: expected an InferenceService in YAML. Received: {' '.join(str(e).split())}") from e
    kinds = [found.get("kind") if isinstance(found, dict) else type(found).__name__ for found in documents]
    if kinds != ["InferenceService"]:
        raise BadInput(f"{path}: expected one InferenceService. Received: {', '.join(map(str, kinds)) or 'nothing'}")
    return dict(documents[0])

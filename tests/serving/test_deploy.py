"""`unforeseen deploy` from a real registry to a real server; the Kubernetes API between them is a stand-in."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kube_api
import pytest
import yaml
from kube_api import KubeApi
from live import NAME, Server

from components.registry import Registry
from components.registry.connection import connect
from components.registry.places import _without_proxy
from model.errors import BadInput
from model.gate import Decision
from pipelines.cli import main

pytestmark = [
    pytest.mark.slow,
    # MLflow's own tables use what SQLAlchemy 2.1 calls deprecated.
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated:DeprecationWarning"),
]
MODEL = f"unforeseen-{NAME}"
PATH = f"/apis/serving.kserve.io/v1beta1/namespaces/team/inferenceservices/{MODEL}"


@pytest.fixture
def api(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KubeApi]:
    """KServe's part: whatever is applied is ready at once, and what answers is the real server."""
    ready = {"conditions": [{"type": "Ready", "status": "True"}], "address": {"url": server.url}}
    with kube_api.serve() as found:
        found.controller = lambda written: [ready]
        monkeypatch.setenv("KUBECONFIG", str(found.kubeconfig(tmp_path / "kubeconfig")))
        yield found


@pytest.fixture
def promote(
    tiny_detector: Path, empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Registers the detector that the server serves, or another one, as the champion or the challenger."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # registering sets it; this puts it back
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    registry = Registry(f"sqlite:///{tmp_path}/mlflow.db", NAME, (tmp_path / "artifacts").as_uri())

    def register(*, other: bool = False, promoted: bool = True) -> None:
        directory = tmp_path / "registered" / "detector"
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(tiny_detector, directory)
        if other:
            description = json.loads((directory / "detector.json").read_text())
            (directory / "detector.json").write_text(json.dumps({**description, "self_sha256": "0" * 64}))
        registry.promote(registry.register(registry.start_run({}, {}), directory, {}), Decision(promoted, "said so"))

    return register


@pytest.fixture
def deploy(api: KubeApi, tmp_path: Path) -> Callable[..., int]:
    (tmp_path / "profile.yaml").write_text(f"tracking_uri: sqlite:///{tmp_path}/mlflow.db\n")
    words = ["deploy", "--profile", str(tmp_path / "profile.yaml"), "--model", MODEL, "--wait", "1"]
    return lambda *more: main([*words, *map(str, more)])


def storage(document: dict[str, Any], pod: str = "predictor") -> str:
    spec = document["spec"]
    found = spec["canary"][0]["predictor"] if pod == "canary" else spec["predictor"]
    return next(entry["value"] for entry in found["containers"][0]["env"] if entry["name"] == "STORAGE_URI")


def test_the_champion_is_rolled_out_once_and_taken_back_when_it_does_not_answer(
    api: KubeApi, promote: Callable[..., None], deploy: Callable[..., int], capsys: pytest.CaptureFixture[str]
):
    promote()
    assert deploy() == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"model": MODEL, "version": "1", "service": MODEL, "changed": True}
    assert f"a clip went through {api.objects[PATH]['status']['address']['url']}" in said.err
    place = Path(storage(api.objects[PATH]).removeprefix("file://"))
    assert {"detector.json", "network.keras"} <= {path.name for path in place.iterdir()}

    asked = len(api.requests)
    assert deploy() == 0  # the champion has not moved
    assert json.loads(capsys.readouterr().out)["changed"] is False
    assert [request.partition(" ")[0] for request in api.requests[asked:]] == ["GET"]

    before = api.objects[PATH]["spec"]
    promote(other=True)
    assert deploy() == 1  # what answers is still the first one
    assert "expected scores of version 000000000000" in (said := capsys.readouterr().err)
    assert said.endswith("Rolled back to version 1\n")
    assert api.objects[PATH]["spec"] == before


def test_the_champion_before_comes_back_where_it_serves(
    api: KubeApi,
    promote: Callable[..., None],
    deploy: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    client = connect(f"sqlite:///{tmp_path}/mlflow.db")

    def aliases() -> dict[str, str]:
        return {alias: str(version) for alias, version in client.get_registered_model(MODEL).aliases.items()}

    promote(other=True)
    assert deploy("--rollback") == 2  # there was none before
    promote()
    assert deploy("--rollback") == 1  # the first one is not what answers
    assert aliases() == {"champion": "2", "previous": "1"}
    assert PATH not in api.objects
    promote(other=True)
    capsys.readouterr()
    assert deploy("--rollback") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["version"] == "2"
    assert said.err.endswith("version 2 is the champion again\n")
    assert api.objects[PATH]["metadata"]["annotations"]["unforeseen/version"] == "2"
    assert aliases() == {"champion": "2"}
    assert client.get_model_version(MODEL, "3").tags["gate_decision"] == "taken back"
    client.set_registered_model_alias(MODEL, "previous", "2")  # as after a kill in between
    assert deploy("--rollback") == 0
    assert aliases() == {"champion": "2"}


def test_a_dry_run_fills_in_a_canary_and_asks_no_cluster(
    api: KubeApi,
    promote: Callable[..., None],
    deploy: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    base = Path(__file__).parents[2] / "manifests" / "serving" / "base" / "inference-service.yaml"
    document = yaml.safe_load(base.read_text())
    document["spec"]["canary"] = [
        {
            "trafficPercent": 0,
            "predictor": {"name": "challenger", "containers": document["spec"]["predictor"]["containers"]},
        }
    ]
    (tmp_path / "service.yaml").write_text(yaml.safe_dump(document))
    promote()
    assert deploy("--manifest", tmp_path / "service.yaml", "--dry-run") == 2  # there is no challenger yet
    assert "Received: Registered model alias challenger not found" in capsys.readouterr().err
    promote(other=True, promoted=False)
    assert deploy("--manifest", tmp_path / "service.yaml", "--dry-run") == 0
    made = yaml.safe_load(capsys.readouterr().out)
    assert made["metadata"]["name"] == "detector"
    assert made["metadata"]["annotations"]["unforeseen/version"] == "1"
    assert storage(made) != storage(made, "canary")
    assert api.requests == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: Pod", "expected one InferenceService. Received: Pod"),
        ("", "expected one InferenceService. Received: nothing"),
        ("a: [", "expected an InferenceService in YAML. Received: "),
    ],
)
def test_a_manifest_of_another_kind(deploy: Callable[..., int], tmp_path: Path, capsys, text: str, words: str):
    (tmp_path / "service.yaml").write_text(text)
    assert deploy("--manifest", tmp_path / "service.yaml") == 2
    assert words in capsys.readouterr().err


def test_what_mlflow_passes_through_has_a_place_of_its_own():
    assert _without_proxy("mlflow-artifacts:/1/models/m-2/artifacts", "s3://bucket/mlflow/") == (
        "s3://bucket/mlflow/1/models/m-2/artifacts"
    )
    assert _without_proxy("s3://bucket/1/", "") == "s3://bucket/1"
    with pytest.raises(BadInput, match="expected artifact_root in the profile, .* Received: mlflow-artifacts:/1"):
        _without_proxy("mlflow-artifacts:/1", "")

"""A service brought to a version through the Kubernetes API; KServe's part is the test's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kube_api
import pytest
from kube_api import KubeApi

from components.cluster import INFERENCE_SERVICE, Cluster, connect
from components.cluster.connection import RETRIES
from components.cluster.rollout import filled, roll_out
from components.cluster.smoke import send_clip
from model.errors import BadInput, RunFailed
from pipelines.profile import Profile
from pipelines.service import inference_service

PATH = "/apis/serving.kserve.io/v1beta1/namespaces/team/inferenceservices/lobby"
PENDING = {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "Deploying"}]}
READY = {
    "conditions": [{"type": "Ready", "status": "True"}],
    "address": {"url": "http://lobby-predictor.team.svc"},
    "url": "http://lobby.example.org",
}
BROKEN = {
    "conditions": [{"type": "Ready", "status": "False"}],
    "modelStatus": {
        "transitionStatus": "BlockedByFailedLoad",
        "lastFailureInfo": {"message": "expected the checksum it carries.\nReceived: a file that was changed"},
    },
}


@pytest.fixture
def api() -> Iterator[KubeApi]:
    with kube_api.serve() as found:
        found.controller = lambda written: [PENDING, READY]
        yield found


@pytest.fixture
def cluster(api: KubeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig(tmp_path / "kubeconfig")))
    return connect(retries=RETRIES.new(backoff_factor=0.001, backoff_jitter=0.001), pause=0.01)


class Rollout:
    """What the caller of `roll_out` gives, and what it hears."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.smoked: list[list[str]] = []
        self.said: list[str] = []

    def __call__(self, version: str, smoke: Callable[[list[str]], None] | None = None, **changed: Any) -> bool:
        service = inference_service("lobby", Profile(**changed))
        wanted = filled(service, "lobby", version, f"s3://models/{version}")
        return roll_out(self.cluster, wanted, smoke or self.smoked.append, 60, self.said.append)


@pytest.fixture
def rollout(cluster: Cluster) -> Rollout:
    return Rollout(cluster)


def storage(api: KubeApi) -> str:
    env = api.objects[PATH]["spec"]["predictor"]["containers"][0]["env"]
    return next(entry["value"] for entry in env if entry["name"] == "STORAGE_URI")


def test_a_first_version(rollout: Rollout, api: KubeApi):
    assert rollout("1")
    assert storage(api) == "s3://models/1"
    assert api.objects[PATH]["metadata"]["annotations"]["unforeseen/version"] == "1"
    assert rollout.smoked == [["http://lobby-predictor.team.svc", "http://lobby.example.org"]]
    assert rollout.said == ["lobby: applied, version 1", "lobby: ready"]


def test_nothing_is_done_where_it_serves_already(rollout: Rollout, api: KubeApi):
    rollout("1")
    asked = len(api.requests)
    assert not rollout("1")
    assert [request.partition(" ")[0] for request in api.requests[asked:]] == ["GET"]
    assert len(rollout.smoked) == 1
    assert rollout("1", image="unforeseen:0.2.0")  # the same detector in another image is a change


def test_a_new_version_takes_over(rollout: Rollout, api: KubeApi):
    rollout("1")
    assert rollout("2")
    assert storage(api) == "s3://models/2"


def fails(addresses: list[str]) -> None:
    raise RunFailed("expected scores. Received: none")


def test_a_version_that_answers_wrongly_is_taken_back(rollout: Rollout, api: KubeApi):
    rollout("1")
    before = api.objects[PATH]
    api.pods = {
        "lobby-predictor-1": {"labels": {"serving.kserve.io/inferenceservice": "lobby"}, "log": "one\nout of memory"}
    }
    with pytest.raises(RunFailed, match="Received: none. Rolled back to version 1$"):
        rollout("2", fails)
    assert api.objects[PATH]["spec"] == before["spec"]
    assert api.objects[PATH]["metadata"]["annotations"] == before["metadata"]["annotations"]
    assert "lobby-predictor-1: out of memory" in rollout.said
    assert not rollout("1")


def test_a_first_version_that_fails_leaves_nothing(rollout: Rollout, api: KubeApi):
    with pytest.raises(RunFailed, match="There was none before, and there is none now$"):
        rollout("1", fails)
    assert PATH not in api.objects


def test_a_load_that_fails_is_not_waited_for(rollout: Rollout, api: KubeApi):
    rollout("1")
    api.controller = lambda written: [PENDING, BROKEN] if "models/2" in str(written) else [READY]
    with pytest.raises(
        RunFailed, match="expected the detector to load. Received: .* changed. Rolled back to version 1"
    ):
        rollout("2")
    assert storage(api) == "s3://models/1"


def test_a_load_that_failed_before_does_not_fail_the_next(rollout: Rollout, api: KubeApi):
    api.controller = lambda written: [BROKEN]
    wanted = filled(inference_service("lobby", Profile()), "lobby", "1", "s3://models/1")
    rollout.cluster.apply(INFERENCE_SERVICE, wanted)
    api.controller = lambda written: [BROKEN | {"conditions": [{"type": "Ready", "status": "True"}]}]
    assert rollout("2")


def test_the_service_of_another_model_is_left_alone(rollout: Rollout, api: KubeApi):
    api.write(
        PATH, {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": {"name": "lobby"}}
    )
    with pytest.raises(BadInput, match="lobby: expected a service of lobby. Received: one of nobody's"):
        rollout("1")


def test_a_canary_gets_the_challenger():
    service = inference_service("lobby", Profile())
    service["spec"]["canary"] = [
        {"trafficPercent": 0, "predictor": {**service["spec"]["predictor"], "name": "challenger"}}
    ]
    made = filled(service, "lobby", "1", "s3://models/1", "s3://models/2")
    found = [made["spec"]["predictor"], made["spec"]["canary"][0]["predictor"]]
    assert [pod["containers"][0]["env"][0]["value"] for pod in found] == ["s3://models/1", "s3://models/2"]


@pytest.mark.parametrize("service", [{}, {"spec": {"predictor": {"containers": [{"env": []}]}}}])
def test_a_document_without_a_place_for_the_detector(service: dict[str, Any]):
    with pytest.raises(BadInput, match="whose first containers have STORAGE_URI. Received: none"):
        filled(service, "lobby", "1", "s3://models/1")


def test_a_service_that_nobody_reaches():
    with pytest.raises(
        RunFailed, match="expected scores of version 12ab from http://127.0.0.1:1. Received: ConnectError"
    ):
        send_clip(["http://127.0.0.1:1"], "12ab", 0, print)

from __future__ import annotations

import copy
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import crds
import pytest
import yaml

from model.errors import BadInput
from pipelines.profile import Gpu, Profile, Serving, Toleration
from pipelines.service import inference_service, service_name

ROOT = Path(__file__).parents[2]
SERVING = ROOT / "manifests" / "serving"
OVERLAYS = ("cpu", "gpu", "keda", "canary", "knative")
POOL = Gpu(
    count=1,
    node_selector={"pool": "gpu"},
    tolerations=(Toleration(key="nvidia.com/gpu", operator="Exists", effect="NoSchedule"),),
)
PROFILES = {
    "laptop": Profile(),
    "pool": Profile(gpu=POOL),
    "knative": Profile(serving=Serving(mode="Knative", replicas=4)),
    "account": Profile(image="registry.example.org/u@sha256:12", serving=Serving(service_account="reader", cpu="500m")),
    "secret": Profile(image_pull_secret="registry-credentials"),
}


def base() -> dict[str, Any]:
    return dict(yaml.safe_load((SERVING / "base" / "inference-service.yaml").read_text()))


def built(directory: Path) -> dict[str, Any]:
    """What kustomize makes of a directory: one document."""
    if not shutil.which("kubectl"):
        pytest.skip("kubectl, which builds overlays, is not installed")
    command = ["kubectl", "kustomize", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    (document,) = yaml.safe_load_all(done.stdout)
    return dict(document)


@pytest.fixture(scope="module")
def overlay() -> dict[str, dict[str, Any]]:
    return {name: built(SERVING / "overlays" / name) for name in OVERLAYS}


def pods(document: dict[str, Any]) -> list[dict[str, Any]]:
    spec = document["spec"]
    return [spec["predictor"], *(canary["predictor"] for canary in spec.get("canary", []))]


def test_the_base_is_what_deploy_builds():
    assert base() == inference_service("detector", Profile())


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_what_deploy_builds_is_valid_and_restricted(profile: Profile):
    document = inference_service("unforeseen-lobby", profile)
    restricted(document)
    crds.check(document)


@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_is_valid_and_restricted(overlay: dict[str, dict[str, Any]], name: str):
    restricted(overlay[name])
    crds.check(overlay[name])


def restricted(document: dict[str, Any]) -> None:
    """Pod Security's standard of that name, and what the issue asks beside it."""
    for pod in pods(document):
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        for volume in pod.get("volumes", []):
            assert set(volume) <= {"name", "emptyDir"}
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["runAsNonRoot"] and security["runAsUser"] > 0
            assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["seccompProfile"] == {"type": "RuntimeDefault"}
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)
            assert container["resources"]["limits"]["memory"]


def test_the_validation_sees_what_the_api_server_would():
    for path, wrong in [
        (("spec", "predictor", "minReplica"), 1),  # a misspelt field
        (("spec", "predictor", "minReplicas"), "one"),
        (("spec", "canary"), [{"predictor": {}}]),  # without its share
        (("spec", "predictor", "containers"), [{"name": "a", "imagePullSecret": "b"}]),
    ]:
        document = copy.deepcopy(base())
        place = document
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = wrong
        with pytest.raises(AssertionError, match=path[-1]):
            crds.check(document)


def test_what_a_registry_asks_for_is_given():
    predictor = inference_service("lobby", PROFILES["secret"])["spec"]["predictor"]
    assert predictor["imagePullSecrets"] == [{"name": "registry-credentials"}]


def test_the_gpu_overlay_is_what_a_profile_gives(overlay: dict[str, dict[str, Any]]):
    assert overlay["gpu"] == inference_service("detector", Profile(gpu=POOL))


def test_no_placement_and_no_accelerator_outside_overlays():
    assert not re.search(
        "gpu|nvidia|nodeSelector|tolerations|affinity",
        (SERVING / "base").joinpath("inference-service.yaml").read_text(),
        re.IGNORECASE,
    )


def test_the_canary_is_dark_and_differs_in_nothing_else(overlay: dict[str, dict[str, Any]]):
    spec = overlay["canary"]["spec"]
    (canary,) = spec["canary"]
    assert canary["trafficPercent"] == 0
    assert canary["predictor"]["containers"] == spec["predictor"]["containers"]
    assert "autoScaling" not in spec["predictor"]  # KServe refuses both together


def test_keda_counts_streams(overlay: dict[str, dict[str, Any]]):
    annotations, predictor = overlay["keda"]["metadata"]["annotations"], overlay["keda"]["spec"]["predictor"]
    assert annotations["serving.kserve.io/autoscalerClass"] == "keda"
    (metric,) = predictor["autoScaling"]["metrics"]
    assert set(re.findall(r"unforeseen_\w+", metric["external"]["metric"]["query"])) == {"unforeseen_streams"}
    assert metric["external"]["target"]["value"]  # KServe 0.21 reads this one, whatever the type
    assert predictor["minReplicas"] >= 1  # at zero nobody would take a stream's first frame


def test_knative_scales_to_zero_with_one_port(overlay: dict[str, dict[str, Any]]):
    predictor = overlay["knative"]["spec"]["predictor"]
    assert overlay["knative"]["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "Knative"
    assert predictor["minReplicas"] == 0
    assert [port["containerPort"] for port in predictor["containers"][0]["ports"]] == [8080]


def test_one_image_for_every_overlay(tmp_path: Path):
    shutil.copytree(SERVING, tmp_path / "serving")
    base_file = tmp_path / "serving" / "base" / "kustomization.yaml"
    base_file.write_text(base_file.read_text().replace("newTag: 0.1.0", "newName: r.example.org/u\n    newTag: abc"))
    document = built(tmp_path / "serving" / "overlays" / "canary")
    assert {pod["containers"][0]["image"] for pod in pods(document)} == {"r.example.org/u:abc"}


@pytest.mark.parametrize(
    ("model", "name"),
    [("unforeseen-UCSDped2", "unforeseen-ucsdped2"), ("unforeseen-gate.2_b", "unforeseen-gate-2-b")],
)
def test_a_service_is_called_as_a_host_may_be(model: str, name: str):
    assert service_name(model) == name


@pytest.mark.parametrize("model", ["unforeseen-" + "a" * 60, "2nd", ""])  # longer than a host's part, a digit first
def test_names_that_no_host_may_have(model: str):
    with pytest.raises(BadInput, match="expected a model's name .* Received: "):
        service_name(model)

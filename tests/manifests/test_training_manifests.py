"""The TFJob: pods that Kubernetes knows, restricted, with the command's own options."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_platform_manifests import check

from pipelines import cli, profile
from pipelines.profile import Gpu, Toleration

MANIFESTS = Path(__file__).parents[2] / "manifests"
BUILDS = ("base", "overlays/gpu")
POOL = Gpu(1, node_selector={"pool": "gpu"}, tolerations=(Toleration("nvidia.com/gpu", "Exists", "", "NoSchedule"),))
# Of kubeflow.org_tfjobs.yaml, training operator 1.9; the templates are Kubernetes' own.
RUN_POLICY = {"activeDeadlineSeconds", "backoffLimit", "cleanPodPolicy", "ttlSecondsAfterFinished"}


@pytest.fixture(scope="module")
def jobs() -> dict[str, dict[str, Any]]:
    if not shutil.which("kubectl"):
        pytest.skip("kubectl, which builds overlays, is not installed")
    found = {}
    for name in BUILDS:
        command = ["kubectl", "kustomize", str(MANIFESTS / "training" / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        (found[name],) = yaml.safe_load_all(done.stdout)
    return found


def pods(job: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {role: replica["template"]["spec"] for role, replica in job["spec"]["tfReplicaSpecs"].items()}


@pytest.mark.parametrize("name", BUILDS)
def test_it_is_a_job_of_the_operator_with_pods_of_kubernetes(jobs: dict[str, dict[str, Any]], name: str):
    job = jobs[name]
    assert (job["apiVersion"], job["kind"], set(job["spec"])) == (
        "kubeflow.org/v1",
        "TFJob",
        {"runPolicy", "tfReplicaSpecs"},
    )
    assert set(job["spec"]["runPolicy"]) == RUN_POLICY
    assert set(job["spec"]["tfReplicaSpecs"]) == {"Chief", "Worker"}
    for role, replica in job["spec"]["tfReplicaSpecs"].items():
        assert set(replica) == {"replicas", "restartPolicy", "template"}
        assert replica["restartPolicy"] == "ExitCode"
        check(replica["template"], "V1PodTemplateSpec", role)
        (container,) = replica["template"]["spec"]["containers"]
        assert container["name"] == "tensorflow"  # no other is told of the cluster
        assert container["ports"] == [{"name": "tfjob-port", "containerPort": 2222}]


@pytest.mark.parametrize("name", BUILDS)
def test_its_pods_are_restricted(jobs: dict[str, dict[str, Any]], name: str):
    for pod in pods(jobs[name]).values():
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert pod["automountServiceAccountToken"] is False
        security = pod["securityContext"]
        assert security["runAsNonRoot"] and security["runAsUser"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert {kind for volume in pod["volumes"] for kind in volume} == {"name", "emptyDir"}
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert container["resources"]["limits"]["memory"]


def test_only_the_chief_has_the_key_to_mlflow(jobs: dict[str, dict[str, Any]]):
    secrets = {
        role: [one["secretRef"]["name"] for one in pod["containers"][0]["envFrom"] if "secretRef" in one]
        for role, pod in pods(jobs["base"]).items()
    }
    assert secrets == {"Chief": ["store-credentials", "mlflow-credentials"], "Worker": ["store-credentials"]}


def test_the_command_takes_its_arguments(jobs: dict[str, dict[str, Any]]):
    for pod in pods(jobs["base"]).values():
        (container,) = pod["containers"]
        assert container["command"] == ["unforeseen", "train"]
        told = cli.parser().parse_args(["train", *container["args"]])
        assert told.checkpoints == "s3://$(BUCKET)/checkpoints"


def test_the_gpu_overlay_is_what_a_profile_gives(jobs: dict[str, dict[str, Any]]):
    expected = {role: profile.Gpu.place(POOL, pod) for role, pod in pods(jobs["base"]).items()}
    for pod in expected.values():
        pod["volumes"][-1]["emptyDir"]["sizeLimit"] = "2Gi"
    assert pods(jobs["overlays/gpu"]) == expected


def test_its_pods_may_speak_to_each_other_and_to_mlflow(jobs: dict[str, dict[str, Any]]):
    documents = list(yaml.safe_load_all((MANIFESTS / "base" / "network.yaml").read_text()))
    policies = {one["metadata"]["name"]: one["spec"] for one in documents}
    (labels,) = [policies["trainers"]["podSelector"]["matchLabels"]]
    for replica in jobs["base"]["spec"]["tfReplicaSpecs"].values():
        assert labels.items() <= replica["template"]["metadata"]["labels"].items()
    assert {"podSelector": {"matchLabels": labels}} in policies["mlflow"]["ingress"][0]["from"]

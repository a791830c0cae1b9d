from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from model.errors import BadInput
from pipelines import profile
from pipelines.profile import Gpu, Profile

EXAMPLES = [
    Path(__file__).parents[2] / "manifests" / "profiles" / f"{name}.yaml"
    for name in ("kind", "gpu-pool", "gke", "eks", "aks")
]
POOL = """
image: registry.example.org/unforeseen:1a2b3c
namespace: cameras
tuner: katib
gpu:
  count: 1
  node_selector: {pool: gpu}
  tolerations:
    - {key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}
  shared_memory: 2Gi
serving: {mode: Knative, replicas: 2, cpu: "4"}
"""


def read(tmp_path: Path, text: str) -> Profile:
    (tmp_path / "profile.yaml").write_text(text)
    return profile.read(tmp_path / "profile.yaml")


def pod() -> dict[str, Any]:
    return {
        "containers": [
            {"name": "first", "resources": {"limits": {"memory": "4Gi"}}, "volumeMounts": [{"name": "scratch"}]},
            {"name": "second"},
        ],
        "volumes": [{"name": "scratch"}],
    }


def test_a_profile_says_where_things_run(tmp_path: Path):
    found = read(tmp_path, POOL)
    assert (found.image, found.namespace, found.tuner) == ("registry.example.org/unforeseen:1a2b3c", "cameras", "katib")
    assert (found.serving.mode, found.serving.replicas, found.serving.cpu) == ("Knative", 2, "4")
    assert read(tmp_path, "") == Profile()


def test_the_gpu_block_places_a_pod(tmp_path: Path):
    before = pod()
    placed = read(tmp_path, POOL).gpu.place(before)
    first, second = placed["containers"]
    assert first["resources"]["limits"] == {"memory": "4Gi", "nvidia.com/gpu": "1"}
    assert first["volumeMounts"] == [{"name": "scratch"}, {"name": "shared-memory", "mountPath": "/dev/shm"}]
    assert second == {"name": "second"}
    assert placed["nodeSelector"] == {"pool": "gpu"}
    assert placed["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    memory = {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}}
    assert placed["volumes"] == [{"name": "scratch"}, memory]
    assert before == pod()  # untouched


def test_without_accelerators_a_pod_stays_as_it_is():
    assert Gpu(node_selector={"pool": "gpu"}).place(pod()) == pod()


def keys(data: dict[str, Any], where: str = "") -> set[str]:
    """Every key of a profile with its path; what a step or a node is called is no key."""
    found = {f"{where}{key}" for key in data}
    inner = {key: value for key, value in data.items() if isinstance(value, dict) and key != "node_selector"}
    return found.union(*(keys(value, f"{where}{key}.") for key, value in inner.items()))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_profile(path: Path):
    found = profile.read(path)
    assert found.kfp.endpoint and found.store.bucket and found.tracking_uri.startswith("http")
    assert found.gpu.count == (path.stem != "kind")
    assert not re.search(r"^ *(password|token|cookie|secret_key):", path.read_text(), re.MULTILINE)


def test_the_examples_for_any_cluster_explain_every_key():
    every = {key for key in keys(asdict(Profile())) if not key.startswith("steps.")}
    shown = {key for path in EXAMPLES[:2] for key in keys(yaml.safe_load(path.read_text()))}
    assert every - shown == set()


def test_secrets_become_environment_variables_by_name_only(tmp_path: Path):
    found = read(tmp_path, "{store: {secret: bucket}, tracking_secret: mlflow}")
    assert found.secrets() == {"bucket": profile.STORE_KEYS, "mlflow": profile.TRACKING_KEYS}
    assert Profile().secrets() == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("imag: a", "expected settings of Profile: .* Received: imag$"),
        ("gpu: {counts: 1}", "expected settings of gpu: .* Received: counts$"),
        ("gpu: {count: -1}", "expected gpu.count of at least 0. Received: -1$"),
        ("gpu: {node_selector: {zone: 1}}", "expected gpu.node_selector.zone as str. Received: 1$"),  # a label's value
        ("gpu: {tolerations: [{kee: a}]}", "expected settings of gpu.tolerations: .* Received: kee$"),
        ("gpu: {tolerations: {key: a}}", r"expected gpu.tolerations as \[Toleration, ...\]. Received: "),
        ("serving: {mode: RawDeployment}", "expected serving.mode as one of Standard, Knative. Received: 'RawDeploy"),
        ("serving: {memory: much}", "expected serving.memory as a quantity .* Received: 'much'$"),
        ("steps: {trane: {cpu: '1'}}", "expected settings of steps: .* Received: trane$"),
        ("kfp: {auth: password}", "expected kfp.auth as one of none, service-account, .* Received: 'password'$"),
        ("schedule: {cron: hourly}", "expected schedule.cron as five fields: .* Received: 'hourly'$"),
        ("schedule: {concurrency: 11}", "expected schedule.concurrency from 1 to 10. Received: 11$"),  # KFP's own limit
        ("tuner: ray", "expected tuner as one of optuna, katib. Received: 'ray'$"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str):
    with pytest.raises(BadInput, match=words):
        read(tmp_path, text)

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from model.errors import BadInput
from pipelines import profile
from pipelines.profile import Gpu, Profile

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
        ("tuner: ray", "expected tuner as one of optuna, katib. Received: 'ray'$"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str):
    with pytest.raises(BadInput, match=words):
        read(tmp_path, text)

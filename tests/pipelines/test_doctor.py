from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import kfp_api
import kube_api
import pytest
import yaml
from s3_server import S3Server
from web_server import listening

from components.cluster import survey
from pipelines import cli

KINDS = {
    "/apis/kubeflow.org/v1beta1": {"resources": [{"name": "experiments"}, {"name": "experiments/status"}]},
    "/apis/serving.kserve.io/v1beta1": {"resources": [{"name": "inferenceservices"}]},
}
NODES = {"items": [{"status": {"allocatable": {"nvidia.com/gpu": "2", "cpu": "8"}}}, {"status": {"allocatable": {}}}]}
QUOTAS = "/api/v1/namespaces/team/resourcequotas"


@contextmanager
def mlflow() -> Iterator[str]:
    """As much of MLflow's server as answers whether it is there."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            """Quiet."""

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200 if self.path == "/api/2.0/mlflow/experiments/search" else 404)
            self.end_headers()
            self.wfile.write(b"{}")

    with listening(Handler) as address:
        yield address


class Place:
    """A cluster that has everything, and the profile of it."""

    def __init__(self, stack: ExitStack, directory: Path, server: S3Server, bucket: str) -> None:
        self.kfp, self.kube = stack.enter_context(kfp_api.serve()), stack.enter_context(kube_api.serve())
        self.kube.objects |= {**KINDS, "/api/v1/nodes": NODES, QUOTAS: {"items": []}}
        self.config, self.file = self.kube.kubeconfig(directory / "config"), directory / "profile.yaml"
        self.profile: dict[str, Any] = {
            "tracking_uri": stack.enter_context(mlflow()),
            "store": {"endpoint": server.endpoint, "region": "us-east-1", "bucket": bucket},
            "kfp": {"endpoint": self.kfp.url},
            "gpu": {"count": 1, "node_selector": {"pool": "gpu"}},
        }

    def examined(self, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, Any]]]:
        self.file.write_text(yaml.safe_dump(self.profile))
        capsys.readouterr()
        code = cli.main(["doctor", "--profile", str(self.file), "--json"])
        return code, {found["what"]: found for found in json.loads(capsys.readouterr().out)}


@pytest.fixture
def place(tmp_path: Path, s3_server: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with ExitStack() as stack:
        made = Place(stack, tmp_path, s3_server, bucket)
        monkeypatch.setenv("KUBECONFIG", str(made.config))
        yield made


def test_where_everything_is_there_nothing_is_to_be_done(place: Place, capsys: pytest.CaptureFixture[str]):
    code, found = place.examined(capsys)
    assert [what for what, one in found.items() if one["holds"] is not True] == []
    assert code == 0
    assert list(found) == [
        "Kubeflow Pipelines",
        "MLflow",
        "bucket, reading",
        "bucket, writing",
        "Katib's kinds",
        "KServe's kinds",
        "rights in namespace team",
        "nodes with nvidia.com/gpu",
        "quota",
    ]
    assert cli.main(["doctor", "--profile", str(place.file)]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == len(found) and all(row.startswith("  ok  ") for row in rows)


def test_every_fault_is_named_with_what_to_do(place: Place, capsys: pytest.CaptureFixture[str]):
    place.kfp.refuse = [("GET", 403)]
    place.kube.objects["/apis/serving.kserve.io/v1beta1"] = {"resources": []}  # another version only
    del place.kube.objects["/apis/kubeflow.org/v1beta1"]
    place.kube.denied = {("create", "experiments"), ("get", "pods/log")}
    place.profile["gpu"]["count"] = 4
    hard, used = {"requests.nvidia.com/gpu": "8", "requests.memory": "20Gi"}, {"requests.memory": "19968Mi"}
    place.kube.objects[QUOTAS] = {"items": [{"status": {"hard": hard, "used": used}}]}
    place.profile["tracking_uri"] = "http://127.0.0.1:9"
    place.profile["store"]["bucket"] = "no-such-bucket"
    code, found = place.examined(capsys)
    assert code == 1
    assert all(one["holds"] is False and one["advice"] for one in found.values())
    words = {
        "Kubeflow Pipelines": "HTTP 403, as the test asked",
        "MLflow": "http://127.0.0.1:9",
        "bucket, reading": "no-such-bucket",
        "rights in namespace team": "no create of experiments; no get of pods/log",
        "nodes with nvidia.com/gpu": "0 of 2 nodes have 4 or more",
        "quota": "requests.memory: 0.5 left, 8 needed",
    }
    assert {what: word for what, word in words.items() if word not in found[what]["found"]} == {}
    assert cli.main(["doctor", "--profile", str(place.file)]) == 1
    out = capsys.readouterr()
    assert "-> install KServe in the cluster" in out.out
    assert "Received: 7 not: MLflow, bucket, reading" in out.err


def test_what_may_not_be_looked_at_is_no_fault(place: Place, capsys: pytest.CaptureFixture[str]):
    place.kube.forbidden = {"/api/v1/nodes", QUOTAS}
    code, found = place.examined(capsys)
    assert code == 0
    assert [what for what, one in found.items() if one["holds"] is None] == ["nodes with nvidia.com/gpu", "quota"]


def test_without_a_cluster_the_rest_is_still_asked(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KUBECONFIG", str(place.file.parent / "none"))
    code, found = place.examined(capsys)
    assert code == 1
    assert [what for what, one in found.items() if one["holds"] is False] == ["Kubernetes"]


@pytest.mark.parametrize(
    ("text", "number"), [("500m", 0.5), ("2", 2), ("4Gi", 4 * 2**30), ("1.5G", 1.5e9), ("100k", 1e5), (3, 3)]
)
def test_quantities(text: Any, number: float):
    assert survey.quantity(text) == pytest.approx(number)


def test_no_quantity():
    with pytest.raises(ValueError, match="expected a quantity. Received: 'much'"):
        survey.quantity("much")

"""A search by Katib, against a real server that speaks the API's paths; its controller is played by the test."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import kube_api
import pytest
from kube_api import Fault, KubeApi

from components.cluster import Cluster, connect
from components.cluster.connection import RETRIES
from components.katib import run_on_katib
from components.registry import Registry
from components.step import cancellable
from components.trial import Place
from components.tune import Target, _best, arguments, search_settings
from model import search
from model.errors import BadInput, RunFailed

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated:DeprecationWarning")

MANIFEST = Path(__file__).parents[2] / "manifests" / "experiment.yaml"
TEAM = "/apis/kubeflow.org/v1beta1/namespaces/team"
TOLD = ["--data=s3://bucket/data"]


@pytest.fixture
def api() -> Iterator[KubeApi]:
    with kube_api.serve() as found:
        yield found


@pytest.fixture
def cluster(api: KubeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig(tmp_path / "kubeconfig")))
    return connect(retries=RETRIES.new(backoff_factor=0.001, backoff_jitter=0.001), pause=0.01)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    directory = tmp_path_factory.mktemp("mlflow")
    return Registry(f"sqlite:///{directory / 'mlflow.db'}", "walkway", directory.as_uri())


@pytest.fixture
def run_id(registry: Registry) -> str:
    """MLflow's run of the search, with the curve of its first trial."""
    parent = registry.start_run({}, {})
    trial = registry.start_run({}, {"mlflow.parentRunId": parent, "mlflow.runName": "one"})
    for epoch, value in enumerate((0.9, 0.7), 1):
        registry.log_epoch(trial, epoch, {"relative_error": value})
    return parent


def over(kind: str, reason: str) -> list[dict[str, str]]:
    return [{"type": kind, "status": "True", "reason": reason, "message": "as Katib says it"}]


def metric(value: str) -> dict[str, str]:
    return {"name": "relative_error", "min": value, "max": "0.9", "latest": "0.8"}


def play(api: KubeApi, ending: dict[str, Any]) -> None:
    """A controller that lets three trials run, and then ends the Experiment so."""
    running = {"trialsRunning": 2, "conditions": [{"type": "Running", "status": "True"}]}
    best = {"bestTrialName": "one", "observation": {"metrics": [metric("0.7")]}}
    further = running | {"trialsSucceeded": 1, "currentOptimalTrial": best}
    last = {"trialsSucceeded": 1, "trialsEarlyStopped": 1, "trialsFailed": 1, "currentOptimalTrial": best}
    last |= {"succeededTrialList": ["one"], "earlyStoppedTrialList": ["two"], "failedTrialList": ["three"]}
    for name, batch, started in (("one", "2", "00:00:00"), ("two", "4", "00:00:30"), ("three", "6", "00:01:00")):
        status = {"startTime": f"2026-11-22T{started}Z", "completionTime": "2026-11-22T00:02:00Z"}
        if name != "three":
            status["observation"] = {"metrics": [metric("0.7" if name == "one" else "0.8")]}
        spec = {"parameterAssignments": [{"name": "batch_size", "value": batch}]}
        api.objects[f"{TEAM}/trials/{name}"] = {"metadata": {"name": name}, "spec": spec, "status": status}
    api.pods["three-abc"] = {"labels": {"job-name": "three"}, "log": "training\nout of memory"}

    def control(written: dict[str, Any]) -> list[dict[str, Any]]:
        path = f"{TEAM}/experiments/{written['metadata']['name']}"
        for seconds, status in ((0.1, further), (0.3, last | ending)):
            Timer(
                seconds, lambda path=path, status=status: path in api.objects and api.set_status(path, status)
            ).start()
        return [running]

    api.controller = control


SUCCESS = {"conditions": over("Succeeded", "ExperimentMaxTrialsReached")}
FAILURE = {"conditions": over("Failed", "ExperimentFailed")}


def experiments(api: KubeApi) -> dict[str, Any]:
    return {path.rpartition("/")[2]: found for path, found in api.objects.items() if "/experiments/" in path}


def tried(cluster: Cluster, registry: Registry, run_id: str) -> tuple[search.Result, list[str]]:
    said: list[str] = []
    return run_on_katib(search.read(MANIFEST), TOLD, run_id, cluster, registry, said.append), said


def test_katib_searches_and_its_best_trial_comes_back(api: KubeApi, cluster: Cluster, registry: Registry, run_id: str):
    play(api, SUCCESS)
    result, said = tried(cluster, registry, run_id)
    ((name, made),) = experiments(api).items()
    assert name == f"unforeseen-tuning-{run_id[:8]}"
    template = made["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]
    assert template["spec"]["containers"][0]["args"][-1] == TOLD[0]
    assert said == [
        f"experiments/{name} in team",
        f"{name}: 0 of 6 trials ended, 2 run",
        f"{name}: 1 of 6 trials ended, 2 run; best relative_error 0.7",
        f"{name}: 3 of 6 trials ended, 0 run; best relative_error 0.7",
    ]
    assert result.best.name == "one"
    assert result.best.assignments == {"batch_size": "2"}
    assert result.reason == "ExperimentMaxTrialsReached"
    assert [(trial.name, trial.state, trial.seconds) for trial in result.trials] == [
        ("one", "Succeeded", 120),
        ("two", "EarlyStopped", 90),
        ("three", "Failed", 60),
    ]
    assert result.trials[0].reports == {"relative_error": (0.9, 0.7)}  # the curve is in MLflow
    assert result.trials[1].reports == {"relative_error": (0.8,)}  # what Katib itself keeps
    assert result.trials[2].last_lines == "training\nout of memory"
    assert search.parse(json.dumps(made | {"metadata": {"name": name}}))  # our own checks take what was sent


@pytest.mark.parametrize(
    "faults",
    [
        [Fault("WATCH"), Fault("WATCH", after_events=1)],  # broken off
        [Fault("WATCH", status=410), Fault("WATCH", status=410, in_stream=True)],  # too old
        [Fault("POST", status=429, retry_after="0"), Fault("GET", status=500), Fault("WATCH", status=500)],
        [Fault("POST"), Fault("GET")],
    ],
    ids=["broken watches", "410", "429 and 500", "broken connections"],
)
def test_a_cluster_in_trouble(api: KubeApi, cluster: Cluster, registry: Registry, run_id: str, faults: list[Fault]):
    play(api, SUCCESS)
    api.faults += faults
    assert tried(cluster, registry, run_id)[0].best.name == "one"
    assert api.faults == []
    assert len(experiments(api)) == 1


def test_a_step_that_is_tried_again_takes_over_its_experiment(
    api: KubeApi, cluster: Cluster, registry: Registry, run_id: str
):
    play(api, SUCCESS)
    first, _ = tried(cluster, registry, run_id)
    api.requests.clear()
    again, _ = tried(cluster, registry, run_id)
    assert again == first
    assert [request for request in api.requests if request.startswith("DELETE")] == []


def test_a_search_that_failed_brings_the_log_and_begins_anew(
    api: KubeApi, cluster: Cluster, registry: Registry, run_id: str
):
    play(api, FAILURE)
    with pytest.raises(RunFailed) as caught:
        _best(tried(cluster, registry, run_id)[0])
    assert str(caught.value) == "the search found nothing: as Katib says it; three ended with: out of memory"
    play(api, SUCCESS)
    assert _best(tried(cluster, registry, run_id)[0]).name == "one"


def test_a_cancelled_run_removes_its_experiment(api: KubeApi, cluster: Cluster, registry: Registry, run_id: str):
    play(api, {})  # never over
    before = signal.getsignal(signal.SIGTERM)
    killer = Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM))
    killer.start()
    with pytest.raises(SystemExit), cancellable():
        tried(cluster, registry, run_id)
    killer.join()
    assert experiments(api) == {}
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_experiment_that_somebody_removed(api: KubeApi, cluster: Cluster, registry: Registry, run_id: str):
    play(api, {})
    name = f"unforeseen-tuning-{run_id[:8]}"
    remover = Timer(0.3, api.delete, (f"{TEAM}/experiments/{name}",))
    remover.start()
    with pytest.raises(RunFailed, match="Received: a deletion"):
        tried(cluster, registry, run_id)
    remover.join()


def test_what_a_trial_is_told():
    place = Place("s3://bucket/data", "walkway", "http://mlflow", endpoint="http://s3", base_model="models:/a/1")
    assert arguments(place, "{}", "parent") == [
        *("--data=s3://bucket/data", "--camera=walkway", "--settings={}", "--tracking-uri=http://mlflow"),
        *("--parent=parent", "--endpoint=http://s3", "--base-model=models:/a/1"),
    ]


def test_katibs_trials_need_data_in_a_store(registry: Registry, tmp_path: Path):
    dataset = tmp_path / "dataset"
    dataset.mkdir()
    (dataset / "index.json").write_text('{"format": 1, "digest": "d", "clips": []}')
    place = Place(str(dataset), "walkway", registry.tracking_uri)
    target = Target("katib", "team", tmp_path, tmp_path / "out", tmp_path / "report.html")
    with pytest.raises(BadInput, match="in an S3 store"):
        search_settings(search.read(MANIFEST), "{}", place, dataset, "r", target, print)

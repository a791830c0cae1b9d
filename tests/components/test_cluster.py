from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import kube_api
import pytest
import urllib3
from kube_api import Fault, KubeApi

from components.cluster import EXPERIMENT, INFERENCE_SERVICE, Cluster, Resource, condition, connect
from components.cluster.connection import RETRIES
from model.errors import BadInput, RunFailed

PATH = "/apis/kubeflow.org/v1beta1/namespaces/team/experiments/lobby"
READY = {"conditions": [{"type": "Succeeded", "status": "True", "reason": "Enough", "message": "12 trials"}]}
RUNNING = {"conditions": [{"type": "Succeeded", "status": "Unknown"}], "trialsRunning": 2}


@pytest.fixture
def api() -> Iterator[KubeApi]:
    with kube_api.serve() as found:
        yield found


@pytest.fixture
def cluster(api: KubeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig(tmp_path / "kubeconfig")))
    return connect(retries=RETRIES.new(backoff_factor=0.001, backoff_jitter=0.001), pause=0.01)


def experiment(name: str = "lobby", **spec: object) -> Resource:
    return {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": name},
        "spec": {"maxTrialCount": 12, **spec},
    }


def is_done(state: Resource) -> bool:
    found = condition(state, "Succeeded")
    return bool(found and found.holds)


def describe(state: Resource) -> str:
    return f"{state.get('status', {}).get('trialsRunning', 0)} trials run"


def wait(cluster: Cluster, seconds: float = 60) -> tuple[Resource, list[str]]:
    said: list[str] = []
    return cluster.wait(EXPERIMENT, "lobby", is_done, describe, seconds, said.append), said


def test_what_is_created_is_there_and_what_is_deleted_is_not(cluster: Cluster):
    assert cluster.namespace == "team"  # of the kubeconfig's context
    assert cluster.get(EXPERIMENT, "lobby") is None
    made = cluster.create(EXPERIMENT, experiment(), run="run-1")
    assert made["metadata"]["annotations"] == {"unforeseen/run": "run-1"}
    assert cluster.get(EXPERIMENT, "lobby") == made
    cluster.delete(EXPERIMENT, "lobby")
    cluster.delete(EXPERIMENT, "lobby")  # is no error
    assert cluster.get(EXPERIMENT, "lobby") is None


def test_a_step_that_is_tried_again_takes_over_what_its_run_made(cluster: Cluster):
    made = cluster.create(EXPERIMENT, experiment(), run="run-1")
    assert cluster.create(EXPERIMENT, experiment(), run="run-1") == made
    with pytest.raises(BadInput, match="experiments/lobby: expected a name that is free.*Received: run-1$"):
        cluster.create(EXPERIMENT, experiment(), run="run-2")


def test_applying_changes_what_is_ours_and_leaves_the_rest(cluster: Cluster, api: KubeApi):
    cluster.apply(EXPERIMENT, experiment(parallelTrialCount=2))
    api.write(PATH, api.objects[PATH] | {"spec": api.objects[PATH]["spec"] | {"resumePolicy": "Never"}})
    changed = cluster.apply(EXPERIMENT, experiment(maxTrialCount=3))
    assert changed["spec"] == {"maxTrialCount": 3, "resumePolicy": "Never"}


@pytest.mark.parametrize(
    "faults",
    [
        [Fault("POST", 500), Fault("POST", 503)],  # a restart
        [Fault("POST", 429, retry_after="0")],  # priority and fairness
        [Fault("POST")],  # the connection breaks off
    ],
    ids=["500", "429", "broken"],
)
def test_a_busy_api_is_asked_again(cluster: Cluster, api: KubeApi, faults: list[Fault]):
    tries = len(faults) + 1
    api.faults += faults
    cluster.create(EXPERIMENT, experiment(), run="run-1")
    assert len([request for request in api.requests if request.startswith("POST")]) == tries


def test_retry_after_is_obeyed(cluster: Cluster, api: KubeApi, monkeypatch: pytest.MonkeyPatch):
    waited: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", waited.append)
    api.faults += [Fault("GET", 429, retry_after="7")]
    cluster.get(EXPERIMENT, "lobby")
    assert waited == [7]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (403, "to read experiments/lobby. Received: HTTP 403, as the test asked"),
        (500, "to read experiments/lobby. Received: HTTP 500, as the test asked"),  # for longer than it is waited for
    ],
)
def test_a_refusal_is_one_line(cluster: Cluster, api: KubeApi, status: int, words: str):
    api.faults += [Fault("GET", status)] * 8
    with pytest.raises(BadInput, match=f"^expected the cluster {words}$"):
        cluster.get(EXPERIMENT, "lobby")


def test_waiting_follows_the_object(cluster: Cluster, api: KubeApi):
    api.controller = lambda written: [RUNNING, RUNNING, READY]
    cluster.create(EXPERIMENT, experiment(), run="run-1")
    api.compacted = api.version  # the first look is at what is there
    state, said = wait(cluster)
    assert condition(state, "Succeeded") == (True, "Enough", "12 trials")
    assert said == ["lobby: 0 trials run"]


@pytest.mark.parametrize(
    "faults",
    [
        [],
        [Fault("WATCH"), Fault("WATCH", after_events=1)],  # dropped, once in the middle of an event
        [Fault("WATCH", 410)],  # the version is too old, said at once
        [Fault("WATCH", 410, in_stream=True)],  # or in the stream
        [Fault("WATCH", 429, retry_after="0"), Fault("WATCH", 500)],
        [Fault("WATCH", 500, in_stream=True)],
    ],
    ids=["whole", "dropped", "gone", "gone in the stream", "busy", "error in the stream"],
)
def test_watches_go_on_from_where_they_broke_off(cluster: Cluster, api: KubeApi, faults: list[Fault]):
    cluster.create(EXPERIMENT, experiment(), run="run-1")
    api.faults += faults
    timers = [Timer(0.05, api.set_status, (PATH, RUNNING)), Timer(0.1, api.set_status, (PATH, READY))]
    for timer in timers:
        timer.start()
    _, said = wait(cluster)
    assert said in (["lobby: 0 trials run", "lobby: 2 trials run", "lobby: 0 trials run"], ["lobby: 0 trials run"])
    assert not api.faults


def test_a_version_that_is_too_old_is_read_anew(cluster: Cluster, api: KubeApi):
    cluster.create(EXPERIMENT, experiment(), run="run-1")
    states = cluster.states(EXPERIMENT, "lobby", 60)
    assert "status" not in (next(states) or {})
    api.set_status(PATH, READY)
    api.compacted = api.version + 1
    assert (next(states) or {})["status"] == READY
    assert [request.partition(" ")[0] for request in api.requests] == ["POST", "GET", "WATCH", "GET"]


def test_waiting_ends_at_its_limit_and_when_the_object_goes(cluster: Cluster, api: KubeApi):
    cluster.create(EXPERIMENT, experiment(), run="run-1")
    with pytest.raises(RunFailed, match="experiments/lobby: expected it to be done in 0.2 s.*Received: 0 trials run$"):
        wait(cluster, 0.2)
    Timer(0.05, api.delete, (PATH,)).start()
    with pytest.raises(RunFailed, match="Received: a deletion$"):
        wait(cluster)


def test_logs_of_pods_by_label(cluster: Cluster, api: KubeApi):
    labels = {"katib.kubeflow.org/experiment": "lobby"}
    api.pods = {
        "lobby-1": {"labels": labels, "log": "one\ntwo\nthree\n"},
        "lobby-2": {"labels": labels, "log": None},  # its image is being pulled
        "other-1": {"labels": {}, "log": "no"},
    }
    found = cluster.logs("katib.kubeflow.org/experiment=lobby", "training", lines=2)
    assert found == {"lobby-1": "two\nthree", "lobby-2": ""}


def test_a_condition_that_nobody_set():
    assert condition({}, "Ready") is None
    assert condition({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}, "Ready") == (None, "", "")


def test_no_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(BadInput, match="expected a cluster by .*none, or to run in one. Received: "):
        connect()


def test_an_address_where_nothing_answers(api: KubeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    api.url = "http://127.0.0.1:1"
    monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig(tmp_path / "kubeconfig")))
    nowhere = connect("elsewhere", retries=urllib3.Retry(0))
    assert nowhere.namespace == "elsewhere"
    with pytest.raises(
        BadInput, match="expected the Kubernetes API to answer at http://127.0.0.1:1. Received: .*refused"
    ):
        nowhere.get(INFERENCE_SERVICE, "lobby")

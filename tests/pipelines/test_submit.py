from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sysconfig
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import kfp_api
import kfp_server_api
import kube_api
import pytest
import urllib3
import yaml

from components.cluster import connect
from model.errors import BadInput, RunFailed
from pipelines import cli
from pipelines.kubeflow import runs, versions
from pipelines.kubeflow.connection import Connection
from pipelines.kubeflow.runs import Step
from pipelines.kubeflow.screen import Screen
from pipelines.profile import Kfp, Profile, Store

ONCE = urllib3.Retry(0)
STEPS = ("ingest", "train")
YAML = "a pipeline"
START = "2026-01-01T00:00:00Z"


@pytest.fixture
def api() -> Iterator[kfp_api.KfpApi]:
    with kfp_api.serve() as found:
        yield found


def profile(api: kfp_api.KfpApi, **kfp: Any) -> Profile:
    places = Kfp(endpoint=api.url, experiment="cameras", service_account="runner", **kfp)
    return Profile(namespace="team", store=Store(bucket="videos"), kfp=places)


def connection(api: kfp_api.KfpApi, **kfp: Any) -> Connection:
    return Connection(profile(api, **kfp), ONCE)


def task(name: str, state: str, end: str | None = None) -> dict[str, Any]:
    return {"display_name": name, "state": state, "start_time": START, **({"end_time": end} if end else {})}


def state(word: str, *tasks: dict[str, Any], error: str = "") -> dict[str, Any]:
    found = {"state": word, "run_details": {"task_details": list(tasks)}}
    return found | ({"error": {"code": 2, "message": error}} if error else {})


def test_the_stand_in_has_the_paths_of_the_real_api():
    sources = Path(kfp_server_api.__file__).parent.glob("api/*_service_api.py")
    real = {
        (method, path)
        for file in sources
        for path, method in re.findall(r"'(/apis/v2beta1[^']*)', '([A-Z]+)'", file.read_text())
    }
    assert {(method, kfp_api.API + path) for method, path in kfp_api.ROUTES} - real == set()


@pytest.mark.parametrize("multi_user", [False, True])
def test_a_run_is_of_a_version_that_is_uploaded_once(api: kfp_api.KfpApi, multi_user: bool):
    api.multi_user = multi_user
    kfp, places = connection(api), profile(api)
    first = versions.upload(kfp, YAML)
    assert versions.upload(kfp, YAML) == first  # nothing changed, nothing is uploaded
    assert versions.upload(kfp, "another").id != first.id
    assert re.fullmatch(r"([0-9a-f]{12}|0.1.0)-[0-9a-f]{8}", first.name)
    assert (len(api.pipelines), len(api.uploaded)) == (1, 2)
    run = runs.start(kfp, places, first, "lobby", {"seed": 3, "source": "s3://a"})
    runs.start(kfp, places, first, "lobby", {})
    (made,) = api.made  # one experiment
    assert made.get("namespace") == ("team" if multi_user else None)
    assert run == "run-1"
    assert api.started[0] == {
        "run_id": "run-1",
        "display_name": "lobby",
        "experiment_id": "experiment-1",
        "pipeline_version_reference": {"pipeline_id": "pipeline-1", "pipeline_version_id": first.id},
        "runtime_config": {"parameters": {"seed": 3, "source": "s3://a"}, "pipeline_root": "s3://videos/pipelines"},
        "service_account": "runner",
    }


def test_a_run_is_followed_to_its_end(api: kfp_api.KfpApi):
    api.started = [{"run_id": "run-1"}]
    driver = task("ingest-driver", "SUCCEEDED")
    ended = task("ingest", "SKIPPED", "2026-01-01T00:00:07Z")
    api.states = [
        state("PENDING"),
        state("RUNNING", driver, task("ingest", "RUNNING")),
        state("SUCCEEDED", driver, task("train", "SUCCEEDED", "2026-01-01T00:01:00Z"), ended),
    ]
    seen: list[runs.State] = []
    runs.follow(connection(api), "run-1", STEPS, seen.append, threading.Event(), pause=0)
    assert [found.state for found in seen] == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert seen[0].steps == ()
    assert [step.name for step in seen[1].steps] == ["ingest"]  # the driver is no step
    assert {step.name: step.seconds for step in seen[2].steps} == {"ingest": 7, "train": 60}


def test_a_run_that_fails_says_where(api: kfp_api.KfpApi):
    api.started, words = [{"run_id": "run-1"}], "train: expected\nmore clips"
    api.states = [state("FAILED", task("ingest", "SUCCEEDED"), task("train", "FAILED"), error=words)]
    with pytest.raises(RunFailed, match="Received: FAILED at train train: expected more clips$"):
        runs.follow(connection(api), "run-1", STEPS, lambda state: None, threading.Event(), pause=0)


def test_a_run_is_cancelled_or_is_not_there(api: kfp_api.KfpApi):
    api.started = [{"run_id": "run-1"}]
    runs.cancel(connection(api), "run-1")
    assert api.started[0]["state"] == "CANCELING"
    with pytest.raises(BadInput, match="expected Kubeflow Pipelines to cancel the run no-such. Received: HTTP 404, .*"):
        runs.cancel(connection(api), "no-such")


@pytest.mark.parametrize(
    ("auth", "variable", "header"),
    [
        ("token", "KFP_TOKEN", ("Authorization", "Bearer secret-1")),
        ("cookie", "KFP_COOKIE", ("Cookie", "secret-1")),
    ],
)
def test_credentials_come_from_the_environment(
    api: kfp_api.KfpApi, monkeypatch: pytest.MonkeyPatch, auth: str, variable: str, header: tuple[str, str]
):
    api.header = header
    monkeypatch.setenv(variable, "secret-1")
    assert connection(api, auth=auth).namespace() == ""
    monkeypatch.setenv(variable, "of-yesterday")
    with pytest.raises(BadInput, match="HTTP 401, Unauthenticated$") as refused:
        connection(api, auth=auth).namespace()
    assert "of-yesterday" not in str(refused.value)
    monkeypatch.delenv(variable)
    with pytest.raises(BadInput, match=f"expected {variable} in the environment for kfp.auth: {auth}. Received: none"):
        connection(api, auth=auth)


def test_a_service_account_s_token_is_read_anew_for_every_request(
    api: kfp_api.KfpApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "token").write_text("first")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))  # kfp's own name for the place
    kfp = connection(api, auth="service-account")
    api.header = ("Authorization", "Bearer first")
    kfp.namespace()
    (tmp_path / "token").write_text("second")
    api.header = ("Authorization", "Bearer second")
    versions.upload(kfp, YAML)
    (tmp_path / "token").unlink()
    with pytest.raises(BadInput, match="expected a projected token for kfp.auth: service-account. Received: .*token"):
        versions.upload(kfp, YAML)


def test_an_api_that_is_busy_is_asked_again_but_no_run_is_started_twice(api: kfp_api.KfpApi):
    patient = Connection(profile(api), urllib3.Retry(2, status_forcelist=(503,), raise_on_status=False))
    api.refuse = [("GET", 503), ("GET", 503)]
    assert patient.namespace() == ""
    version = versions.upload(patient, YAML)
    runs.experiment(patient, "cameras")
    api.refuse = [("POST", 503)]
    with pytest.raises(BadInput, match="to start a run. Received: HTTP 503, as the test asked"):
        runs.start(patient, profile(api), version, "lobby", {})
    assert api.requests.count("POST /apis/v2beta1/runs") == 1


def test_what_is_in_the_way_is_one_line(api: kfp_api.KfpApi):
    api.multi_user = True
    with pytest.raises(BadInput, match="expected namespace in the profile: .* several users. Received: none"):
        Connection(replace(profile(api), namespace=""), ONCE).namespace()
    nowhere = Profile(kfp=Kfp(endpoint="http://127.0.0.1:9"))
    with pytest.raises(
        BadInput, match="expected Kubeflow Pipelines to answer at http://127.0.0.1:9. Received: .*refused"
    ):
        Connection(nowhere, ONCE).namespace()
    no_tls = Profile(kfp=Kfp(endpoint=api.url.replace("http:", "https:")))
    with pytest.raises(BadInput, match="expected Kubeflow Pipelines to answer at https://.* Received: .*SSL"):
        Connection(no_tls, ONCE).namespace()


def test_the_screen_says_what_is_new():
    logs = {"train": [["[unforeseen] train: epoch 1", "noise"]], "ingest": [[]]}
    logs["train"] += [[*logs["train"][0], "[unforeseen] train: epoch 2"], ["Traceback", "no memory"]]
    out = io.StringIO()
    screen = Screen(out, lambda step, lines: logs[step].pop(0)[-lines:])
    screen.show(runs.State("RUNNING", (Step("ingest", "SUCCEEDED", 3), Step("train", "RUNNING", 0)), ""))
    screen.show(runs.State("RUNNING", (Step("ingest", "SUCCEEDED", 3), Step("train", "RUNNING", 5)), ""))
    assert out.getvalue().splitlines() == [
        "ingest: SUCCEEDED",
        "train: RUNNING",
        "train: epoch 1",
        "train: epoch 2",
    ]


def test_on_a_terminal_the_table_is_written_over():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    screen = Screen(out, lambda step, lines: [])
    for seconds in (1, 2):
        screen.show(runs.State("RUNNING", (Step("ingest", "SUCCEEDED", 3), Step("train", "RUNNING", seconds)), ""))
    first, second = out.getvalue().split("\x1b[2F\x1b[J")  # up over both lines
    assert first.splitlines() == ["  ingest      SUCCEEDED       3 s", "  train       RUNNING         1 s"]
    assert second.splitlines()[1] == "  train       RUNNING         2 s"


def test_without_logs_a_run_is_followed_all_the_same():
    def refused(step: str, lines: int) -> list[str]:
        raise BadInput("expected the cluster to answer. Received: nothing")

    out = io.StringIO()
    screen = Screen(out, refused)
    for seconds in (1, 2):
        screen.show(runs.State("RUNNING", (Step("train", "RUNNING", seconds),), ""))
    assert out.getvalue().count("without logs: expected the cluster") == 1


def test_the_log_of_a_step_by_the_labels_of_its_pod(tmp_path: Path):
    with kube_api.serve() as kube:
        labels = {"pipeline/runid": "run-1", "unforeseen/step": "train"}
        kube.pods = {"a": {"labels": labels, "log": "one\ntwo"}, "b": {"labels": {}, "log": "three"}}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KUBECONFIG", str(kube.kubeconfig(tmp_path / "config")))
            cluster = connect()
        found = cluster.logs("pipeline/runid=run-1,unforeseen/step=train", "main", 1)
    assert found == {"a": "two"}


@pytest.fixture
def file(api: kfp_api.KfpApi, tmp_path: Path) -> Path:
    places = {"tracking_uri": "http://mlflow:5000", "namespace": "team", "kfp": {"endpoint": api.url}}
    (tmp_path / "profile.yaml").write_text(yaml.safe_dump(places))
    return tmp_path / "profile.yaml"


def test_submit_waits_and_its_exit_code_is_the_run_s(
    api: kfp_api.KfpApi, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KUBECONFIG", str(file.parent / "none"))
    api.states = [state("SUCCEEDED", task("ingest", "SUCCEEDED"))]
    assert cli.main(["submit", "--profile", str(file), "--wait", "--deploy"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["link"] == f"{api.url}/#/runs/details/run-1"
    assert "ingest: SUCCEEDED" in said.err
    parameters = api.started[0]["runtime_config"]["parameters"]
    assert (parameters["camera"], parameters["model"]) == ("walkway", "unforeseen-walkway")
    api.states = [state("FAILED", task("ingest", "FAILED"))]
    assert cli.main(["submit", "--profile", str(file), "--follow", "run-1"]) == 1
    assert cli.main(["submit", "--profile", str(file), "--cancel", "run-1"]) == 0
    assert cli.main(["submit", "--profile", str(file), "--cancel", "run-2"]) == 2


def test_submit_dry_asks_nobody(api: kfp_api.KfpApi, file: Path, capsys: pytest.CaptureFixture[str]):
    words = ["submit", "--profile", str(file), "--source", "s3://a/b", "--camera", "c", "--dry-run"]
    assert cli.main(words) == 0
    assert json.loads(capsys.readouterr().out)["arguments"]["source"] == "s3://a/b"
    assert api.requests == []


def test_a_version_for_another_image_is_uploaded_and_not_run(
    api: kfp_api.KfpApi, file: Path, capsys: pytest.CaptureFixture[str]
):
    words = ["submit", "--profile", str(file), "--upload-only"]
    told = []
    for more in ([], ["--image", "registry.example.org/unforeseen@sha256:1"]):
        assert cli.main([*words, *more]) == 0
        told.append(json.loads(capsys.readouterr().out)["version"])
    assert [one["display_name"] for one in api.uploaded] == told
    assert told[0] != told[1]
    assert api.started == []


def test_ctrl_c_leaves_the_run_running_and_says_how_to_follow(api: kfp_api.KfpApi, file: Path):
    api.started, api.states = [{"run_id": "run-1"}], [state("RUNNING")]
    program = Path(sysconfig.get_path("scripts")) / "unforeseen"
    command = [str(program), "submit", "--profile", str(file), "--follow", "run-1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while "GET /apis/v2beta1/runs/run-1" not in api.requests and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert f"--profile {file} --follow run-1" in errors
    assert "POST /apis/v2beta1/runs/run-1:terminate" not in api.requests

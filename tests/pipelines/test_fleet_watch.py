"""The fleet against a real S3 server: fifty cameras by Kubeflow's API."""

from __future__ import annotations

import io
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import kfp_api
import pytest
import urllib3
import yaml
from s3_server import S3Server
from test_fleet_decide import served
from web_server import Page, serve

from components.storage.records import Overtaken, Record, Records
from components.storage.s3 import S3Store
from pipelines import cli, compiled, profile
from pipelines.compiled import Form
from pipelines.fleet import state
from pipelines.fleet.cluster import Kubeflow
from pipelines.fleet.known import Cameras
from pipelines.fleet.state import HOUR, State
from pipelines.fleet.watch import Row, Watch
from pipelines.kubeflow.connection import Connection

NOW = 1_800_000_000.0
MANY = [f"cam-{number:02}" for number in range(50)]


@pytest.fixture
def api() -> Iterator[kfp_api.KfpApi]:
    with kfp_api.serve() as found:
        yield found


class Fleet:
    """A bucket with cameras, and whoever watches it."""

    def __init__(self, server: S3Server, bucket: str, api: kfp_api.KfpApi) -> None:
        self.client, self.bucket, self.api, self.prefix = server.client(), bucket, api, "cameras"
        self.profile = profile.Profile(
            tracking_uri="http://127.0.0.1:9",
            store=profile.Store(endpoint=server.endpoint),
            kfp=profile.Kfp(endpoint=api.url, experiment="cameras"),
            fleet=profile.Fleet(first_mb=0, at_once=100, per_hour=1000),
        )
        self.said: list[tuple[str, str]] = []

    def limited(self, **limits: Any) -> None:
        self.profile = replace(self.profile, fleet=replace(self.profile.fleet, **limits))

    def put(self, key: str, data: bytes = b"film") -> None:
        self.client.put_object(self.bucket, f"{self.prefix}/{key}", io.BytesIO(data), len(data))

    def watch(self, **how: Any) -> Watch:
        """A new one, as after a kill."""
        kubeflow = Kubeflow(self.profile, Connection(self.profile, urllib3.Retry(0)), Form())
        return Watch(
            f"s3://{self.bucket}/{self.prefix}/", self.profile, kubeflow, lambda *said: self.said.append(said), **how
        )

    def look(self, hours: float = 0, **how: Any) -> dict[str, Row]:
        return {row.camera: row for row in self.watch(**how).look(NOW + hours * HOUR)}

    @property
    def memory(self) -> Records:
        store = S3Store(self.bucket, self.profile.store.endpoint, "")
        return Records(store, f"fleet/{self.bucket}/{self.prefix}")

    def state(self, camera: str) -> State:
        return state.from_text(self.memory.read(f"{camera}.json").text, camera)

    def remember(self, camera: str, change: Callable[[State], State]) -> None:
        record = self.memory.read(f"{camera}.json")
        self.memory.write(f"{camera}.json", state.to_text(change(state.from_text(record.text, camera))), record.tag)

    def runs(self) -> list[str]:
        return [run["runtime_config"]["parameters"]["camera"] for run in self.api.started]

    def end(self, word: str = "SUCCEEDED", **more: Any) -> None:
        for run in self.api.started:
            run.setdefault("state", word)
            run |= more


@pytest.fixture
def fleet(s3_server: S3Server, bucket: str, api: kfp_api.KfpApi, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    made: dict[str, str] = {}
    compile_pipeline = compiled.compile_pipeline

    def once(places: profile.Profile, form: Form) -> str:  # every new watch would take seconds for the same text
        key = repr((places, form))
        made[key] = made.get(key) or compile_pipeline(places, form)
        return made[key]

    monkeypatch.setattr(compiled, "compile_pipeline", once)
    return Fleet(s3_server, bucket, api)


def words(rows: dict[str, Row]) -> Counter[str]:
    return Counter(row.word for row in rows.values())


def test_fifty_cameras_are_trained_once_each_within_the_limits(fleet: Fleet):
    for name in MANY:
        fleet.put(f"{name}/monday.mp4")
    fleet.limited(at_once=20, per_hour=30)
    assert words(fleet.look()) == {"starts": 20, "waiting": 30}
    assert words(fleet.look()) == {"running": 20, "waiting": 30}  # a new watch adopts what is under way
    fleet.end()
    assert words(fleet.look(0.1)) == {"idle": 20, "starts": 10, "waiting": 20}
    fleet.end()
    assert words(fleet.look(0.2)) == {"idle": 30, "waiting": 20}  # thirty have begun within this hour
    assert words(fleet.look(1.2)) == {"idle": 30, "starts": 20}
    fleet.end()
    assert words(fleet.look(1.3)) == {"idle": 50}
    assert sorted(fleet.runs()) == MANY
    first = fleet.api.started[0]
    assert first["display_name"] == f"cam-00-1-{fleet.state('cam-00').trained.footage.digest[:8]}"
    assert first["runtime_config"]["parameters"]["source"] == f"s3://{fleet.bucket}/cameras/cam-00"
    assert len(fleet.api.uploaded) == 1


def test_a_broken_camera_does_not_hold_the_others(fleet: Fleet):
    for name in ("good", "typo", "garbled", "no name", "paused"):
        fleet.put(f"{name}/monday.mp4")
    fleet.put("good/settings.yaml", b"training: {epochs: 4}")
    fleet.put("typo/settings.yaml", b"training: {epoch: 4}")
    fleet.put("paused/settings.yaml", b"paused: true")
    fleet.memory.write("garbled.json", "{", "")
    fleet.put("a-file-beside-the-folders.txt")
    rows = fleet.look()
    assert {name: row.word for name, row in rows.items()} == {
        **{"good": "starts", "typo": "broken", "garbled": "broken", "no name": "broken", "paused": "paused"}
    }
    assert rows["typo"].why.startswith(f"s3://{fleet.bucket}/cameras/typo/settings.yaml: expected settings of training")
    assert rows["garbled"].why.startswith(f"s3://{fleet.bucket}/fleet/{fleet.bucket}/cameras/garbled.json: expected")
    assert rows["no name"].why.startswith("expected a camera name of letters")
    assert fleet.memory.read("garbled.json").text == "{"  # for a person to look at
    (run,) = fleet.api.started
    assert json.loads(run["runtime_config"]["parameters"]["train_settings"])["training"]["epochs"] == 4


def test_a_run_that_fails_is_tried_again_later(fleet: Fleet):
    fleet.put("lobby/monday.mp4")
    fleet.look()
    fleet.end("FAILED", run_details={"task_details": [{"display_name": "train", "state": "FAILED"}]})
    row = fleet.look(0.1)["lobby"]
    assert (row.word, row.last) == ("failed", "train failed: FAILED at train")
    assert row.why == "failed once, tried again in 15 min: FAILED at train"
    assert ("lobby", "train failed: FAILED at train") in fleet.said
    fleet.look(0.3)
    assert len(fleet.api.started) == 1
    assert fleet.look(0.4)["lobby"].word == "starts"
    assert [run["display_name"][:8] for run in fleet.api.started] == ["lobby-1-", "lobby-2-"]


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


def test_killed_after_any_request_it_neither_loses_a_run_nor_starts_it_twice(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
):
    real, left = urllib3.HTTPConnectionPool.urlopen, [0]

    def until_killed(pool: Any, *given: Any, **more: Any) -> Any:
        answer = real(pool, *given, **more)
        left[0] -= 1
        if not left[0]:
            raise Killed
        return answer

    monkeypatch.setattr(urllib3.HTTPConnectionPool, "urlopen", until_killed)
    kills = 0
    while True:
        fleet.prefix = f"after-{kills}"
        fleet.put(f"cam-{kills}/monday.mp4")
        left[0] = kills + 1
        try:
            fleet.look()
            break
        except Killed:
            kills += 1
        for hours in (0.1, 0.2):  # whoever comes next
            (row,) = fleet.look(hours).values()
        assert (row.word, row.run) == ("running", f"run-{len(fleet.api.started)}"), kills
        assert fleet.runs() == [f"cam-{number}" for number in range(kills)]
    assert kills > 12  # listings, memory, the version of the pipeline, the run, memory


def test_a_run_whose_id_nobody_heard_is_found_by_its_name(fleet: Fleet):
    fleet.put("lobby/monday.mp4")
    fleet.look()
    assert fleet.state("lobby").run.id == "run-1"
    fleet.remember("lobby", lambda now: replace(now, run=replace(now.run, id="")))
    assert fleet.look(0.01)["lobby"].why.endswith("; it is being started")  # perhaps by another watch
    assert fleet.look(0.1)["lobby"].word == "running"
    assert fleet.state("lobby").run.id == "run-1"
    assert len(fleet.api.started) == 1


def test_a_start_that_is_refused_is_tried_three_times_and_waits_then(fleet: Fleet):
    fleet.put("lobby/monday.mp4")
    for hours in (0, 0.01):
        fleet.api.refuse = [("POST", 503)] * 9
        row = fleet.look(hours)["lobby"]
        assert row.word == "broken"
        assert row.why.endswith("Received: HTTP 503, as the test asked")
    fleet.look(0.02)
    fleet.api.refuse = [("GET", 503)]
    assert fleet.look(0.03)["lobby"].word == "broken"  # perhaps the last one came through: nobody can say
    row = fleet.look(0.04)["lobby"]
    assert (row.word, row.run, row.last[:30]) == ("failed", "", "train failed: expected Kubeflo")
    assert fleet.look(0.3)["lobby"].run == "run-1"


def test_a_run_that_somebody_deleted_has_failed(fleet: Fleet):
    fleet.put("lobby/monday.mp4")
    fleet.look()
    fleet.api.started.clear()
    assert fleet.look(0.1)["lobby"].last == "train failed: the run run-1 is there no longer"


def test_a_run_of_another_place_is_left_alone(fleet: Fleet):
    fleet.put("lobby/monday.mp4")
    fleet.look()
    fleet.remember("lobby", lambda now: replace(now, run=replace(now.run, place="elsewhere")))
    fleet.end()
    row = fleet.look(0.1)["lobby"]
    assert row.word == "running"
    assert row.why.endswith("; it runs at elsewhere, whose watch has to follow it")


def test_two_watches_start_it_once(fleet: Fleet):
    fleet.put("lobby/monday.mp4")
    memory, here = fleet.memory, Cameras(f"s3://{fleet.bucket}/cameras", fleet.profile.store)
    (camera,) = here.read()  # and now another one is faster
    fleet.look()
    with pytest.raises(Overtaken):
        here.save(camera, State(number=7))
    assert fleet.state("lobby").number == 1
    assert fleet.memory.names() == ["lobby.json"]
    record = memory.read("lobby.json")
    assert memory.write("lobby.json", "{}", record.tag).tag != record.tag
    with pytest.raises(Overtaken):
        memory.write("lobby.json", "{}", record.tag)
    assert memory.read("none.json") == Record("", "")
    with pytest.raises(Overtaken):
        memory.write("none.json", "{}", record.tag)  # it has gone


def test_a_look_without_hands(fleet: Fleet):
    fleet.put("lobby/monday.mp4")
    assert fleet.look(dry=True)["lobby"].word == "starts"
    assert (fleet.api.started, fleet.memory.names()) == ([], [])


def test_a_camera_whose_scores_have_drifted_is_trained_anew_and_says_why(fleet: Fleet):
    fleet.put("lobby/monday.mp4")
    fleet.look()
    fleet.end()
    fleet.look(0.1)
    at = {"/unforeseen-lobby/metrics": Page(served((0.5, 90), (2.2, 10)).encode())}
    with serve(at) as (address, _):
        fleet.limited(metrics=f"{address}/{{service}}/metrics")
        fleet.look(0.2)
        at["/unforeseen-lobby/metrics"] = Page(served((0.5, 6_090), (2.2, 6_010)).encode())
        why = fleet.look(0.3)["lobby"].why
        assert why.startswith(
            "in the last 24 h 50.0% of 12,000 frames scored over 2, calibration says at most 3.0%; a ret"
        )
        time.sleep(1.1)  # the store's clock counts seconds
        fleet.put("lobby/tuesday.mp4", b"f")
        row = fleet.look(0.4)["lobby"]
    assert (row.word, row.why[:28]) == ("starts", "in the last 24 h 50.0% of 12")
    assert fleet.state("lobby").run.kind == "retrain"
    fleet.limited(metrics="http://127.0.0.1:9/")
    assert "expected a service that answers" in fleet.look(0.5)["lobby"].why


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ([], "expected --profile of a cluster, or --out for runs on this machine. Received: neither"),
        (["--out", "out", "--deploy"], "expected --deploy without --out: .* Received: both"),
        (["--out", "out", "--source", "cameras"], "expected --source as s3://bucket/prefix, .* Received: cameras"),
        (["--out", "out", "--source", "s3://bucket"], "expected --source as s3://bucket/prefix, .* s3://bucket"),
        (["--out", "out"], "expected an S3 endpoint such as https://s3.amazonaws.com. Received: none"),
    ],
)
def test_what_cannot_be_watched_is_one_line(more: list[str], line: str, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["watch", "--source", "s3://bucket/cameras", "--once", *more]) == 2
    assert re.fullmatch(f"unforeseen: {line}\n", capsys.readouterr().err)


def test_the_command_prints_a_table_or_json(fleet: Fleet, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, places = tmp_path / "profile.yaml", fleet.profile
    store, kfp = {"endpoint": places.store.endpoint}, {"endpoint": places.kfp.endpoint}
    limits = {"first_mb": 0, "every_minutes": 0.001}
    file.write_text(yaml.safe_dump({"tracking_uri": "http://mlflow", "store": store, "kfp": kfp, "fleet": limits}))
    words = ["watch", "--source", f"s3://{fleet.bucket}/cameras", "--profile", str(file), "--deploy"]
    assert cli.main([*words, "--status"]) == 0
    assert capsys.readouterr().out == "  no cameras\n"
    fleet.put("lobby/monday.mp4")
    assert cli.main([*words, "--dry-run"]) == 0
    assert capsys.readouterr().out == "  lobby  starts   new camera with 0.0 MB of footage\n"
    assert fleet.api.started == []
    assert cli.main([*words, "--once", "--json"]) == 0
    said = capsys.readouterr()
    (row,) = json.loads(said.out)
    assert (row["camera"], row["word"], row["run"]) == ("lobby", "starts", "run-1")
    assert said.err == "lobby: train starts as run-1: new camera with 0.0 MB of footage\n"
    assert "service" in fleet.api.started[0]["runtime_config"]["parameters"]  # that its last step rolls out

"""The fleet on this machine, against a real S3 server: one camera, whose runs are processes here."""

from __future__ import annotations

import io
import json
import shutil
import signal
import subprocess
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from s3_server import S3Server
from tiny import PATIENCE_SECONDS, SETTINGS, Run

from components.storage.records import Records
from components.storage.s3 import S3Store
from model.errors import BadInput
from pipelines import cli, profile
from pipelines.fleet import state
from pipelines.fleet.inventory import Footage
from pipelines.fleet.machine import Machine
from pipelines.fleet.settings import read
from pipelines.fleet.starter import Order
from pipelines.fleet.state import HOUR, State
from pipelines.fleet.watch import Row, Watch


def memory(server: S3Server, bucket: str) -> Records:
    """What is remembered of the cameras."""
    return Records(S3Store(bucket, server.endpoint, ""), f"fleet/{bucket}/cameras")


def test_a_run_on_this_machine_that_fails_leaves_its_last_words(s3_server: S3Server, bucket: str, tmp_path: Path):
    s3_server.client().put_object(bucket, "cameras/lobby/monday.mp4", io.BytesIO(b"film"), 4)
    before = state.Run("lobby-1-a", "train", "new", "here", 1.0, Footage(1, 1, 1.0), ended=2.0)
    memory(s3_server, bucket).write("lobby.json", state.to_text(State(number=1, last=before, trained=before)), "")
    out, said = tmp_path / "out", list[tuple[str, str]]()
    places = profile.Profile(store=profile.Store(endpoint=s3_server.endpoint), fleet=profile.Fleet(first_mb=0))
    here = Machine(out, places, None)  # its runs have no profile, and so no endpoint of the store

    def look(hours: float) -> Row:
        watch = Watch(f"s3://{bucket}/cameras", places, here, lambda *words: said.append(words))
        (row,) = watch.look(1_800_000_000.0 + hours * HOUR)
        return row

    row = look(0)
    assert (row.word, said[0]) == ("starts", ("lobby", "no champion yet, so it trains from scratch"))
    with pytest.raises(BadInput, match="expected no other run of this camera. Received: one"):
        here.start(Order("lobby-3-a", "lobby", "nowhere", read("", "here")))
    assert int((out / ".fleet" / "lobby" / "lock").read_text()) > 1
    another = Machine(out, places, None)  # as after a kill: nobody's child
    assert another.find("lobby", row.run) == row.run
    until(lambda: another.look("lobby", row.run).word)
    assert look(0.1).last.startswith("fine-tune failed: expected an S3 endpoint such as https://s3.amazonaws.com.")
    assert here.find("lobby", "lobby-3-a") == ""
    assert here.look("lobby", "lobby-3-a").error.startswith("it ended without a word; its log is ")


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.slow
def test_a_camera_is_fine_tuned_on_this_machine_though_the_watch_is_killed(
    s3_server: S3Server, bucket: str, first_run: Run, videos: Path, tmp_path: Path
):
    client, tracking = s3_server.client(), tmp_path / "mlflow.db"
    shutil.copy(first_run.kept / "mlflow.db", tracking)  # whose champion is the one to go on from
    sections: dict[str, dict[str, Any]] = {}
    for key, value in {**SETTINGS, "training.epochs": 1}.items():
        section, _, name = key.partition(".")
        sections.setdefault(section, {})[name] = value
    for path in videos.glob("*.mp4"):
        client.fput_object(bucket, f"cameras/walkway/{path.name}", str(path))
    text = yaml.safe_dump(sections).encode()
    tag = client.put_object(bucket, "cameras/walkway/settings.yaml", io.BytesIO(text), len(text)).etag
    remembered = memory(s3_server, bucket)
    before = state.Run("walkway-1-a", "train", "new", "here", 1.0, Footage(1, 9, 1.0), tag, "walkway-1-a", ended=2.0)
    remembered.write("walkway.json", state.to_text(State(number=1, last=before, trained=before)), "")
    file = tmp_path / "profile.yaml"
    places = {"tracking_uri": f"sqlite:///{tracking}", "store": {"endpoint": s3_server.endpoint}}
    file.write_text(yaml.safe_dump({**places, "fleet": {"every_minutes": 0.01}}))
    program = str(Path(sysconfig.get_path("scripts")) / "unforeseen")
    command = [program, "watch", "--source", f"s3://{bucket}/cameras", "--profile", str(file), "--out", str(tmp_path)]

    def now() -> State:
        return state.from_text(remembered.read("walkway.json").text, "walkway")

    with (tmp_path / "said").open("w") as said:
        first = subprocess.Popen(command, stderr=said)
        until(lambda: "fine-tune starts as walkway-2-" in (tmp_path / "said").read_text())
        first.kill()
        first.wait()
        second = subprocess.Popen(command, stderr=said)
        until(lambda: now().last != before)
        second.send_signal(signal.SIGTERM)
        assert second.wait(60) == 0
    assert now().last.outcome == "succeeded", now().last.error
    lines = (tmp_path / "said").read_text().splitlines()
    assert [line[:18] for line in lines if "fine-tune" in line] == ["walkway: fine-tune"] * 2  # it starts, it ends
    assert now().number == 2
    assert now().trained.footage.objects == 2
    summary = json.loads((tmp_path / "walkway" / "summary.json").read_text())
    assert summary["registered"]["version"] == "2"
    facts = json.loads((tmp_path / "walkway" / "detector" / "detector.json").read_text())["facts"]
    assert facts["base_model"] == "models:/unforeseen-walkway/1"
    assert cli.main([*command[1:], "--status"]) == 0

"""Where `unforeseen run` takes footage from, and what it refuses."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest
from s3_server import S3Server
from tiny import LABELLED, Command, Run, last_line, options, steps_in
from web_server import Page, serve

from components.storage import open_store, upload_tree
from pipelines.cli import main
from pipelines.local import STEPS

pytestmark = pytest.mark.slow


def test_unlabelled_videos_in_an_archive_from_the_web_train_on_from_another_camera(
    unforeseen: Command, first_run: Run, videos: Path, tmp_path: Path
):
    out, packed = tmp_path / "lobby", io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(videos, videos.name)
    with serve({"/lobby.tar.gz": Page(packed.getvalue())}) as (address, _):
        words = ["--source", f"{address}/lobby.tar.gz", "--out", out]
        base_model = ["--base-model", first_run.kept / "detector", "--compare-scratch"]
        done = unforeseen("run", *words, *base_model, *options())
    assert done.code == 0, done.errors
    assert "train: from scratch: epoch 2/2" in done.errors
    summary = json.loads((out / "summary.json").read_text())
    assert [summary[key] for key in LABELLED] == [None] * len(LABELLED)
    assert set(summary["evidence"].values()) == {None}
    assert summary["false_alarms_per_hour"] >= 0
    assert summary["clips"] == 1  # the one that nothing was fitted on
    assert 0 < summary["pasted"]["frame_auroc"] <= 1  # which needs no labels
    assert summary["model_mse"] < summary["baselines"]["copy_last_frame_mse"]
    assert summary["registered"]["model"] == "unforeseen-lobby"
    assert "copying the last frame" in summary["registered"]["reason"]
    assert "needs labels" in done.output
    assert [note for note in summary["notes"] if note.startswith("From scratch the validation error reached ")]
    facts = json.loads((out / "detector" / "detector.json").read_text())["facts"]
    assert facts["base_model"] == str(first_run.kept / "detector")
    # It has learned already what the other one has yet to learn.
    assert facts["history"][0]["validation_loss"] < facts["scratch_history"][0]["validation_loss"]
    file = tmp_path / "again.json"
    words = ["--detector", str(out / "detector"), "--source", str(videos), "--json", str(file)]
    assert main(["evaluate", *words]) == 0  # knows again what the detector was fitted on, cut as it was
    again = json.loads(file.read_text())
    assert (again["clips"], again["false_alarms_per_hour"]) == (1, summary["false_alarms_per_hour"])


def test_objects_of_a_bucket_and_a_network_that_learned_nothing(
    unforeseen: Command, footage: Path, s3_server: S3Server, bucket: str, tmp_path: Path
):
    store, _ = open_store(f"s3://{bucket}/", s3_server.endpoint, "")
    upload_tree(footage, store, "cameras/walk", print)
    profile = tmp_path / "profile.yaml"
    profile.write_text(f"store:\n  endpoint: {s3_server.endpoint}\n")
    out = tmp_path / "out"
    words = ["--source", f"s3://{bucket}/cameras/walk", "--camera", "harbour", "--profile", profile, "--out", out]
    too_short = options(training__epochs=1, training__steps_per_epoch=1, training__learning_rate=1.0)
    done = unforeseen("run", *words, *too_short)
    assert done.code == 1
    assert done.output == ""
    assert "preprocess: 360 of 360 frames" in done.errors
    assert "unforeseen-harbour" in done.errors
    line = last_line(done)
    assert "predicts no better than copying the last frame" in line
    assert "training.learning_rate" in line
    assert not {"summary.json", "report.html", "detector"} & {path.name for path in out.iterdir()}
    assert steps_in(out) == ["ingest", "preprocess"]  # which need not run again


def test_a_damaged_picture_costs_one_line_and_leaves_nothing(unforeseen: Command, footage: Path, tmp_path: Path):
    source = Path(shutil.copytree(footage, tmp_path / "damaged"))
    picture = source / "Train" / "Train003" / "020.png"
    picture.write_bytes(picture.read_bytes()[:2000])
    done = unforeseen("run", "--source", source, "--out", tmp_path / "out", *options())
    assert done.code == 2
    assert str(picture) in last_line(done)
    assert [path.name for path in tmp_path.iterdir()] == ["damaged"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--source", "no/such/place"], "expected a path that exists"),
        (["--set", "training.epochs=0"], "expected training.epochs of at least 1"),
        (["--set", "training.speed=3"], "Received: speed"),
        (["--camera", "a b"], "expected a camera name"),  # before any step runs
        (["--base-model", "nowhere"], "nowhere: expected a detector"),
        (["--base-model", "models:/unforeseen-moon@champion"], "expected a registered model under models:/"),
        (["--compare-scratch"], "expected --base-model with --compare-scratch"),
        (["--preset", "huge"], "expected a preset of small, paper"),
        (["--profile", "none.yaml"], "none.yaml: expected a profile"),
    ],
)
@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_what_is_refused_before_anything_runs(words, message, dry, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "--out", "new/out", *words, *dry]) == 2
    output, errors = capsys.readouterr()
    assert message in errors
    assert (output, errors.count("\n")) == ("", 1)
    assert not list(tmp_path.iterdir())


def test_a_dry_run_says_what_would_run_and_writes_nothing(footage, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "--source", str(footage), "--out", "out", "--dry-run", *options()]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["steps"] == list(STEPS)
    assert plan["arguments"]["camera"] == "walkway"  # the name of the folder
    assert plan["arguments"]["source"] == str(footage)
    assert not list(tmp_path.iterdir())

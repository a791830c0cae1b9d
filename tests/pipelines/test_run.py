"""The whole DAG on this machine, as `unforeseen run` starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sysconfig
import time
from pathlib import Path

import psutil
import pytest
from tiny import LABELLED, WALKWAY, WARM_UP, Command, Finished, Run, options, steps_in

from model.scoring import EVIDENCE
from pipelines.local import STEPS

pytestmark = [
    pytest.mark.slow,
    # MLflow's own tables use what SQLAlchemy 2.1 calls deprecated.
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated:DeprecationWarning"),
]

MEASURES = {
    *("frame_auroc", "frame_auroc_macro", "average_precision", "eer", "pixel_auroc", "false_alarms_per_hour"),
    *("false_alarm_interval", "false_alarms_within_interval"),
    *("clips", "frames", "frames_without_score", "baselines", "model_mse", "evidence", "threshold", "pasted"),
    *("rbdc", "tbdc", "events", "delay_seconds", "categories"),
}
KEYS = MEASURES | {"seconds", "peak_memory_mb", "version", "registered", "notes"}


def test_the_directory_holds_what_was_promised(first_run: Run):
    assert {path.name for path in first_run.out.iterdir()} >= {
        *("summary.json", "report.html", "detector", "mlflow.db", "mlartifacts", "run.log")
    }
    assert {path.name for path in (first_run.kept / "detector").iterdir()} == {
        *("detector.json", "network.keras", "scene.npz")
    }
    assert (first_run.kept / "report.html").read_text().startswith("<!doctype html>")
    assert steps_in(first_run.out) == sorted(STEPS)


def test_the_summary_has_its_keys_and_sensible_values(first_run: Run):
    summary = first_run.summary
    assert summary.keys() == KEYS
    assert summary["baselines"].keys() == {"frame_difference", "optical_flow", "copy_last_frame_mse"}
    assert summary["evidence"].keys() == set(EVIDENCE)
    assert summary["seconds"].keys() == {*STEPS, "total"}
    shares = [summary[key] for key in LABELLED] + list(summary["evidence"].values())
    assert all(0 < share < 1 for share in shares)
    assert summary["frame_auroc"] > 0.5
    assert summary["pixel_auroc"] > 0.7
    assert summary["clips"] == WALKWAY.test_clips
    assert summary["frames"] == WALKWAY.test_clips * WALKWAY.clip_frames
    assert summary["frames_without_score"] == WALKWAY.test_clips * WARM_UP
    assert summary["model_mse"] < summary["baselines"]["copy_last_frame_mse"]
    assert summary["false_alarms_per_hour"] >= 0
    assert 0 < sum(summary["seconds"][step] for step in STEPS) < summary["seconds"]["total"]
    assert 200 < summary["peak_memory_mb"] < 3000
    assert summary["registered"]["model"] == "unforeseen-walkway"
    assert "minutes of normal footage" in summary["notes"][0]


def test_a_person_reads_a_short_table_and_how_far_it_is(first_run: Run):
    done = first_run.finished
    lines = done.output.splitlines()
    assert len(lines) < 35
    assert f"    detector                              {first_run.summary['frame_auroc']:.3f}" in lines
    numbers = [line for line in lines if "AUROC (m" in line or "baseline" in line or "/ copying" in line]
    assert {len(line) - len(line.split()[-1]) for line in numbers[1:]} == {42}  # one column
    assert str(first_run.out / "report.html") in done.output
    assert [line.partition(":")[0] for line in done.errors.splitlines()] == sorted(
        (line.partition(":")[0] for line in done.errors.splitlines()), key=STEPS.index
    )
    assert "frames/s" in done.errors
    assert len(done.errors.splitlines()) < 25


def test_mlflow_knows_the_run(first_run: Run):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{first_run.kept / 'mlflow.db'}")
    run = client.get_run(first_run.summary["registered"]["run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.params["training.epochs"] == "2"
    assert run.data.params["walkway.noise"] == "12.0"  # what was set for an earlier step is here too
    (data,) = run.inputs.dataset_inputs
    assert data.dataset.digest == run.data.params["data_digest"][:36]
    assert [point.step for point in client.get_metric_history(run.info.run_id, "validation_loss")] == [1, 2]
    assert run.data.metrics["frame_auroc"] == pytest.approx(first_run.summary["frame_auroc"])
    files = {Path(file.path).name for file in client.list_artifacts(run.info.run_id, "evaluation")}
    assert {"report.html", "training.png", "roc.png", "timeline-00.png"} <= files
    version = client.get_model_version_by_alias("unforeseen-walkway", "champion")
    assert (str(version.version), version.run_id) == ("1", run.info.run_id)
    assert "better than frame difference" in version.tags["gate_reason"]
    assert version.description == run.data.tags["mlflow.note.content"]
    assert version.description.startswith("Of one anomalous and one normal frame")
    assert version.tags["gate_reason"] in version.description


@pytest.fixture(scope="module")
def second_run(unforeseen: Command, first_run: Run) -> tuple[Finished, float]:
    start = time.monotonic()
    done = unforeseen("run", "--out", first_run.out, *options(), "--json")
    return done, time.monotonic() - start


def test_the_same_command_again_answers_from_the_cache(first_run: Run, second_run: tuple[Finished, float]):
    done, seconds = second_run
    assert done.code == 0, done.errors
    assert done.errors == f"from the cache: {', '.join(STEPS)}\n"
    assert seconds < 30  # a few on a quiet machine
    again = json.loads(done.output)  # nothing else is on standard output
    assert again == json.loads((first_run.out / "summary.json").read_text())
    assert {key: again[key] for key in MEASURES} == {key: first_run.summary[key] for key in MEASURES}
    assert again["registered"] == first_run.summary["registered"]
    assert steps_in(first_run.out) == sorted(STEPS)


@pytest.fixture(scope="module")
def resumed_run(unforeseen: Command, first_run: Run, second_run: tuple[Finished, float]) -> Finished:
    """A training of more epochs, killed after its first one, and the same command again."""
    words = ["run", "--out", str(first_run.out), *options(training__epochs=4)]
    program = str(Path(sysconfig.get_path("scripts")) / "unforeseen")
    process = subprocess.Popen([program, *words], stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stderr
    try:
        for line in process.stderr:
            if "epoch 1/4: " in line:
                break
        family = [process, *psutil.Process(process.pid).children(recursive=True)]
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()
    assert process.returncode == -signal.SIGKILL
    psutil.wait_procs(family[1:], timeout=10)
    assert not [one for one in family[1:] if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    return unforeseen(*words)


def test_a_killed_training_goes_on_and_other_steps_come_from_the_cache(first_run: Run, resumed_run: Finished):
    assert resumed_run.code == 0, resumed_run.errors
    (line,) = [line for line in resumed_run.errors.splitlines() if "going on after epoch" in line]
    assert line in [f"train: going on after epoch {epoch} of 4" for epoch in range(1, 4)]
    assert "from the cache: ingest, preprocess\n" in resumed_run.errors
    assert not [line for line in resumed_run.errors.splitlines() if line.startswith(("ingest", "preprocess"))]


def test_a_later_run_meets_the_champion_and_old_folders_go(first_run: Run, resumed_run: Finished):
    registered = json.loads((first_run.out / "summary.json").read_text())["registered"]
    assert registered["version"] == "2"
    assert "than the champion: frame AUROC" in registered["reason"]
    assert steps_in(first_run.out) == sorted(STEPS)

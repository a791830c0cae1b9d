"""A search from the command line: the whole road on a tiny walkway, and what is refused before it begins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from tiny import Command, options

MANIFEST = Path(__file__).parents[2] / "manifests" / "experiment.yaml"

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated:DeprecationWarning")


def tiny_experiment(directory: Path) -> Path:
    """The project's own with two parameters left, and two trials of an epoch or two."""
    data = yaml.safe_load(MANIFEST.read_text())
    spec = data["spec"]
    kept = ("batch_size", "learning_rate")
    spec["parameters"] = [one for one in spec["parameters"] if one["name"] in kept]
    spec["parameters"][0]["feasibleSpace"] = {"min": "1", "max": "2"}
    template = spec["trialTemplate"]
    given = template["trialParameters"]
    template["trialParameters"] = [one for one in given if one["reference"] in (*kept, "${trialSpec.Name}")]
    container = template["trialSpec"]["spec"]["template"]["spec"]["containers"][0]
    words = ("--name=", "--set=training.batch_size", "--set=training.learning_rate", "--set=training.epochs")
    container["args"] = [word for word in container["args"] if word.startswith(words)]
    container["args"].append("--pasted")
    spec["objective"]["additionalMetricNames"] = ["pasted_auroc", "training_seconds"]
    spec["maxTrialCount"] = 2
    spec["maxFailedTrialCount"] = 1
    file = directory / "experiment.yaml"
    file.write_text(yaml.safe_dump(data).replace("training.epochs=3", "training.epochs=2"))
    return file


@pytest.mark.slow
def test_a_search_hands_its_best_to_training(unforeseen: Command, tmp_path: Path):
    from mlflow import MlflowClient

    file, out = tiny_experiment(tmp_path), tmp_path / "run"
    done = unforeseen("run", "--out", out, "--tune", file, *options())
    assert done.code == 0, done.errors
    summary = json.loads((out / "summary.json").read_text())
    best = summary["tuning"]
    assert list(summary["seconds"]) == ["ingest", "preprocess", "tune", "train", "evaluate", "register", "total"]
    assert best["trials"] == 2
    assert best["metric"] == "relative_error"
    assert 0 < best["value"] < 1
    assert f"{best['trial']} of 2 trials, relative_error {best['value']:.4g}: training.batch_size=" in done.output

    chosen = json.loads((out / "detector" / "detector.json").read_text())["facts"]["settings"]["training"]
    assert f"training.batch_size={chosen['batch_size']}" in best["settings"]
    assert f"training.learning_rate={chosen['learning_rate']:.10g}" in best["settings"]
    assert chosen["steps_per_epoch"] == 25  # as the run was told, not as a trial's length is bounded

    page = (out / "tuning.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "What failed" not in page
    client = MlflowClient(f"sqlite:///{out / 'mlflow.db'}")
    (search,) = client.search_runs(["1"], "params.algorithm = 'multivariate-tpe'")
    assert {file.path for file in client.list_artifacts(search.info.run_id, "tuning")} == {
        *("tuning/report.html", "tuning/status.json")
    }
    trials = client.search_runs(["1"], f"tags.`mlflow.parentRunId` = '{search.info.run_id}'")
    assert {run.info.run_name for run in trials} == {"unforeseen-tuning-001", "unforeseen-tuning-002"}
    for run in trials:
        assert run.info.status == "FINISHED"
        history = client.get_metric_history(run.info.run_id, "relative_error")
        assert [point.step for point in history] == [1, 2]
        assert 0 < run.data.metrics["pasted_auroc"] < 1
        log = (out / "tuning" / "trials" / f"{run.info.run_name}.log").read_text()
        assert log.count(" relative_error=") == 2

    again = unforeseen("run", "--out", out, "--tune", file, *options())
    assert "from the cache: ingest, preprocess, tune, train, evaluate, register" in again.errors


def test_check_says_whether_the_file_is_right(unforeseen: Command, tmp_path: Path):
    done = unforeseen("tune", "--check")
    assert (done.code, done.errors) == (0, "")
    assert done.output.endswith("experiment.yaml: 6 trials of 9 parameters\n")
    file = tmp_path / "wrong.yaml"
    file.write_text(MANIFEST.read_text().replace("maxTrialCount", "maxTrials"))
    done = unforeseen("tune", "--experiment", file, "--check")
    assert done.code == 2
    assert done.errors == f"unforeseen: {file}: expected fields of spec. Received: spec.maxTrials\n"


def test_a_wrong_search_is_refused_before_anything_runs(unforeseen: Command, tmp_path: Path):
    file, out = tmp_path / "wrong.yaml", tmp_path / "run"
    file.write_text(MANIFEST.read_text().replace("training.window_frames=", "training.window="))
    done = unforeseen("run", "--out", out, "--tune", file)
    assert done.code == 2
    assert "expected settings of training" in done.errors
    assert not out.exists()


def test_a_dry_run_names_the_search_among_its_steps(unforeseen: Command, tmp_path: Path):
    profile = tmp_path / "profile.yaml"
    profile.write_text(
        "image: registry.example.org/unforeseen:1\n"
        "gpu: {count: 1, node_selector: {pool: gpu}}\n"
        "store: {secret: store-keys}\n"
        "image_pull_secret: pull\n"
    )
    done = unforeseen("run", "--out", tmp_path / "run", "--tune", "--dry-run", "--profile", profile)
    plan = json.loads(done.output)
    assert plan["steps"] == ["ingest", "preprocess", "tune", "train", "evaluate", "register"]
    experiment = json.loads(plan["arguments"]["experiment"])
    pod = experiment["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "registry.example.org/unforeseen:1"
    assert pod["containers"][0]["resources"] == {
        "requests": {"cpu": "4", "memory": "8Gi"},
        "limits": {"memory": "8Gi", "nvidia.com/gpu": "1"},
    }
    assert [one["name"] for one in pod["containers"][0]["env"]] == ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    assert pod["imagePullSecrets"] == [{"name": "pull"}]
    assert pod["nodeSelector"] == {"pool": "gpu"}
    assert [volume["name"] for volume in pod["volumes"]] == ["shared-memory"]
    assert not (tmp_path / "run").exists()


def test_tune_needs_data_or_only_checks(unforeseen: Command):
    done = unforeseen("tune")
    assert (done.code, done.errors) == (2, "unforeseen: expected --data and --out, or --check. Received: neither\n")

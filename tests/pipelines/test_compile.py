"""The pipeline as KFP's own YAML, which another machine will run."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from model import config
from model.errors import BadInput
from pipelines import cli, compiled, profile
from pipelines.compiled import Form, Wanted
from pipelines.local import STEPS
from pipelines.profile import Profile

COMPILE = "import sys; from kfp import compiler; from pipelines.training import pipeline;"
COMPILE += " [compiler.Compiler().compile(pipeline(tuned=t), f) for t, f in zip((False, True), sys.argv[1:])]"
ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
PROFILES = ("kind", "gpu-pool", "gke", "eks", "aks")
EVERY = Form(tuned=True, deployed=True)
AFTER = {  # what each step waits for
    "ingest": set(),
    "preprocess": {"ingest"},
    "train": {"preprocess"},
    "evaluate": {"ingest", "preprocess", "train"},
    "register": {"ingest", "preprocess", "train", "evaluate"},
}


def test_the_compiled_pipeline_has_the_five_steps_and_nothing_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-of-this-machine")
    file, tuned = tmp_path / "training.yaml", tmp_path / "tuned.yaml"
    subprocess.run([sys.executable, "-c", COMPILE, str(file), str(tuned)], check=True, timeout=120)
    text = file.read_text()
    pipeline = next(iter(yaml.safe_load_all(text)))
    tasks = pipeline["root"]["dag"]["tasks"]
    assert {name: set(task.get("dependentTasks", [])) for name, task in tasks.items()} == AFTER
    assert list(STEPS) == list(AFTER)
    images = {one["container"]["image"] for one in pipeline["deploymentSpec"]["executors"].values()}
    assert images == {"unforeseen:0.1.0"}
    for private in (Path(__file__).parents[2], Path.home(), sys.prefix, tmp_path, "a-secret-of-this-machine"):
        assert str(private) + "/" not in text + "/"
        assert str(private) not in json.dumps(pipeline)
    assert "pip install" not in text  # the image holds everything
    tasks = next(iter(yaml.safe_load_all(tuned.read_text())))["root"]["dag"]["tasks"]
    waits = {name: set(task.get("dependentTasks", [])) for name, task in tasks.items()}
    assert waits == AFTER | {"tune": {"preprocess"}, "train": {"preprocess", "tune"}}


def placement(text: str) -> dict[str, Any]:
    """What a profile decides of a compiled pipeline: all but the order of the steps and their code."""
    pipeline, platform = yaml.safe_load_all(text)
    kubernetes = platform["platforms"]["kubernetes"]
    tasks, executors = pipeline["root"]["dag"]["tasks"], pipeline["deploymentSpec"]["executors"]
    steps = {
        name: {
            "after": sorted(task.get("dependentTasks", [])),
            "cached": task["cachingOptions"].get("enableCache", False),
            "retry": task.get("retryPolicy"),
            "image": executors[f"exec-{name}"]["container"]["image"],
            "resources": executors[f"exec-{name}"]["container"]["resources"],
            "kubernetes": kubernetes["deploymentSpec"]["executors"][f"exec-{name}"],
        }
        for name, task in tasks.items()
    }
    parameters = pipeline["root"]["inputDefinitions"]["parameters"]
    defaults = {name: found["defaultValue"] for name, found in parameters.items() if found.get("defaultValue")}
    kept = kubernetes.get("pipelineConfig", {})
    return {"name": pipeline["pipelineInfo"]["name"], "config": kept, "defaults": defaults, "steps": steps}


@pytest.fixture(scope="module")
def placements() -> dict[str, dict[str, Any]]:
    read = {name: profile.read(ROOT / "manifests" / "profiles" / f"{name}.yaml") for name in PROFILES}
    return {name: placement(compiled.compile_pipeline(found, EVERY)) for name, found in read.items()}


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_places_the_pipeline_as_before(placements: dict[str, dict[str, Any]], name: str):
    golden = GOLDEN / f"{name}.yaml"
    if os.environ.get("UNFORESEEN_GOLDEN"):  # make golden
        golden.write_text(yaml.safe_dump(placements[name], sort_keys=True))
    assert placements[name] == yaml.safe_load(golden.read_text())


def test_accelerators_where_something_is_computed(placements: dict[str, dict[str, Any]]):
    steps = placements["gpu-pool"]["steps"]
    assert {name for name, step in steps.items() if "accelerator" in step["resources"]} == {"train"}  # Katib tunes
    here = Profile(gpu=profile.Gpu(count=2, resource="amd.com/gpu", node_selector={"pool": "gpu"}))
    steps = placement(compiled.compile_pipeline(here, EVERY))["steps"]
    found = {
        name: step["resources"]["accelerator"] for name, step in steps.items() if "nodeSelector" in step["kubernetes"]
    }
    assert set(found) == {"train", "tune"}  # here the step itself tunes
    assert (found["tune"]["resourceType"], found["tune"]["resourceCount"]) == ("amd.com/gpu", "2")


def test_a_step_gets_the_secrets_that_it_needs_and_no_password(placements: dict[str, dict[str, Any]]):
    secrets = {
        name: [one["secretName"] for one in step["kubernetes"].get("secretAsEnv", [])]
        for name, step in placements["kind"]["steps"].items()
    }
    store, tracking = ["store-credentials"], ["mlflow-credentials"]
    assert secrets == {
        "fingerprint": store,
        "ingest": store,
        "preprocess": [],
        "tune": store + tracking,
        "train": store + tracking,
        "evaluate": [],
        "register": tracking,
        "deploy": tracking,
    }


def test_what_looks_at_the_world_is_never_from_the_cache(placements: dict[str, dict[str, Any]]):
    steps = placements["kind"]["steps"]
    assert sorted(name for name, step in steps.items() if not step["cached"]) == ["deploy", "fingerprint"]
    assert "fingerprint" in steps["ingest"]["after"]


def arguments(**changes: Any) -> dict[str, Any]:
    places = profile.read(ROOT / "manifests" / "profiles" / "kind.yaml")
    wanted = Wanted(**{"source": "s3://cameras/lobby", "camera": "lobby", "settings": config.Config(), **changes})
    return compiled.arguments(wanted, places, EVERY, "0.1.0+abc")


def test_a_run_is_told_what_the_pipeline_asks_for(tmp_path: Path):
    words = ["--profile", str(ROOT / "manifests" / "profiles" / "kind.yaml"), "--out", str(tmp_path / "pipeline.yaml")]
    assert cli.main(["compile", "--tune", "--deploy", *words]) == 0
    asked = next(iter(yaml.safe_load_all((tmp_path / "pipeline.yaml").read_text())))["root"]["inputDefinitions"][
        "parameters"
    ]
    told = arguments()
    assert set(told) <= set(asked)
    assert {name for name, one in asked.items() if "defaultValue" not in one and not one.get("isOptional")} <= set(told)
    assert told["revision"] == "0.1.0+abc in unforeseen:0.1.0"  # another image, another key of the cache
    assert json.loads(told["service"])["metadata"]["name"] == "unforeseen-lobby"
    assert told["checkpoints"] == "s3://unforeseen/checkpoints"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": "/data/lobby"}, "expected walkway, .* in a cluster. Received: /data/lobby"),  # no pod has it
        ({"base_model": "runs/detector"}, "expected --base-model as models:/.* Received: runs/detector"),
        ({"camera": "a/b"}, "expected a camera name"),
    ],
)
def test_what_a_cluster_cannot_have_is_refused(changes: dict[str, Any], words: str):
    with pytest.raises(BadInput, match=words):
        arguments(**changes)


def test_without_an_address_of_mlflow_nothing_runs_in_a_cluster():
    wanted = Wanted("walkway", "walkway", config.Config())
    with pytest.raises(BadInput, match="expected tracking_uri as http.* Received: ''"):
        compiled.arguments(wanted, Profile(), Form(), "1")

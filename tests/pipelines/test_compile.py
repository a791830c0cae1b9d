"""The pipeline as KFP's own YAML, which another machine will run."""

import json
import subprocess
import sys
from pathlib import Path

import yaml

from pipelines.local import STEPS

COMPILE = "import sys; from kfp import compiler; from pipelines.training import training as t;"
COMPILE += " compiler.Compiler().compile(t, sys.argv[1])"
AFTER = {  # what each step waits for
    "ingest": set(),
    "preprocess": {"ingest"},
    "train": {"preprocess"},
    "evaluate": {"ingest", "preprocess", "train"},
    "register": {"ingest", "preprocess", "train", "evaluate"},
}


def test_the_compiled_pipeline_has_the_five_steps_and_nothing_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-of-this-machine")
    file = tmp_path / "training.yaml"
    subprocess.run([sys.executable, "-c", COMPILE, str(file)], check=True, timeout=120)
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

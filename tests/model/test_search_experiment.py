"""What is refused in an Experiment, each in one line that names the field."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_search import document

from model import config, search
from model.errors import BadInput

MANIFEST = Path(__file__).parents[2] / "manifests" / "experiment.yaml"
SPACE = "spec.parameters.0.feasibleSpace"
JOB = "spec.trialTemplate.trialSpec"
POD = f"{JOB}.spec.template.spec"
LISTED = {"name": "x", "parameterType": "categorical", "feasibleSpace": {"list": ["1", "2", "3"]}}
NOWHERE = object()


def changed(path: str, value: Any) -> dict[str, Any]:
    """The small Experiment with one value set, or removed where it is NOWHERE."""
    data = copy.deepcopy(document())
    *way, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    place: Any = data
    for key in way:
        place = place.setdefault(key, {}) if isinstance(place, dict) else place[key]
    if value is NOWHERE:
        del place[last]
    else:
        place[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        # misspelt, or of another type
        ("spec.maxTrialcount", 3, "spec.maxTrialcount"),
        ("spec.objective.goall", 0.1, "spec.objective.goall"),
        (f"{SPACE}.mim", "1", "spec.parameters[0].feasibleSpace.mim"),
        (f"{JOB}.spec.backofLimit", 1, "spec.trialTemplate.trialSpec.spec.backofLimit"),
        (f"{POD}.restartpolicy", "Never", "spec.trialTemplate.trialSpec.spec.template.spec.restartpolicy"),
        (f"{POD}.containers.0.comand", ["a"], "spec.containers[0].comand"),
        ("spec.maxTrialCount", "3", "spec.maxTrialCount"),
        (f"{SPACE}.min", 1, "spec.parameters[0].feasibleSpace.min"),
        ("spec.objective", 5, "spec.objective"),
        (f"{POD}.containers.0.command", ["sh", 1], "containers[0].command[1]"),
        # refused by Katib
        ("apiVersion", "kubeflow.org/v1", "apiVersion"),
        ("kind", "Trial", "kind"),
        ("metadata.name", "Tiny_1", "metadata.name"),
        ("metadata.name", NOWHERE, "metadata.name"),
        ("spec.parallelTrialCount", 4, "spec.parallelTrialCount"),
        ("spec.parallelTrialCount", 0, "spec.parallelTrialCount"),
        ("spec.maxFailedTrialCount", 4, "spec.maxFailedTrialCount"),
        ("spec.objective", NOWHERE, "spec.objective.type"),
        ("spec.objective.type", "smallest", "spec.objective.type"),
        ("spec.objective.objectiveMetricName", NOWHERE, "spec.objective.objectiveMetricName"),
        ("spec.objective.additionalMetricNames", ["loss"], "spec.objective.additionalMetricNames"),
        ("spec.objective.metricStrategies", [{"name": "los", "value": "min"}], "metricStrategies[0].name"),
        ("spec.objective.metricStrategies", [{"name": "loss", "value": "mean"}], "metricStrategies[0].value"),
        ("spec.algorithm.algorithmName", NOWHERE, "spec.algorithm.algorithmName"),
        ("spec.algorithm.algorithmSettings", [{"name": "seed", "value": "1"}], "algorithmSettings.seed"),
        ("spec.algorithm.algorithmSettings", [{"name": "random_state", "value": "-1"}], "random_state"),
        ("spec.earlyStopping.algorithmName", "median", "spec.earlyStopping.algorithmName"),
        ("spec.resumePolicy", "Sometimes", "spec.resumePolicy"),
        ("spec.parameters", [], "spec.parameters"),
        ("spec.parameters.0.parameterType", "float", "spec.parameters[0].parameterType"),
        (f"{SPACE}.max", NOWHERE, "spec.parameters[0].feasibleSpace.max"),
        (f"{SPACE}.list", ["1"], "spec.parameters[0].feasibleSpace.list"),
        (f"{SPACE}.min", "1.5", "spec.parameters[0].feasibleSpace.min"),
        (f"{SPACE}.min", "4", "spec.parameters[0].feasibleSpace.min"),
        (f"{SPACE}.step", "0", "spec.parameters[0].feasibleSpace.step"),
        ("spec.parameters.0", {**LISTED, "feasibleSpace": {"list": []}}, "feasibleSpace.list"),
        ("spec.parameters.0", {**LISTED, "feasibleSpace": {"list": ["1"], "min": "1"}}, "without min"),
        ("spec.maxTrialCount", 4, "the grid's 3 points"),
        ("spec.trialTemplate.primaryContainerName", "main", "spec.trialTemplate.primaryContainerName"),
        ("spec.trialTemplate.trialSpec", NOWHERE, "spec.trialTemplate.trialSpec"),
        ("spec.trialTemplate.trialParameters.0.name", "{x}", "trialParameters[0].name"),
        ("spec.trialTemplate.trialParameters.0.reference", "y", "trialParameters[0].reference"),
        ("spec.trialTemplate.trialParameters.1.reference", "x", "trialParameters[0].reference once"),
        ("spec.trialTemplate.trialParameters.1.name", "unused", "trialParameters[1].name"),
        (f"{POD}.containers.0.args", ["${trialParameters.z}"], "without z"),
        (f"{JOB}.metadata", {"name": "job"}, "spec.trialTemplate.trialSpec.metadata"),
        (f"{POD}.restartPolicy", "OnFailure", "restartPolicy"),
        # no equal here
        ("spec.maxTrialCount", NOWHERE, "spec.maxTrialCount"),
        ("spec.algorithm.algorithmName", "hyperband", "spec.algorithm.algorithmName"),
        ("spec.algorithm.algorithmName", "bayesianoptimization", "spec.algorithm.algorithmName"),
        ("spec.nasConfig", {"graphConfig": {"numLayers": 8}}, "spec.nasConfig"),
        (f"{SPACE}.distribution", "normal", "spec.parameters[0].feasibleSpace.distribution"),
        (f"{SPACE}.distribution", "logNormal", "spec.parameters[0].feasibleSpace.distribution"),
        ("spec.metricsCollectorSpec", {"collector": {"kind": "File"}}, "spec.metricsCollectorSpec.collector.kind"),
        (f"{JOB}.kind", "TrainJob", "spec.trialTemplate.trialSpec"),
        ("spec.trialTemplate.configMap.configMapName", "a", "spec.trialTemplate.configMap"),
        (f"{POD}.containers.0.command", NOWHERE, "containers.trial.command"),
    ],
)
def test_a_wrong_field_is_named(path: str, value: Any, named: str):
    with pytest.raises(BadInput) as caught:
        search.parse(json.dumps(changed(path, value)), "file.yaml")
    assert named in str(caught.value)
    assert str(caught.value).startswith("file.yaml: expected ")
    assert "Received: " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("algorithm", "settings", "parameter", "named"),
    [
        ("cmaes", {}, {}, "two of int or double"),
        ("cmaes", {"restart_strategy": "ipop"}, {}, "restart_strategy"),
        ("tpe", {"n_startup_trials": "few"}, {}, "n_startup_trials"),
        ("sobol", {"random_state": "1"}, {}, "random_state"),
        ("grid", {}, {"parameterType": "double"}, "feasibleSpace.step"),
        ("random", {}, {"feasibleSpace": {"min": "0", "max": "3", "distribution": "logUniform"}}, "feasibleSpace.min"),
        (
            *("random", {}),
            {"feasibleSpace": {"min": "1", "max": "3", "step": "1", "distribution": "logUniform"}},
            "feasibleSpace.step",
        ),
        ("random", {}, {"parameterType": "discrete", "feasibleSpace": {"list": ["a"]}}, "feasibleSpace.list"),
    ],
)
def test_a_space_that_the_algorithm_cannot_search(algorithm: str, settings: dict, parameter: dict, named: str):
    data = document()
    pairs = [{"name": name, "value": value} for name, value in settings.items()]
    data["spec"]["algorithm"] = {"algorithmName": algorithm, "algorithmSettings": pairs}
    data["spec"]["parameters"][0] |= parameter
    with pytest.raises(BadInput, match=named):
        search.parse(json.dumps(data))


@pytest.mark.parametrize(
    ("text", "words"), [("{", "in YAML"), ("- 1", "Received: list"), ("a: !!python/object:os.system {}", "in YAML")]
)
def test_what_is_no_experiment(text: str, words: str):
    with pytest.raises(BadInput, match=words):
        search.parse(text, "file.yaml")


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(BadInput, match=r"none.yaml: expected a Katib Experiment. Received: No such file"):
        search.read(tmp_path / "none.yaml")


def test_the_defaults_are_katibs():
    data = document()
    del data["spec"]["parallelTrialCount"]
    data["spec"]["earlyStopping"] = {"algorithmName": "medianstop"}
    data["spec"]["objective"]["additionalMetricNames"] = ["other"]
    found = search.parse(json.dumps(data))
    assert (found.parallel, found.max_failed, found.goal) == (3, None, None)
    assert (found.median_stop.min_trials_required, found.median_stop.start_step) == (3, 4)
    assert found.strategies == {"loss": "min", "other": "min"}


def test_the_projects_own_experiment_searches_what_it_promises():
    found = search.read(MANIFEST)
    search.check_settings(found, config.build(), "", "manifest")
    changed = search.overrides(found, {parameter.name: "7" for parameter in found.parameters})
    assert {change.partition("=")[0] for change in changed} == {
        *("training.batch_size", "prednet.stack_sizes", "prednet.r_stack_sizes", "prednet.r_filter_sizes"),
        *("training.learning_rate", "training.final_learning_rate", "training.window_frames"),
        *("training.layer_loss_weights", "training.freeze_layers"),
    }
    logarithmic = {parameter.name for parameter in found.parameters if parameter.log}
    assert logarithmic == {"learning_rate", "final_learning_rate"}
    labels = found.document["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["metadata"]["labels"]
    assert labels == {"sidecar.istio.io/inject": "false"}


def test_the_projects_own_experiment_passes_the_published_schema():
    import jsonschema

    footage = Path(os.environ.get("UNFORESEEN_FOOTAGE", "/no/such/footage"))
    file = footage.parents[1] / "crds" / "kubeflow.org_experiments.yaml"
    if not file.is_file():
        pytest.skip("needs Katib's resource definitions beside the footage; set UNFORESEEN_FOOTAGE")
    definition = yaml.safe_load(file.read_text())["spec"]
    data = yaml.safe_load(MANIFEST.read_text())
    (version,) = [one for one in definition["versions"] if one["served"]]
    assert data["apiVersion"] == f"{definition['group']}/{version['name']}"
    assert data["kind"] == definition["names"]["kind"]
    jsonschema.validate(data, version["schema"]["openAPIV3Schema"])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("training.batch_size", "training.batchsize", "parameter batch_size = 2: expected settings of training"),
        ("training.window_frames", "preprocessing.height", "expected settings of prednet, training"),
        ("[1,${trialParameters.stackSizes}]", "[3,${trialParameters.stackSizes}]", "stack_sizes to begin with"),
        (
            '{min: "2", max: "6", step: "2"}',
            '{min: "0", max: "6", step: "2"}',
            "batch_size = 0: expected training.batch",
        ),
        ('list: ["no"]', 'list: ["no", "yes"]', "parameter transfer = yes: expected --base-model"),
        ('list: ["no"]', 'list: ["no", "on"]', "parameter transfer = on: expected --transfer=yes or no"),
        ("--set=training.epochs=3", "--set=training.epochs=none", "training.epochs as int"),
    ],
)
def test_settings_that_training_would_refuse_are_found_before_any_trial(old: str, new: str, words: str):
    found = search.parse(MANIFEST.read_text().replace(old, new, 1))
    with pytest.raises(BadInput) as caught:
        search.check_settings(found, config.build(), "", "file.yaml")
    assert words in str(caught.value)


def test_the_best_trial_hands_on_what_was_searched_and_not_what_bounds_a_trial():
    found = search.read(MANIFEST)
    chosen = {parameter.name: (parameter.choices or ("6",))[0] for parameter in found.parameters}
    settings = search.apply(config.build(), search.overrides(found, {**chosen, "learning_rate": "0.002"}))
    assert settings.training.learning_rate == 0.002
    assert settings.training.batch_size == 6
    assert settings.prednet.r_stack_sizes == (4, 4, 8, 16)
    assert settings.training.epochs == config.Training.epochs
    assert settings.training.steps_per_epoch == config.Training.steps_per_epoch


def test_a_base_model_is_used_by_trials_that_say_so():
    text = MANIFEST.read_text()
    search.check_settings(search.parse(text.replace('list: ["no"]', 'list: ["no", "yes"]')), config.build(), "a", "f")
    with pytest.raises(BadInput, match="expected a trial with --transfer=yes"):
        search.check_settings(search.parse(text), config.build(), "a", "f")
    found = search.parse(text)
    chosen = {parameter.name: "2" for parameter in found.parameters}
    assert [search.transfers(found, {**chosen, "transfer": word}) for word in ("yes", "no")] == [True, False]

"""Small Experiments whose trials are shell commands, over in a moment."""

from __future__ import annotations

import copy
import json
from typing import Any

from model.search import Experiment, parse

SHELL = "echo loss=${trialParameters.x}"
X = {"name": "x", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "3"}}


def document(command: str = SHELL, parameters: tuple[dict[str, Any], ...] = (X,), **spec: Any) -> dict[str, Any]:
    """An Experiment as its file has it; every parameter is a placeholder of its own name."""
    references = [{"name": one["name"], "reference": one["name"]} for one in parameters]
    container = {"name": "trial", "image": "busybox", "command": ["sh", "-c", command]}
    for one in parameters:  # each has to be used
        container["command"].append(f"${{trialParameters.{one['name']}}}")
    template = {
        "primaryContainerName": "trial",
        "trialParameters": [*references, {"name": "trial", "reference": "${trialSpec.Name}"}],
        "trialSpec": {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
        },
    }
    container["command"].append("${trialParameters.trial}")
    return {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": "tiny"},
        "spec": {
            "objective": {"type": "minimize", "objectiveMetricName": "loss"},
            "algorithm": {"algorithmName": "grid"},
            "parallelTrialCount": 1,
            "maxTrialCount": 3,
            "parameters": copy.deepcopy(list(parameters)),
            "trialTemplate": template,
            **spec,
        },
    }


def experiment(command: str = SHELL, parameters: tuple[dict[str, Any], ...] = (X,), **spec: Any) -> Experiment:
    return parse(json.dumps(document(command, parameters, **spec)))

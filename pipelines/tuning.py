"""A search as a profile places it."""

from __future__ import annotations

import copy
import json
from typing import Any

from model.search import Experiment
from model.search.experiment import primary_container
from pipelines.profile import Profile


def placed(experiment: Experiment, profile: Profile) -> str:
    """The Experiment as JSON text; each trial's pod is as a training step's would be."""
    document: dict[str, Any] = copy.deepcopy(experiment.document)
    template = document["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]
    primary, pod = primary_container(document), template["spec"]
    size = profile.steps.train
    secrets = [
        {"name": key, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
        for secret, keys in profile.secrets().items()
        for key in keys
    ]
    placed = primary | {
        "image": profile.image,
        "env": [*primary.get("env", []), *secrets],
        "resources": {"requests": {"cpu": size.cpu, "memory": size.memory}, "limits": {"memory": size.memory}},
    }
    # The profile's accelerators go to the first container.
    pod = pod | {"containers": [placed, *(one for one in pod["containers"] if one is not primary)]}
    if profile.image_pull_secret:
        pod["imagePullSecrets"] = [{"name": profile.image_pull_secret}]
    template["spec"] = profile.gpu.place(pod)
    return json.dumps(document)

"""A search as a profile places it."""

from __future__ import annotations

import copy
import json
from typing import Any

from model.search import Experiment
from model.search.experiment import primary_container
from pipelines.profile import Profile


def placed(experiment: Experiment, profile: Profile) -> str:
    """The Experiment as JSON text, its trials with the profile's image and on its GPU pool."""
    document: dict[str, Any] = copy.deepcopy(experiment.document)
    template = document["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]
    primary = primary_container(document)
    others = [one for one in template["spec"]["containers"] if one is not primary]
    primary["image"] = profile.image
    template["spec"] = profile.gpu.place(template["spec"] | {"containers": [primary, *others]})
    return json.dumps(document)

"""A Katib Experiment (v1beta1) as this library reads it: what is searched, how, and the command of a trial."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.errors import BadInput

PLACEHOLDER = re.compile(r"\$\{trialParameters\.(.+?)\}")
TRIAL_NAME = "${trialSpec.Name}"  # what Katib replaces with the trial's name


@dataclass(frozen=True)
class Parameter:
    """One dimension of the search space; `choices` for categorical and discrete, the rest for int and double."""

    name: str
    kind: str  # int, double, categorical or discrete
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    log: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class MedianStop:
    """Katib's early stopping."""

    min_trials_required: int = 3
    start_step: int = 4


@dataclass(frozen=True)
class Experiment:
    """What Katib would do with the file."""

    name: str
    metric: str  # the objective
    minimize: bool
    goal: float | None
    strategies: dict[str, str]  # every metric that is collected, the objective first: min, max or latest
    algorithm: str
    settings: dict[str, str]  # of the algorithm
    median_stop: MedianStop | None
    parallel: int
    max_trials: int
    max_failed: int | None
    parameters: tuple[Parameter, ...]
    references: dict[str, str]  # name in the template -> parameter, or TRIAL_NAME
    command: tuple[str, ...]  # of the primary container, with its arguments and placeholders
    document: dict[str, Any]  # the file

    def render(self, text: str, name: str, assignments: Mapping[str, str]) -> str:
        """Fills the placeholders as Katib does."""
        known = {**assignments, TRIAL_NAME: name}
        return PLACEHOLDER.sub(lambda found: known[self.references[found.group(1)]], text)


def read(path: Path) -> Experiment:
    """The Experiment of a YAML file, checked.

    Raises:
        BadInput: unreadable, misspelt, refused by Katib, or without an equal here; names the field.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise BadInput(f"{path}: expected a Katib Experiment. Received: {getattr(e, 'strerror', e)}") from e
    return parse(text, str(path))


def parse(text: str, where: str = "experiment") -> Experiment:
    """The same for the text of such a file, in YAML or JSON."""
    import yaml

    from model.search.rules import check_rules
    from model.search.typed import check_fields

    try:
        document = json.loads(json.dumps(yaml.safe_load(text)))
    except (yaml.YAMLError, TypeError) as e:
        raise BadInput(f"{where}: expected a Katib Experiment in YAML. Received: {' '.join(str(e).split())}") from e
    if not isinstance(document, dict):
        raise BadInput(f"{where}: expected a Katib Experiment in YAML. Received: {type(document).__name__}")
    check_fields(document, where)
    check_rules(document, where)
    return _experiment(document)


def _experiment(document: dict[str, Any]) -> Experiment:
    spec = document["spec"]
    objective, stopping, template = spec["objective"], spec.get("earlyStopping"), spec["trialTemplate"]
    container = primary_container(document)
    return Experiment(
        name=document["metadata"]["name"],
        metric=objective["objectiveMetricName"],
        minimize=objective["type"] == "minimize",
        goal=objective.get("goal"),
        strategies=_strategies(objective),
        algorithm=spec["algorithm"]["algorithmName"],
        settings=named(spec["algorithm"].get("algorithmSettings")),
        median_stop=MedianStop(**{k: int(v) for k, v in named(stopping.get("algorithmSettings")).items()})
        if stopping
        else None,
        parallel=spec.get("parallelTrialCount") or 3,  # Katib's default
        max_trials=spec["maxTrialCount"],
        max_failed=spec.get("maxFailedTrialCount"),
        parameters=tuple(_parameter(one) for one in spec["parameters"]),
        references={one["name"]: one["reference"] for one in template["trialParameters"]},
        command=(*container["command"], *(container.get("args") or ())),
        document=document,
    )


def primary_container(document: dict[str, Any]) -> dict[str, Any]:
    """The container of the template that trains."""
    template = document["spec"]["trialTemplate"]
    containers = template["trialSpec"]["spec"]["template"]["spec"]["containers"]
    return next(one for one in containers if one["name"] == template["primaryContainerName"])


def named(settings: list[dict[str, str]] | None) -> dict[str, str]:
    """Katib's lists of name and value as a mapping."""
    return {one["name"]: one["value"] for one in settings or ()}


def _strategies(objective: dict[str, Any]) -> dict[str, str]:
    """Katib's default is the best report, for the additional metrics too."""
    best = "min" if objective["type"] == "minimize" else "max"
    names = (objective["objectiveMetricName"], *(objective.get("additionalMetricNames") or ()))
    return {name: named(objective.get("metricStrategies")).get(name, best) for name in names}


def _parameter(data: dict[str, Any]) -> Parameter:
    space, kind = data["feasibleSpace"], data["parameterType"]
    if kind in ("categorical", "discrete"):
        return Parameter(data["name"], kind, choices=tuple(space["list"]))
    step = float(space["step"]) if space.get("step") else None
    log = space.get("distribution") == "logUniform"
    return Parameter(data["name"], kind, float(space["min"]), float(space["max"]), step, log)

"""What Katib's webhook and suggestion services refuse in an Experiment, and what has no equal on one machine."""

from __future__ import annotations

import math
import re
from typing import Any

from model.search.document import Document
from model.search.experiment import PLACEHOLDER, TRIAL_NAME, named
from model.search.space_rules import check_grid, check_parameters

COUNT = (int, 0, "a whole number of at least 0")
POSITIVE = (int, 1, "a whole number of at least 1")
TPE = {"n_startup_trials": COUNT, "n_ei_candidates": COUNT, "random_state": COUNT}
ALGORITHMS: dict[str, dict[str, Any]] = {
    "random": {"random_state": COUNT},
    "grid": {"random_state": COUNT},
    "tpe": TPE,
    "multivariate-tpe": TPE,
    "sobol": {},
    "cmaes": {"restart_strategy": None, "sigma": (float, 0, "a number of at least 0"), "random_state": COUNT},
}
MEDIANSTOP = {"min_trials_required": POSITIVE, "start_step": POSITIVE}
NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def check_rules(data: dict[str, Any], where: str) -> None:
    """Checks a document whose fields are all known.

    Raises:
        BadInput: names the first field that Katib would refuse or that means nothing here.
    """
    document = Document(data, where)
    document.require(data.get("apiVersion") == "kubeflow.org/v1beta1", "apiVersion", "as kubeflow.org/v1beta1")
    document.require(data.get("kind") == "Experiment", "kind", "as Experiment")
    name = document.get("metadata.name")
    document.require(NAME.fullmatch(name or ""), "metadata.name", "of lower case letters, digits and '-'")
    _check_counts(document)
    _check_objective(document)
    _check_algorithm(document)
    document.require(document.get("spec.nasConfig") is None, "spec.nasConfig", "left out: it has no equal here")
    check_parameters(document)
    _check_early_stopping(document)
    _check_collector(document)
    policies = (None, "Never", "LongRunning", "FromVolume")
    document.require(
        document.get("spec.resumePolicy") in policies, "spec.resumePolicy", f"as one of {', '.join(policies[1:])}"
    )
    _check_template(document)
    check_grid(document)


def _check_counts(document: Document) -> None:
    trials, parallel, failed = (
        document.get(f"spec.{name}") for name in ("maxTrialCount", "parallelTrialCount", "maxFailedTrialCount")
    )
    document.require(trials and trials > 0, "spec.maxTrialCount", "of at least 1 (a search without end has none here)")
    document.require(parallel is None or parallel > 0, "spec.parallelTrialCount", "of at least 1")
    document.require((parallel or 1) <= trials, "spec.parallelTrialCount", f"of at most maxTrialCount, {trials}")
    document.require(failed is None or 0 <= failed <= trials, "spec.maxFailedTrialCount", f"between 0 and {trials}")


def _check_objective(document: Document) -> None:
    path = "spec.objective"
    kind, metric = document.get(f"{path}.type"), document.get(f"{path}.objectiveMetricName")
    document.require(kind in ("minimize", "maximize"), f"{path}.type", "as minimize or maximize")
    document.require(metric, f"{path}.objectiveMetricName", "as the name of a metric")
    more = document.get(f"{path}.additionalMetricNames") or []
    document.require(metric not in more, f"{path}.additionalMetricNames", "without the objective's own name")
    for index, one in enumerate(document.get(f"{path}.metricStrategies") or []):
        at = f"{path}.metricStrategies[{index}]"
        document.require(one.get("name") in (metric, *more), f"{at}.name", "as a metric of the objective", one)
        document.require(one.get("value") in ("min", "max", "latest"), f"{at}.value", "as min, max or latest", one)


def _check_algorithm(document: Document) -> None:
    path = "spec.algorithm"
    name = document.get(f"{path}.algorithmName")
    document.require(name in ALGORITHMS, f"{path}.algorithmName", f"as one of {', '.join(ALGORITHMS)}")
    settings = _settings(document, path, ALGORITHMS[name])
    document.require(
        settings.get("restart_strategy", "none") in ("none", "None"),
        f"{path}.algorithmSettings.restart_strategy",
        "as none: the engine has no other",
        settings.get("restart_strategy"),
    )


def _check_early_stopping(document: Document) -> None:
    path = "spec.earlyStopping"
    if document.get(path) is not None:
        name = document.get(f"{path}.algorithmName")
        document.require(name == "medianstop", f"{path}.algorithmName", "as medianstop")
        _settings(document, path, MEDIANSTOP)


def _settings(document: Document, path: str, known: dict[str, Any]) -> dict[str, str]:
    settings = document.get(f"{path}.algorithmSettings") or []
    for one in settings:
        at = f"{path}.algorithmSettings.{one.get('name')}"
        words = ", ".join(known) or "none"
        document.require(one.get("name") in known and one.get("value"), at, f"as one of the settings {words}", one)
        if limit := known[one["name"]]:
            kind, least, expected = limit
            document.require(_number(one["value"], kind) >= least, at, f"as {expected}", one["value"])
    return named(settings)


def _number(text: str, kind: type) -> float:
    try:
        return float(kind(text))
    except ValueError:
        return -math.inf


def _check_collector(document: Document) -> None:
    path = "spec.metricsCollectorSpec"
    kind = document.get(f"{path}.collector.kind")
    document.require(kind in (None, "StdOut"), f"{path}.collector.kind", "as StdOut: no other has an equal here")
    document.require(document.get(f"{path}.source") is None, f"{path}.source", "left out: it has no equal here")


def _check_template(document: Document) -> None:
    path = "spec.trialTemplate"
    document.require(document.get(f"{path}.configMap") is None, f"{path}.configMap", "left out: it has no equal here")
    document.require(document.get(f"{path}.trialSpec"), f"{path}.trialSpec", "as a Job")
    job = document.get(f"{path}.trialSpec")
    kinds = (job.get("apiVersion"), job.get("kind"))
    document.require(kinds == ("batch/v1", "Job"), f"{path}.trialSpec", "as a Job of batch/v1", kinds)
    names = {"name", "namespace"} & set(job.get("metadata") or {})
    document.require(not names, f"{path}.trialSpec.metadata", "without name and namespace, which Katib gives", names)
    pod = document.get(f"{path}.trialSpec.spec.template.spec") or {}
    document.require(
        pod.get("restartPolicy") == "Never", f"{path}...restartPolicy", "as Never", pod.get("restartPolicy")
    )
    primary = document.get(f"{path}.primaryContainerName")
    found = [one for one in pod.get("containers") or [] if one.get("name") == primary]
    document.require(found, f"{path}.primaryContainerName", "as the name of a container of the Job")
    document.require(found[0].get("command"), f"{path}...containers.{primary}.command", "as what a trial runs", "none")
    _check_placeholders(document, path, str([found[0]["command"], found[0].get("args")]), str(job))


def _check_placeholders(document: Document, path: str, command: str, job: str) -> None:
    """Each name once, known and used; none left over."""
    at, parameters = f"{path}.trialParameters", {one.get("name") for one in document.get("spec.parameters")}
    given = document.get(at) or []
    for index, one in enumerate(given):
        name, reference = one.get("name") or "", one.get("reference")
        document.require(re.fullmatch(r"[^{}]+", name), f"{at}[{index}].name", "without { and }", one)
        known = reference in parameters or reference == TRIAL_NAME
        document.require(known, f"{at}[{index}].reference", f"as a parameter or {TRIAL_NAME}", one)
        for field in ("name", "reference"):
            twice = sum(other.get(field) == one[field] for other in given) > 1
            document.require(not twice, f"{at}[{index}].{field}", "once", one[field])
        used = f"${{trialParameters.{name}}}" in command
        document.require(used, f"{at}[{index}].name", "in the command or the args of the trial", name)
    left = set(PLACEHOLDER.findall(job)) - {one["name"] for one in given}
    document.require(not left, at, "with every name that the template uses", f"without {', '.join(sorted(left))}")
    unseen = parameters - {one["reference"] for one in given}
    document.require(not unseen, at, "with every parameter", f"without {', '.join(sorted(map(str, unseen)))}")

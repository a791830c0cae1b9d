"""A search on a cluster: the Experiment is made there, followed, read, and removed when the run is cancelled."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from components.cluster import EXPERIMENT, Cluster, Resource, condition
from components.cluster.resource import Kind
from components.registry import Registry
from model import search
from model.errors import BadInput
from model.search.experiment import named, primary_container
from model.search.result import FAILED, LISTS, UNAVAILABLE

TRIAL = Kind("kubeflow.org", "v1beta1", "trials")
LONGEST_SECONDS = 14 * 24 * 3600.0  # the Job of every trial has its own limit; this one ends what nobody ended
GONE_SECONDS = 120.0  # that a removed Experiment may take to go
NAME_LENGTH = 40  # Katib adds to it, and a Job's name has at most 63
LOG_LINES = 12


def run_on_katib(
    experiment: search.Experiment,
    told: Sequence[str],
    run_id: str,
    cluster: Cluster,
    registry: Registry,
    progress: Callable[[str], None],
) -> search.Result:
    """Hands the search to Katib, or takes up the one that the same run began.

    Args:
        experiment: with image and placement.
        told: arguments added to every trial's command.
        run_id: MLflow's run of this search, which names the Experiment.
        cluster: where Katib is.
        registry: has the trials' curves.
        progress: takes a line whenever the search moved.

    Raises:
        BadInput: the cluster refuses.
        RunFailed: somebody else removed the Experiment, or it never ended.
    """
    body = _body(experiment, told, run_id)
    name = body["metadata"]["name"]
    with _removed_when_cancelled(cluster, name):
        made = cluster.create(EXPERIMENT, body, run_id)
        if _holds(made, "Failed"):
            _remove(cluster, name)  # whoever tries again may have mended what was wrong
            cluster.create(EXPERIMENT, body, run_id)
        progress(f"experiments/{name} in {cluster.namespace}")
        state = cluster.wait(EXPERIMENT, name, _is_over, _describe, LONGEST_SECONDS, progress)
        return _result(experiment, state, cluster, registry.curves(run_id, experiment.metric))


def _body(experiment: search.Experiment, told: Sequence[str], run_id: str) -> Resource:
    body: Resource = copy.deepcopy(experiment.document)
    body["metadata"]["name"] = f"{experiment.name[:NAME_LENGTH].rstrip('-')}-{run_id[:8]}"
    container = primary_container(body)
    container["args"] = [*(container.get("args") or ()), *told]
    return body


@contextmanager
def _removed_when_cancelled(cluster: Cluster, name: str) -> Iterator[None]:
    """An Experiment that goes on without its run would cost GPUs for nothing."""
    try:
        yield
    except (SystemExit, KeyboardInterrupt):
        cluster.delete(EXPERIMENT, name)
        raise


def _remove(cluster: Cluster, name: str) -> None:
    cluster.delete(EXPERIMENT, name)
    for state in cluster.states(EXPERIMENT, name, GONE_SECONDS):
        if state is None:
            return
    raise BadInput(f"expected experiments/{name} to go within {GONE_SECONDS:g} seconds. Received: it is still there")


def _holds(state: Resource, kind: str) -> bool:
    found = condition(state, kind)
    return bool(found and found.holds)


def _is_over(state: Resource) -> bool:
    return _holds(state, "Succeeded") or _holds(state, "Failed")


def _describe(state: Resource) -> str:
    status = state.get("status", {})
    ended = sum(status.get(count, 0) for _, count in LISTS.values())
    words = f"{ended} of {state['spec']['maxTrialCount']} trials ended, {status.get('trialsRunning', 0)} run"
    best = status.get("currentOptimalTrial", {})
    metric, kind = (state["spec"]["objective"][key] for key in ("objectiveMetricName", "type"))
    for one in best.get("observation", {}).get("metrics") or ():
        if one["name"] == metric:
            words += f"; best {metric} {one['min' if kind == 'minimize' else 'max']}"
    return words


def _result(
    experiment: search.Experiment, state: Resource, cluster: Cluster, curves: dict[str, tuple[float, ...]]
) -> search.Result:
    over = condition(state, "Failed" if _holds(state, "Failed") else "Succeeded")
    assert over
    status = state["status"]
    trials = [
        _trial(experiment, found, word, cluster, curves.get(name, ()))
        for word, (names, _) in LISTS.items()
        for name in status.get(names) or ()
        if (found := cluster.get(TRIAL, name))
    ]
    trials.sort(key=lambda pair: pair[0])
    reason = "ExperimentFailed" if _holds(state, "Failed") else over.reason
    return search.Result(experiment, tuple(trial for _, trial in trials), reason, over.message)


def _trial(
    experiment: search.Experiment, found: Resource, word: str, cluster: Cluster, curve: tuple[float, ...]
) -> tuple[str, search.Trial]:
    """When it began, and what it came to; Katib itself keeps the extremes of its reports only."""
    name, status = found["metadata"]["name"], found.get("status", {})
    reports: dict[str, tuple[float, ...]] = {
        one["name"]: (float(one[experiment.strategies[one["name"]]]),)
        for one in status.get("observation", {}).get("metrics") or ()
        if one["name"] in experiment.strategies and one.get("latest") != "unavailable"
    }
    if curve:
        reports[experiment.metric] = curve
    said = ""
    if word in (FAILED, UNAVAILABLE):
        container = primary_container(experiment.document)["name"]
        said = "\n".join(cluster.logs(f"job-name={name}", container, LOG_LINES).values()).strip()
    started, ended = status.get("startTime", ""), status.get("completionTime", "")
    assignments = named(found["spec"]["parameterAssignments"])
    return started, search.Trial(name, word, assignments, reports, _seconds(started, ended), said)


def _seconds(started: str, ended: str) -> float:
    if not started or not ended:
        return 0.0
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()

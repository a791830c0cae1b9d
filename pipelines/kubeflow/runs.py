"""One run of the pipeline in KFP: started, followed, cancelled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from model.errors import RunFailed
from pipelines.kubeflow.connection import Connection, named
from pipelines.kubeflow.versions import Version
from pipelines.profile import Profile

STEPS = ("fingerprint", "ingest", "preprocess", "tune", "train", "evaluate", "register", "deploy")
ENDED = ("SUCCEEDED", "SKIPPED", "FAILED", "CANCELED")
WELL = ("SUCCEEDED", "SKIPPED")
PAUSE = 5.0  # seconds between two looks


class Step(NamedTuple):
    """Of a run, as KFP sees it."""

    name: str
    state: str  # PENDING, RUNNING, SUCCEEDED, SKIPPED (from the cache), FAILED, ...
    seconds: float  # so far


class State(NamedTuple):
    """Of a run."""

    state: str
    steps: tuple[Step, ...]  # that have begun, in the order they did
    error: str


def pipeline_root(profile: Profile) -> str | None:
    """Where the steps leave their artifacts; None is the installation's own choice."""
    return f"s3://{profile.store.bucket}/pipelines" if profile.store.bucket else None


def experiment(connection: Connection, name: str) -> str:
    """The id of an experiment; it is made where there is none.

    Raises:
        BadInput: KFP does not answer, or refuses.
    """
    import kfp_server_api as api

    namespace = connection.namespace()
    given = {"namespace": namespace} if namespace else {}
    service = connection.experiments
    with connection.answering(f"to find or make the experiment {name}"):
        listed = service.experiment_service_list_experiments(filter=named(name), **given).experiments
        found = (listed or [None])[0] or service.experiment_service_create_experiment(
            api.V2beta1Experiment(display_name=name, **given)
        )
    return str(found.experiment_id)


def start(connection: Connection, profile: Profile, version: Version, name: str, arguments: dict[str, Any]) -> str:
    """Starts a run of a version and gives its id.

    Raises:
        BadInput: KFP does not answer, or refuses.
    """
    import kfp_server_api as api

    body = api.V2beta1Run(
        display_name=name,
        experiment_id=experiment(connection, profile.kfp.experiment),
        pipeline_version_reference=reference(version),
        runtime_config=api.V2beta1RuntimeConfig(parameters=arguments, pipeline_root=pipeline_root(profile)),
        service_account=profile.kfp.service_account or None,
    )
    with connection.answering("to start a run"):
        return str(connection.runs.run_service_create_run(body).run_id)


def find(connection: Connection, profile: Profile, name: str) -> str:
    """The id of the run of this name, the newest where there are several; "" where there is none.

    Raises:
        BadInput: KFP does not answer, or refuses.
    """
    parent = experiment(connection, profile.kfp.experiment)
    with connection.answering(f"to find the run {name}"):
        service = connection.runs
        found = service.run_service_list_runs(experiment_id=parent, filter=named(name), sort_by="created_at desc").runs
    return str(found[0].run_id) if found else ""


def reference(version: Version) -> Any:
    """To a version, as KFP wants it."""
    import kfp_server_api as api

    return api.V2beta1PipelineVersionReference(pipeline_id=version.pipeline, pipeline_version_id=version.id)


def cancel(connection: Connection, run: str) -> None:
    """Stops a run; its pods get the time to clean up.

    Raises:
        BadInput: there is none of this id, or KFP does not answer.
    """
    with connection.answering(f"to cancel the run {run}"):
        connection.runs.run_service_terminate_run(run)


def look(connection: Connection, run: str, steps: tuple[str, ...]) -> State:
    """How a run is now.

    Args:
        connection: to KFP.
        run: its id.
        steps: which of KFP's tasks are steps; it lists their drivers and their pods beside them.

    Raises:
        BadInput: there is none of this id, or KFP does not answer.
    """
    with connection.answering(f"to show the run {run}"):
        found = connection.runs.run_service_get_run(run)
    tasks = (found.run_details and found.run_details.task_details) or []
    seen = {task.display_name: _step(task) for task in sorted(tasks, key=_begun) if task.display_name in steps}
    error = " ".join(((found.error and found.error.message) or "").split())
    return State(found.state or "PENDING", tuple(seen.values()), error)


def follow(
    connection: Connection,
    run: str,
    steps: tuple[str, ...],
    show: Callable[[State], None],
    stop: threading.Event,
    pause: float = PAUSE,
) -> bool:
    """Shows a run until it has ended, or until `stop` is set; whether it has ended.

    Raises:
        RunFailed: it did not end well.
        BadInput: KFP does not answer.
    """
    while True:
        state = look(connection, run, steps)
        show(state)
        if state.state in ENDED:
            break
        if stop.wait(pause):
            return False
    if state.state not in WELL:
        raise RunFailed(f"run {run}: expected it to end well. Received: {fault(state)}")
    return True


def fault(state: State) -> str:
    """Of a run that did not end well: its state, the steps that failed, and what KFP says of it."""
    failed = [step.name for step in state.steps if step.state == "FAILED"]
    return " ".join([state.state, *(["at", ", ".join(failed)] if failed else []), state.error]).strip()


def _begun(task: Any) -> datetime:
    return task.start_time or task.create_time or datetime.max.replace(tzinfo=UTC)


def _step(task: Any) -> Step:
    end = task.end_time if task.state in ENDED and task.end_time else datetime.now(UTC)
    begun = task.start_time or task.create_time or end
    return Step(task.display_name, task.state or "PENDING", max(0.0, (end - begun).total_seconds()))

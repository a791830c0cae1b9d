"""Recurring runs in KFP, one of each name."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NamedTuple

from model.errors import BadInput
from pipelines.kubeflow.connection import PAGE, Connection, named
from pipelines.kubeflow.runs import experiment, pipeline_root, reference
from pipelines.kubeflow.versions import Version
from pipelines.profile import Profile

MARK = "unforeseen schedule "  # begins the description; a digest of everything that was asked for follows


class Recurring(NamedTuple):
    """One that is there."""

    id: str
    name: str
    cron: str
    enabled: bool
    description: str


def listed(connection: Connection, name: str = "") -> list[Recurring]:
    """Those that this project made, of one name or all.

    Raises:
        BadInput: KFP does not answer, or refuses.
    """
    namespace = connection.namespace()
    given: dict[str, Any] = {"namespace": namespace} if namespace else {}
    given |= {"filter": named(name)} if name else {}
    found: list[Recurring] = []
    token = ""
    with connection.answering("to list recurring runs"):
        while True:
            page = connection.recurring.recurring_run_service_list_recurring_runs(
                page_size=PAGE, page_token=token, **given
            )
            found += [_read(one) for one in page.recurring_runs or []]
            token = page.next_page_token or ""
            if not token:
                break
    return [one for one in found if one.description.startswith(MARK)]


def put(
    connection: Connection, profile: Profile, version: Version, name: str, cron: str, arguments: dict[str, Any]
) -> str:
    """Makes it so that exactly one recurring run of this name does what is asked; a paused one stays paused.

    Returns:
        "made", "updated" or "unchanged".

    Raises:
        BadInput: KFP does not answer, or refuses.
    """
    import kfp_server_api as api

    before = listed(connection, name)
    schedule = profile.schedule
    asked = [version.id, cron, arguments, schedule.catch_up, schedule.concurrency, pipeline_root(profile)]
    asked += [profile.kfp.service_account, profile.kfp.experiment]
    description = MARK + hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
    same = [one for one in before if one.description == description]
    if not same:
        paused = bool(before) and not any(one.enabled for one in before)
        body = api.V2beta1RecurringRun(
            display_name=name,
            description=description,
            experiment_id=experiment(connection, profile.kfp.experiment),
            pipeline_version_reference=reference(version),
            runtime_config=api.V2beta1RuntimeConfig(parameters=arguments, pipeline_root=pipeline_root(profile)),
            trigger=api.V2beta1Trigger(cron_schedule=api.V2beta1CronSchedule(cron=cron)),
            mode="DISABLE" if paused else "ENABLE",
            no_catchup=not schedule.catch_up,
            max_concurrency=str(schedule.concurrency),
            service_account=profile.kfp.service_account or None,
        )
        with connection.answering(f"to schedule {name}"):
            connection.recurring.recurring_run_service_create_recurring_run(body)
    # The old one goes last: killed between the two, the same command finds both and cleans up.
    for one in [*(one for one in before if one not in same), *same[1:]]:
        with connection.answering(f"to delete the older {name}"):
            connection.recurring.recurring_run_service_delete_recurring_run(one.id)
    return "unchanged" if same else "updated" if before else "made"


def pause(connection: Connection, name: str, *, enabled: bool) -> None:
    """Stops it from starting runs, or lets it start them again.

    Raises:
        BadInput: there is none of this name.
    """
    service = connection.recurring
    change = service.recurring_run_service_enable_recurring_run if enabled else None
    for one in _found(connection, name):
        with connection.answering(f"to change {name}"):
            (change or service.recurring_run_service_disable_recurring_run)(one.id)


def delete(connection: Connection, name: str) -> None:
    """Removes it; runs that it started stay.

    Raises:
        BadInput: there is none of this name.
    """
    for one in _found(connection, name):
        with connection.answering(f"to delete {name}"):
            connection.recurring.recurring_run_service_delete_recurring_run(one.id)


def _found(connection: Connection, name: str) -> list[Recurring]:
    found = listed(connection, name)
    if not found:
        raise BadInput(f"expected the name of a recurring run, see --list. Received: {name}")
    return found


def _read(found: Any) -> Recurring:
    cron = found.trigger and found.trigger.cron_schedule and found.trigger.cron_schedule.cron
    enabled = found.status == "ENABLED"
    return Recurring(found.recurring_run_id, found.display_name, cron or "", enabled, found.description or "")

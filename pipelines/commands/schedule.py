"""`unforeseen schedule`: a run that starts again and again in a cluster."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from model.errors import BadInput
from pipelines.commands.common import Commands, add_places, read_places, say
from pipelines.commands.training import add_training, read_wanted

if TYPE_CHECKING:
    from pipelines.kubeflow.connection import Connection
    from pipelines.profile import Profile


def add(commands: Commands) -> None:
    """Declares the command."""
    schedule = commands.add_parser("schedule", help="start a run in a cluster again and again, as the profile says")
    add_places(schedule)
    add_training(schedule)
    schedule.add_argument("--deploy", action="store_true", help="roll out the champion at the end")
    others = schedule.add_mutually_exclusive_group()
    others.add_argument("--list", action="store_true", help="show what is scheduled")
    others.add_argument("--pause", metavar="NAME", help="start no more runs")
    others.add_argument("--resume", metavar="NAME", help="start runs again")
    others.add_argument("--delete", metavar="NAME", help="forget it; runs that it started stay")
    schedule.set_defaults(act=_schedule)


def _schedule(wanted: argparse.Namespace) -> None:
    from pipelines.kubeflow import schedules
    from pipelines.kubeflow.connection import Connection

    places = read_places(wanted)
    connection = Connection(places)
    if wanted.list:
        for one in schedules.listed(connection):
            print(f"  {one.name:<40}{one.cron:<24}{'on' if one.enabled else 'paused'}")
    elif wanted.pause or wanted.resume:
        schedules.pause(connection, wanted.pause or wanted.resume, enabled=bool(wanted.resume))
    elif wanted.delete:
        schedules.delete(connection, wanted.delete)
    else:
        _put(wanted, places, connection)


def _put(wanted: argparse.Namespace, places: Profile, connection: Connection) -> None:
    from datetime import UTC, datetime

    from pipelines import compiled
    from pipelines.kubeflow import schedules, versions
    from pipelines.kubeflow.cron import to_utc
    from pipelines.local import revision

    if not places.schedule.cron:
        raise BadInput('expected schedule: {cron: "30 2 * * *"} in the profile. Received: none')
    utc = to_utc(places.schedule.cron, places.schedule.time_zone, datetime.now(UTC))
    asked = read_wanted(wanted, places)
    form = compiled.Form(tuned=bool(asked.experiment), deployed=wanted.deploy)
    arguments = compiled.arguments(asked, places, form, revision())
    version = versions.upload(connection, compiled.compile_pipeline(places, form))
    name = f"unforeseen-{asked.camera}"
    done = schedules.put(connection, places, version, name, utc.cron, arguments)
    say(f"{name}: {done}, {utc.cron} in UTC (seconds first), version {version.name}")
    if utc.until:
        zone = places.schedule.time_zone
        say(f"{zone} changes its clocks by {utc.until:%Y-%m-%d}, KFP does not: schedule again then")

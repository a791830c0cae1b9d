"""`unforeseen watch`: a run for every camera of a bucket that needs one."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from model.errors import BadInput
from pipelines.commands.common import Commands, add_profile, on_signal, say

if TYPE_CHECKING:
    from pipelines.fleet.starter import Starter
    from pipelines.fleet.watch import Row, Tell, Watch
    from pipelines.profile import Profile

MINUTE = 60.0  # seconds


def add(commands: Commands) -> None:
    """Declares the command."""
    watch = commands.add_parser("watch", help="train every camera of a bucket that is new, has news, or has drifted")
    watch.add_argument("--source", required=True, metavar="s3://BUCKET/PREFIX", help="holds a folder a camera")
    add_profile(watch)
    watch.add_argument("--out", type=Path, metavar="DIR", help="run on this machine, into it; without, in a cluster")
    watch.add_argument("--deploy", action="store_true", help="each run rolls out its champion; in a cluster")
    once = watch.add_mutually_exclusive_group()
    once.add_argument("--once", action="store_true", help="look once, start what is to be started, print a table, stop")
    once.add_argument("--dry-run", action="store_true", help="the same without starting or writing anything")
    once.add_argument("--status", action="store_true", help="print what the store remembers; ask nothing else")
    watch.add_argument("--json", action="store_true", help="print JSON: a list of cameras, or a line for what happens")
    watch.set_defaults(act=_watch)


def _watch(wanted: argparse.Namespace) -> None:
    from pipelines import profile
    from pipelines.fleet.watch import Watch

    places = profile.read(wanted.profile)
    once = wanted.once or wanted.dry_run or wanted.status

    def tell(camera: str, what: str) -> None:
        if wanted.json and not once:
            print(json.dumps({"camera": camera, "what": what}), flush=True)
        else:
            say(f"{camera}: {what}")

    watch = Watch(wanted.source, places, _starter(wanted, places), tell, dry=wanted.dry_run or wanted.status)
    if once:
        rows = watch.look(time.time(), ask=not wanted.status)
        print(json.dumps([row._asdict() for row in rows], indent=1) if wanted.json else _table(rows))
        return
    stop, broken = on_signal(), dict[str, str]()
    while not stop.is_set():
        broken = _look(watch, tell, broken)
        stop.wait(MINUTE * places.fleet.every_minutes)


def _look(watch: Watch, tell: Tell, before: dict[str, str]) -> dict[str, str]:
    """Looks once, and tells what is wrong with a camera when it begins to be; gives all that is wrong."""
    try:
        rows = watch.look(time.time())
    except BadInput as e:
        say(f"this look failed, another follows: {e}")
        return before
    broken = {row.camera: row.why for row in rows if row.word == "broken"}
    for camera, why in broken.items():
        if before.get(camera) != why:
            tell(camera, why)
    return broken


def _starter(wanted: argparse.Namespace, places: Profile) -> Starter:
    if wanted.out:
        from pipelines.fleet.machine import Machine

        if wanted.deploy:
            raise BadInput("expected --deploy without --out: a service is rolled out in a cluster. Received: both")
        return Machine(wanted.out, places, wanted.profile)
    from pipelines.compiled import Form
    from pipelines.fleet.cluster import Kubeflow
    from pipelines.kubeflow.connection import FEW, Connection

    if not wanted.profile:
        raise BadInput("expected --profile of a cluster, or --out for runs on this machine. Received: neither")
    return Kubeflow(places, Connection(places, FEW), Form(deployed=wanted.deploy))


def _table(rows: list[Row]) -> str:
    width = max((len(row.camera) for row in rows), default=0) + 2
    lines = [f"  {row.camera:<{width}}{row.word:<9}{row.why}" for row in rows]
    return "\n".join(lines) or "  no cameras"

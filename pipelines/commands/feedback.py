"""`unforeseen feedback`: people say which events were normal."""

from __future__ import annotations

import argparse
import getpass
from datetime import UTC, datetime
from pathlib import Path

from model.errors import BadInput
from pipelines.commands.common import Commands


def add(commands: Commands) -> None:
    """Declares the command."""
    feedback = commands.add_parser("feedback", help="say which events were normal; the next run learns from it")
    feedback.add_argument("--events", type=Path, required=True, metavar="FILE", help="events.json of a scored video")
    feedback.add_argument("--mark", action="append", required=True, metavar="ID=normal", help="an event; repeatable")
    feedback.add_argument("--by", metavar="NAME", help="who says so; by default the login name")
    feedback.add_argument("--out", type=Path, default=Path("feedback.json"), metavar="FILE", help="file to add to")
    feedback.set_defaults(act=_feedback)


def _feedback(wanted: argparse.Namespace) -> None:
    from model.footage import feedback

    ids = [word.rpartition("=")[0] for word in wanted.mark]
    for word in wanted.mark:
        if not word.endswith("=normal"):
            raise BadInput(f"expected --mark ID=normal. Received: {word}")
    marks = feedback.mark_normal(wanted.events, ids, wanted.by or _login(), datetime.now(UTC))
    feedback.add(wanted.out, marks)
    for mark in marks:
        print(f"{mark.id}: frames {mark.frames[0]} to {mark.frames[1]} of {mark.source} are normal, says {mark.by}")
    print(f"{wanted.out}: for unforeseen run --feedback")


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as e:
        raise BadInput("expected --by NAME where the system knows no login name. Received: none") from e

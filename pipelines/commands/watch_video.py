"""`unforeseen watch-video`: a file, a folder or a camera, scored by a server frame by frame."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from model.errors import BadInput
from pipelines.commands.common import Commands, on_signal, say


def add(commands: Commands) -> None:
    """Declares the command."""
    watch = commands.add_parser("watch-video", help="send a video or a camera to a server, and print its events")
    watch.add_argument("source", help="a video, a folder of pictures or of either, rtsp://..., http://...")
    watch.add_argument("--server", required=True, metavar="URL", help="http://HOST:PORT, or grpc://HOST:PORT")
    watch.add_argument("--model", default="", metavar="NAME", help="of the server; needed only where it has several")
    watch.add_argument("--fps", type=float, help="frames/s of a camera that does not say")
    watch.add_argument("--jpeg", type=int, metavar="QUALITY", help="send frames as JPEG of this quality, 1 to 100")
    watch.add_argument(
        "--overlay", type=Path, metavar="FILE", help=".mp4 with score, alarms, and what is strange as heat"
    )
    watch.add_argument("--follow", action="store_true", help="wait for what comes into the folder, until Ctrl-C")
    watch.add_argument("--webhook", metavar="URL", help="takes a signed POST for every event")
    watch.add_argument("--webhook-secret", metavar="VARIABLE", help="environment variable that holds its secret")
    watch.add_argument("--json", action="store_true", help="print events, and at the end the counts, as lines of JSON")
    watch.set_defaults(act=_watch)


def _watch(wanted: argparse.Namespace) -> None:
    from serving.client import Client
    from serving.client.watch import Tally, watch
    from serving.client.webhook import Webhook

    _check(wanted)
    stop = on_signal()
    tally = Tally()
    with ExitStack() as stack:
        client = stack.enter_context(Client(wanted.server, wanted.model, wanted.jpeg))
        webhook = None
        if wanted.webhook:
            webhook = stack.enter_context(Webhook(wanted.webhook, os.environ.get(wanted.webhook_secret, ""), say))

        def tell(event: dict[str, Any]) -> None:
            print(json.dumps(event) if wanted.json else _line(event), flush=True)
            if webhook:
                webhook.post(event)

        try:
            watch(client, wanted.source, wanted.fps, tell, say, tally, stop, wanted.overlay, follow=wanted.follow)
        finally:
            counts = dataclasses.asdict(tally)
            print(json.dumps(counts) if wanted.json else _summary(counts), flush=True)


def _check(wanted: argparse.Namespace) -> None:
    if wanted.webhook and not wanted.webhook_secret:
        raise BadInput("expected --webhook-secret VARIABLE beside --webhook. Received: none")
    if wanted.jpeg is not None and not 1 <= wanted.jpeg <= 100:
        raise BadInput(f"expected --jpeg from 1 to 100. Received: {wanted.jpeg}")
    if wanted.fps is not None and not 0 < wanted.fps <= 1000:
        raise BadInput(f"expected --fps over 0 and at most 1000. Received: {wanted.fps}")


def _line(event: dict[str, Any]) -> str:
    what = f"score {event['score']:.2f} over {event['threshold']:.2f}, {event['cause']}"
    return f"{event['state']} {event['id']} at frame {event['frame']}: {what}"


def _summary(counts: dict[str, Any]) -> str:
    text = (
        f"{counts['frames']} frames in {counts['seconds']:.1f} s, {counts['alarms']} alarms, {counts['events']} events"
    )
    rest = [f"{counts[name]} {name}" for name in ("dropped", "lost", "resumed") if counts[name]]
    return ", ".join([text, *rest])

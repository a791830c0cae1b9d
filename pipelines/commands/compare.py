"""`unforeseen compare`: a challenger in the dark against the champion, on the same clips."""

from __future__ import annotations

import argparse
import json
from typing import Any

from pipelines.commands.common import Commands, say


def add(commands: Commands) -> None:
    """Declares the command."""
    compare = commands.add_parser("compare", help="send the same clips to two servers, and compare their scores")
    compare.add_argument("source", help="a video, a folder of pictures, or a folder of either")
    compare.add_argument("--champion", required=True, metavar="URL", help="http://HOST:PORT, or grpc://HOST:PORT")
    compare.add_argument("--challenger", required=True, metavar="URL", help="such as the canary's own service")
    compare.add_argument("--model", default="", metavar="NAME", help="of both; needed only where there are several")
    compare.add_argument("--json", action="store_true", help="print the figures as JSON")
    compare.set_defaults(act=_compare)


def _compare(wanted: argparse.Namespace) -> None:
    from serving.client import Client
    from serving.client.compare import compare

    with Client(wanted.champion, wanted.model) as champion, Client(wanted.challenger, wanted.model) as challenger:
        result = compare(champion, challenger, wanted.source, say)
    print(json.dumps(result, indent=1) if wanted.json else _table(result))


def _table(result: dict[str, Any]) -> str:
    names = ("frames", "difference", "rank_correlation", "both_alarm", "champion_alone", "challenger_alone")
    lines = ["  ".join(["clip".ljust(24), *(name.rjust(16) for name in names)])]
    for clip, figures in [*result["clips"].items(), ("all", result["all"])]:
        lines.append("  ".join([clip.ljust(24), *(_cell(figures[name]).rjust(16) for name in names)]))
    return "\n".join(lines)


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3f}"

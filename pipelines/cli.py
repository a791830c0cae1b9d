"""The command `unforeseen`."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import json
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from model.errors import BadInput, RunFailed


def parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    top = argparse.ArgumentParser(
        prog="unforeseen",
        description="Learns what normal looks like on a fixed camera, and flags what it did not foresee.",
    )
    commands = top.add_subparsers(dest="command", required=True)

    run = commands.add_parser("run", help="ingest, preprocess, train, evaluate and register, on this machine")
    run.add_argument(
        "--source",
        default="walkway",
        help="walkway (built in), a directory, an archive (.tar.gz, .zip), a video, http(s)://..., s3://bucket/prefix",
    )
    run.add_argument("--camera", help="which camera, where the source holds several; names model and experiment")
    run.add_argument("--out", type=Path, required=True, help="directory for report, detector, MLflow's files and cache")
    run.add_argument("--preset", default="small", help="small (the default) or paper")
    run.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="a setting; repeatable")
    run.add_argument("--feedback", type=Path, metavar="FILE", help="what people marked as normal, see feedback")
    run.add_argument("--dry-run", action="store_true", help="check source and settings, print what would run, stop")
    _common(run)

    score = commands.add_parser("score", help="score a video or a folder of pictures with a detector")
    score.add_argument("video", help="a video, a folder of pictures, or a folder of either")
    score.add_argument("--detector", type=Path, required=True, help="detector directory")
    score.add_argument("--out", type=Path, required=True, help="new directory for scores, events and overlay")
    score.add_argument("--json", action="store_true", help="print the result as JSON")

    evaluate = commands.add_parser("evaluate", help="judge a detector on other footage")
    evaluate.add_argument("--detector", type=Path, required=True, help="detector directory")
    evaluate.add_argument("--source", required=True, help="as for run")
    evaluate.add_argument("--camera", help="which camera, where the source holds several")
    evaluate.add_argument("--json", type=Path, help="file for the measures")
    evaluate.add_argument("--profile", type=Path, help="YAML file that says where S3 is")

    feedback = commands.add_parser("feedback", help="say which events were normal; the next run learns from it")
    feedback.add_argument("--events", type=Path, required=True, metavar="FILE", help="events.json of a scored video")
    feedback.add_argument("--mark", action="append", required=True, metavar="ID=normal", help="an event; repeatable")
    feedback.add_argument("--by", metavar="NAME", help="who says so; by default the login name")
    feedback.add_argument("--out", type=Path, default=Path("feedback.json"), metavar="FILE", help="file to add to")
    return top


def _common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--profile", type=Path, help="YAML file that says where things are; none is this machine")
    command.add_argument("--json", action="store_true", help="print the summary as JSON")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; 0 is success, 1 a failed run, 2 bad input."""
    wanted = parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's own news would bury ours
    try:
        {"run": _run, "score": _score, "evaluate": _evaluate, "feedback": _feedback}[wanted.command](wanted)
    except (BadInput, RunFailed) as e:
        print(f"unforeseen: {e}", file=sys.stderr)
        return e.exit_code
    except OSError as e:
        print(f"unforeseen: {e.filename or 'writing'}: {e.strerror or e}", file=sys.stderr)
        return BadInput.exit_code
    except KeyboardInterrupt:
        print("unforeseen: interrupted; the same command goes on where training stopped", file=sys.stderr)
        return 130
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """While TensorFlow is loaded, which greets on the file descriptor whatever its log level; exceptions pass."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _run(wanted: argparse.Namespace) -> None:
    from model import config
    from model.footage import feedback
    from pipelines import local, profile, table

    settings, places = config.build(wanted.preset, wanted.set), profile.read(wanted.profile)
    camera = wanted.camera or ("walkway" if wanted.source == "walkway" else _name_of(wanted.source))
    said = feedback.to_json(feedback.read(wanted.feedback)) if wanted.feedback else ""
    run = local.Run(wanted.source, camera, wanted.out.absolute(), settings, places, said)
    if wanted.dry_run:
        print(json.dumps(local.plan(run), indent=1))
        return
    summary = local.run(run, _say)
    print(json.dumps(summary, indent=1) if wanted.json else table.of_run(summary, wanted.out, places.tracking_uri))


def _name_of(source: str) -> str:
    """A camera's name from the last part of a path or address."""
    name = Path(source.rstrip("/").partition("?")[0]).name.partition(".")[0]
    return "".join(c if c.isalnum() and c.isascii() or c in "._-" else "-" for c in name).strip("-._") or "camera"


def _score(wanted: argparse.Namespace) -> None:
    with _quiet():
        from pipelines import score, table

    result = score.score(wanted.video, wanted.detector, wanted.out, _say)
    print(json.dumps(result, indent=1) if wanted.json else table.of_score(result, wanted.out))


def _evaluate(wanted: argparse.Namespace) -> None:
    with _quiet():
        from pipelines import judge, profile, table

    measures: dict[str, Any] = judge.judge(
        wanted.detector, wanted.source, wanted.camera, profile.read(wanted.profile), _say
    )
    text = json.dumps(measures, indent=1) + "\n"
    if wanted.json:
        from model.atomic import write_text

        wanted.json.parent.mkdir(parents=True, exist_ok=True)
        write_text(wanted.json, text)
    print(table.of_measures(measures))


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


if __name__ == "__main__":
    sys.exit(main())

"""The list of clips as `footage.json`, between the steps that find and that decode them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from model import atomic
from model.clips import LabelRange, SourceClip
from model.errors import BadInput
from model.footage.feedback import Mark

FORMAT = 1


def write_index(clips: Sequence[SourceClip], path: Path, feedback: Sequence[Mark] = ()) -> None:
    """Paths below the index's own directory are written relative to it, so that the directory can move.

    Args:
        clips: all of them.
        path: of the index.
        feedback: the trace of what people marked, for whoever asks where clips came from.
    """
    root = path.parent.resolve()
    rows = [
        asdict(clip)
        | {
            "pictures": [_text(file, root) for file in clip.pictures],
            "masks": [_text(file, root) for file in clip.masks],
            "video": None if clip.video is None else _text(clip.video, root),
        }
        for clip in clips
    ]
    index = {"format": FORMAT, "feedback": [asdict(mark) for mark in feedback], "clips": rows}
    atomic.write_text(path, json.dumps(index, indent=1) + "\n")


def read_index(path: Path) -> list[SourceClip]:
    """The clips with absolute paths.

    Raises:
        BadInput: no index there, or one of another format.
    """
    if not path.is_file():
        raise BadInput(f"{path}: expected a list of clips. Received: no such file")
    try:
        data = json.loads(path.read_text())
        if data["format"] == FORMAT:
            return [_clip(row, path.parent.resolve()) for row in data["clips"]]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise BadInput(f"{path}: expected a list of clips of format {FORMAT}. Received: {error!r}") from error
    raise BadInput(f"{path}: expected a list of clips of format {FORMAT}. Received: {data['format']}")


def _text(file: Path, root: Path) -> str:
    file = file.resolve()
    return str(file.relative_to(root) if file.is_relative_to(root) else file)


def _clip(row: dict[str, Any], root: Path) -> SourceClip:
    labels = row["labels"]
    return SourceClip(
        **row
        | {
            "pictures": tuple(root / file for file in row["pictures"]),
            "masks": tuple(root / file for file in row["masks"]),
            "video": None if row["video"] is None else root / row["video"],
            "labels": None if labels is None else tuple(LabelRange(*label) for label in labels),
        }
    )

"""What a person said of events, "this was normal", and the clips that the next training run makes of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from model import atomic
from model.clips import MARKED, SourceClip
from model.errors import BadInput
from model.footage.media import picture_clip, video_clip

FORMAT = 1
MARGIN_FRAMES = 20  # on each side: a detector's warm-up is over before the event begins

Range = tuple[int, int]  # first and last frame in the source, 0-based, both included


@dataclass(frozen=True)
class Mark:
    """One event that was normal, and who said so."""

    id: str
    source: str  # a video or a folder of pictures, absolute
    fps: float
    event: Range
    frames: Range  # with the margin, which ends where the source or another event begins
    by: str
    at: str  # UTC, ISO 8601
    events_file: str
    events_sha256: str


def mark_normal(events: Path, ids: Sequence[str], by: str, at: datetime) -> list[Mark]:
    """The marks for events of an `events.json`, each with the frames that will be trained on.

    Raises:
        BadInput: no such file or event, or its source is gone, damaged or shorter than the event.
    """
    content, rows = _read_events(events)
    for unknown in [name for name in ids if name not in rows]:
        such = f", such as {next(iter(rows))}" if rows else ""
        raise BadInput(f"{events}: expected the id of one of its {len(rows)} events{such}. Received: {unknown}")
    chosen = {name: rows[name] for name in ids}
    lengths = {row["source"]: _whole(Path(row["source"]), row["fps"]).frames for row in chosen.values()}
    others = [(row["source"], *row["source_frames"]) for name, row in rows.items() if name not in ids]
    marks = []
    for name, row in chosen.items():
        (first, last), end = row["source_frames"], lengths[row["source"]]
        if last >= end:
            raise BadInput(f"{row['source']}: expected event {name} up to frame {last}. Received: {end} frames")
        near = [(begin, stop) for source, begin, stop in others if source == row["source"]]
        start = max([0, first - MARGIN_FRAMES, *(stop + 1 for _, stop in near if stop < first)])
        stop = min([end - 1, last + MARGIN_FRAMES, *(begin - 1 for begin, _ in near if begin > last)])
        trace = (by, at.astimezone(UTC).isoformat(timespec="seconds"), str(events.resolve()))
        digest = hashlib.sha256(content).hexdigest()
        marks.append(Mark(name, row["source"], row["fps"], (first, last), (start, stop), *trace, digest))
    return marks


def _read_events(path: Path) -> tuple[bytes, dict[str, dict[str, Any]]]:
    if not path.is_file():
        raise BadInput(f"{path}: expected the events.json of a scored video. Received: no such file")
    content = path.read_bytes()
    try:
        keys = ("source", "source_frames", "fps")
        return content, {str(row["id"]): {key: row[key] for key in keys} for row in json.loads(content)}
    except (ValueError, TypeError, KeyError) as error:
        raise BadInput(f"{path}: expected the events.json of a scored video. Received: {error!r}") from error


def read(path: Path) -> list[Mark]:
    """The marks of a feedback file.

    Raises:
        BadInput: no feedback there.
    """
    if not path.is_file():
        raise BadInput(f"{path}: expected a feedback file. Received: no such file")
    return parse(path.read_text(encoding="utf-8", errors="replace"), str(path))


def parse(text: str, name: str = "feedback") -> list[Mark]:
    """The marks of a feedback file's text; `name` is for the error, which is BadInput."""
    if not text:
        return []
    try:
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']}")
        return [Mark(**row | {key: tuple(row[key]) for key in ("event", "frames")}) for row in data["normal"]]
    except (ValueError, TypeError, KeyError) as error:
        raise BadInput(f"{name}: expected a feedback file of format {FORMAT}. Received: {error!r}") from error


def to_json(marks: Sequence[Mark]) -> str:
    """The text of a feedback file."""
    return json.dumps({"format": FORMAT, "normal": [asdict(mark) for mark in marks]}, indent=1) + "\n"


def add(path: Path, marks: Sequence[Mark]) -> None:
    """Adds marks to a feedback file, or begins one; of two for the same event the newer stays."""
    known = read(path) if path.exists() else []
    newest = {(mark.source, mark.id): mark for mark in [*known, *marks]}
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_text(path, to_json(list(newest.values())))


def add_clips(found: Sequence[SourceClip], marks: Sequence[Mark]) -> list[SourceClip]:
    """The clips of a run and, as normal ones, what was marked; what the run holds as normal anyway stays as it is.

    Raises:
        BadInput: a mark in a labelled test clip, which would be trained on and judged on; or its source is unreadable.
    """
    own = {str((clip.video or clip.pictures[0].parent).resolve()): clip.split for clip in found}
    for mark in marks:
        if own.get(mark.source) == "test":
            raise BadInput(
                f"{mark.source}: expected feedback on no clip that the run is tested on. Received: {mark.id}"
            )
    return [*found, *_clips([mark for mark in marks if mark.source not in own])]


def _clips(marks: Sequence[Mark]) -> Iterator[SourceClip]:
    """To be trained on, every one; what was an anomaly to the rest of the footage would calibrate badly."""
    for number, mark in enumerate(_joined(marks)):
        whole = _whole(Path(mark.source), mark.fps)
        (start, stop) = mark.frames
        if stop >= whole.frames:
            raise BadInput(f"{mark.source}: expected frames up to {stop}. Received: {whole.frames} frames")
        place = {"first": start} if whole.video else {"pictures": whole.pictures[start : stop + 1]}
        yield replace(
            whole, name=f"{MARKED}{number:03d}-{mark.id}", split="train", frames=stop + 1 - start, hour=None, **place
        )


def _joined(marks: Sequence[Mark]) -> list[Mark]:
    """Without overlaps."""
    joined: list[Mark] = []
    for mark in sorted(marks, key=lambda mark: (mark.source, mark.frames)):
        before = joined[-1] if joined else None
        if before and before.source == mark.source and mark.frames[0] <= before.frames[1]:
            ends = max(before.event[1], mark.event[1]), max(before.frames[1], mark.frames[1])
            event = min(before.event[0], mark.event[0]), ends[0]
            joined[-1] = replace(before, event=event, frames=(before.frames[0], ends[1]))
        else:
            joined.append(mark)
    return joined


def _whole(source: Path, fps: float) -> SourceClip:
    if not source.exists():
        raise BadInput(f"{source}: expected the footage of a marked event. Received: no such path")
    return picture_clip(source, fps) if source.is_dir() else video_clip(source)

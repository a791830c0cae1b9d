"""What a person marked: `labels.csv`, or the MATLAB file of the UCSD data set."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from model.clips import LabelRange, SourceClip
from model.errors import BadInput

HEADER = ["clip", "first", "last", "category"]
MATLAB_LINE = re.compile(r"TestVideoFile\{end\+1\}\.gt_frame\s*=\s*\[([\d\s:,]*)\]\s*;?")
Labels = Mapping[str, tuple[LabelRange, ...]]


def read_csv(path: Path) -> Labels:
    """Clip name -> its ranges, of a file with the header `clip,first,last,category`; frames are 0-based, inclusive.

    A clip with first and last empty is labelled as normal throughout.

    Raises:
        BadInput: a line of another form, with its number.
    """
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path}: expected comma-separated UTF-8 text. Received: {error}") from error
    if not rows or [cell.strip() for cell in rows[0]] != HEADER:
        raise BadInput(f"{path} line 1: expected {','.join(HEADER)}. Received: {','.join(rows[0]) if rows else ''}")
    labels: dict[str, tuple[LabelRange, ...]] = {}
    for number, row in enumerate(rows[1:], start=2):
        if any(cell.strip() for cell in row):
            name, ranges = _csv_row(row, f"{path} line {number}")
            labels[name] = labels.get(name, ()) + ranges
    return labels


def _csv_row(row: list[str], where: str) -> tuple[str, tuple[LabelRange, ...]]:
    cells = [cell.strip() for cell in row]
    if len(cells) == len(HEADER) and cells[0]:
        name, first, last, category = cells
        if not first and not last:
            return name, ()
        if first.isdecimal() and last.isdecimal() and int(first) <= int(last):
            return name, (LabelRange(int(first), int(last), category),)
    raise BadInput(f"{where}: expected clip,first,last,category with first <= last. Received: {','.join(row)}")


def read_matlab(path: Path, clips: list[SourceClip]) -> Labels:
    """Clip name -> its ranges, of a file such as UCSDped2.m, which has one line a clip in order and 1-based frames.

    Raises:
        BadInput: a line of another form, with its number, or not one line a clip.
    """
    lines = [
        (number, line.strip())
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if line.strip() and not re.fullmatch(r"TestVideoFile\s*=\s*\{\s*\}\s*;?|%.*", line.strip())
    ]
    ranges = [_matlab_ranges(line, f"{path} line {number}") for number, line in lines]
    if len(ranges) != len(clips):
        raise BadInput(f"{path}: expected one line a test clip, {len(clips)} in all. Received: {len(ranges)}")
    return {clip.name: found for clip, found in zip(clips, ranges, strict=True)}


def _matlab_ranges(line: str, where: str) -> tuple[LabelRange, ...]:
    match = MATLAB_LINE.fullmatch(line)
    if match:
        found = re.findall(r"(\d+)\s*:\s*(\d+)", match[1])
        rest = re.sub(r"\d+\s*:\s*\d+", "", match[1])
        if not rest.strip(" ,\t") and all(1 <= int(first) <= int(last) for first, last in found):
            return tuple(LabelRange(int(first) - 1, int(last) - 1, "") for first, last in found)
    raise BadInput(f"{where}: expected TestVideoFile{{end+1}}.gt_frame = [first:last, ...]; Received: {line}")


def attach(clips: list[SourceClip], labels: Labels, path: Path) -> list[SourceClip]:
    """The clips with their labels; those that `labels` names become test clips.

    Raises:
        BadInput: labels for a clip that is not there, or past a clip's end.
    """
    labelled = []
    names = {name for clip in clips for name in _names(clip)}
    missing = sorted(set(labels) - names)
    if missing:
        raise BadInput(f"{path}: expected labels of clips that are there. Received: {missing[0]}")
    for clip in clips:
        given = [labels[name] for name in _names(clip) if name in labels]
        ranges = tuple(sorted(range_ for found in given for range_ in found))
        past = [f"{label.first} to {label.last}" for label in ranges if label.last >= clip.frames]
        if past:
            end = clip.frames - 1
            raise BadInput(f"{path}: expected frames 0 to {end} of {clip.name}, counted from 0. Received: {past[0]}")
        labelled.append(replace(clip, split="test", labels=ranges) if given else clip)
    return labelled


def _names(clip: SourceClip) -> list[str]:
    """How a person may name a clip: by its name, its folder's name, its file's name."""
    return list(dict.fromkeys([clip.name, clip.name.rsplit("/")[-1], clip.video.name if clip.video else clip.name]))

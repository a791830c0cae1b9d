"""Which clips are trained on, which choose and calibrate, which only count false alarms; always whole clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

from model import config
from model.clips import SourceClip, Split, later
from model.errors import BadInput


def assign_splits(clips: Sequence[SourceClip], settings: config.Footage, window_frames: int) -> list[SourceClip]:
    """Cuts long normal clips by time, then gives each normal clip its split; test clips stay as they are.

    Validation and holdout clips lie evenly over the footage, so that each hour of the day is among them. At least one
    clip is validation, and from three clips on at least one is holdout; one or two clips are cut into three or four.

    Raises:
        BadInput: shares that leave nothing to train on, or less than one window for training and for validation.
    """
    shares = (settings.validation_share, settings.holdout_share)
    if min(shares) < 0 or sum(shares) >= 1 or settings.clip_seconds <= 0:
        raise BadInput(
            f"expected footage shares of at least 0, below 1 in all, and clip_seconds > 0. Received: {settings}"
        )
    normal = [piece for clip in clips if clip.split != "test" for piece in _cut(clip, _pieces(clip, settings))]
    if 0 < len(normal) < 3:
        pieces = ceil(3 / len(normal))  # at least three in all, one for each split
        normal = [piece for clip in normal for piece in _cut(clip, min(pieces, clip.frames // window_frames))]
    splits = iter(_splits(normal, settings, window_frames))
    return [replace(clip, split=next(splits)) for clip in normal] + [clip for clip in clips if clip.split == "test"]


def _pieces(clip: SourceClip, settings: config.Footage) -> int:
    """Rounded up, so that a piece is at most `clip_seconds` long and at least half of it."""
    return ceil(clip.frames / clip.fps / settings.clip_seconds)


def _cut(clip: SourceClip, pieces: int) -> list[SourceClip]:
    if pieces < 2:
        return [clip]
    edges = [clip.frames * piece // pieces for piece in range(pieces + 1)]
    return [
        replace(
            clip,
            name=f"{clip.name}@{piece:03d}",
            first=clip.first + edges[piece] if clip.video else 0,
            frames=edges[piece + 1] - edges[piece],
            pictures=clip.pictures[edges[piece] : edges[piece + 1]],
            hour=later(clip.hour, edges[piece], clip.fps),
        )
        for piece in range(pieces)
    ]


def _splits(clips: list[SourceClip], settings: config.Footage, window_frames: int) -> list[Split]:
    usable = [index for index, clip in enumerate(clips) if clip.frames >= window_frames]
    count = len(usable)
    if count < 2:
        found = f"{len(clips)} clips, {sum(clip.frames for clip in clips)} frames"
        raise BadInput(
            f"expected normal footage of at least {window_frames} frames to train on and as many to validate on."
            f" Received: {found}"
        )
    holdout = max(1, round(settings.holdout_share * count)) if count > 2 else 0
    validation = max(1, min(round(settings.validation_share * count), count - holdout - 1))
    splits: list[Split] = ["train"] * len(clips)
    kept_out = _spread(usable, validation + holdout)
    for index in kept_out:
        splits[index] = "validation"
    for index in _spread(kept_out, holdout):
        splits[index] = "holdout"
    return splits


def _spread(items: list[int], count: int) -> list[int]:
    """`count` of the items, evenly spaced: the middle ones of equal stretches."""
    return [items[(2 * k + 1) * len(items) // (2 * count)] for k in range(count)]


def advice(clips: Sequence[SourceClip]) -> list[str]:
    """What more footage would bring, a line each; of the threshold, `Threshold.note` speaks."""
    if any(clip.split == "holdout" for clip in clips):
        return []
    return ["no normal clip is left to count false alarms on; a third clip would give that figure"]

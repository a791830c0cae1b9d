"""Two detectors side by side on the same clips: how far apart are their scores, and where does one alarm alone?"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

import numpy as np

from serving.client.camera import clips, recorded
from serving.client.client import Client

Say = Callable[[str], None]


def compare(champion: Client, challenger: Client, source: str, say: Say) -> dict[str, Any]:
    """Sends every frame of a source to both.

    Args:
        champion: the server that answers people.
        challenger: the one in the dark.
        source: a video, a folder of pictures, or a folder of either.
        say: takes a line a clip.

    Returns:
        Figures of every clip and of all frames together, see `figures`.

    Raises:
        BadInput: no such source, or a server refuses the frames.
        RunFailed: a server is away.
    """
    rows: dict[str, dict[str, Any]] = {}
    pairs: list[np.ndarray] = []
    for clip in clips(source):
        sides = (("champion", champion), ("challenger", challenger))
        streams = [client.stream(f"compare-{side}-{clip.name}", clip.fps) for side, client in sides]
        answers = []
        for taken in recorded(clip, Event()):
            pushed = [stream.push(taken.frame, start=taken.first, end=taken.last) for stream in streams]
            answers.append([(answer.scores[0], answer.thresholds[0]) for answer in pushed])
        pairs.append(np.array(answers, np.float64))
        rows[clip.name] = figures(pairs[-1])
        say(f"{clip.name}: {rows[clip.name]['frames']} frames, {rows[clip.name]['disagreement']:.1%} disagree")
    return {"clips": rows, "all": figures(np.concatenate(pairs))}


def figures(pairs: np.ndarray) -> dict[str, Any]:
    """What `float64 [T, 2, 2]`, the scores and thresholds of champion and challenger, say; warm-up is left out.

    `difference` is the mean distance of the scores, each in its own thresholds; `rank_correlation` is Spearman's, None
    where one of them never changes; the alarms are shares of the frames.
    """
    warm = pairs[np.isfinite(pairs[:, :, 0]).all(axis=1)]
    alarms = warm[:, :, 0] >= warm[:, :, 1]
    count = max(1, len(warm))
    shares = (warm[:, :, 0] / warm[:, :, 1])[(warm[:, :, 1] > 0).all(axis=1)]
    return {
        "frames": len(warm),
        "difference": float(np.abs(shares[:, 0] - shares[:, 1]).mean()) if len(shares) else None,
        "rank_correlation": _rank_correlation(warm[:, :, 0]),
        "both_alarm": float((alarms[:, 0] & alarms[:, 1]).sum() / count),
        "champion_alone": float((alarms[:, 0] & ~alarms[:, 1]).sum() / count),
        "challenger_alone": float((alarms[:, 1] & ~alarms[:, 0]).sum() / count),
        "disagreement": float((alarms[:, 0] != alarms[:, 1]).sum() / count),
    }


def _rank_correlation(scores: np.ndarray) -> float | None:
    if len(scores) < 2 or (scores == scores[0]).all(axis=0).any():
        return None
    return float(np.corrcoef([_ranks(column) for column in scores.T])[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    """Equal values share the mean of their ranks."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[places])

"""An evaluation as a directory: `evaluation.json` and the scores of every clip in `scores.npz`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from model import atomic
from model.clips import LabelRange
from model.decision import Event
from model.evaluation.evaluate import Evaluation
from model.scores import ClipScores, ScoredClip

OPTIONAL = ("thresholds", "probabilities")  # of the scores of a clip


def save(evaluation: Evaluation, directory: Path) -> None:
    """Writes the directory under a temporary name, then renames it."""
    with atomic.new_directory(directory) as partial:
        arrays: dict[str, Any] = {}
        rows: list[dict[str, Any]] = []
        for number, clip in enumerate(evaluation.clips):
            rows.append({"name": clip.name, "split": clip.split, "fps": clip.fps, "labels": clip.labels})
            rows[-1]["events"] = [dataclasses.asdict(event) for event in clip.events]
            arrays |= {f"{number}.{key}": array for key, array in _columns(clip.result).items()}
        np.savez(partial / "scores.npz", allow_pickle=False, **arrays)
        text = json.dumps({"measures": evaluation.measures, "clips": rows}, indent=1)
        (partial / "evaluation.json").write_text(text)


def load(directory: Path) -> Evaluation:
    """Reads what `save` wrote."""
    data = json.loads((directory / "evaluation.json").read_text())
    with np.load(directory / "scores.npz", allow_pickle=False) as arrays:
        clips = tuple(_clip(number, row, arrays) for number, row in enumerate(data["clips"]))
    return Evaluation(data["measures"], clips)


def _columns(scores: ClipScores) -> dict[str, np.ndarray]:
    return {
        "scores": scores.scores,
        "alarms": scores.alarms,
        "model_mse": scores.model_mse,
        "copy_last_frame_mse": scores.copy_last_frame_mse,
        **{name: array for name in OPTIONAL if (array := getattr(scores, name)) is not None},
        **{f"evidence.{name}": array for name, array in scores.evidence.items()},
        **{f"baselines.{name}": array for name, array in scores.baselines.items()},
    }


def _clip(number: int, row: dict[str, Any], arrays: Any) -> ScoredClip:
    columns = {key.partition(".")[2]: arrays[key] for key in arrays.files if key.partition(".")[0] == str(number)}

    def group(name: str) -> dict[str, np.ndarray]:
        return {key.partition(".")[2]: array for key, array in columns.items() if key.startswith(f"{name}.")}

    plain = {key: array for key, array in columns.items() if "." not in key}
    result = ClipScores(evidence=group("evidence"), baselines=group("baselines"), **plain)
    labels = None if row["labels"] is None else tuple(LabelRange(*label) for label in row["labels"])
    events = tuple(Event.restore(event) for event in row["events"])
    return ScoredClip(row["name"], row["split"], row["fps"], labels, result, events)

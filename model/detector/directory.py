"""A detector as a directory: `detector.json` beside `network.keras`, `scene.npz` and, with labels, `classifier.npz`.

It is checked whole before anything is used.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

from model import classifier, config
from model.atomic import new_directory
from model.decision import Threshold
from model.detector.detector import Detector
from model.errors import BadInput, OtherFormat
from model.scoring import Calibration, Scene, Tail

FORMAT = 6
DESCRIPTION = "detector.json"
NETWORK = "network.keras"
SCENE = "scene.npz"
CLASSIFIER = "classifier.npz"


def save(detector: Detector, directory: Path) -> None:
    """Writes the directory under a temporary name, then renames it.

    Raises:
        BadInput: something is already there.
    """
    assert detector.scene
    assert detector.calibration
    with new_directory(directory) as partial:
        detector.network.save(partial / NETWORK)
        np.savez(partial / SCENE, allow_pickle=False, **detector.scene.arrays())
        if detector.classifier:
            classifier.save(detector.classifier, partial / CLASSIFIER)
        description = {
            "format": FORMAT,
            "camera": detector.camera,
            "preprocessing": dataclasses.asdict(detector.preprocessing),
            "scoring": dataclasses.asdict(detector.settings),
            "calibration": {name: dataclasses.asdict(tail) for name, tail in detector.calibration.tails.items()},
            "operating_point": dataclasses.asdict(detector.operating_point),
            "decision": dataclasses.asdict(detector.decision),
            "facts": detector.facts,
            "sha256": {path.name: _sha256(path.read_bytes()) for path in sorted(partial.iterdir())},
        }
        text = json.dumps({**description, "self_sha256": _self_sha256(description)}, indent=1, allow_nan=False)
        (partial / DESCRIPTION).write_text(text)


def load(directory: Path) -> Detector:
    """Reads what `save` wrote; nothing in it is executed.

    Raises:
        BadInput: a part is missing or changed, or the format is newer than this version.
    """
    description = _description(directory)
    for name, checksum in description["sha256"].items():
        if not (directory / name).is_file():
            raise BadInput(f"{directory}: expected {name} beside {DESCRIPTION}. Received: none")
        if _sha256((directory / name).read_bytes()) != checksum:
            raise BadInput(
                f"{directory / name}: expected the checksum in {DESCRIPTION}. Received: a file that was changed"
            )
    settings = config.parse(config.Scoring, description["scoring"], "scoring")
    return Detector(
        camera=description["camera"],
        network=keras.saving.load_model(directory / NETWORK, compile=False, safe_mode=True),
        preprocessing=config.parse(config.Preprocessing, description["preprocessing"], "preprocessing"),
        settings=settings,
        scene=_scene(directory / SCENE),
        calibration=Calibration(
            {
                name: Tail(**{**tail, "quantiles": tuple(tail["quantiles"])})
                for name, tail in description["calibration"].items()
            },
            settings.fused,
        ),
        operating_point=Threshold.restore(description["operating_point"]),
        decision=config.parse(config.Decision, description["decision"], "decision"),
        classifier=classifier.load(directory / CLASSIFIER) if CLASSIFIER in description["sha256"] else None,
        facts=description["facts"],
    )


def _scene(path: Path) -> Scene:
    with np.load(path, allow_pickle=False) as arrays:
        return Scene.of_arrays({name: arrays[name] for name in arrays.files})


def _description(directory: Path) -> dict[str, Any]:
    path = directory / DESCRIPTION
    if not path.is_file():
        raise BadInput(f"{directory}: expected a detector directory with {DESCRIPTION}. Received: none")
    try:
        description = json.loads(path.read_text())
        found = description.pop("format")
    except (ValueError, KeyError, AttributeError) as e:
        raise BadInput(f"{path}: expected a detector's description. Received: {e}") from e
    if found != FORMAT:
        raise OtherFormat(f"{path}: expected format {FORMAT}; a newer one needs a newer version. Received: {found}")
    if description.pop("self_sha256", None) != _self_sha256({"format": found, **description}):
        raise BadInput(f"{path}: expected the checksum it carries. Received: a file that was changed")
    return dict(description)


def _self_sha256(description: dict[str, Any]) -> str:
    return _sha256(json.dumps(description, sort_keys=True).encode())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

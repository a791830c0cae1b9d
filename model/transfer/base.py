"""A network to start from, as a directory: a detector's, or what `unforeseen import-weights` wrote."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from model.atomic import new_directory
from model.errors import BadInput

if TYPE_CHECKING:  # TensorFlow is loaded where weights are: `digest` needs none of it
    from model.prednet import PredNet

NETWORK, DETECTOR, IMPORTED = "network.keras", "detector.json", "imported.json"


def save(network: PredNet, source: Path, directory: Path) -> None:
    """Writes the network into a new directory, with the name and the checksum of where it comes from.

    Raises:
        BadInput: something is already there.
    """
    with new_directory(directory) as partial:
        network.save(partial / NETWORK)
        facts = {"source": source.name, "source_sha256": _sha256(source), "sha256": _sha256(partial / NETWORK)}
        (partial / IMPORTED).write_text(json.dumps(facts, indent=1) + "\n")


def load(directory: Path) -> PredNet:
    """The network of a detector directory, or of one that `save` wrote.

    Raises:
        BadInput: neither, or the files were changed.
    """
    import keras

    from model import detector

    if (directory / DETECTOR).is_file():
        return detector.load(directory).network
    try:
        expected = json.loads((directory / IMPORTED).read_text())["sha256"]
        found = _sha256(directory / NETWORK)
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise BadInput(f"{directory}: expected a detector, or weights from import-weights. Received: {e}") from e
    if found != expected:
        raise BadInput(f"{directory / NETWORK}: expected the checksum in {IMPORTED}. Received: a file that was changed")
    network: PredNet = keras.saving.load_model(directory / NETWORK, compile=False, safe_mode=True)
    return network


def digest(directory: Path) -> str:
    """Changes with the weights; needs no TensorFlow.

    Raises:
        BadInput: no such directory.
    """
    for name in (DETECTOR, IMPORTED):
        if (directory / name).is_file():
            return _sha256(directory / name)
    raise BadInput(f"{directory}: expected a detector, or weights from import-weights. Received: neither")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

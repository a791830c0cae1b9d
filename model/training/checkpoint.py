"""Where training stands, in one file that is replaced at once: weights, optimizer, best weights, history."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from model.atomic import new_file
from model.errors import BadInput


@dataclass(frozen=True)
class Checkpoint:
    """Training after a whole number of epochs."""

    weights: list[np.ndarray]
    optimizer: list[np.ndarray]
    best_weights: list[np.ndarray]
    history: list[dict[str, float]]  # one entry an epoch

    @classmethod
    def take(
        cls, network: Any, optimizer: Any, best_weights: list[np.ndarray], history: list[dict[str, float]]
    ) -> Checkpoint:
        """Copies the state of a network and its optimizer."""
        return cls(network.get_weights(), [np.array(v.numpy()) for v in optimizer.variables], best_weights, history)

    def restore(self, network: Any, optimizer: Any) -> None:
        """Puts the state back into a network and an optimizer built alike."""
        network.set_weights(self.weights)
        for variable, value in zip(optimizer.variables, self.optimizer, strict=True):
            variable.assign(value)

    def save(self, path: Path) -> None:
        """Writes the file under a temporary name, then renames it."""
        arrays = {
            f"{name}_{i:03}": array
            for name in ("weights", "optimizer", "best_weights")
            for i, array in enumerate(getattr(self, name))
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, history=np.array(json.dumps(self.history)), **arrays)

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Reads what `save` wrote.

        Raises:
            BadInput: it is damaged.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays_file:
                data = dict(arrays_file)
            history = json.loads(str(data.pop("history")))
        except (BadZipFile, EOFError, KeyError, TypeError, ValueError) as e:
            raise BadInput(f"{path}: expected a whole checkpoint; delete it to begin anew. Received: {e}") from e

        def arrays(name: str) -> list[np.ndarray]:
            return [data[key] for key in sorted(data) if key.rpartition("_")[0] == name]

        return cls(arrays("weights"), arrays("optimizer"), arrays("best_weights"), history)

"""Where training stands, in one file that is replaced at once: weights, optimizer, best weights, history."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import tensorflow as tf

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

    def of_first(self, strategy: Any) -> Checkpoint:
        """What the first worker of a strategy has, on every worker; each calls it with a network built alike."""
        text = np.frombuffer(json.dumps(self.history).encode(), np.uint8)
        (length,) = _of_first([np.array(len(text))], strategy)
        state = [*self.weights, *self.optimizer, *self.best_weights]
        text, *state = _of_first([np.resize(text, length), *state], strategy)
        ends = np.cumsum([len(self.weights), len(self.optimizer)]).tolist()
        return Checkpoint(state[: ends[0]], state[ends[0] : ends[1]], state[ends[1] :], json.loads(text.tobytes()))

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


def _of_first(arrays: list[np.ndarray], strategy: Any) -> list[np.ndarray]:
    """By a sum to which all others add zeros; float64 holds whatever a training keeps, and every device can add it."""

    def own(tensors: list[Any]) -> list[Any]:
        is_first = tf.equal(tf.distribute.get_replica_context().replica_id_in_sync_group, 0)
        return [tf.where(is_first, tf.cast(tensor, tf.float64), 0.0) for tensor in tensors]

    @tf.function(autograph=False)
    def sums(tensors: list[Any]) -> list[Any]:
        return [strategy.reduce("SUM", value, axis=None) for value in strategy.run(own, (tensors,))]

    totals = sums([tf.constant(array) for array in arrays])
    return [total.numpy().astype(array.dtype) for total, array in zip(totals, arrays, strict=True)]

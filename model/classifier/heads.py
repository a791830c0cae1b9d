"""What turns scaled features into logits: dense layers, or a forest of decision trees, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

FLOOR = 1e-3  # added to a forest's probabilities: a class that no tree voted for is unlikely, not impossible


class Head(Protocol):
    """The part of a classifier that is fitted to labels."""

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Of features `float32 [N, F]`: `float [N, C]`, up to a constant a row."""


@dataclass(frozen=True)
class Dense:
    """Dense layers with ReLU between them; a single one is multinomial logistic regression."""

    weights: tuple[np.ndarray, ...]  # float32 [inputs, outputs] each
    biases: tuple[np.ndarray, ...]  # float32 [outputs] each

    def logits(self, features: np.ndarray) -> np.ndarray:
        """The last layer's outputs."""
        x = features.astype(np.float64)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = np.maximum(x @ weight + bias, 0.0)
        return np.asarray(x @ self.weights[-1] + self.biases[-1])


@dataclass(frozen=True)
class Forest:
    """Decision trees, their nodes one after the other in flat arrays of length K."""

    roots: np.ndarray  # int32 [trees], indices of nodes
    feature: np.ndarray  # int32 [K]
    threshold: np.ndarray  # float64 [K]; features not over it go left
    left: np.ndarray  # int32 [K], index of a node; a leaf points at itself, left and right
    right: np.ndarray  # int32 [K]
    value: np.ndarray  # float32 [K, C], shares of the classes in the node

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """The mean of the trees' leaves, `float [N, C]`."""
        node = np.broadcast_to(self.roots, (len(features), len(self.roots)))
        rows = np.arange(len(features))[:, None]
        while True:
            goes_left = features[rows, self.feature[node]] <= self.threshold[node]
            below = np.where(goes_left, self.left[node], self.right[node])
            if np.array_equal(below, node):
                return np.asarray(self.value[node].mean(axis=1, dtype=np.float64))
            node = below

    def logits(self, features: np.ndarray) -> np.ndarray:
        """The logarithm of the probabilities."""
        return np.log(self.probabilities(features) + FLOOR)

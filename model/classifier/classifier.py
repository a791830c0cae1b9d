"""A fitted classifier: features of a frame in, a probability for every class out; numpy is all it needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.classifier.heads import Head

NORMAL = "normal"  # always the first class
UNNAMED = "anomalous"  # what a person marked without a category, or with one of a single clip


@dataclass(frozen=True)
class Classifier:
    """A head with the scale of its features and the temperature of its probabilities (Guo et al. 2017)."""

    classes: tuple[str, ...]  # of length C
    head: Head
    mean: np.ndarray  # float32 [F], of the features of the labelled frames
    scale: np.ndarray  # float32 [F], their standard deviation
    temperature: float = 1.0  # over 1 makes probabilities less sure

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Before the temperature, `float [N, C]`, of features `float32 [N, F]`."""
        return self.head.logits((features - self.mean) / self.scale)

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Of every class, `float32 [N, C]`."""
        return softmax(self.logits(features) / self.temperature).astype(np.float32)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits `float [N, C]`."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))

"""Which category an event is of, as far as it has come."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.classifier.classifier import UNNAMED


class Votes:
    """The probabilities of an event's frames, summed.

    Attributes:
        first: index of the frame with which the event began.
        sum: `float [C]`.
    """

    def __init__(self, classes: Sequence[str], first: int) -> None:
        self.first = first
        self._classes = classes
        self.sum = np.zeros(len(classes))

    def add(self, probabilities: np.ndarray) -> None:
        """Takes a frame's, `float [C]`."""
        self.sum += probabilities

    @property
    def category(self) -> str | None:
        """The likeliest, normal left out; None where what it is has no name."""
        best = self._classes[1 + int(self.sum[1:].argmax())]
        return None if best == UNNAMED or not self.sum.any() else best

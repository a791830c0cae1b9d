"""How much sooner a network that starts from another one is as good as one that starts from nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

ERROR = "validation_mse"


class Comparison(NamedTuple):
    """Two trainings on the same clips, by their squared error on the validation clips."""

    scratch_error: float  # the smallest
    scratch_epochs: int  # that it took
    transfer_epochs: int | None  # until as good; None where it never was

    @property
    def sentence(self) -> str:
        """For the report."""
        scratch = (
            f"From scratch the validation error reached {self.scratch_error:.3g} after {self.scratch_epochs} epochs"
        )
        if self.transfer_epochs is None:
            return f"{scratch}; from the base model it was never as small."
        return f"{scratch}; from the base model it was as small after {self.transfer_epochs}."


def compare(transfer: Sequence[dict[str, float]], scratch: Sequence[dict[str, float]]) -> Comparison:
    """From the histories of both, one entry an epoch."""
    errors = [record[ERROR] for record in scratch]
    best = min(errors)
    reached = [epoch for epoch, record in enumerate(transfer, 1) if record[ERROR] <= best]
    return Comparison(best, errors.index(best) + 1, reached[0] if reached else None)

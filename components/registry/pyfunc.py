"""How MLflow loads a registered detector: `mlflow.pyfunc.load_model("models:/NAME@champion").predict(frames)`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema, TensorSpec

if TYPE_CHECKING:
    from model.detector import Detector


# Frames [T, H, W, C] in, one row a frame out. MLflow takes a bare array only where the input has no name.
SIGNATURE = ModelSignature(
    inputs=Schema([TensorSpec(np.dtype(np.uint8), (-1, -1, -1, -1))]),
    outputs=Schema([ColSpec(DataType.float, "score"), ColSpec(DataType.boolean, "alarm")]),
)


class ScoredFrames:
    """A detector behind MLflow's interface."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def predict(self, frames: np.ndarray, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """The columns score (NaN during warm-up) and alarm, one row a frame.

        Args:
            frames: one clip as the camera gave it, `uint8 [T, H, W, C]`, C is 1 or 3 (RGB).
            params: not used; MLflow passes it.
        """
        result = self._detector.score(frames)
        return pd.DataFrame({"score": result.scores, "alarm": result.alarms})


def _load_pyfunc(data_path: str) -> ScoredFrames:
    """MLflow calls it with the detector's directory."""
    from model import detector  # brings TensorFlow, which storing a detector does not need

    return ScoredFrames(detector.load(Path(data_path)))
